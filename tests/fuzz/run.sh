#!/usr/bin/env bash
# Builds the fuzzers in build-fuzz/ (or $BUILD_DIR). Runs each over its seed corpus, then with new inputs for SECONDS
# (default 20). Inputs that cause a failure are saved in $BUILD_DIR/found. Inputs that reach more code are saved in
# $BUILD_DIR/corpus, and the next run begins with them. To run one fuzzer: run.sh 600 fuzz_model.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/../.."

seconds=${1:-20}
if [[ ! $seconds =~ ^[0-9]+$ ]]; then
    echo "usage: run.sh [SECONDS [FUZZER...]]" >&2
    exit 2
fi
shift || true
fuzzers=("$@")
if [[ ${#fuzzers[@]} -eq 0 ]]; then
    fuzzers=(fuzz_checkpoint fuzz_encoder fuzz_model fuzz_vocab fuzz_words)
fi

source cmake/packages.sh
need_packages gcc libc6-dev cmake make pkg-config libjansson-dev clang libclang-rt-dev

build=${BUILD_DIR:-build-fuzz}
cmake -S . -B "$build" -DCMAKE_C_COMPILER=clang -DRNN_WERROR=ON -DRNN_BUILD_FUZZERS=ON \
    -DRNN_BUILD_TESTS=OFF -DRNN_BUILD_EXAMPLES=OFF > /dev/null
cmake --build "$build" --target fuzzers --parallel "$(nproc)" > "$build/fuzzers.log" || {
    cat "$build/fuzzers.log"
    exit 1
}

mkdir -p "$build/found"
for fuzzer in "${fuzzers[@]}"; do
    seeds=tests/fuzz/corpus/$fuzzer
    case $fuzzer in
        fuzz_checkpoint) options=(-max_len=8192 -dict=tests/fuzz/json.dict) ;;
        fuzz_model) options=(-max_len=4096 -dict=tests/fuzz/json.dict) ;;
        *) options=(-max_len=512 -dict=tests/fuzz/utf8.dict) ;;
    esac
    # The limit for a single allocation also covers jansson's, which don't use the library's allocator.
    options+=(-malloc_limit_mb=64 -rss_limit_mb=1024 -timeout=10 -artifact_prefix="$build/found/$fuzzer-")
    mkdir -p "$build/corpus/$fuzzer"
    printf '%s: ' "$fuzzer"
    if ! "$build/tests/fuzz/$fuzzer" "${options[@]}" -max_total_time="$seconds" -print_final_stats=1 \
        "$build/corpus/$fuzzer" "$seeds" > "$build/$fuzzer.log" 2>&1; then
        tail -n 40 "$build/$fuzzer.log"
        exit 1
    fi
    sed -n 's/^stat::number_of_executed_units: *\([0-9]*\)/\1 inputs, no failure/p' "$build/$fuzzer.log"
done
