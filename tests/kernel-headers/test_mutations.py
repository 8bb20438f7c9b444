#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Spoils one thing in a header of ours at a time: check must find each, and name its place.
import concurrent.futures
import json
import os
import re
import sys
import unittest

from common import Case, HERE, dump, run

R, E, Q, I = "drm/rocket_accel.h", "drm/ethosu_accel.h", "drm/qaic_accel.h", "drm/ivpu_accel.h"
A, H, S, D = "drm/amdxdna_accel.h", "drm/habanalabs_accel.h", "drm/drm_ras.h", "drm/drm.h"
BUF, SYNC, UDMA, HEAP = (f"linux/{n}.h" for n in ("dma-buf", "sync_file", "udmabuf", "dma-heap"))

# (header, text, its replacement, place, what differs there)
MUTATIONS = [
    # members swapped
    (Q, "\t__u32 queue_level_before; /* out: requests that were ahead of it */\n"
        "\t__u32 num_queue_element;  /* out: requests it took */\n",
     "\t__u32 num_queue_element;\n\t__u32 queue_level_before;\n",
     "struct qaic_perf_stats_entry.queue_level_before", "offset"),
    (R, "\t__u32 job_count;       /* in */\n\t__u32 job_struct_size;",
     "\t__u32 job_struct_size;\n\t__u32 job_count;", "struct drm_rocket_submit.job_count", "offset"),
    (H, "\t\t__u64 device_virt_addr; /* of MAP */\n\t\t__u64 handle;		/* of ALLOC, TS_ALLOC */\n",
     "\t\t__u64 handle;\n\t\t__u64 device_virt_addr;\n", "struct hl_mem_out.handle", "order"),
    # widened, narrowed
    (R, "\t__u32 job_count; ", "\t__u64 job_count; ", "struct drm_rocket_submit.job_count", "size"),
    (Q, "\t__u32 db_len;", "\t__u64 db_len;", "struct qaic_attach_slice_entry.db_len", "size"),
    (H, "\t__u32 engine_id;\n", "\t__u16 engine_id;\n",
     "struct hl_info_undefined_opcode_event.engine_id", "size"),
    (H, "\t__u8 cpucp_version[", "\t__u16 cpucp_version[",
     "struct hl_info_hw_ip_info.cpucp_version", "type"),
    (A, "\t__u8 type; /* enum amdxdna_sensor_type */\n\t__u8 pad[6];",
     "\t__u16 type;\n\t__u8 pad[5];", "struct amdxdna_drm_query_sensor.type", "size"),
    # renamed
    (I, "\t__u32 engine;	 ", "\t__u32 motor;	 ", "struct drm_ivpu_submit.engine", "missing"),
    (E, "\t__u32 perfmon_id;", "\t__u32 pad;", "struct drm_ethosu_submit.perfmon_id", "missing"),
    (H, "\t\t__u64 chunks_restore;", "\t\t__u64 chunks;", "struct hl_cs_in.chunks_restore", "missing"),
    (H, "\t\t} map_block;", "\t\t} map_blocks;", "struct hl_mem_in.map_block", "missing"),
    (A, "struct amdxdna_async_error {", "struct amdxdna_error {", "struct amdxdna_async_error", "missing"),
    # removed
    (R, "\t__u64 offset;	   /* out", "\t/* out", "struct drm_rocket_create_bo.offset", "missing"),
    (H, "\t__u32 collective_engine_id;", "\t", "struct hl_cs_chunk.collective_engine_id", "missing"),
    (H, "\t\t__u32 fw_sub_opcode;", "\t\t", "struct hl_info_args.fw_sub_opcode", "missing"),
    (H, "\t\t\t__u64 device_virt_addr; /* from MAP */", "\t\t\t__u64 address;",
     "struct hl_mem_in.unmap.device_virt_addr", "missing"),
    # added
    (I, "\t__u32 cmdq_id;	/* out */", "\t__u32 cmdq_id;\n\t__u32 more;",
     "struct drm_ivpu_cmdq_create.more", "extra"),
    (H, "\t\t__u32 dcore_id;", "\t\t__u32 more;\n\t\t__u32 dcore_id;", "struct hl_info_args.more", "extra"),
    # signedness
    (R, "\t__s64 timeout_ns;", "\t__u64 timeout_ns;", "struct drm_rocket_prep_bo.timeout_ns", "signedness"),
    (A, "\t__s8 unitm;", "\t__u8 unitm;", "struct amdxdna_drm_query_sensor.unitm", "signedness"),
    (SYNC, "\t__s32 status;	      /* 0 pending", "\t__u32 status; /* 0 pending",
     "struct sync_fence_info.status", "signedness"),
    (H, "\t\t__s32 fd; /* of EXPORT", "\t\t__u32 fd; /* of EXPORT", "struct hl_mem_out.fd", "signedness"),
    # arrays
    (E, "#define ETHOSU_MAX_REGIONS 8", "#define ETHOSU_MAX_REGIONS 9",
     "struct drm_ethosu_job.region_bo_handles", "array"),
    (A, "\t__u8 name[16]; /* a string */\n\t__u32 freq_mhz;\n\t__u32 pad;",
     "\t__u8 name[20];\n\t__u32 freq_mhz;", "struct amdxdna_drm_query_clock.name", "array"),
    (H, "[MAX_QMAN_STREAMS_INFO][OPCODE_INFO_MAX_ADDR_SIZE];",
     "[OPCODE_INFO_MAX_ADDR_SIZE][MAX_QMAN_STREAMS_INFO];",
     "struct hl_info_undefined_opcode_event.cb_addr_streams", "array"),
    (UDMA, "struct udmabuf_create_item list[];", "struct udmabuf_create_item list[1];",
     "struct udmabuf_create_list.list", "array"),
    # padding and alignment
    (A, "\t__u8 cu_func; /* in */\n\t__u8 pad[3];", "\t__u8 cu_func;\n\t__u8 fill[3];",
     "struct amdxdna_cu_config.pad", "missing"),
    (H, "\t__u8 flags;					      /* HL_RAZWI_READ and on */\n\t__u8 pad[5];",
     "\t__u8 flags;", "struct hl_info_razwi_event.pad", "missing"),
    (I, "\t__u32 preempt_buffer_index; /* in: its place in the handle list; 0: the driver's own */\n"
        "\t__u32 reserved;\n};", "\t__u32 preempt_buffer_index;\n\t__u32 reserved;\n}"
        " __attribute__((packed));", "struct drm_ivpu_cmdq_submit", "align"),
    (I, "\t__u32 priority;	       /* in: DRM_IVPU_JOB_PRIORITY_* */\n};",
     "\t__u32 priority;\n\t__u32 pad;\n};", "struct drm_ivpu_submit.pad", "extra"),
    # the kind of a thing
    (H, "union hl_cb_args {\n\tstruct hl_cb_in in;", "union hl_cb_args {\n\tstruct hl_cb_out in;",
     "union hl_cb_args.in", "type"),
    (Q, "\tstruct qaic_sem sem3;", "\t__u64 sem3;", "struct qaic_attach_slice_entry.sem3", "type"),
    (SYNC, "\tchar driver_name[32];", "\t__u8 driver_name[32];", "struct sync_fence_info.driver_name", "signedness"),
    (H, "__extension__ union {\n\t\t\t__extension__ struct { /* of INFO */",
     "__extension__ struct {\n\t\t\t__extension__ struct { /* of INFO */", "struct hl_cb_out", "missing"),
    # enumerators
    (H, "GAUDI_QUEUE_ID_CPU_PQ = 8,", "GAUDI_QUEUE_ID_CPU_PQ = 7,", "GAUDI_QUEUE_ID_CPU_PQ", "value"),
    (H, "\tHL_GAUDI2_HBM_PLL,\n\tHL_GAUDI2_NIC_PLL,", "\tHL_GAUDI2_NIC_PLL,\n\tHL_GAUDI2_HBM_PLL,",
     "HL_GAUDI2_HBM_PLL", "value"),
    (H, "GAUDI2_QUEUE_ID_ROT_1_2", "GAUDI2_QUEUE_ID_ROTOR_1_2", "GAUDI2_QUEUE_ID_ROT_1_2", "missing"),
    (H, "\tHL_SERVER_GAUDI2_TYPE1 = 7\n", "", "HL_SERVER_GAUDI2_TYPE1", "missing"),
    (A, "\tAMDXDNA_DEV_TYPE_UNKNOWN = -1,", "\tAMDXDNA_DEV_TYPE_UNKNOWN = 7,",
     "AMDXDNA_DEV_TYPE_UNKNOWN", "value"),
    (A, "DRM_AMDXDNA_QUERY_FIRMWARE_VERSION = 8,", "DRM_AMDXDNA_QUERY_FIRMWARE_VERSION,",
     "DRM_AMDXDNA_GET_POWER_MODE", "value"),
    (S, "\tDRM_RAS_CMD_GET_ERROR_COUNTER,", "\tDRM_RAS_CMD_NEW,\n\tDRM_RAS_CMD_GET_ERROR_COUNTER,",
     "DRM_RAS_CMD_MAX", "value"),
    (S, "enum drm_ras_node_type {", "enum drm_ras_type {", "DRM_RAS_NODE_TYPE_ERROR_COUNTER", "enum"),
    (E, "DRM_ETHOSU_BO_NO_MMAP = (1 << 0),", "DRM_ETHOSU_BO_NO_MMAP = (1 << 1),",
     "DRM_ETHOSU_BO_NO_MMAP", "value"),
    # ioctls: direction, number, letter, argument of another size and of the same
    (R, "\tDRM_IOW(DRM_COMMAND_BASE + DRM_ROCKET_SUBMIT,", "\tDRM_IOWR(DRM_COMMAND_BASE + DRM_ROCKET_SUBMIT,",
     "DRM_IOCTL_ROCKET_SUBMIT", "direction"),
    (E, "DRM_IOCTL_ETHOSU(WR, BO_WAIT, bo_wait)", "DRM_IOCTL_ETHOSU(W, BO_WAIT, bo_wait)",
     "DRM_IOCTL_ETHOSU_BO_WAIT", "direction"),
    (I, "#define DRM_IVPU_CMDQ_SUBMIT		  0x0d", "#define DRM_IVPU_CMDQ_SUBMIT 0x0f",
     "DRM_IOCTL_IVPU_CMDQ_SUBMIT", "nr"),
    (H, "DRM_IOWR(DRM_COMMAND_BASE + HL_IOCTL_CS,", "DRM_IOWR(DRM_COMMAND_BASE + HL_IOCTL_CB,",
     "DRM_IOCTL_HL_CS", "nr"),
    (SYNC, "#define SYNC_IOC_MAGIC	      '>'", "#define SYNC_IOC_MAGIC '<'", "SYNC_IOC_MERGE", "letter"),
    (Q, "DRM_QAIC_WAIT_BO, struct qaic_wait)", "DRM_QAIC_WAIT_BO, struct qaic_mmap_bo)",
     "DRM_IOCTL_QAIC_WAIT_BO", "argument"),
    (A, "DRM_AMDXDNA_GET_INFO, struct amdxdna_drm_get_info)",
     "DRM_AMDXDNA_GET_INFO, struct amdxdna_drm_get_array)", "DRM_IOCTL_AMDXDNA_GET_INFO", "size"),
    (E, "DRM_IOCTL_ETHOSU(WR, DEV_QUERY, dev_query)", "DRM_IOCTL_ETHOSU(WR, DEV_QUERY, submit)",
     "DRM_IOCTL_ETHOSU_DEV_QUERY", "argument"),
    (BUF, "_IOW(DMA_BUF_BASE, 1, __u64)", "_IOW(DMA_BUF_BASE, 1, __u32)", "DMA_BUF_SET_NAME_B", "size"),
    (E, "\tDRM_IOCTL_ETHOSU_SUBMIT = DRM_IOCTL_ETHOSU(WR, SUBMIT, submit),\n", "",
     "DRM_IOCTL_ETHOSU_SUBMIT", "missing"),
    # macros: value, width, string, with parameters, gone
    (I, "#define DRM_IVPU_BO_WC	       0x00020000", "#define DRM_IVPU_BO_WC 0x00030000",
     "DRM_IVPU_BO_WC", "value"),
    (I, "#define DRM_IVPU_JOB_STATUS_ABORTED 256", "#define DRM_IVPU_JOB_STATUS_ABORTED 255",
     "DRM_IVPU_JOB_STATUS_ABORTED", "value"),
    (Q, "#define QAIC_MANAGE_MAX_MSG_LENGTH 4096", "#define QAIC_MANAGE_MAX_MSG_LENGTH 4092",
     "QAIC_MANAGE_MAX_MSG_LENGTH", "value"),
    (H, "#define HL_NOTIFIER_EVENT_RAZWI		     (1ULL << 7)", "#define HL_NOTIFIER_EVENT_RAZWI (1 << 7)",
     "HL_NOTIFIER_EVENT_RAZWI", "type"),
    (H, "#define HL_MAX_CB_SIZE (0x200000 - 32)", "#define HL_MAX_CB_SIZE 0x200000", "HL_MAX_CB_SIZE", "value"),
    (A, "#define AMDXDNA_INVALID_ADDR		(~0UL)", "#define AMDXDNA_INVALID_ADDR (~0ULL)",
     "AMDXDNA_INVALID_ADDR", "value"),
    (A, "#define SYNC_DIRECT_FROM_DEVICE 1U", "#define SYNC_DIRECT_FROM_DEVICE 1",
     "SYNC_DIRECT_FROM_DEVICE", "type"),
    (S, '"drm-ras"', '"drm_ras"', "DRM_RAS_FAMILY_NAME", "string"),
    (E, "(((x) >> 20) & 0xff)", "(((x) >> 20) & 0xf)", "DRM_ETHOSU_ARCH_MINOR", "samples"),
    (HEAP, "(0ULL)", "(0)", "DMA_HEAP_VALID_HEAP_FLAGS", "type"),
    (HEAP, "(O_CLOEXEC | O_ACCMODE)", "(O_ACCMODE)", "DMA_HEAP_VALID_FD_FLAGS", "value"),
    (I, "#define DRM_IVPU_CAP_MANAGE_CMDQ	    3", "#define DRM_IVPU_CAP_CMDQ 3",
     "DRM_IVPU_CAP_MANAGE_CMDQ", "missing"),
    # what ours adds to libdrm's drm.h
    (D, "\t__u64 point;  /* in: with a TIMELINE flag */", "\t__u32 point;\n\t__u32 more;",
     "struct drm_syncobj_handle.point", "size"),
    (D, "\t__u64 deadline_nsec;  /* in */\n", "", "struct drm_syncobj_timeline_wait.deadline_nsec", "missing"),
    (D, "#define drm_syncobj_wait	  drm_syncobj_wait_of_libdrm", "#define drm_syncobj_wait drm_syncobj_await",
     None, None),  # only a name of ours: no difference
]

