#!/usr/bin/env bash
# Tests examples/playground in Chromium, and tests that char_rnn reads the model that the page saves. Run tests/wasm.sh
# or examples/playground/build.sh first. If Chromium is missing, or npm can't install playwright-core, it exits with 77.
#   tests/playground.sh BUILD_DIRECTORY [SCREENSHOTS]
set -euo pipefail
root=$(dirname "$(realpath "$0")")/..
build=$(realpath -- "$1")
pictures=${2:+$(realpath -- "$2")}

source "$root/cmake/packages.sh"
want_packages nodejs npm chromium
if ! command -v chromium > /dev/null; then
    echo "The page isn't tested, because this machine has no Chromium."
    exit 77
fi
mkdir -p "$build/playground"
cd "$build/playground"
# This version runs on Node.js 18, as Debian 12 has it.
if ! timeout 120 npm install --no-audit --no-fund --no-package-lock --ignore-scripts --fetch-retries=1 \
    --prefix . playwright-core@1.57.0; then
    echo "The page isn't tested, because npm can't install playwright-core here."
    exit 77
fi

page=$root/examples/playground
size=$(cat "$page"/{rnn.wasm,index.html,style.css,js/*,texts/*} | wc -c)
if [[ $size -gt 400000 ]]; then
    echo "tests/playground.sh: the page takes $size bytes; it must take at most 400000" >&2
    exit 1
fi
cp "$root/tests/playground/page.mjs" .
node page.mjs "$page" "$(command -v chromium)" "$pictures"
"$build/examples/char_rnn" evaluate model.safetensors "$page/texts/play.txt"
"$build/examples/char_rnn" sample model.safetensors --length 100
