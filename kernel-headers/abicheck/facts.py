# SPDX-License-Identifier: MIT
# What a compiler makes of a header: types from its debug information, macros by evaluating them.
import io
import os
import re
import struct
import subprocess
import tempfile
import threading

from .source import CannotCompare

try:
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile
except ImportError:
    raise CannotCompare("pyelftools is needed: install python3-pyelftools") from None

# What macros of the uAPI take from inside the kernel. Headers of ours must do without.
_HELPERS = """
#ifndef SZ_4K
#define SZ_4K 0x00001000
#endif
#ifndef SZ_1M
#define SZ_1M 0x00100000
#endif
#ifndef U16_MAX
#define U16_MAX ((__u16)~0U)
#endif
#ifndef BIT
#define BIT(nr) (1UL << (nr))
#endif
"""

# An ioctl number with its argument's type above it, and a mark that it is one at all.
_IOCTL_MARK = 0x5A << 56
_IOCTL_PROBE = """
#include <linux/ioctl.h>
#undef _IOC_TYPECHECK
#define _IOC_TYPECHECK(t) (sizeof(t) | ((unsigned long long)(ACCEL_TYPE_INDEX(t)) << 32))
#undef _IOC
#define _IOC(dir, type, nr, size) \\
	((0x5AULL << 56) | ((unsigned long long)(dir) << _IOC_DIRSHIFT) | \\
	 ((unsigned long long)(type) << _IOC_TYPESHIFT) | ((unsigned long long)(nr) << _IOC_NRSHIFT) | \\
	 (((size) & 0xffffffffULL) << _IOC_SIZESHIFT) | ((size) >> 32 << 32))
"""

# Where macros with one parameter are evaluated.
_SAMPLES = ("0u", "1u", "0x12345678u", "0xffffffffu")


_READING = threading.Lock()  # nothing says that pyelftools may be used by two threads


