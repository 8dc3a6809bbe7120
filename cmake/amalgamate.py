#!/usr/bin/env python3
"""Writes the amalgamation: rnn.c, which holds all sources of the library, and rnn.h.

    amalgamate.py SOURCE_DIR OUTPUT_DIR

Each of the project's headers is included once, and the system's headers come first. The compute core is there twice,
once for each precision. A name that several sources define gets a prefix: f32_ or f64_ in the core, the name of the
source elsewhere.
"""
import re
import sys
from collections import Counter
from pathlib import Path

HEAD = '''/*
 * rnn.c: librnn {version} in one file, made by cmake/amalgamate.py from librnn's sources. rnn.h is its header.
 *
 *     cc -O2 -c rnn.c                       needs jansson, and -ljansson -lm -pthread when the program is linked
 *     cc -O2 -c -DRNN_WITH_FILES=0 rnn.c    needs only -lm -pthread; the functions that save or load fail
 *     cc -O2 -c -DRNN_WITH_THREADS=0 rnn.c  needs no -pthread; each call computes on the calling thread
 *
 * It needs gcc or clang, and on i386 the options -msse2 -mfpmath=sse. Its instruction set is that of the command:
 * -march=native makes it faster, and so does -mavx2 -mfma. All instruction sets with fused multiply-add, which
 * -march=native has on most machines, give the same bits as the shared library. -ffast-math is refused. Don't use
 * -ffp-contract=fast with clang: it would change the bits. With one of these sets, gcc for Windows also needs
 * -Wa,-muse-unaligned-vector-move. If the environment variable RNN_CPU is set, it must be "baseline".
 *
{licence}
 */
#ifndef RNN_WITH_FILES
#define RNN_WITH_FILES 1
#endif
#ifndef RNN_WITH_THREADS
#define RNN_WITH_THREADS 1
#endif
#ifndef RNN_EXPERIMENTAL
#define RNN_EXPERIMENTAL
#endif
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#ifndef _DARWIN_C_SOURCE
#define _DARWIN_C_SOURCE
#endif
#if !defined _POSIX_C_SOURCE && !defined __FreeBSD__
#define _POSIX_C_SOURCE 200809L
#endif
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#endif

/* The compiler must not fuse products and sums on its own: that would change the bits. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#pragma clang diagnostic ignored "-Wunused-function"
#else
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC optimize("fp-contract=off", "no-math-errno", "no-trapping-math", "tree-vectorize")
#endif

#if defined __AVX512F__ && defined __AVX512DQ__ && defined __AVX512BW__ && defined __AVX512VL__ && defined __FMA__
#define RNN_CORE_VECTOR_BYTES 64
#elif defined __AVX2__ && defined __FMA__
#define RNN_CORE_VECTOR_BYTES 32
#else
#define RNN_CORE_VECTOR_BYTES 16
#endif

#include "rnn.h"

{system}
/* Functions that the header doesn't declare aren't visible to other files, if rnn.c is part of a shared library. */
#pragma GCC visibility push(hidden)
'''

TOKEN = re.compile(r'''
    (?P<comment>/\*.*?\*/)
  | (?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
  | (?P<number>\.?[0-9](?:[eEpP][+-]|[\w.])*)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<space>(?:\s|\\\n)+)
  | (?P<mark>->|.)
''', re.VERBOSE | re.DOTALL)
NOT_DECLARED = set('''auto bool char const double enum extern float inline int long register short signed sizeof static
    struct typedef union unsigned void volatile _Alignas _Atomic _Bool _Static_assert _Thread_local __attribute__
    RNN_CORE_NAME'''.split())

TAKEN = ['read']  # names of functions of the system that sources use for functions of their own


def tokens(text):
    return [(m.lastgroup, m.group()) for m in TOKEN.finditer(text)]


# ---- Names ----

def declared(text):
    """The names that a source declares at file scope: functions, variables, types, tags and enumerators."""
    text = re.sub(r'^ *#(?:\\\n|.)*', '', text, flags=re.MULTILINE)
    names, outer, inner, depth = [], [], [], 0
    for kind, token in tokens(text):
        if kind in ('comment', 'space'):
            continue
        depth -= token == '}'
        if depth > 0:
            inner.append(token)
        elif token == '{':
            is_enum = 'enum' in outer[-2:]
            is_function = outer[-1:] == [')']
            inner = []
        elif token == '}':
            names += enumerators(inner) if is_enum else []
            if is_function:
                names += declarators(outer)
                outer = []
        elif token == ';':
            names += declarators(outer)
            outer = []
        else:
            outer.append(token)
        depth += token == '{'
    names += declarators(outer)
    return set(names) - NOT_DECLARED


