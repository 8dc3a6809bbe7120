#!/usr/bin/env bash
# Measures which lines of src/ the suites run, writes an HTML report to coverage/html in the build directory, and fails
# if the suites run less than 99 % of the lines:
#   tests/coverage.sh [CTEST OPTIONS]
# The kernels are compiled for each precision and instruction set. A line counts as run if any of these builds ran it.
# docs/contributing.md says which lines no suite runs, and why.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."

source cmake/packages.sh
need_packages gcc libc6-dev cmake make pkg-config libjansson-dev libcmocka-dev python3 lcov

build=${BUILD_DIR:-build-coverage}
least=99

# Several threads of a suite count at the same time, so the counters must be atomic. Some suites start child processes
# that end with _exit(), which would lose their counts.
cmake -S . -B "$build" -DRNN_BUILD_EXAMPLES=OFF -DPython3_EXECUTABLE=/usr/bin/python3 \
    -DCMAKE_C_FLAGS='--coverage -fprofile-update=atomic -D_exit=exit'
cmake --build "$build" --parallel "$(nproc)"
build=$(realpath "$build")
lcov --quiet --zerocounters --directory "$build"

# Counting needs stack and time, so suites that measure these are left out. Long suites that only compare bits are left
# out as well, and long ones run only with the library's own choice of instruction set.
ctest --test-dir "$build" --parallel "$(nproc)" --output-on-failure --no-tests=error \
    --tests-regex '^(test_|processors|vector_math|matrix_products)' \
    --exclude-regex '^test_(bits|seed|small_stack|tasks|unload|foreign_openmp|(cells|differential|gradient|torch)\.)' "$@"
if grep 'libgcov profiling error' "$build/Testing/Temporary/LastTest.log"; then
    echo "tests/coverage.sh: a process has spoilt the counts" >&2
    exit 1
fi

lcov --quiet --capture --no-external --base-directory "$PWD" --directory "$build" --output-file "$build/coverage.info"
lcov --quiet --extract "$build/coverage.info" "$PWD/src/*" --output-file "$build/coverage.info"
genhtml --quiet --legend --title "librnn" --prefix "$PWD" --output-directory "$build/coverage/html" "$build/coverage.info"

# Prints the lines that no suite ran, and the share of the lines that were run.
awk -F '[:,]' -v prefix="$PWD/" -v least="$least" '
    /^SF:/ { file = substr($0, 4); sub(prefix, "", file) }
    /^DA:/ { lines++; if ($3 > 0) run++; else print file ":" $2 }
    END {
        share = 100 * run / lines
        printf "%d of %d lines run: %.2f %%\n", run, lines, share
        exit share < least
    }' "$build/coverage.info"