class Compiler:
    """A C compiler that makes ELF objects of one width."""

    _found = {}

    def __init__(self, bits):
        self.bits = bits
        self.command = self._choose(bits)

    @classmethod
    def _choose(cls, bits):
        if bits not in cls._found:
            cc = os.environ.get("CC") or "gcc"
            plain = cc.split()
            if bits == 64:
                tries = [plain, plain + ["-m64"]]
            else:
                tries = [plain + ["-m32"], ["clang", "-m32"], ["clang", "--target=i686-linux-gnu"]]
            cls._found[bits] = next((t for t in tries if cls._width(t) == bits), None)
            if cls._found[bits] is None:
                shown = ", ".join(" ".join(t) for t in tries)
                raise CannotCompare(
                    f"no compiler here makes {bits}-bit objects (tried: {shown}); "
                    f"--bits {96 - bits} leaves that width out"
                )
        return cls._found[bits]

    @staticmethod
    def _width(command):
        with tempfile.TemporaryDirectory() as tmp:
            out = os.path.join(tmp, "x.o")
            try:
                run = subprocess.run(
                    command + ["-x", "c", "-c", "-o", out, "-"],
                    input=b"int x;\n",
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            except (FileNotFoundError, PermissionError):
                return 0  # not installed; that it can't be run now is another matter
            if run.returncode:
                return 0
            with open(out, "rb") as f:
                return {1: 32, 2: 64}.get(f.read(5)[4], 0)

    def run(self, source, args, text):
        command = self.command + ["-x", "c", "-std=gnu11", "-ffreestanding", "-w", "-nostdinc"]
        for directory in source.include:
            command += ["-I", directory]
        return subprocess.run(
            command + source.defines + args + ["-"],
            input=text.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C"},
        )


def gather(source, header, bits):
    """All facts of one header of a source, for one width."""
    if source.recorded is not None:
        return source.recorded[header.name][str(bits)]
    try:
        return _Gather(source, header, Compiler(bits)).facts()
    except (ELFError, struct.error) as e:
        raise CannotCompare(f"{source.name}: {header.name}: unreadable object ({e})") from None


class _Gather:
    def __init__(self, source, header, compiler):
        self.source = source
        self.header = header
        self.compiler = compiler
        self.path = os.path.realpath(source.path(header.name))
        self.files = [self.path]
        if header.base and not source.helpers:
            for directory in source.include:
                base = os.path.join(directory, header.base)
                if os.path.isfile(base):
                    self.files.append(os.path.realpath(base))
                    break

    def facts(self):
        include = f'#include "{source_path(self.path)}"\n'
        macros = self._macros(include)
        types, tags, found = self._types(include)
        values, aligns = self._probe(include, macros, types, tags)
        for name, align in aligns.items():
            types[name]["align"] = align
        ioctls = {}
        for fact in types.values():
            for one in fact.get("enumerators", []):
                if one[0] in values and "ioctl" in values[one[0]]:
                    ioctls[one[0]] = values[one[0]]["ioctl"]
        constants = {}
        for name in macros:
            if name not in values:
                continue
            if "ioctl" in values[name]:
                ioctls[name] = values[name]["ioctl"]
            else:
                constants[name] = values[name]
        facts = {"types": types, "macros": constants, "ioctls": ioctls}
        if self.header.needs is not None:
            own = found | {n for n, where in macros.items() if where[2] == self.path}
            keep = set(self.header.needs) | (own if not self.source.helpers else set())
            facts = {k: {n: f for n, f in v.items() if n in keep} for k, v in facts.items()}
        if not any(facts.values()):
            raise CannotCompare(f"{self.source.name}: {self.header.name} declares nothing")
        return facts

    def _fail(self, run):
        lines = run.stderr.decode(errors="replace").splitlines()
        why = next((l for l in lines if "error:" in l), lines[0] if lines else "no message")
        why = re.sub(r"^.*?/(?=[^/]*/[^/]*:\d)", "", why)
        raise CannotCompare(f"{self.source.name}: {self.header.name} does not compile: {why}")

    def _macros(self, include):
        """Macros that the header defines: name -> (parameters or None, empty, file)."""
        run = self.compiler.run(self.source, ["-E", "-dD"], include)
        if run.returncode:
            self._fail(run)
        macros, where = {}, None
        for line in run.stdout.decode(errors="replace").splitlines():
            m = re.match(r'# \d+ "(.*?)"', line)
            if m:
                where = m.group(1)
                where = os.path.realpath(where) if where.startswith("/") else where
                continue
            m = re.match(r"#undef (\w+)", line)
            if m:
                macros.pop(m.group(1), None)
                continue
            m = re.match(r"#define (\w+)(\([^)]*\))?(.*)", line)
            if m and where in self.files:
                params = None
                if m.group(2):
                    params = len([p for p in m.group(2)[1:-1].split(",") if p.strip()])
                macros[m.group(1)] = (params, not m.group(3).strip(), where)
        return macros

    def _object(self, text, args=()):
        with tempfile.TemporaryDirectory() as tmp:
            out = os.path.join(tmp, "x.o")
            run = self.compiler.run(self.source, ["-c", "-o", out, *args], text)
            if run.returncode:
                return run, None
            with open(out, "rb") as f:
                return run, ELFFile(io.BytesIO(f.read()))

    def _types(self, include):
        args = ["-g", "-gdwarf-4", "-fno-eliminate-unused-debug-types"]
        run, elf = self._object(include, args)
        if elf is None:
            self._fail(run)
        with _READING:
            reader = _Dwarf(elf, self.files)
            types, tags = reader.types()
        found = {name for name in types if reader.file_of[name] == self.path}
        return types, tags, found

    def _probe(self, include, macros, types, tags):
        """Evaluates macros, ioctl numbers and alignments with a program that holds them all."""
        head = f"#define ACCEL_TYPE_INDEX(t) ({_sum(tags)})\n" + _IOCTL_PROBE + include
        head += "#include <asm/fcntl.h>\n#include <linux/types.h>\n"
        head += _HELPERS if self.source.helpers else ""

        lines = {}  # symbol -> line of code
        for name, (params, empty, _) in macros.items():
            if params is None and not empty:
                lines[f"accel_i_{name}"] = _integer(f"accel_i_{name}", f"({name})")
            elif params == 1:
                values = ", ".join(f"(unsigned long long)({name}({s}))" for s in _SAMPLES)
                symbol = f"accel_f_{name}"
                lines[symbol] = f"const unsigned long long {symbol}[] = {{ {values} }};"
        for fact in types.values():
            for name, value in fact.get("enumerators", []):
                if value >> 30:  # an ioctl number has its direction up there
                    lines[f"accel_i_{name}"] = _integer(f"accel_i_{name}", f"({name})")
        aggregates = [n for n, fact in types.items() if "members" in fact]
        for i, name in enumerate(aggregates):
            lines[f"accel_a_{i}"] = f"const unsigned long long accel_a_{i} = _Alignof({name});"

        # Lines that are no constants are dropped as the compiler points at them: what isn't an
        # integer may be a string, and what is neither is compared by its presence alone.
        first = head.count("\n") + 1
        while True:
            order = list(lines)
            text = head + "\n".join(lines.values()) + "\n"
            run, elf = self._object(text, _TERSE.get(_family(self.compiler), []))
            if elf is not None:
                break
            bad = set()
            for m in re.finditer(r"<stdin>:(\d+):(?:\d+:)? (?:fatal )?error", run.stderr.decode()):
                if 0 <= int(m.group(1)) - first < len(order):
                    bad.add(order[int(m.group(1)) - first])
            if not bad:
                self._fail(run)
            for symbol in bad:
                name = symbol[8:]
                if symbol.startswith("accel_i_"):
                    code = f"const char accel_s_{name}[] = {name};"
                    lines = _replace(lines, symbol, f"accel_s_{name}", code)
                else:
                    del lines[symbol]
        return self._read(elf, macros, aggregates, tags)

    def _read(self, elf, macros, aggregates, tags):
        order = "<" if elf.little_endian else ">"
        values, aligns = {}, {}
        for symbol in elf.get_section_by_name(".symtab").iter_symbols():
            if not symbol.name.startswith("accel_"):
                continue
            kind, name = symbol.name[6], symbol.name[8:]
            section = elf.get_section(symbol["st_shndx"])
            start, size = symbol["st_value"], symbol["st_size"]
            if section["sh_type"] == "SHT_NOBITS":
                data = bytes(size)
            else:
                data = section.data()[start : start + size]
            words = struct.unpack(f"{order}{size // 8}Q", data[: size // 8 * 8])
            if kind == "a":
                aligns[aggregates[int(name)]] = words[0]
            elif kind == "s":
                values[name] = {"string": data[:-1].decode(errors="replace")}
            elif kind == "f":
                values[name] = {"parameters": 1, "samples": list(words)}
            elif words[0] >> 56 << 56 == _IOCTL_MARK and words[1] == 8:
                values[name] = {"ioctl": _ioctl(words[0], tags)}
            else:
                width, signed = words[1], words[2]
                value = words[0]
                if signed and value >> 63:
                    value -= 1 << 64
                kind = ("signed" if signed else "unsigned") + f" {width * 8}"
                values[name] = {"value": value, "type": kind}
        for name, (params, empty, _) in macros.items():
            if name in values or (params is None and empty):
                continue
            values[name] = {"parameters": params} if params is not None else {"opaque": True}
        return values, aligns


def source_path(path):
    return path.replace("\\", "\\\\").replace('"', '\\"')


# Errors are to be told at the line of the probe, not inside the macro.
_TERSE = {"gcc": ["-ftrack-macro-expansion=0", "-fmax-errors=0"], "clang": ["-ferror-limit=0"]}


def _family(compiler):
    return "clang" if "clang" in os.path.basename(compiler.command[0]) else "gcc"


def _sum(tags):
    return "0" + "".join(
        f" + {i} * __builtin_types_compatible_p(t, {tag})" for i, tag in enumerate(tags, 1)
    )


def _integer(symbol, expression):
    kind = f"__typeof__({expression})"
    return (
        f"const unsigned long long {symbol}[3] = {{ (unsigned long long)({expression}), "
        f"sizeof({expression}), (({kind})-1 < ({kind})1) }};"
    )


def _replace(lines, old, new, code):
    return {new if k == old else k: code if k == old else v for k, v in lines.items()}


def _ioctl(word, tags):
    number, index = word & 0xFFFFFFFF, (word ^ _IOCTL_MARK) >> 32
    return {
        "number": number,
        "direction": ("none", "write", "read", "read+write")[number >> 30],
        "letter": chr(number >> 8 & 255),
        "nr": number & 255,
        "size": number >> 16 & 0x3FFF,
        "argument": tags[index - 1] if index else None,
    }


class _Dwarf:
    """Types of some files, from the debug information of one compilation unit."""

    def __init__(self, elf, files):
        self.info = elf.get_dwarf_info()
        self.cu = next(self.info.iter_CUs(), None)  # none where nothing is declared
        self.files = files
        self.file_of = {}

    def types(self):
        """Facts of the types that the files declare, and the tags of all there are."""
        types, tags = {}, []
        if self.cu is None:
            return types, tags
        names = self._file_names()
        for die in self.cu.get_top_DIE().iter_children():
            kind = _KINDS.get(die.tag)
            if not kind or "DW_AT_declaration" in die.attributes:
                continue
            name = _name(die)
            if name and kind in ("struct", "union"):
                tags.append(f"{kind} {name}")
            where = die.attributes.get("DW_AT_decl_file")
            where = names.get(where.value) if where else None
            if where not in self.files:
                continue
            if kind == "enum":
                fact = self._enum(die)
                # One with no name goes by its first enumerator.
                key = f"enum {name}" if name else f"enum {{{fact['enumerators'][0][0]}}}"
            elif name:
                key, fact = f"{kind} {name}", self._aggregate(die)
            else:
                continue
            types[key] = fact
            self.file_of[key] = where
        return types, tags

    def _file_names(self):
        program = self.info.line_program_for_CU(self.cu)
        header = program.header
        top = self.cu.get_top_DIE().attributes
        home = top["DW_AT_comp_dir"].value.decode() if "DW_AT_comp_dir" in top else "/"
        names = {}
        for i, entry in enumerate(header["file_entry"], 1):
            directory = home
            if entry.dir_index:
                directory = header["include_directory"][entry.dir_index - 1].decode()
            path = os.path.join(home, directory, entry.name.decode())
            names[i] = os.path.realpath(path)
        return names

    def _enum(self, die):
        size = die.attributes["DW_AT_byte_size"].value
        values = []
        for child in die.iter_children():
            if child.tag == "DW_TAG_enumerator":
                values.append([_name(child), child.attributes["DW_AT_const_value"].value])
        signed = any(v < 0 for _, v in values)
        return {"size": size, "signed": signed, "enumerators": values}

    def _aggregate(self, die):
        members = []
        for child in die.iter_children():
            if child.tag == "DW_TAG_member":
                members.append(self._member(child))
        return {"size": die.attributes["DW_AT_byte_size"].value, "align": 0, "members": members}

    def _member(self, die):
        at = die.attributes
        offset = at["DW_AT_data_member_location"].value if "DW_AT_data_member_location" in at else 0
        type_, dims, inner = self._resolve(_type_of(die))
        size = self._size(_type_of(die))
        fact = {"name": _name(die) or "", "offset": offset, "size": size, "type": type_}
        if dims:
            fact["array"] = dims
        if "DW_AT_bit_size" in at:
            if "DW_AT_data_bit_offset" in at:
                start = at["DW_AT_data_bit_offset"].value
            else:  # counted from the other end of its storage
                end = (offset + size) * 8 - at["DW_AT_bit_offset"].value
                start = end - at["DW_AT_bit_size"].value
            fact["offset"] = start // 8
            fact["bits"] = [start % 8, at["DW_AT_bit_size"].value]
        if inner is not None:
            fact["members"] = inner["members"]
        return fact

    def _resolve(self, die):
        """A type's name, its dimensions, and for one with no name what is in it."""
        die = self._plain(die)
        if die is None:
            return "void", [], None
        if die.tag == "DW_TAG_array_type":
            dims = []
            for child in die.iter_children():
                if child.tag == "DW_TAG_subrange_type":
                    dims.append(_count(child))
            name, more, inner = self._resolve(_type_of(die))
            return name, dims + more, inner
        if die.tag == "DW_TAG_pointer_type":
            name, dims, _ = self._resolve(_type_of(die))
            return f"pointer to {name}" + "[]" * len(dims), [], None
        if die.tag == "DW_TAG_subroutine_type":
            return "function", [], None
        name = _name(die)
        kind = _KINDS.get(die.tag)
        if kind == "enum":
            return f"enum {name or ''}".strip(), [], None
        if kind:
            return (f"{kind} {name}", [], None) if name else (kind, [], self._aggregate(die))
        return _plain_name(name), [], None

    def _plain(self, die):
        while die is not None and die.tag in _TRANSPARENT:
            die = _type_of(die)
        return die

    def _size(self, die):
        die = self._plain(die)
        if die is None:
            return 0
        if "DW_AT_byte_size" in die.attributes:
            return die.attributes["DW_AT_byte_size"].value
        if die.tag == "DW_TAG_array_type":
            size = self._size(_type_of(die))
            for child in die.iter_children():
                if child.tag == "DW_TAG_subrange_type":
                    size *= _count(child) or 0
            return size
        if die.tag == "DW_TAG_pointer_type":
            return self.cu["address_size"]
        return 0


_KINDS = {
    "DW_TAG_structure_type": "struct",
    "DW_TAG_union_type": "union",
    "DW_TAG_enumeration_type": "enum",
}
_TRANSPARENT = ("DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type")


def _plain_name(name):
    """Compilers spell one base type in different ways."""
    words = name.split()
    if "char" in words:
        return name
    long_ = "long " * words.count("long")
    base = "short" if "short" in words else long_.strip() or "int"
    if set(words) - {"short", "long", "int", "unsigned", "signed"}:
        return name
    return ("unsigned " if "unsigned" in words else "") + base


def _name(die):
    at = die.attributes.get("DW_AT_name")
    return at.value.decode() if at else None


def _type_of(die):
    return die.get_DIE_from_attribute("DW_AT_type") if "DW_AT_type" in die.attributes else None


def _count(subrange):
    """Elements of a dimension; None where the declaration has none."""
    at = subrange.attributes
    if "DW_AT_count" in at:
        return at["DW_AT_count"].value
    if "DW_AT_upper_bound" in at:
        upper = at["DW_AT_upper_bound"].value
        return 0 if upper in (-1, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF) else upper + 1
    return None
