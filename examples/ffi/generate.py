#!/usr/bin/env python3
"""Writes the declarations of include/rnn/rnn.h for other languages: examples/ffi/generate.py [--check]

The files are checked in, so that nobody needs this script to use them. Run it after each change of the header. With
--check it writes nothing, and fails if a file isn't what the header gives.

To add a language, write a function that returns the text of its file, and add a line to FILES. C++ includes the header,
and Go's cgo reads it, so these need no file. The script needs libclang's Python module (Debian: python3-clang).
"""

import dataclasses
import difflib
import pathlib
import re
import sys

try:
    from clang import cindex
except ImportError:
    print("generate.py needs libclang's Python module (on Debian: python3-clang). It has checked nothing.")
    sys.exit(77)  # tells ctest that the test was skipped

HERE = pathlib.Path(__file__).resolve().parent
HEADER = HERE.parents[1] / "include" / "rnn" / "rnn.h"
NOTICE = "Written by examples/ffi/generate.py from include/rnn/rnn.h. Don't edit it."

# libclang needs its own stddef.h, which not every installation has. Only the names of these types matter here.
STANDARD_HEADERS = {
    "stddef.h": "typedef unsigned long size_t;",
    "stdint.h": "typedef unsigned char uint8_t; typedef int int32_t;"
                "typedef long int64_t; typedef unsigned long uint64_t;",
}


# ---- The header's contents ----


@dataclasses.dataclass
class Type:
    """A type of C. `kind` is one of:

    - "value": `name` is "void", "char", "double", "int32_t", ..., "rnn_status", or that of a struct or a handle;
    - "pointer": to the type `to`;
    - "array": `length` elements of the type `to`;
    - "function": a pointer to a function with `parameters`, which returns the type `to`.
    """

    kind: str
    name: str = ""
    const: bool = False
    to: "Type" = None
    length: int = 0
    parameters: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Variable:
    """A parameter of a function or a field of a struct."""

    name: str
    type: Type
    is_result: bool = False  # the header's comment says @param[out]


@dataclasses.dataclass
class Struct:
    name: str
    fields: list


@dataclasses.dataclass
class Function:
    name: str
    returns: Type
    parameters: list


@dataclasses.dataclass
class Header:
    constants: dict  # the name and the value of each enumerator and number
    handles: list  # the names of types whose contents the header doesn't show
    structs: list
    functions: list

    def is_struct(self, kind):
        return any(kind.name == struct.name for struct in self.structs)


def read_header():
    """Parses the header with libclang."""
    options = ["-x", "c", "-std=c11", "-nostdinc", "-I/standard", "-DRNN_EXPERIMENTAL"]
    files = [(f"/standard/{name}", text) for name, text in STANDARD_HEADERS.items()]
    unit = cindex.Index.create().parse(
        str(HEADER), options, files, cindex.TranslationUnit.PARSE_DETAILED_PROCESSING_RECORD)
    if unit.diagnostics:
        sys.exit("\n".join(map(str, unit.diagnostics)))

    header = Header({}, [], [], [])
    cursors = [c for c in unit.cursor.get_children() if c.location.file and c.location.file.name == str(HEADER)]
    for cursor in sorted(cursors, key=lambda cursor: cursor.location.offset):  # macros come first otherwise
        kind = cursor.kind
        if kind == cindex.CursorKind.ENUM_DECL:
            header.constants.update((c.spelling, c.enum_value) for c in cursor.get_children())
        elif kind == cindex.CursorKind.MACRO_DEFINITION:
            value = "".join(token.spelling for token in cursor.get_tokens()).removeprefix(cursor.spelling)
            number = re.fullmatch(r"\(?(-?\d+)\)?", value)
            if number and not cursor.spelling.startswith("RNN_VERSION_"):  # the library tells its version
                header.constants[cursor.spelling] = int(number[1])
        elif kind == cindex.CursorKind.STRUCT_DECL:
            if cursor.is_definition():
                fields = [variable(c, "") for c in cursor.get_children() if c.kind == cindex.CursorKind.FIELD_DECL]
                header.structs.append(Struct(cursor.spelling, fields))
            else:
                header.handles.append(cursor.spelling)
        elif kind == cindex.CursorKind.FUNCTION_DECL:
            parameters = [variable(c, cursor.raw_comment) for c in cursor.get_arguments()]
            header.functions.append(Function(cursor.spelling, type_of(cursor.result_type), parameters))
    return header


