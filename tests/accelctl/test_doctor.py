#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""doctor: each fault is seeded into a made system, and is the first that is found.

What takes a real driver (jobs, permission of a real node, unbinding) is seeded in the rig,
in guest_doctor.py.
"""
import os
import unittest

from common import NO_DEVICE, OK, UNUSABLE, Case, Tree, main, run

NPU = "pci:v00008086d0000643Esv00008086sd00002270bc12sc00i00"
AMD = "pci:v00001022d00001502sv00001022sd00001502bc11sc80i00"
NOBODY = 65534


class Doctor(Case):
    def setUp(self):
        super().setUp()
        self.tree = Tree(self.directory)

    def find(self, code, remedy, *words, text=".", user=None, options=(),
             env=None):
        """The first fault is @code, and the remedy says @remedy."""
        value = self.check_json("doctor", "doctor", "--json", "--root", self.tree.top, *options,
                                *words, status=UNUSABLE, user=user, env=env)
        self.assertEqual(value["first"], code, value)
        found = next(f for f in value["findings"] if f["level"] == "fault")
        self.assertEqual(found["code"], code)
        self.assertRegex(found["remedy"], remedy)
        self.assertRegex(found["text"], text)
        # In words too, marked as what to do first.
        done = run("doctor", "--root", self.tree.top, *options, *words, user=user, env=env)
        self.assertEqual(done.returncode, UNUSABLE)
        self.assertRegex(done.stdout, rf"(?m)^ +do first: .*{remedy}")
        return found

    def ready(self, **options):
        """A device with which nothing is wrong."""
        self.tree.accel(0, "0000:00:0b.0", options.pop("driver", "ethosu"), **options)
        self.tree.node()

    # ---- none ----------------------------------------------------------------------------

    def test_healthy(self):
        self.ready()
        value = self.check_json("doctor", "doctor", "--json", "--root", self.tree.top, status=OK)
        self.assertIsNone(value["first"])
        steps = [f["step"] for f in value["findings"] if f["device"] == "pci:0000:00:0b.0"]
        self.assertEqual(steps, ["bus", "node", "permission", "provider"])

    def test_no_device(self):
        value = self.check_json("doctor", "doctor", "--json", "--root", self.tree.top,
                                status=NO_DEVICE)
        self.assertIn("no-device", [f["code"] for f in value["findings"]])

    def test_soft(self):
        """Here, for real: the software device runs a job."""
        value = self.check_json("doctor", "doctor", "--json", "soft:0")
        self.assertEqual([f["step"] for f in value["findings"]], ["system", "provider", "job"])

    # ---- from the bus to the driver ------------------------------------------------------

    def test_sysfs_masked(self):
        os.rename(self.tree.path("sys"), self.tree.path("gone"))
        self.tree.path("sys").mkdir()
        self.find("sysfs-masked", "mount -t sysfs")

    def test_sysfs_masked_class(self):
        self.tree.write("dev/accel/accel0", "")
        self.tree.write("run/.containerenv", "")
        self.find("sysfs-masked", "podman")

    def test_no_module(self):
        self.tree.pci("0000:00:0b.0", NPU)
        self.tree.modules(("xe", "../gpu", "pci:v1"))
        self.find("no-module", "CONFIG_DRM_ACCEL_IVPU", text="intel_vpu")

    def test_modules_gone(self):
        self.tree.pci("0000:00:0b.0", NPU)
        self.find("modules-gone", "reboot", text="6.99.0-made")

    def test_module_not_loaded(self):
        self.tree.pci("0000:00:0b.0", NPU)
        self.tree.modules(("intel_vpu", "ivpu", "pci:v00008086d0000643E*"))
        self.find("module-not-loaded", "modprobe intel_vpu")
        self.find("module-not-loaded", "modprobe intel_vpu", "0000:00:0b.0")
        self.find("module-not-loaded", "modprobe intel_vpu", "pci:0000:00:0b.0")

    def test_module_of_tomorrow(self):
        """A driver that nobody here knows, by where its module lies."""
        self.tree.pci("0000:00:0b.0", "pci:v00001D0Fd00000001sv0sd0bc12sc00i00")
        self.tree.modules(("new_npu", "new", "pci:v00001D0Fd00000001sv*"))
        self.find("module-not-loaded", "modprobe new_npu")

    def test_device_tree(self):
        self.tree.write("sys/bus/platform/devices/fdab0000.npu/modalias",
                        "of:NnpuTCrockchip,rk3588-rknn-core\n")
        self.tree.modules(("rocket", "rocket", "of:N*T*Crockchip,rk3588-rknn-core"))
        self.find("module-not-loaded", "modprobe rocket")

    def test_blacklisted(self):
        self.tree.pci("0000:00:0b.0", NPU)
        self.tree.modules(("intel_vpu", "ivpu", "pci:v00008086d0000643E*"))
        self.tree.write("etc/modprobe.d/npu.conf", "# no\nblacklist intel-vpu\n")
        self.find("module-blacklisted", "/etc/modprobe.d/npu.conf, then: modprobe intel_vpu")

    def test_blacklisted_by_command_line(self):
        self.tree.pci("0000:00:0b.0", NPU)
        self.tree.modules(("intel_vpu", "ivpu", "pci:v00008086d0000643E*"))
        self.tree.write("proc/cmdline", "quiet module_blacklist=nouveau,intel_vpu\n")
        self.find("module-blacklisted", "command line")

    def test_module_without_device(self):
        self.tree.modules(("intel_vpu", "ivpu", "pci:v00008086d0000643E*"))
        self.tree.write("sys/module/intel_vpu/initstate", "live\n")
        self.find("module-without-device", "BIOS", text="intel_vpu")

    def loaded(self, *log):
        self.tree.pci("0000:00:0b.0", NPU)
        self.tree.write("sys/module/intel_vpu/initstate", "live\n")
        self.tree.write("dev/kmsg", "".join(f"3,{n},{n},-;{line}\n"
                                            for n, line in enumerate(log)))

    def test_probe_failed(self):
        self.loaded("intel_vpu 0000:00:0b.0: enabling device",
                    "intel_vpu 0000:00:0b.0: probe with driver intel_vpu failed with error -110")
        self.find("probe-failed", "drivers/intel_vpu/bind", text="error -110")

    def test_firmware_missing(self):
        self.loaded("intel_vpu 0000:00:0b.0: Direct firmware load for "
                    "intel/vpu/vpu_40xx_v1.bin failed with error -2",
                    "intel_vpu 0000:00:0b.0: probe with driver intel_vpu failed with error -2")
        self.find("firmware-missing", "/lib/firmware/intel/vpu/vpu_40xx_v1.bin")

    def test_log_of_another(self):
        """What the log says of another device is not this one's reason."""
        self.loaded("intel_vpu 0000:99:0b.0: Direct firmware load for x.bin failed with error -2")
        self.find("unbound", "echo 0000:00:0b.0 >/sys/bus/pci/drivers/intel_vpu/bind")

    def test_log_of_before(self):
        """Nor is what it says of the time before the driver had the device."""
        self.loaded("intel_vpu 0000:00:0b.0: Direct firmware load for x.bin failed with error -2",
                    "[drm] Initialized intel_vpu 1.0.0 for 0000:00:0b.0 on minor 0")
        self.find("unbound", "intel_vpu/bind")

    def test_probe_deferred(self):
        self.loaded()
        self.tree.write("sys/devices/pci0000:00/0000:00:0b.0/waiting_for_supplier", "1\n")
        self.find("probe-deferred", "devices_deferred")

    def test_bound_elsewhere(self):
        self.tree.pci("0000:00:0b.0", NPU, "vfio-pci")
        self.find("bound-elsewhere", "drivers/vfio-pci/unbind", text="virtual machine")

    def test_device_offline(self):
        self.ready(driver="habanalabs", status="Needs reset\n")
        self.find("device-offline", "unbind and bind", text="Needs reset")

    def test_off_the_bus(self):
        self.ready(config=b"\xff" * 64)
        self.find("device-offline", "rescan")

    def test_power_error(self):
        self.ready()
        self.tree.write("sys/devices/pci0000:00/0000:00:0b.0/power/runtime_status", "error\n")
        self.find("power-error", "dmesg")

    # ---- the node ------------------------------------------------------------------------

    def test_node_missing(self):
        self.tree.accel(0, "0000:00:0b.0", "ethosu")
        self.find("node-missing", "udevadm trigger")
        self.find("node-missing", "udevadm trigger", "accel0")
        self.find("node-missing", "udevadm trigger", "/dev/accel/accel0")

    def test_node_missing_in_container(self):
        self.tree.accel(0, "0000:00:0b.0", "ethosu")
        self.tree.write("run/.containerenv", "")
        self.find("node-missing", "--device /dev/accel/accel0")

    def test_node_dangling(self):
        self.tree.accel(0, "0000:00:0b.0", "ethosu")
        self.tree.link("dev/accel/accel0", "/nowhere/at/all")
        self.find("node-dangling", "rm /dev/accel/accel0; udevadm")

    def test_node_symlink(self):
        self.tree.accel(0, "0000:00:0b.0", "ethosu")
        self.tree.link("dev/accel/accel0", "/dev/zero")
        self.find("node-symlink", "rm /dev/accel/accel0; udevadm")

    def test_node_not_device(self):
        self.tree.accel(0, "0000:00:0b.0", "ethosu")
        self.tree.write("dev/accel/accel0", "")
        self.find("node-not-device", "rm /dev/accel/accel0; udevadm")

    def test_node_stale(self):
        self.tree.accel(0, "0000:00:0b.0", "ethosu")
        self.tree.node(number=(240, 5))
        self.find("node-stale", "rm /dev/accel/accel0; udevadm",
                  text="240:5 and the device has 261:0")

    def test_node_unnamed(self):
        self.ready(devname="../null")
        self.find("node-unnamed", "DEVNAME")

    # ---- permission, provider, limits ----------------------------------------------------

    @unittest.skipIf(os.geteuid(), "only root can become another user")
    def test_permission(self):
        self.tree.accel(0, "0000:00:0b.0", "ethosu")
        self.tree.node(mode=0o660)
        self.find("permission", "udev|group", user=NOBODY)
        import grp
        group = next(g for g in grp.getgrall() if g.gr_name in ("render", "video"))
        os.chown(self.tree.path("dev/accel/accel0"), 0, group.gr_gid)
        self.find("permission", f"usermod -aG {group.gr_name} nobody", user=NOBODY)

    def test_provider_missing(self):
        self.ready(driver="unheard_of")
        # Whatever the directory is called.
        self.find("provider-missing", "ask its vendor", text="no package of libaccel has one",
                  env={"LIBACCEL_PROVIDER_DIR": "libaccel-providers"})

    def test_provider_not_installed(self):
        self.ready()
        self.find("provider-missing", "install libaccel-providers",
                  env={"LIBACCEL_PROVIDER_DIR": str(self.directory)})

    def test_provider_abi(self):
        other = self.directory / "lib/9999"
        other.mkdir(parents=True)
        (other / "ethosu.so").write_text("")
        (self.directory / "lib/3").mkdir()
        self.ready()
        done = run("doctor", "--json", "--root", self.tree.top,
                   env={"LIBACCEL_PROVIDER_DIR": str(self.directory / "lib/3")})
        import json
        value = json.loads(done.stdout)
        self.assertEqual(value["first"], "provider-abi", value)

    def test_provider_broken(self):
        """Of the software device, for real: it is there, and it is no shared object."""
        (self.directory / "soft.so").write_text("no object")
        value = self.check_json("doctor", "doctor", "--json", "soft:0", status=UNUSABLE,
                                env={"LIBACCEL_PROVIDER_DIR": str(self.directory)})
        self.assertEqual(value["first"], "provider-broken")

    def limit(self, name, value):
        path = self.tree.path("proc/self/limits")
        lines = [f"{name:<26}{value:<21}{value:<21}\n" if line.startswith(name) else line
                 for line in path.read_text().splitlines(keepends=True)]
        path.write_text("".join(lines))

    def test_memlock(self):
        provider = self.directory / "lib"
        provider.mkdir()
        (provider / "amdxdna.so").write_text("")
        self.ready(driver="amdxdna", modalias=AMD)
        self.limit("Max locked memory", 65536)
        done = run("doctor", "--json", "--root", self.tree.top,
                   env={"LIBACCEL_PROVIDER_DIR": str(provider)})
        self.assertEqual(done.returncode, UNUSABLE, done.stderr)
        import json
        value = json.loads(done.stdout)
        self.assertEqual(value["first"], "memlock", value)
        found = next(f for f in value["findings"] if f["level"] == "fault")
        self.assertIn("ulimit -l unlimited", found["remedy"])
        self.assertIn("64 KiB", found["text"])
        # With the right to lock memory the limit is none.
        self.tree.write("proc/self/status", "CapEff:\t0000000000004000\n")
        done = run("doctor", "--root", self.tree.top,
                   env={"LIBACCEL_PROVIDER_DIR": str(provider)})
        self.assertEqual(done.returncode, OK, done.stdout)

    def test_nofile(self):
        self.ready()
        self.limit("Max open files", 8)
        self.find("nofile", "ulimit -n")

    def test_cgroup_memory(self):
        self.ready()
        self.tree.write("proc/self/cgroup", "0::/user.slice/box\n")
        self.tree.write("sys/fs/cgroup/user.slice/memory.max", str(80 << 20))
        self.tree.write("sys/fs/cgroup/user.slice/memory.current", str(79 << 20))
        self.find("cgroup-memory", "MemoryMax=", text="/user.slice allows 80 MiB")

    def test_cgroup_pids(self):
        self.ready()
        self.tree.write("proc/self/cgroup", "0::/\n")
        self.tree.write("sys/fs/cgroup/pids.max", "20\n")
        self.tree.write("sys/fs/cgroup/pids.current", "18\n")
        self.find("cgroup-pids", "TasksMax=", text="2 more threads")

    # ---- what others wrote ---------------------------------------------------------------

    def test_hostile(self):
        self.loaded("intel_vpu 0000:00:0b.0: \033[2J failed " + "x" * 3000)
        self.tree.write("proc/sys/kernel/osrelease", "../../../etc\n")
        self.tree.write("proc/self/limits", b"\0\xff" * 3000)
        self.tree.write("proc/self/cgroup", "0::/../../..\n")
        self.tree.pci("0000:00:0c.0", "pci:[" + "*" * 900)
        self.tree.pci("0000:00:0d.0", NPU, driver_override="\033[31m\n")
        self.tree.link("sys/bus/pci/devices/0000:00:0e.0", "0000:00:0e.0")
        self.tree.write("etc/modprobe.d/a.conf", b"\xff\0" * 100000)
        done = run("doctor", "--root", self.tree.top)
        self.assertEqual(done.returncode, UNUSABLE, done.stderr)
        self.assertNotIn("\033", done.stdout)
        self.check_json("doctor", "doctor", "--json", "--root", self.tree.top, status=UNUSABLE)


if __name__ == "__main__":
    main()
