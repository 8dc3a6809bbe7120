#!/usr/bin/env bash
# Builds librnn, then trains a character-level network for one minute and shows what it would write meanwhile.
#   examples/quickstart.sh [FILE]
# learns FILE, or else librnn's own sources. Installs what the build needs and the machine lacks.
set -euo pipefail

if [[ $# -gt 1 ]]; then
    echo "usage: examples/quickstart.sh [FILE]" >&2
    exit 2
fi
if [[ $# -eq 1 && ! -f $1 ]]; then
    echo "examples/quickstart.sh: '$1' is not a file; give it a text to learn, 100 KB or more" >&2
    exit 2
fi
text=${1:+$(realpath -- "$1")}
cd "$(dirname "$(realpath "$0")")/.."

source cmake/packages.sh
need_packages gcc libc6-dev cmake make pkg-config libjansson-dev

build=$(realpath -m -- "${BUILD_DIR:-build}")
cmake -S . -B "$build" -DRNN_BUILD_TESTS=OFF
cmake --build "$build" --parallel "$(nproc)"

if [[ -z $text ]]; then
    text=$(mktemp)
    trap 'rm -f "$text"' EXIT
    cat README.md docs/*.md include/rnn/*.h src/*.c src/core/* > "$text"
fi

echo
echo "Training for one minute on ${1:-"librnn's own sources"}; what the network would write follows now and then."
timeout --foreground --preserve-status --signal=INT 60 \
    "$build/examples/min_char_rnn" "$text" --sample-every 40000

echo
printf 'Next: your own text, longer, with a larger network: %q FILE --hidden 256\n' "$build/examples/min_char_rnn"