def is_name(token):
    return re.fullmatch(r'[A-Za-z_]\w*', token) is not None


def enumerators(code):
    """The names in the braces of an enum."""
    names, begins, depth = [], True, 0
    for token in code:
        depth += {'(': 1, ')': -1}.get(token, 0)
        if begins:
            names.append(token)
        begins = token == ',' and depth == 0
    return names


def without_attributes(code):
    kept, depth = [], 0
    for before, token in zip([''] + code, code):
        if token == '(' and (depth > 0 or before == '__attribute__'):
            depth += 1
        if depth == 0 and token != '__attribute__':
            kept.append(token)
        if token == ')' and depth > 0:
            depth -= 1
    return kept


def declarators(code):
    """The names in a declaration or before a function's body, without what stands in braces."""
    names = []
    code = without_attributes(code)
    while len(code) >= 4 and code[0].isupper() and code[1] == '(' and code[3] == ')':
        names.append(code[2])  # RULE(name) declares `name`
        code = code[4:]
    names += [b for a, b in zip(code, code[1:]) if a in ('struct', 'union', 'enum') and is_name(b)]
    depth, name, seen, found = 0, None, 0, False
    for token, following in zip(code, code[1:] + [';']):
        if token == '(' and following == '*' and not found and depth == 0:
            name = code[code.index('*', code.index('(')) + 1]
            names.append(name)
            found = True
        elif depth == 0 and token in ('(', '[', '=', ',') and name:
            if not found and seen > 1:
                names.append(name)
            found = token != ','
        elif depth == 0 and is_name(token) and not found:
            name, seen = token, seen + 1
        depth += {'(': 1, '[': 1, ')': -1, ']': -1}.get(token, 0)
    if name and not found and seen > 1:
        names.append(name)
    return names


def renamed(text, names):
    """Gives names new ones. The fields of structs keep theirs."""
    code = tokens(text)
    solid = [i for i, (kind, _) in enumerate(code) if kind not in ('comment', 'space')]
    braces = []
    for place, i in enumerate(solid):
        def near(offset):
            at = place + offset
            return code[solid[at]][1] if 0 <= at < len(solid) else ''
        token = code[i][1]
        if token == '{':
            braces.append('struct' if {near(-1), near(-2)} & {'struct', 'union'} else '')
        elif token == '}':
            braces.pop()
        elif code[i][0] == 'name' and token in names:
            field = braces and braces[-1] == 'struct' and (
                near(1) in (';', ',', '[', ':') and near(-1) not in ('[', '(') or near(-1) == '*' and near(1) == ')')
            if not field and near(-1) not in ('.', '->'):
                code[i] = ('name', names[token])
    return ''.join(token for _, token in code)


# ---- Files ----

def macros(text):
    """The macros that a text defines and doesn't undefine."""
    names = dict.fromkeys(re.findall(r'^ *# *define (\w+)', text, re.MULTILINE))
    return [name for name in names if not re.search(rf'^ *# *undef {name}$', text, re.MULTILINE)]


def undefined(text):
    return text + ''.join(f'#undef {name}\n' for name in macros(text))


