#!/usr/bin/env bash
# Runs clang-tidy over C files and fails if it finds anything. The checks are those of .clang-tidy; tests/.clang-tidy
# leaves out more of them in the tests. The directories are those to check; without any, all of src, examples and tests:
#   tests/tidy.sh [DIRECTORY...]
# The compute core is checked once for each precision and instruction set. Files that the build doesn't compile, such as
# the fuzzers, aren't checked.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."

source cmake/packages.sh
need_packages clang clang-tidy cmake make pkg-config libjansson-dev libcmocka-dev python3

build=${BUILD_DIR:-build-tidy}
if [[ $# -eq 0 ]]; then
    set -- src examples tests
fi
cmake -S . -B "$build" -DCMAKE_C_COMPILER=clang -DCMAKE_EXPORT_COMPILE_COMMANDS=ON \
    -DPython3_EXECUTABLE=/usr/bin/python3 > /dev/null
directories=$(IFS='|' && echo "$*")
status=0
run-clang-tidy -quiet -p "$build" -j "$(nproc)" "^$PWD/($directories)/.*\\.c\$" > "$build/tidy.log" 2>&1 || status=$?
grep -v -E '^(.\[[0-9;]*m)?(clang-tidy|[0-9]+ warnings? (generated|treated))' "$build/tidy.log" || true
exit "$status"
