#!/usr/bin/env bash
# Tests the module for Node.js in examples/ffi/node, and runs its example. Without Node.js 18 or koffi, which npm
# installs, it exits with 77.
#   tests/ffi/node.sh LIBRARY WORKING_DIRECTORY
set -euo pipefail

source_dir=$(dirname "$(realpath "$0")")/../..
LIBRNN=$(realpath "$1")
export LIBRNN
mkdir -p "$2/node"
work=$(realpath "$2")

if ! node -e 'process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)'; then
    echo "The module for Node.js isn't tested, because this machine has no Node.js 18."
    exit 77
fi
cd "$work/node"
find . -mindepth 1 -maxdepth 1 ! -name node_modules -exec rm -rf {} +
find "$source_dir/examples/ffi/node" -mindepth 1 -maxdepth 1 ! -name node_modules -exec cp -r {} . \;
version() {
    sed -n "s/.*\"$1\": \"\([0-9.]*\)\".*/\1/p" "$2"
}
if [[ ! -e node_modules/koffi/package.json ||
    $(version version node_modules/koffi/package.json) != "$(version koffi package.json)" ]]; then
    # koffi comes with its compiled library, so no script has to run.
    if ! timeout 120 npm install --no-audit --no-fund --no-package-lock --ignore-scripts --fetch-retries=1; then
        echo "The module for Node.js isn't tested, because npm can't install koffi here."
        exit 77
    fi
fi

node --test

for ((i = 0; i < 200; i++)); do
    echo "the old fisherman and the cat went to the sea"
done > text
node train.js text model.safetensors | tee output
grep -q 'the old fisherman' output