def variable(cursor, comment):
    is_result = bool(re.search(rf"@param\[out\] +{cursor.spelling}\b", comment or ""))
    return Variable(cursor.spelling, type_of(cursor.type, cursor), is_result)


def type_of(kind, cursor=None):
    """The type; `cursor` is the declaration of a variable, which knows the names of a function's parameters."""
    const = kind.is_const_qualified()
    if kind.kind == cindex.TypeKind.POINTER:
        pointee = kind.get_pointee()
        if pointee.get_canonical().kind == cindex.TypeKind.FUNCTIONPROTO:
            parameters = [variable(c, "") for c in cursor.get_children() if c.kind == cindex.CursorKind.PARM_DECL]
            return Type("function", const=const, to=type_of(pointee.get_result()), parameters=parameters)
        return Type("pointer", const=const, to=type_of(pointee))
    if kind.kind == cindex.TypeKind.CONSTANTARRAY:
        return Type("array", to=type_of(kind.element_type), length=kind.element_count)
    name = kind.spelling.removeprefix("const ").removeprefix("struct ")
    return Type("value", name, const)


# ---- C, for the languages that read it ----


def c_declaration(kind, name):
    """Declares a variable, as in "const int32_t *ids"."""
    if kind.kind == "value":
        return f"{'const ' if kind.const else ''}{kind.name} {name}".rstrip()
    if kind.kind == "array":
        return c_declaration(kind.to, f"{name}[{kind.length}]")
    if kind.kind == "function":
        return c_declaration(kind.to, f"(*{name})({c_parameters(kind.parameters)})")
    return c_declaration(kind.to, f"*{'const ' if kind.const else ''}{name}")


def c_parameters(parameters):
    return ", ".join(c_declaration(p.type, p.name) for p in parameters) or "void"


def wrapped(text, indent):
    """Divides a long line at commas into lines of at most 110 characters."""
    lines = []
    for part in re.split(r"(?<=,) ", text):
        if lines and len(lines[-1]) + 1 + len(part) <= 110:
            lines[-1] += " " + part
        else:
            lines.append(" " * indent * bool(lines) + part)
    return "\n".join(lines)


def groups(constants):
    """The constants in groups whose names begin alike, for a line each."""
    found = {}
    for name, value in constants.items():
        found.setdefault(name.split("_")[1], {})[name] = value
    return found.values()


# ---- The languages ----


def lua(header):
    lines = [f"-- The declarations of rnn.h for LuaJIT. {NOTICE}", "", 'require("ffi").cdef [[',
             "typedef int32_t rnn_status;"]
    for group in groups(header.constants):
        lines.append(wrapped("enum { " + ", ".join(f"{name} = {value}" for name, value in group.items()) + " };", 4))
    lines += [f"typedef struct {name} {name};" for name in header.handles]
    for struct in header.structs:
        lines.append(f"typedef struct {struct.name} {{")
        lines += [f"    {c_declaration(field.type, field.name)};" for field in struct.fields]
        lines.append(f"}} {struct.name};")
    for function in header.functions:
        declared = c_declaration(function.returns, function.name)
        lines.append(wrapped(f"{declared}({c_parameters(function.parameters)});", 4))
    return lines + ["]]"]


CTYPES = {"char": "c_char", "double": "c_double", "int32_t": "c_int32", "int64_t": "c_int64", "size_t": "c_size_t",
          "uint64_t": "c_uint64"}


