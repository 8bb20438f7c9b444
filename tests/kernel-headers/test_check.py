#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# check against kernels of every form: equal, changed, older, damaged.
import json
import os
import shutil
import subprocess
import unittest
import unittest.mock

from common import Case, HERE, NAMES, dump, run, version

ROCKET = "drm/rocket_accel.h"
ONE = ("check", "--only", ROCKET)  # quicker than all, where one will do
DRIVERS = [n for n in NAMES if n.endswith("_accel.h") or n.endswith("_ras.h")]


class Forms(Case):
    """What DIR may be."""

    def package(self, kernel):
        os.makedirs(os.path.join(kernel, "DEBIAN"))
        with open(os.path.join(kernel, "DEBIAN", "control"), "w") as f:
            f.write("Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n")
        out = self.path("x.deb")
        subprocess.run(["dpkg-deb", "-b", kernel, out], check=True, stdout=subprocess.DEVNULL)
        return out

    def tree(self):
        """An unpacked kernel: not installed, so with what "make headers" takes out."""
        kernel, tree = self.kernel(), self.path("linux")
        uapi = os.path.join(tree, "include", "uapi")
        os.makedirs(os.path.dirname(uapi))
        shutil.copytree(os.path.join(kernel, "usr", "include"), uapi)
        arch = os.path.join(tree, "arch", "x86", "include", "uapi", "asm")
        shutil.copytree(os.path.join(uapi, "x86_64-linux-gnu", "asm"), arch)
        for name in ("types.h", "ioctl.h", "fcntl.h"):  # generated in a real one
            os.remove(os.path.join(arch, name))
        shutil.rmtree(os.path.join(uapi, "x86_64-linux-gnu"))
        self.edit(uapi, ROCKET, '#include "drm.h"\n',
                  '#include "drm.h"\n#include <linux/compiler_types.h>\nextern void __user *rocket;\n')
        with open(os.path.join(tree, "Makefile"), "w") as f:
            numbers = version().split(".")
            f.write("# x\nVERSION = %s\nPATCHLEVEL = %s\nSUBLEVEL = %s\n" % tuple(numbers))
        return tree

    def test_recorded_facts(self):
        self.expect(0, r": equal; compared \d+ types", "check", dump())

    def test_include_directory(self):
        kernel = self.kernel(release=version())
        self.expect(0, r"\(Linux %s\): equal" % version(), "check", kernel)
        self.expect(0, "equal", *ONE, os.path.join(kernel, "usr", "include"))
        self.expect(0, "equal", *ONE, os.path.join(kernel, "usr", "include", "drm") + "/")

    def test_kernel_tree(self):
        self.expect(0, r"\(Linux %s\): equal" % version(), "check", self.tree())

    def test_package(self):
        self.expect(0, "equal", *ONE, self.package(self.kernel(release=version())))

    def test_truncated_package(self):
        deb = self.package(self.kernel())
        for size in (os.path.getsize(deb) // 2, 200, 10):
            os.truncate(deb, size)
            self.expect(2, "cannot compare: .*can't be unpacked", "check", deb)

    def test_package_without_headers(self):
        os.makedirs(self.path("empty"))
        self.expect(2, "holds none of the headers", "check", self.package(self.path("empty")))

    def test_several_at_once(self):
        changed = self.kernel("changed", version())
        self.edit(changed, ROCKET, "__s64 timeout_ns", "__u64 timeout_ns")
        out = self.expect(1, "timeout_ns: signedness", *ONE, dump(), changed)
        self.assertIn("equal; compared", out)
        self.expect(2, "cannot compare", *ONE, changed, self.path("nothing"))


class Damaged(Case):
    """What can't be compared must never pass for equal."""

    def test_nothing_there(self):
        self.expect(2, "no such file", "check", self.path("nothing"))

    def test_directory_without_headers(self):
        self.expect(2, "has none of the headers", "check", self.tmp)

    def test_empty_file(self):
        open(self.path("x.deb"), "w").close()
        self.expect(2, "is empty", "check", self.path("x.deb"))

    def test_file_of_another_kind(self):
        with open(self.path("x"), "w") as f:
            f.write("hello\n")
        self.expect(2, "neither a Debian package nor a dump", "check", self.path("x"))

    def test_damaged_dump(self):
        with open(dump()) as f:
            text = f.read()
        for damaged in (text[: len(text) // 2], "{}", '{"kernel": "7.3", "headers": {}}',
                        '{"kernel": "7.3", "headers": {"drm/rocket_accel.h": 1}}'):
            with open(self.path("x.json"), "w") as f:
                f.write(damaged)
            self.expect(2, "cannot compare", "check", self.path("x.json"))

    def test_empty_header(self):
        kernel = self.kernel(release=version())
        open(os.path.join(kernel, "usr", "include", ROCKET), "w").close()
        self.expect(2, "rocket_accel.h declares nothing", *ONE, kernel)

    def test_header_that_does_not_compile(self):
        kernel = self.kernel(release=version())
        self.edit(kernel, ROCKET, "struct drm_rocket_task {", "struct drm_rocket_task {{")
        self.expect(2, r"rocket_accel.h does not compile: .*rocket_accel.h:\d+", *ONE, kernel)

    def test_ours_that_does_not_compile(self):
        ours = self.copy()
        self.edit(ours, ROCKET, "struct drm_rocket_task {", "struct drm_rocket_task {{")
        self.expect(2, "kernel-headers: drm/rocket_accel.h does not compile", *ONE, "--ours", ours, dump())

    def test_ours_missing(self):
        ours = self.copy()
        os.remove(os.path.join(ours, ROCKET))
        self.expect(2, "rocket_accel.h does not compile", *ONE, "--ours", ours, dump())

    def test_no_compiler(self):
        env = {"CC": "/nonexistent/cc", "PATH": "/nonexistent"}
        self.expect(2, "no compiler here makes 64-bit objects", "check", dump(), env=env)

    def test_no_compiler_for_32_bit(self):
        cc = self.path("cc")
        with open(cc, "w") as f:
            f.write('#!/bin/sh\nfor a; do [ "$a" = -m32 ] && exit 1; done\n'
                    'PATH=/usr/bin exec gcc "$@"\n')
        os.chmod(cc, 0o755)
        env = {"CC": cc, "PATH": self.tmp}
        self.expect(2, "no compiler here makes 32-bit objects", "check", dump(), env=env)

    def test_machine_that_gives_out(self):
        """No more processes, say: must not read as a difference."""
        from abicheck import facts, run as checks

        for error in (BlockingIOError(11, "no process"), MemoryError("no memory"),
                      RuntimeError("no thread")):
            with unittest.mock.patch.object(facts.Compiler, "run", side_effect=error):
                with checks.Checker(only=[ROCKET]) as checker:
                    result = checker.check(dump())
            self.assertEqual(result.status, 2)
            self.assertIn("this machine gave out", result.error)

    def test_compiler_that_dies(self):
        cc = self.path("cc")
        with open(cc, "w") as f:
            f.write('#!/bin/sh\ncase "$*" in *-gdwarf*) kill -9 $$;; esac\nexec gcc "$@"\n')
        os.chmod(cc, 0o755)
        self.expect(2, "rocket_accel.h does not compile: no message", *ONE, dump(), env={"CC": cc})

    def test_unknown_header_name(self):
        self.expect(2, "is none of", "check", "--only", "drm/x.h", dump())


class Differences(Case):
    def test_member_changed(self):
        kernel = self.kernel(release=version())
        self.edit(kernel, ROCKET, "\t__u32 job_count; ", "\t__u64 job_count; ")
        out = self.expect(1, "differences; compared", *ONE, kernel)
        self.assertIn("struct drm_rocket_submit.job_count: size: kernel 8, here 4", out)
        self.assertIn("DRM_IOCTL_ROCKET_SUBMIT: size", out)

    def test_kernel_has_more(self):
        kernel = self.kernel(release=version())
        self.edit(kernel, ROCKET, "\n#endif\n", "#define DRM_ROCKET_MORE 1\nstruct drm_rocket_more {"
                  "__u32 a; };\nenum { DRM_ROCKET_E };\n#endif\n")
        out = self.expect(1, "3 differences", *ONE, kernel)
        for name in ("DRM_ROCKET_MORE", "struct drm_rocket_more", "DRM_ROCKET_E"):
            self.assertIn(f"{ROCKET}: {name}: missing here", out)

    def test_macro_that_is_no_constant(self):
        kernel, ours = self.kernel(release=version()), self.copy()
        for where in (kernel, ours):
            self.edit(where, ROCKET, "\n#endif\n", "#define DRM_ROCKET_ODD nowhere + 1\n#endif\n")
        self.expect(0, "equal", *ONE, "--ours", ours, kernel)
        self.expect(1, "DRM_ROCKET_ODD: missing here, the kernel has a macro", *ONE, kernel)
        self.expect(1, "DRM_ROCKET_ODD: not in the kernel", *ONE, "--ours", ours, dump())
        self.edit(ours, ROCKET, "nowhere + 1", "1")
        self.expect(1, "DRM_ROCKET_ODD: value: kernel none, here 1", *ONE, "--ours", ours, kernel)

    def test_kernel_has_less(self):
        kernel = self.kernel(release=version())
        self.edit(kernel, ROCKET, "#define DRM_ROCKET_FINI_BO   0x03\n", "")
        self.expect(1, "DRM_ROCKET_FINI_BO: not in the kernel", *ONE, kernel)
        os.remove(os.path.join(kernel, "usr", "include", ROCKET))
        self.expect(1, "rocket_accel.h: not in the kernel", "check", kernel)

    def test_kernel_has_a_new_driver(self):
        kernel = self.kernel(release=version())
        drm = os.path.join(kernel, "usr", "include", "drm")
        shutil.copy(os.path.join(drm, "rocket_accel.h"), os.path.join(drm, "tapir_accel.h"))
        self.expect(1, "drm/tapir_accel.h: missing here", "check", kernel)

    def test_one_width_only(self):
        kernel = self.kernel(release=version())
        self.edit(kernel, ROCKET, "\t__u64 jobs;", "\tunsigned long jobs;")
        out = self.expect(1, "jobs: type", *ONE, kernel)
        self.assertRegex(out, r"size: kernel 4, here 8 \(32-bit only\)")
        out = self.expect(1, "compared .* 64 bit", *ONE, "--bits", "64", kernel)
        self.assertNotIn("size: kernel 4", out)

    def test_json(self):
        kernel = self.kernel(release=version())
        self.edit(kernel, ROCKET, "__s64 timeout_ns", "__u64 timeout_ns")
        code, out = run(*ONE, "--json", kernel, self.path("nothing"))
        result = json.loads(out)
        self.assertEqual((code, result["status"]), (2, 2))
        changed, nothing = result["results"]
        self.assertEqual(changed["verdict"], "different")
        self.assertEqual(
            changed["differences"],
            [{"header": ROCKET, "place": "struct drm_rocket_prep_bo.timeout_ns", "what": "signedness",
              "kernel": "unsigned long long", "ours": "long long", "bits": [64, 32]}])
        self.assertEqual(nothing["verdict"], "cannot compare")
        self.assertIn("no such file", nothing["error"])

    def test_enough_is_compared(self):
        code, out = run("check", "--json", dump())
        headers = json.loads(out)["results"][0]["headers"]
        self.assertEqual(sorted(headers), sorted(NAMES))
        seven = {k: sum(headers[h][k] for h in DRIVERS) for k in headers[ROCKET]}
        self.assertEqual(len(DRIVERS), 7)
        for what, least in (("types", 160), ("members", 600), ("enumerators", 600), ("macros", 300)):
            self.assertGreaterEqual(seven[what], least, what)

    def test_another_compiler(self):
        if not shutil.which("clang"):
            self.skipTest("no clang here")
        self.expect(0, "equal", "check", dump(), env={"CC": "clang"})


class Older(Case):
    """Against an older kernel what is newer in ours is no difference; all else is."""

    def setUp(self):
        super().setUp()
        self.old = self.kernel("old", "6.12.1")

    def test_added_since(self):
        os.remove(os.path.join(self.old, "usr/include/drm/ethosu_accel.h"))
        self.edit(self.old, ROCKET, "#define DRM_ROCKET_FINI_BO   0x03\n", "#define X 3\n#undef X\n")
        self.edit(self.old, ROCKET, "\tDRM_IOW(DRM_COMMAND_BASE + DRM_ROCKET_FINI_BO", "\t(0")
        self.edit(self.old, "drm/drm_ras.h", "\tDRM_RAS_NODE_TYPE_ERROR_COUNTER = 1,\n", "\tX = 1,\n")
        out = self.expect(1, "X: missing here", "check", self.old)
        self.assertIn("added since 6.12.1: drm/ethosu_accel.h\n", out)
        self.assertIn("added since 6.12.1: drm/rocket_accel.h: DRM_ROCKET_FINI_BO (3)", out)
        self.assertIn("added since 6.12.1: drm/drm_ras.h: DRM_RAS_NODE_TYPE_ERROR_COUNTER", out)

    def test_struct_that_grew(self):
        self.edit(self.old, ROCKET, "\t__u64 reserved;	       /* in: 0 */\n", "")
        out = self.expect(0, "equal, with 3 things added since", *ONE, self.old)
        self.assertIn("struct drm_rocket_submit.reserved", out)
        self.assertIn("struct drm_rocket_submit: size 16 -> 24", out)
        self.assertIn("DRM_IOCTL_ROCKET_SUBMIT: size 16 -> 24", out)

    def test_struct_that_grew_in_the_middle(self):
        self.edit(self.old, ROCKET, "\t__u32 task_count;	   /* in: at least 1 */\n", "")
        self.expect(1, "struct drm_rocket_job.task_struct_size: offset", *ONE, self.old)

    def test_changed_or_removed(self):
        for old, new in (("\t__u64 tasks;", "\t__s64 tasks;"),
                         ("\t__u64 reserved;", "\t__u64 other;\n\t__u64 reserved;"),
                         ("#define DRM_ROCKET_PREP_BO   0x02", "#define DRM_ROCKET_PREP_BO 0x09"),
                         ("\n#endif\n", "#define DRM_ROCKET_GONE 1\n#endif\n")):
            with self.subTest(new=new):
                shutil.rmtree(self.old)
                self.old = self.kernel("old", "6.12.1")
                self.edit(self.old, ROCKET, old, new)
                self.expect(1, "differences; compared", *ONE, self.old)

    def test_what_the_kernel_changed_itself(self):
        self.edit(self.old, "drm/ethosu_accel.h", "\t__u32 perfmon_id;", "\t__u32 pad;")
        self.expect(0, "changed by the kernel since 6.12.1: .*perfmon_id", "check", "--only", "drm/ethosu_accel.h", self.old)
        # the same place with another past is no known change
        self.edit(self.old, "drm/ethosu_accel.h", "\t__u32 pad; /* in: 0 or a mon", "\t__s32 pad; /* in: 0 or a mon")
        self.expect(1, "struct drm_ethosu_submit.pad: missing", "check", "--only", "drm/ethosu_accel.h", self.old)

    def test_newer_is_strict(self):
        self.edit(self.old, ROCKET, "\t__u64 reserved;	       /* in: 0 */\n", "")
        self.expect(1, "reserved: not in the kernel", *ONE, "--kernel", "99.1", self.old)

    def test_unknown_version_is_strict(self):
        os.remove(os.path.join(self.old, "usr/include/linux/version.h"))
        self.expect(0, "unknown version\\): equal", *ONE, self.old)
        self.edit(self.old, ROCKET, "\t__u64 reserved;	       /* in: 0 */\n", "")
        self.expect(1, "reserved: not in the kernel", *ONE, self.old)


class Facts(unittest.TestCase):
    """Every single fact that is recorded matters: change it, and the comparison tells where."""

    def leaves(self, fact, name, ioctls):
        """(container, key, place) of all that could be changed in a fact."""
        for key in fact:
            if key == "members":
                for m in fact["members"]:
                    inner = f"{name}.{m['name']}" if m["name"] else name
                    yield from self.leaves(m, inner, ioctls)
            elif key == "enumerators":
                for one in fact[key]:
                    yield one, 0, ""
                    if one[0] not in ioctls:  # else its parts are facts of their own
                        yield one, 1, one[0]
            elif key in ("array", "bits", "samples"):
                for i in range(len(fact[key])):
                    yield fact[key], i, name
            elif key == "number":  # all of it is there in parts
                continue
            else:
                yield fact, key, name

    def test_each(self):
        from abicheck import source
        from abicheck.compare import Comparison
        from abicheck.headers import HEADERS

        count = 0
        mine, theirs = source.find(dump(), None), source.find(dump(), None)
        for header in HEADERS.values():
            for bits in ("64", "32"):
                a, b = (s.recorded[header.name][bits] for s in (mine, theirs))
                self.assertEqual(Comparison(header, a, b).found, [])
                for section in a.values():
                    for name, fact in section.items():
                        for container, key, place in list(self.leaves(fact, name, a["ioctls"])):
                            was = container[key]
                            container[key] = f"{was}x" if isinstance(was, str) or was is None else was + 1
                            found = Comparison(header, a, b).found
                            container[key] = was
                            where = f"{header.name} {name} {key} {place}"
                            self.assertTrue(found, where)
                            if place and key != "name":
                                place = place.split(".")[0].removeprefix("enum {").rstrip("}")
                                self.assertTrue(any(place in d.place for d in found), where)
                            count += 1
        self.assertGreater(count, 5000)

    def test_all_headers_are_known(self):
        from abicheck.headers import HEADERS

        self.assertEqual(sorted(HEADERS), sorted(NAMES))


if __name__ == "__main__":
    unittest.main()