# Text that means the same must pass.
HARMLESS = [
    (R, "\t__u32 job_count;       /* in */", "\tunsigned int job_count;"),
    (R, "#define DRM_ROCKET_FINI_BO   0x03", "#define DRM_ROCKET_FINI_BO (4 - 1)"),
    (H, "HL_CLK_THROTTLE_TYPE_THERMAL,\n", "HL_CLK_THROTTLE_TYPE_THERMAL = 1,\n"),
    (E, "_ETHOSU_DRM_H_\n\n", "_ETHOSU_DRM_H_\n/* another comment */\n\n"),
]


class Mutations(Case):
    def check(self, number, header, old, new):
        ours = self.copy(f"mutant{number}")
        self.edit(ours, header, old, new)
        code, out = run("check", "--json", "--only", header, "--ours", ours, dump())
        return code, json.loads(out)["results"][0] if out.startswith("{") else out

    def test_each_is_caught_at_its_place(self):
        workers = os.cpu_count() or 1
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            jobs = [pool.submit(self.check, i, *m[:3]) for i, m in enumerate(MUTATIONS)]
        caught = 0
        for job, (header, old, new, place, what) in zip(jobs, MUTATIONS):
            with self.subTest(header=header, place=place, new=new):
                code, result = job.result()
                if place is None:
                    self.assertEqual(code, 0, result)
                    continue
                self.assertEqual(code, 1, result)
                found = [(d["header"], d["place"], d["what"]) for d in result["differences"]]
                self.assertIn((header, place, what), found)
                caught += 1
        self.assertGreaterEqual(caught, 40)
        print(f"{caught} mutations caught", file=sys.stderr)

    def test_same_meaning_passes(self):
        for i, (header, old, new) in enumerate(HARMLESS):
            with self.subTest(header=header, new=new):
                code, result = self.check(f"harmless{i}", header, old, new)
                self.assertEqual(code, 0, result)

    def test_unchanged_passes(self):
        code, out = run("check", "--ours", self.copy(), dump())
        self.assertEqual(code, 0, out)

    def test_every_kind_is_there(self):
        kinds = {m[4] for m in MUTATIONS if m[4]}
        self.assertLessEqual(
            {"offset", "size", "missing", "extra", "signedness", "array", "align", "type", "value",
             "direction", "nr", "letter", "argument", "string", "samples", "order", "enum"}, kinds)

    def test_lines_for_people_name_the_place(self):
        ours = self.copy()
        self.edit(ours, R, "\t__s64 timeout_ns;", "\t__u64 timeout_ns;")
        code, out = run("check", "--only", R, "--ours", ours, dump())
        self.assertEqual(code, 1)
        wanted = R + ": struct drm_rocket_prep_bo.timeout_ns: signedness: kernel long long, here unsigned"
        self.assertRegex(out, re.escape(wanted))


if __name__ == "__main__":
    unittest.main()
