#!/usr/bin/env bash
# Installs missing packages, builds librnn for AArch64 in build-aarch64/ (or $BUILD_DIR) and runs the suites of the
# compute core under QEMU, and examples/compress. They run on one thread, since not every QEMU can create more.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."

if [[ $(uname -m) == aarch64 ]]; then
    echo "This machine is an AArch64, so tests/run.sh tests it already."
    exit
fi

source cmake/packages.sh
if ! has_package libcmocka-dev:arm64 && command -v dpkg > /dev/null; then
    as_root dpkg --add-architecture arm64
fi
need_packages cmake make pkg-config gcc-aarch64-linux-gnu qemu-user libjansson-dev:arm64 libcmocka-dev:arm64

build=${BUILD_DIR:-build-aarch64}
libraries=/usr/lib/aarch64-linux-gnu
PKG_CONFIG_LIBDIR=$libraries/pkgconfig cmake -S . -B "$build" -DRNN_BUILD_TESTS=ON -DRNN_BUILD_EXAMPLES=ON \
    -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc "$@"
cmake --build "$build" --parallel "$(nproc)"

emulate() {
    qemu-aarch64 -L /usr/aarch64-linux-gnu -E RNN_NUM_THREADS=1 -E "LD_LIBRARY_PATH=$libraries:$build" "$@"
}

run_suite() {
    if emulate "$build/tests/$1" > "$build/$1.log" 2>&1; then
        echo "passed: $1"
    else
        cat "$build/$1.log"
        echo "FAILED: $1"
        return 1
    fi
}

same_bits() {
    emulate "$build/tests/test_bits" --write "$build/bits.txt"
    diff "$build/bits.txt" tests/golden/bits.txt
    echo "passed: the bits of tests/golden/bits.txt"
}

# Both directions: an archive of another machine is read, and the same archive is written.
same_archive() {
    emulate "$build/examples/compress" -q -d tests/golden/license.rnz -c | cmp - LICENSE
    emulate "$build/examples/compress" -q LICENSE -c | cmp - tests/golden/license.rnz
    echo "passed: the archive tests/golden/license.rnz"
}

export -f emulate run_suite same_bits same_archive
export build libraries
suites=(vector_math_f32_baseline vector_math_f64_baseline matrix_products_f32_baseline matrix_products_f64_baseline
    test_compute test_compute_refusals test_dropout test_initial test_long_sums test_model test_model_gradients
    test_optimizer_rules test_parameters test_sampler test_seed test_small_stack test_torch)
printf '%s\n' same_bits same_archive "${suites[@]/#/run_suite }" | xargs -P "$(nproc)" -I {} bash -euo pipefail -c '{}'
