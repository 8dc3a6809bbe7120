#!/usr/bin/env bash
# Builds librnn, trains a model on a text for one minute, and prints a sample of its writing.
#   examples/quickstart.sh [FILE]
# The text is FILE, or librnn's own sources if no FILE is given. Missing packages are installed first.
set -euo pipefail

if [[ $# -gt 1 ]]; then
    echo "usage: examples/quickstart.sh [FILE]" >&2
    exit 2
fi
if [[ $# -eq 1 && ! -f $1 ]]; then
    echo "examples/quickstart.sh: FILE is '$1'; it must be a file with a text of 100 KB or more" >&2
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
    text=$build/librnn-sources.txt
    find README.md docs include src \( -name '*.[ch]' -o -name '*.md' \) -type f | sort | xargs cat > "$text"
fi
program=$build/examples/char_rnn
model=$build/quickstart.safetensors

echo
echo "Training for one minute on ${1:-"librnn's own sources"}. Press Ctrl-C to stop earlier."
"$program" train "$text" --minutes 1 --out "$model" || [[ $? -eq 130 ]]

echo
echo "It writes:"
"$program" sample "$model" --length 400
echo
echo "Next, you could try:"
printf '    %q sample %q --prompt "..." --temperature 0.6\n' "$program" "$model"
printf '    %q evaluate %q FILE --surprise surprise.html\n' "$program" "$model"
printf '    %q train FILE --minutes 10\n' "$program"
