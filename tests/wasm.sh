#!/usr/bin/env bash
# Builds examples/playground, compiles suites of the compute core to WebAssembly as well, and runs them with Node.js.
# Missing packages are installed first. The results are compared with those of min-char-rnn and PyTorch in tests/golden.
#   tests/wasm.sh [DIRECTORY]
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."

source cmake/packages.sh
need_packages nodejs
root=$PWD
build=$(realpath -m -- "${1:-build-wasm}")
examples/playground/build.sh "$build"
cd "$build"

# Debian has no cmocka for WebAssembly. cmocka uses setjmp() to go on after a failed test, but WebAssembly doesn't have
# it. So here a failed test ends the program.
fetch_source cmocka
cp cmocka/include/*.h include
cat > include/setjmp.h << 'END'
#include <stdlib.h>
typedef int jmp_buf[1];
#define setjmp(place) ((void)(place), 0)
#define longjmp(place, value) ((void)(place), abort())
END

tests=$root/tests
compile=(clang --target=wasm32-wasi -msimd128 -mbulk-memory -O1 -std=gnu11 -include "$root/examples/playground/wasi.h"
    -Iinclude -I"$root/include" -I"$root/src" -I"$tests/support" -D_UINTPTR_T -D_UINTPTR_T_DEFINED
    -DRNN_EXPERIMENTAL -DRNN_SOURCE_DIR='"/source"' -DRNN_TEST_DATA='"/golden"')
link=(-lwasi-emulated-getpid -lwasi-emulated-process-clocks -lwasi-emulated-signal "-Wl,-z,stack-size=262144")
"${compile[@]}" -DHAVE_SIGNAL_H -DHAVE_STRUCT_TIMESPEC -DHAVE_STRINGS_H -DHAVE_INTTYPES_H \
    -c cmocka/src/cmocka.c "$tests/support/support.c" "$tests/support/formulas.c"

# run_suite NAME SOURCE [OPTION...]: the suite's output is shown if it fails.
run_suite() {
    local name=$1
    shift
    "${compile[@]}" "$@" cmocka.o support.o formulas.o librnn.a libjansson.a "${link[@]}" -o "$name.wasm"
    if node --no-warnings "$tests/support/wasi.mjs" "$name.wasm" "$tests/golden" > "$name.log" 2>&1; then
        echo "passed: $name"
    else
        tail -n 30 "$name.log"
        echo "FAILED: $name"
        return 1
    fi
}

for precision in 32 64; do
    for name in vector_math matrix_products; do
        run_suite "${name}_f$precision" "$tests/core/$name.c" -O2 -ffp-contract=off -DRNN_CORE_VECTOR_BYTES=16 \
            -DRNN_CORE_PRECISION=$precision
    done
done
for name in core/test_compute core/test_gradient core/test_torch whole/test_seed; do
    run_suite "$(basename $name)" "$tests/$name.c"
done
