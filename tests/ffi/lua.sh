#!/usr/bin/env bash
# Tests examples/ffi/lua: lua.sh LIBRARY
# Exits with 77 if luajit isn't installed.
set -euo pipefail

LIBRNN=$(realpath "$1")
export LIBRNN
root=$(dirname "$(realpath "$0")")/../..
if ! command -v luajit > /dev/null; then
    echo "luajit isn't installed. This test has tested nothing."
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LUA_PATH="$root/examples/ffi/lua/?.lua;;"

luajit "$root/tests/ffi/test_lua.lua" "$work"
for _ in {1..100}; do
    echo "the quick brown fox jumps over the lazy dog"
done > "$work/text"
luajit "$root/examples/ffi/lua/train.lua" "$work/text" "$work/model" > "$work/output"
grep -q 'step 5000: .* gradients of norm [0-9]' "$work/output"
grep -q 'lazy dog' "$work/output"
if luajit "$root/examples/ffi/lua/train.lua" "$work/absent" "$work/model" 2> "$work/errors"; then
    echo "train.lua accepts a file that isn't there" >&2
    exit 1
fi
grep -q "^train.lua: .*absent" "$work/errors"
echo "ok: train.lua"
