# SPDX-License-Identifier: MIT
"""The declarations of libaccel._c and libaccel.soft are those of the C headers."""
import ctypes
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from libaccel import _c, soft

HEADERS = [Path(item) for item in os.environ.get("LIBACCEL_HEADERS", "").split(":") if item] or [
    Path("/usr/include/accel/accel.h"), Path("/usr/include/accel/soft.h")]
COMPILER = shlex.split(os.environ.get("CC", "cc"))

# What Python has no use for: a version of the headers, ends, and what calls back from a thread.
CONSTANTS_LEFT_OUT = {"ACCEL_VERSION", "ACCEL_VERSION_MAJOR", "ACCEL_VERSION_MINOR",
                      "ACCEL_VERSION_PATCH", "ACCEL_LOG_NONE", "ACCEL_LOG_ERROR",
                      "ACCEL_LOG_WARNING", "ACCEL_LOG_INFO", "ACCEL_LOG_DEBUG",
                      "ACCEL_SOFT_HOST_JOB"}
STRUCTS_LEFT_OUT = {"accel_soft_call", "accel_soft_host_job"}
# Constants without an enum of their own.
SINGLE = {"ACCEL_NO_DEADLINE": _c.NO_DEADLINE, "ACCEL_SOFT_F32": soft.F32,
          "ACCEL_SOFT_S8_S8_S32": soft.S8_S8_S32, "ACCEL_SOFT_TRANSPOSE_B": soft.TRANSPOSE_B,
          "ACCEL_SOFT_BROADCAST": soft.BROADCAST}

SIMPLE = {"char": ctypes.c_char, "int": ctypes.c_int, "int32_t": ctypes.c_int32,
          "int64_t": ctypes.c_int64, "uint16_t": ctypes.c_uint16, "uint32_t": ctypes.c_uint32,
          "uint64_t": ctypes.c_uint64}


def without_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def constants_of(text):
    """The names, of macros with a value and of enums."""
    names = re.findall(r"^#define (ACCEL_\w+)[ \t]+\S", text.replace("\\\n", " "), re.M)
    for body in re.findall(r"enum \w+ \{(.*?)\}", text, re.S):
        names += re.findall(r"(\w+)\s*(?:=[^,]*)?(?:,|$)", body.strip())
    return set(names)


def structs_of(text):
    """{struct: [(member, C type, length of the array or None)]}"""
    found = {}
    for name, body in re.findall(r"^struct (\w+) \{(.*?)^\};", text, re.S | re.M):
        members = found[name] = []
        for line in () if name in STRUCTS_LEFT_OUT else body.split(";")[:-1]:
            kind, names = re.fullmatch(r"((?:const )?(?:struct )?\w+) (.*)",
                                       " ".join(line.split())).groups()
            for item in names.split(","):
                stars, member, length = re.fullmatch(
                    r"((?:\* ?(?:const ?)?)*)(\w+)(?:\[(\d+)\])?", item.strip()).groups()
                members.append((member, kind + " " + stars, length and int(length)))
    return found


def functions_of(text):
    """{function: (C type, [C types])}"""
    text = " ".join(re.sub(r"^#.*$", "", text.replace("\\\n", " "), flags=re.M).split())
    found = {}
    for result, name, arguments in re.findall(
            r"(?<=[;{}] )((?:const )?(?:struct )?\w+ \**)(accel_\w+)\(((?:[^()]|\([^()]*\))*)\);",
            text.replace(" *accel_", " * accel_").replace(" * accel_", " *accel_")):
        parts = [] if arguments == "void" else arguments.split(", ")
        found[name] = result, [re.sub(r"\w+$", "", part) for part in parts]
    return found


