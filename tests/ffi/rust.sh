#!/usr/bin/env bash
# Tests the Rust crate in examples/ffi/rust with cargo, and runs its example. Without cargo it exits with 77.
#   tests/ffi/rust.sh DIRECTORY_OF_LIBRARY WORKING_DIRECTORY
set -euo pipefail

source_dir=$(dirname "$(realpath "$0")")/../..
library_dir=$(realpath "$1")
mkdir -p "$2"
work=$(realpath "$2")

if ! cargo --version || ! rustc --version; then
    echo "The Rust crate isn't tested, because this machine has no cargo or no rustc."
    exit 77
fi
rm -rf "$work/rust"
cp -r "$source_dir/examples/ffi/rust" "$work/rust"
rm -rf "$work/rust/target"
cd "$work/rust"
export CARGO_TARGET_DIR=$work/rust-target LIBRNN_DIR=$library_dir
export LD_LIBRARY_PATH=$library_dir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

cargo test --offline --locked

for ((i = 0; i < 200; i++)); do
    echo "the old fisherman and the cat went to the sea"
done > "$work/rust/text"
cargo run --offline --quiet --example train text model.safetensors | tee output
grep -q 'the old fisherman and the cat went to the sea' output