def python(header):
    """Numbers in memory are passed by their address, a c_void_p, because numpy gives addresses. A pointer to a handle
    type is the class of that handle.
    """

    def ctype(kind):
        if kind.kind == "value":
            return "None" if kind.name == "void" else CTYPES.get(kind.name, kind.name)
        if kind.kind == "array":
            return f"{ctype(kind.to)} * {kind.length}"
        if kind.kind == "function":
            return f"CFUNCTYPE({', '.join(map(ctype, [kind.to] + [p.type for p in kind.parameters]))})"
        if kind.to.kind == "pointer" or header.is_struct(kind.to):
            return f"POINTER({ctype(kind.to)})"
        if kind.to.name == "char" and kind.to.const:
            return "c_char_p"
        return kind.to.name if kind.to.name in header.handles else "c_void_p"

    def pairs(variables):
        return [(v.name, ctype(v.type)) for v in variables]

    lines = [f'"""The declarations of rnn.h for ctypes. {NOTICE}"""', ""]
    body = []
    for group in groups(header.constants):
        body += [f"{name.removeprefix('RNN_')} = {value}" for name, value in group.items()]
    names = ", ".join('"' + name.removeprefix("RNN_") + '"' for name in header.constants)
    body += ["", wrapped(f"__all__ = [{names}]", 11), ""]
    body += ["", "class rnn_status(c_int32):", '    """The result of a call that can fail."""', ""]
    for name in header.handles:
        body += ["", f"class {name}(c_void_p):", f'    """A pointer to the header\'s {name}."""', ""]
    for struct in header.structs:
        fields = ", ".join(f'("{name}", {kind})' for name, kind in pairs(struct.fields))
        body += ["", f"class {struct.name}(Structure):", wrapped(f"    _fields_ = [{fields}]", 16), ""]
    body += ["", "# For each function the type of its result, and the names and types of its parameters"]
    body.append("FUNCTIONS = {")
    for function in header.functions:
        arguments = ", ".join(f'"{name}": {kind}' for name, kind in pairs(function.parameters))
        body.append(wrapped(f'    "{function.name}": ({ctype(function.returns)}, {{{arguments}}}),', 8))
    body.append("}")
    used = sorted(set(re.findall(r"\b(?:POINTER|CFUNCTYPE|Structure|c_[a-z0-9_]+)\b", "\n".join(body))))
    return lines + [wrapped(f"from ctypes import ({', '.join(used)})", 20), ""] + body


RUST_TYPES = {"char": "c_char", "double": "f64", "int32_t": "i32", "int64_t": "i64", "size_t": "usize",
              "uint8_t": "u8", "uint64_t": "u64", "void": "c_void"}


def rust(header):
    def rtype(kind):
        if kind.kind == "value":
            return RUST_TYPES.get(kind.name, kind.name)
        if kind.kind == "array":
            return f"[{rtype(kind.to)}; {kind.length}]"
        if kind.kind == "function":
            return f'Option<unsafe extern "C" fn({parameters(kind.parameters)}){result(kind.to)}>'
        return f"*{'const' if kind.to.const else 'mut'} {rtype(kind.to)}"

    def parameters(variables):
        return ", ".join(f"{v.name}: {rtype(v.type)}" for v in variables)

    def result(kind):
        return "" if kind.kind == "value" and kind.name == "void" else f" -> {rtype(kind)}"

    lines = ["//! The declarations of rnn.h for Rust.", f"//! {NOTICE}", "",
             "#![allow(non_camel_case_types, dead_code)]", "", "use std::os::raw::{c_char, c_void};", "", "pub type rnn_status = i32;"]
    for group in groups(header.constants):
        lines += [""] + [f"pub const {name}: i32 = {value};" for name, value in group.items()]
    for name in header.handles:
        lines += ["", "#[repr(C)]", f"pub struct {name} {{", "    _private: [u8; 0],", "}"]
    for struct in header.structs:
        lines += ["", "#[repr(C)]", "#[derive(Clone, Copy)]", f"pub struct {struct.name} {{"]
        lines += [f"    pub {field.name}: {rtype(field.type)}," for field in struct.fields] + ["}"]
    lines += ["", 'extern "C" {']
    for function in header.functions:
        text = f"    pub fn {function.name}({parameters(function.parameters)}){result(function.returns)};"
        if len(text) > 100:  # as rustfmt does it
            text = "\n".join([f"    pub fn {function.name}("] +
                             [f"        {p.name}: {rtype(p.type)}," for p in function.parameters] +
                             [f"    ){result(function.returns)};"])
        lines.append(text)
    return lines + ["}"]


def koffi_callbacks(header):
    """The name of each type of a callback, which koffi needs, with the type."""
    owners = [(s.name, s.fields) for s in header.structs] + [(f.name, f.parameters) for f in header.functions]
    return {f"{owner}_{v.name}": v.type for owner, variables in owners for v in variables if v.type.kind == "function"}


