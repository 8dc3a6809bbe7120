#!/usr/bin/env bash
# Tests README.md with an installed librnn. Its C program must compile without a warning with the commands given there,
# learn a text and continue it. Its excerpts of CMake must configure.
#   tests/readme.sh SOURCE_DIR BUILD_DIR [CONFIGURATION]
set -euo pipefail

if [[ $# -lt 2 || $# -gt 3 ]]; then
    echo "usage: tests/readme.sh SOURCE_DIR BUILD_DIR [CONFIGURATION]" >&2
    exit 2
fi
source_dir=$(realpath "$1")
build_dir=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "tests/readme.sh: $1" >&2
    exit 1
}

cmake --install "$build_dir" ${3:+--config "$3"} --prefix "$work/prefix" > "$work/install.log"
libdir=$(dirname "$(find "$work/prefix" -name librnn.so)")
export PKG_CONFIG_PATH=$libdir/pkgconfig LD_LIBRARY_PATH=$libdir

# Prints the lines between ```LANGUAGE and the next ```.
# shellcheck disable=SC2016 # the backticks aren't command substitutions
blocks() {
    sed -n '/^```'"$1"'$/,/^```$/{s/^```'"$1"'$//;s/^```$/END OF BLOCK/;p}' "$source_dir/README.md"
}
blocks c | grep -v '^END OF BLOCK$' > "$work/learn.c"
[[ $(grep -c '^int main' "$work/learn.c") -eq 1 ]] || fail "README.md should have exactly one C program"

cd "$work"
commands=0
while read -r command; do
    eval "${command/#cc/${CC:-cc} -std=c11 -Wall -Wextra -Werror}" || fail "this command fails: $command"
    ./learn none 2> error && fail "learn should fail on a missing file"
    commands=$((commands + 1))
done < <(grep -E '^    cc .*learn\.c' "$source_dir/README.md")
[[ $commands -eq 2 ]] || fail "README.md should give two commands to compile learn.c, not $commands"

ln -s "$source_dir" librnn
tar -czf librnn.tar.gz -C "$source_dir" CMakeLists.txt cmake include src
pieces=0
while read -r -d $'\001' piece; do
    pieces=$((pieces + 1))
    mkdir "piece$pieces"
    ln -s ../learn.c ../librnn ../librnn.tar.gz "piece$pieces"
    {
        printf 'cmake_minimum_required(VERSION 3.20)\nproject(learn LANGUAGES C)\n'
        grep -q add_executable <<< "$piece" || echo 'add_executable(learn learn.c)'
        echo "$piece"
    } > "piece$pieces/CMakeLists.txt"
    cmake -S "piece$pieces" -B "piece$pieces/build" -DCMAKE_PREFIX_PATH="$work/prefix" > cmake.log 2>&1 ||
        fail "this excerpt doesn't configure: $piece"$'\n'"$(tail -n 20 cmake.log)"
done < <(blocks cmake | sed 's/^END OF BLOCK$/\x01/')
[[ $pieces -eq 3 ]] || fail "README.md should have three excerpts of CMake, not $pieces"

for ((i = 0; i < 200; i++)); do
    echo "A long time ago, in a small house by the sea, there lived an old fisherman and his cat."
done > "$work/text"
"$work/learn" "$work/text" > "$work/output"

losses=$(sed -n 's/^step [0-9]*: \([0-9.]*\) nats per symbol$/\1/p' "$work/output")
[[ $(wc -l <<< "$losses") -eq 10 ]] || fail "learn should print ten losses; it printed: $(cat "$work/output")"
awk 'NR == 1 { first = $1 } END { exit !(first > 2.5 && $1 < 0.2) }' <<< "$losses" ||
    fail "the loss should fall from more than 2.5 to less than 0.2; the losses are: ${losses//$'\n'/ }"
grep -q 'old fisherman' "$work/output" || fail "learn didn't learn the text; it wrote: $(tail -n +11 "$work/output")"

if "$work/learn" "$work/none" 2> "$work/error"; then
    fail "learn should fail on a missing file"
fi
if [[ $(wc -l < "$work/error") -ne 1 ]] || ! grep -q "$work/none" "$work/error"; then
    fail "learn should name the missing file in one line; it printed: $(cat "$work/error")"
fi
