#!/usr/bin/env bash
# Installs missing packages, builds librnn in build/ (or $BUILD_DIR) and runs all tests. Arguments are passed to cmake:
#   tests/run.sh -DRNN_SANITIZE=address,undefined
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."

source cmake/packages.sh
need_packages gcc libc6-dev cmake make pkg-config libjansson-dev libcmocka-dev python3

# Without these, the tests of the modules for other languages are skipped.
want_packages g++ python3-clang python3-venv python3-pip python3-setuptools python3-wheel luajit
want_packages rustc cargo
want_packages golang-go
want_packages nodejs npm

build=${BUILD_DIR:-build}
cmake -S . -B "$build" -DRNN_BUILD_TESTS=ON "$@"
cmake --build "$build" --parallel "$(nproc)"
ctest --test-dir "$build" --parallel "$(nproc)" --output-on-failure --no-tests=error