def node(header):
    """koffi's own syntax is C with _Out_ and _Inout_ before the results of a function."""

    def declared(owner, v):
        if v.type.kind == "function":
            return f"{owner}_{v.name} *{v.name}"
        text = c_declaration(v.type, v.name)
        if not v.is_result or v.type.kind != "pointer" or v.type.to.name in ("void", "char"):
            return text
        # A struct that begins with its size is also read
        sized = any(v.type.to.name == s.name and s.fields[0].name == "struct_size" for s in header.structs)
        return f"{'_Inout_' if sized else '_Out_'} {text}"

    def field_type(owner, v):
        if v.type.kind == "function":
            return f"{owner}_{v.name} *"
        if v.type.kind == "array":
            return f"{c_declaration(v.type.to, '')}[{v.type.length}]"
        return c_declaration(v.type, "")

    lines = [f"// The declarations of rnn.h for koffi. {NOTICE}", "'use strict';", "", "exports.constants = {"]
    lines += [f"  {name}: {value}," for name, value in header.constants.items()]
    lines += ["};", "", "exports.handles = ["] + [f"  '{name}'," for name in header.handles]
    lines += ["];", "", "exports.callbacks = {"]
    lines += [f"  {name}: '{c_declaration(kind.to, name)}({c_parameters(kind.parameters)})',"
              for name, kind in koffi_callbacks(header).items()]
    lines += ["};", "", "exports.structs = {"]
    for struct in header.structs:
        lines.append(f"  {struct.name}: {{")
        lines += [f"    {field.name}: '{field_type(struct.name, field)}'," for field in struct.fields] + ["  },"]
    lines += ["};", "", "exports.functions = {"]
    for function in header.functions:
        parameters = ", ".join(declared(function.name, p) for p in function.parameters) or "void"
        prototype = f"{c_declaration(function.returns, function.name)}({parameters})"
        lines.append(f"  {function.name}: '{prototype}',")
        if len(lines[-1]) > 120:
            parts = "' +\n    '".join(wrapped(prototype + ",", 0).replace("\n", " \n").split("\n"))
            lines[-1] = f"  {function.name}:\n    '{parts[:-1]}',"
    return lines + ["};"]


def typescript(header):
    def ttype(kind):
        if kind.kind == "array":
            return f"{ttype(kind.to)}[]"
        if kind.kind == "value":
            return "number | bigint" if kind.name in ("int64_t", "uint64_t", "size_t") else "number"
        return "unknown"

    lines = [f"// The types of declarations.js. {NOTICE}", "", "export declare const constants: {"]
    lines += [f"  readonly {name}: {value};" for name, value in header.constants.items()] + ["};"]
    lines += ["export declare const handles: readonly string[];",
              "export declare const callbacks: Readonly<Record<string, string>>;",
              "export declare const structs: Readonly<Record<string, Readonly<Record<string, string>>>>;",
              "export declare const functions: Readonly<Record<string, string>>;"]
    for struct in header.structs:
        lines += ["", f"export interface {struct.name} {{"]
        lines += [f"  {field.name}: {ttype(field.type).replace('number | bigint[]', '(number | bigint)[]')};"
                  for field in struct.fields] + ["}"]
    return lines


FILES = {
    "lua/declarations.lua": lua,
    "node/declarations.js": node,
    "node/declarations.d.ts": typescript,
    "python/librnn/_declarations.py": python,
    "rust/src/sys.rs": rust,
}


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit("usage: generate.py [--check]")
    header, stale = read_header(), []
    for name, language in FILES.items():
        path, text = HERE / name, "\n".join(language(header)) + "\n"
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        if sys.argv[1:] == ["--check"]:
            if old != text:
                stale.append(name)
                sys.stdout.writelines(difflib.unified_diff(
                    old.splitlines(True), text.splitlines(True), f"{name}, checked in", f"{name}, from the header"))
        elif old != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path}")
    if stale:
        sys.exit(f"{', '.join(stale)}: not what the header gives. Run examples/ffi/generate.py.")


if __name__ == "__main__":
    main()