def ctype(declared, structs):
    """What ctypes calls a C type, of which const says nothing."""
    stars = declared.count("*")
    words = [word for word in declared.replace("*", " ").split() if word != "const"]
    objects = {"struct " + name: kind for kind, name in _c.OBJECTS.items()}
    name = " ".join(words)
    if name in objects:
        kind, stars = objects[name], stars - 1
    elif name == "void":
        kind, stars = (ctypes.c_void_p, stars - 1) if stars else (None, 0)
    elif name == "char" and stars:
        kind, stars = ctypes.c_char_p, stars - 1
    elif words[0] == "struct":
        kind = structs[words[1]]
    else:
        kind = SIMPLE[name]
    for _ in range(stars):
        kind = ctypes.POINTER(kind)
    return kind


class Headers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for header in HEADERS:
            if not header.exists():
                raise unittest.SkipTest(f"no {header}")
        cls.text = "".join(without_comments(header.read_text()) for header in HEADERS)
        cls.structs = {kind.NAME: kind for kind in _c.STRUCTS + soft.STRUCTS}

    def ask(self, expressions):
        """The numbers that the compiler has for expressions."""
        if not shutil.which(COMPILER[0]):
            self.skipTest("no C compiler")
        lines = "\n".join(f'\tprintf("%lld\\n", (long long)({text}));' for text in expressions)
        source = "".join(f'#include "{header.resolve()}"\n' for header in HEADERS)
        source += f"#include <stddef.h>\n#include <stdio.h>\nint main(void)\n{{\n{lines}\n}}\n"
        includes = {f"-I{header.resolve().parent.parent}" for header in HEADERS}
        with tempfile.TemporaryDirectory() as scratch:
            program = Path(scratch) / "ask"
            subprocess.run([*COMPILER, *includes, "-x", "c", "-", "-o", program], input=source,
                           text=True, check=True)
            run = subprocess.run([program], stdout=subprocess.PIPE, text=True, check=True)
        return dict(zip(expressions, map(int, run.stdout.split())))

    def test_constants(self):
        declared = dict(SINGLE)
        for prefixes in _c.PREFIXES, soft.PREFIXES:
            for kind, prefix in prefixes.items():
                for name, member in kind.__members__.items():
                    self.assertNotIn(prefix + name, declared)
                    declared[prefix + name] = int(member)
        self.assertEqual(constants_of(self.text) - CONSTANTS_LEFT_OUT, set(declared))
        self.assertEqual(self.ask(sorted(declared)), declared)

    def test_structs(self):
        in_c = structs_of(self.text)
        self.assertEqual(set(in_c) - STRUCTS_LEFT_OUT, set(self.structs))
        questions = {}
        for name, kind in self.structs.items():
            self.assertEqual([member for member, _, _ in in_c[name]],
                             [field[0] for field in kind._fields_], name)
            questions[f"sizeof(struct {name})"] = ctypes.sizeof(kind)
            for (member, text, length), (_, field) in zip(in_c[name], kind._fields_):
                wanted = ctype(text, self.structs)
                self.assertIs(wanted * length if length else wanted, field, f"{name}.{member}")
                questions[f"offsetof(struct {name}, {member})"] = getattr(kind, member).offset
                questions[f"sizeof(((struct {name} *)0)->{member})"] = getattr(kind, member).size
        self.assertEqual(self.ask(list(questions)), questions)

    def test_functions(self):
        in_c = functions_of(self.text)
        self.assertEqual(set(in_c), set(_c.FUNCTIONS) | _c.LEFT_OUT)
        self.assertFalse(set(_c.FUNCTIONS) & _c.LEFT_OUT)
        for name, (result, arguments) in _c.FUNCTIONS.items():
            with self.subTest(name):
                self.assertEqual([ctype(text, self.structs) for text in in_c[name][1]], arguments)
                self.assertEqual(ctype(in_c[name][0], self.structs), result)

    def test_header_is_parsed_whole(self):
        # One word for each thing that is declared: a form that is not understood shows here.
        self.assertEqual(len(structs_of(self.text)),
                         len(re.findall(r"^struct \w+ \{", self.text, re.M)))
        self.assertEqual(set(functions_of(self.text)),
                         set(re.findall(r"\b(accel_\w+)\((?!\*)", self.text)))


if __name__ == "__main__":
    unittest.main()
