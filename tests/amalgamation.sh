#!/usr/bin/env bash
# Tests the amalgamation: gcc and clang compile it without a warning, and a library made from it exports the same
# functions and computes the same bits as the shared library. Without files it needs no jansson.
#   tests/amalgamation.sh PYTHON LIBRARY TEST_BITS
set -euo pipefail

tests=$(dirname "$(realpath "$0")")
python=$1
library=$2
test_bits=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
    echo "tests/amalgamation.sh: $1" >&2
    exit 1
}

mkdir rnn
"$python" "$tests/../cmake/amalgamate.py" "$tests/.." rnn

compilers=()
for compiler in gcc clang; do
    if command -v "$compiler" > /dev/null; then
        compilers+=("$compiler")
    fi
done
[[ ${#compilers[@]} -gt 0 ]] || fail "this machine has neither gcc nor clang"
first=${compilers[0]}

# A build is a name, a compiler and its options. All are compiled at once.
builds=("native $first -O3 -march=native -fPIC" "small $first -O0 -DRNN_WITH_FILES=0")
for compiler in "${compilers[@]}"; do
    builds+=("$compiler $compiler -O2")
done
jobs=()
for build in "${builds[@]}"; do
    read -r name command <<< "$build"
    # shellcheck disable=SC2086 # the command is several words
    $command -Wall -Werror -c rnn/rnn.c -o "$name.o" &
    jobs+=($!)
done
definitions=(-D_POSIX_C_SOURCE=200809L -DRNN_EXPERIMENTAL -DRNN_SOURCE_DIR='""' -DRNN_TEST_DATA='""')
for source in whole/test_bits.c support/support.c support/formulas.c; do
    "$first" -O1 "${definitions[@]}" -I. -I"$tests/support" -c "$tests/$source"
done
for i in "${!jobs[@]}"; do
    wait "${jobs[i]}" || fail "this build fails: ${builds[i]}"
done

# With fused multiply-add the bits are the golden ones; without it, those of the shared library without it.
RNN_CPU=baseline "$test_bits" --write baseline.txt
for build in "${builds[@]}"; do
    read -r name command <<< "$build"
    [[ $name != small ]] || continue
    # shellcheck disable=SC2086
    if [[ $(uname -m) =~ ^(aarch64|s390x)$ ]] || $command -dM -E - < /dev/null | grep __FMA__ > /dev/null; then
        expected=$tests/golden/bits.txt
    else
        expected=baseline.txt
    fi
    "$first" -o bits test_bits.o support.o formulas.o "$name.o" -ljansson -lcmocka -lm -pthread
    ./bits --write bits.txt
    diff "$expected" bits.txt > /dev/null || fail "this build's bits aren't those of $expected: $build"
    echo "ok: $build: $(basename "$expected")"
done

exported() {
    nm -D --defined-only "$1" | awk '$2 == "T" { sub("@.*", "", $3); print $3 }' | sort
}
"$first" -shared -o librnn.so native.o -ljansson -lm -pthread
diff <(exported "$library") <(exported librnn.so) || fail "the shared library exports other functions"
"$first" -I. "$tests/install/consumer.c" -o consumer small.o -lm -pthread
./consumer > /dev/null || fail "a program without files fails"
echo "ok: exports the same functions; needs no jansson without files"