class Amalgamation:
    def __init__(self, root):
        self.root = root
        self.included = set()
        self.system = set()

    def read(self, path):
        """A file without its guard, the public header and the system's headers. These go to the top of rnn.c."""
        text = (self.root / 'src' / path).read_text()
        guard = re.search(r'^#ifndef (RNN_\w+_H)\n#define \1\n', text, re.MULTILINE)
        if guard:
            text = text.replace(guard.group(), '', 1)
            text = re.sub(r'\n#endif\n\Z', '\n', text)
        text = re.sub(r'^#define _GNU_SOURCE\b.*\n|^#include <rnn/rnn.h>\n', '', text, flags=re.MULTILINE)
        lines, depth = [], 0
        for line in text.splitlines(keepends=True):
            depth += bool(re.match(r' *# *if', line)) - bool(re.match(r' *# *endif', line))
            header = re.fullmatch(r'#include (<.*>)\n', line)
            if header and depth == 0 and header.group(1) != '<jansson.h>':
                self.system.add(header.group(1))
                continue
            if header:  # it stays where it is: not every machine has it
                line = f'#pragma GCC visibility push(default)\n{line}#pragma GCC visibility pop\n'
            lines.append(line)
        return ''.join(lines)

    def expand(self, path):
        """The pieces of text that a file consists of: headers that haven't been included, and the file itself."""
        text = self.read(path)
        own = re.compile(r'^#include "(.*)"\n', re.MULTILINE)
        pieces = []
        for header in own.findall(text):
            if header not in self.included:
                self.included.add(header)
                pieces += self.expand(header)
        return pieces + [(path, own.sub('', text))]


    def declared_by_headers(self, path):
        """The names that the headers declare that a file includes, directly or not."""
        names, todo, done = set(), [path], set()
        while todo:
            text = (self.root / 'src' / todo.pop()).read_text()
            headers = set(re.findall(r'^#include "(.*)"$', text, re.MULTILINE)) - done
            done |= headers
            todo += headers
        for header in done:
            names |= declared((self.root / 'src' / header).read_text())
        return names


def banner(path):
    return f'\n/* ==== src/{path} '.ljust(118, '=') + ' */\n\n'


def is_of_core(path):
    return path.startswith('core/') and path != 'core/core.h'


def core(pieces):
    """Both precisions of the compute core."""
    own = [(path, text) for path, text in pieces if is_of_core(path)]
    result = [banner(path) + text for path, text in pieces if not is_of_core(path)]
    together = ''.join(text for _, text in own)
    names = set().union(*(declared(text) for _, text in own))
    for bits in (32, 64):
        result.append(f'\n#define RNN_CORE_PRECISION {bits}\n#define RNN_CORE_NAME librnn_core_f{bits}_baseline\n')
        result += [banner(path) + renamed(text, {name: f'f{bits}_{name}' for name in names}) for path, text in own]
        result += [f'#undef {name}\n' for name in ['RNN_CORE_PRECISION', 'RNN_CORE_NAME'] + macros(together)]
    return ''.join(result)


def amalgamate(root):
    library = Amalgamation(root)
    sources = sorted(path.relative_to(root / 'src').as_posix() for path in root.glob('src/*/*.c'))
    files = [path for path in sources if path.startswith('storage/') and path != 'storage/structs.c']
    files.remove('storage/absent.c')
    threads = ['base/processors.c', 'base/threads.c']
    apart = files + threads + ['storage/absent.c', 'base/alone.c']
    others = [path for path in sources if path not in apart + ['core/core.c']] + ['compat.c']
    parts = {path: library.expand(path) for path in ['core/core.c'] + others + apart}

    count = Counter(TAKEN)
    for path, pieces in parts.items():
        for piece, text in pieces:
            if not is_of_core(piece):
                count.update(declared(text))

    def whole(path):
        text = ''
        for piece, content in parts[path]:
            if piece == path:
                shared = library.declared_by_headers(path)
                clashing = [name for name in declared(content) - shared if count[name] > 1 and name[:4] != 'rnn_']
                content = renamed(content, {name: f'{Path(path).stem}_{name}' for name in clashing})
                content = undefined(content)
            text += banner(piece) + content
        return text

    def either(option, present, absent):
        return f'\n#if {option}\n' + ''.join(map(whole, present)) + '\n#else\n' + whole(absent) + '\n#endif\n'

    body = core(parts['core/core.c']) + ''.join(map(whole, others))
    body += either('RNN_WITH_FILES', files, 'storage/absent.c')
    body += either('RNN_WITH_THREADS', threads, 'base/alone.c') + '\n#pragma GCC visibility pop\n'
    header = (root / 'include/rnn/rnn.h').read_text()
    version = '.'.join(re.findall(r'#define RNN_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)', header))
    licence = '\n'.join(f' * {line}'.rstrip() for line in (root / 'LICENSE').read_text().strip().splitlines())
    system = ''.join(f'#include {name}\n' for name in sorted(library.system))
    head = HEAD.format(version=version, licence=licence, system=system)
    return re.sub(r'\n{3,}', '\n\n', head + body), header


def main():
    root, output = map(Path, sys.argv[1:])
    source, header = amalgamate(root)
    output.mkdir(parents=True, exist_ok=True)
    (output / 'rnn.c').write_text(source)
    (output / 'rnn.h').write_text(header)


main()
