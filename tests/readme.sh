#!/usr/bin/env bash
# The C program in README.md compiles without a warning against the built library, learns a text and continues it.
#   tests/readme.sh SOURCE_DIR BUILD_DIR
set -euo pipefail

if [[ $# -ne 2 ]]; then
    echo "usage: tests/readme.sh SOURCE_DIR BUILD_DIR" >&2
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

# What stands between ```c and the next ```.
# shellcheck disable=SC2016 # these are no command substitutions
sed -n '/^```c$/,/^```$/{/^```/!p}' "$source_dir/README.md" > "$work/learn.c"
[[ $(grep -c '^int main' "$work/learn.c") -eq 1 ]] || fail "README.md doesn't hold exactly one C program"

"${CC:-cc}" -std=c11 -Wall -Wextra -Werror -I"$source_dir/include" "$work/learn.c" -o "$work/learn" \
    -L"$build_dir" -lrnn -Wl,-rpath,"$build_dir"

for ((i = 0; i < 200; i++)); do
    echo "A long time ago, in a small house by the sea, there lived an old fisherman and his cat."
done > "$work/text"
"$work/learn" "$work/text" > "$work/output"

losses=$(sed -n 's/^step [0-9]*: \([0-9.]*\) nats per symbol$/\1/p' "$work/output")
[[ $(wc -l <<< "$losses") -eq 10 ]] || fail "it should print ten losses; it printed: $(cat "$work/output")"
awk 'NR == 1 { first = $1 } END { exit !(first > 2.5 && $1 < 0.2) }' <<< "$losses" ||
    fail "the loss should fall from more than 2.5 to less than 0.2; it went: ${losses//$'\n'/ }"
grep -q 'old fisherman' "$work/output" || fail "it didn't learn the text; it wrote: $(tail -n +11 "$work/output")"

if "$work/learn" "$work/none" 2> "$work/error"; then
    fail "it should fail on a file that isn't there"
fi
if [[ $(wc -l < "$work/error") -ne 1 ]] || ! grep -q "$work/none" "$work/error"; then
    fail "it should say in one line which file isn't there; it said: $(cat "$work/error")"
fi
