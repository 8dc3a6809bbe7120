#!/usr/bin/env bash
# Measures how fast examples/playground trains in Chromium, beside the package recurrent-js of npm. Both are installed
# if they are missing.
#   tests/bench/browser.sh [DIRECTORY]
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/../.."

source cmake/packages.sh
need_packages nodejs npm chromium
root=$PWD
build=$(realpath -m -- "${1:-build-wasm}")
if [[ ! -e examples/playground/rnn.wasm ]]; then
    examples/playground/build.sh "$build"
fi
mkdir -p "$build/bench"
cd "$build/bench"
npm install --no-audit --no-fund --no-package-lock --ignore-scripts --prefix . playwright-core@1.57.0 recurrent-js@1.7.4
cp "$root/tests/bench/browser.mjs" .
node browser.mjs "$root/examples/playground" "$(command -v chromium)"
