#!/usr/bin/env bash
# Tests examples/ffi/cpp/rnn.hpp in C++17 and C++20, with each of g++ and clang++ that the machine has, and with
# Valgrind if it is installed.
#   tests/ffi/cpp.sh LIBRARY
# Exits with 77 if there is no C++ compiler.
set -euo pipefail

library=$(realpath "$1")
cd "$(dirname "$(realpath "$0")")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tested=0
for compiler in g++ clang++; do
    command -v "$compiler" > /dev/null || continue
    for standard in 17 20; do
        "$compiler" -std=c++$standard -O1 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -Iinclude \
            -Iexamples/ffi/cpp -o "$work/test" tests/ffi/test_cpp.cpp "$library" -Wl,-rpath,"$(dirname "$library")"
        mkdir -p "$work/files"
        "$work/test" "$work/files"
        echo "ok: $compiler, C++$standard"
        tested=$((tested + 1))
    done
done
if ((tested == 0)); then
    echo "This machine has neither g++ nor clang++. This test has tested nothing."
    exit 77
fi
if command -v valgrind > /dev/null; then
    valgrind --quiet --error-exitcode=1 --leak-check=full "$work/test" "$work/files"
    echo "ok: valgrind"
fi
