#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""cdi: what it writes is what the Container Device Interface asks for."""
import json

from common import NO_DEVICE, OK, Case, Nodes, Tree, main


class Cdi(Case):
    def tree(self):
        tree, self.nodes = Tree(self.directory / "tree"), Nodes(self)
        tree.accel(0, "0000:c5:00.1", "ethosu", devname=self.nodes.add(0))
        tree.accel(1, "0000:c6:00.0", "unheard_of", devname=self.nodes.add(1))
        tree.accel(2, "0000:c7:00.0", "ethosu")
        return tree

    def test_devices(self):
        tree = self.tree()
        spec = self.check_json("cdi", "cdi", env=tree.env)
        names = [device["name"] for device in spec["devices"]]
        # A container can use what has a node, be there a provider here or not.
        self.assertEqual(names, ["pci:0000:c5:00.1", "accel0", "pci:0000:c6:00.0", "accel1",
                                 "all"])
        self.assertEqual(len(set(names)), len(names))
        self.assertEqual(spec["devices"][0]["containerEdits"]["deviceNodes"],
                         [{"path": str(self.nodes.directory / "accel0"), "type": "c",
                           "major": 261, "minor": 0, "permissions": "rw"}])
        self.assertEqual(len(spec["devices"][-1]["containerEdits"]["deviceNodes"]), 2)
        one = self.check_json("cdi", "cdi", "accel0", env=tree.env)
        self.assertEqual([d["name"] for d in one["devices"]],
                         ["pci:0000:c5:00.1", "accel0", "all"])

    def test_kind(self):
        tree = self.tree()
        spec = self.check_json("cdi", "cdi", "--kind", "vendor.example/npu", env=tree.env)
        self.assertEqual(spec["kind"], "vendor.example/npu")

    def test_file(self):
        tree, path = self.tree(), self.directory / "accel.json"
        self.check(OK, "cdi", "--output", path, env=tree.env)
        self.validate("cdi", json.loads(path.read_text()))
        self.assertEqual(path.stat().st_mode & 0o777, 0o644)
        self.check(1, "cdi", "--output", "/nowhere/x.json", env=tree.env)
        # What can't be written leaves what was there.
        self.check(NO_DEVICE, "cdi", "--output", path, env={"LIBACCEL_SYSFS": "/nowhere"})
        self.validate("cdi", json.loads(path.read_text()))
        self.assertEqual([p.name for p in self.directory.iterdir() if p.is_file()],
                         ["accel.json"])

    def test_schema_refuses(self):
        """The schema is one that can say no."""
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not here")
        spec = self.check_json("cdi", "cdi", env=self.tree().env)
        for path, bad in ((["cdiVersion"], "5"), (["kind"], "novendor"), (["kind"], "1/x"),
                          (["devices"], []), (["devices", 0, "name"], ""),
                          (["devices", 0, "name"], "a b"), (["devices", 0, "extra"], 1),
                          (["devices", 0, "containerEdits", "deviceNodes", 0, "type"], "x"),
                          (["devices", 0, "containerEdits", "deviceNodes", 0, "path"], ""),
                          (["devices", 0, "containerEdits", "deviceNodes", 0, "permissions"],
                           "rx")):
            broken = json.loads(json.dumps(spec))
            at = broken
            for key in path[:-1]:
                at = at[key]
            at[path[-1]] = bad
            with self.assertRaises(jsonschema.ValidationError, msg=f"{path} {bad}"):
                self.validate("cdi", broken)


if __name__ == "__main__":
    main()
