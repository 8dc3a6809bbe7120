#!/usr/bin/env bash
# Tests that compiled programs still work with today's library.
#   tests/abi/run.sh BUILD_DIR            runs the tests
#   tests/abi/run.sh --update             describes today's library in librnn.abi, after something was added to it
#
# librnn.abi, written by abidw, describes functions, structs and constants. A change that isn't compatible fails and is
# printed. So does an addition that isn't in librnn.abi yet. The .o files are programs of version 0.1.0, compiled for
# x86-64 with its header: `gcc -std=c11 -O1 -fPIE -Iinclude -c examples/NAME.c`.
set -euo pipefail

if [[ $# -ne 1 ]]; then
    echo "usage: tests/abi/run.sh BUILD_DIR | --update" >&2
    exit 2
fi
here=$(dirname "$(realpath "$0")")
source=$(realpath "$here/../..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [[ $(uname -m) != x86_64 ]]; then
    echo "skipped: librnn.abi and the programs are for x86-64"
    exit 77
fi

describe() { # FILE: describes today's library
    command -v abidw > /dev/null || { echo "abidw is missing; on Debian it is in abigail-tools" >&2; exit 77; }
    {
        cmake -S "$source" -B "$work/build" -DCMAKE_BUILD_TYPE=Debug -DRNN_BUILD_TESTS=OFF -DRNN_BUILD_EXAMPLES=OFF
        cmake --build "$work/build" --target librnn_shared --parallel "$(nproc)"
    } > "$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; exit 1; }
    abidw --headers-dir "$source/include" --drop-private-types --no-show-locs --no-corpus-path --no-comp-dir-path \
        "$work/build/librnn.so" --out-file "$1"
    sed -i "s|path='$source/|path='|" "$1"
}

if [[ $1 == --update ]]; then
    describe "$here/librnn.abi"
    exit
fi
build=$(realpath "$1")
[[ -e $build/librnn.so ]] || { echo "tests/abi/run.sh: there is no library in $build" >&2; exit 2; }

# ---- Programs of version 0.1 ----

for name in min_char_rnn resume; do
    cc "$here/${name}_0_1.o" -o "$work/$name" -L"$build" -lrnn -lm -Wl,-rpath,"$build"
done
cd "$work"
cp "$source/docs/howto.md" text
"$build/examples/min_char_rnn" --iterations 300 text > today
./min_char_rnn --iterations 300 text > earlier
cmp today earlier
echo "ok: min_char_rnn of 0.1 prints what today's prints"
./resume text whole 120 > /dev/null
./resume text parts 50 > /dev/null
./resume text parts 120 > /dev/null
cmp whole parts
echo "ok: resume of 0.1 goes on where it stopped"

# ---- The description ----

describe "$work/today.abi"
changes=0
abidiff --suppressions "$here/compatible.suppr" "$here/librnn.abi" "$work/today.abi" > changes || changes=$?
if ((changes != 0)); then
    cat changes >&2
    echo "If the library only grew, run tests/abi/run.sh --update. Otherwise programs would stop working." >&2
    exit 1
fi
echo "ok: no function, struct or constant has changed"
