#!/usr/bin/env bash
# Tests the programs of the documentation. docs/tutorial.md: the listings of each step and of the steps before it make a
# program that compiles without a warning and works as described. docs/mainpage.md: its program compiles.
# docs/howto.md: each excerpt is part of the program that is named before it.
#   tests/tutorial.sh SOURCE_DIR BUILD_DIR [CONFIGURATION]
set -euo pipefail

if [[ $# -lt 2 || $# -gt 3 ]]; then
    echo "usage: tests/tutorial.sh SOURCE_DIR BUILD_DIR [CONFIGURATION]" >&2
    exit 2
fi
source_dir=$(realpath "$1")
build_dir=$(realpath "$2")
library=$(find "$build_dir/${3:-}" -maxdepth 1 -name librnn.so)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
    echo "tests/tutorial.sh: $1" >&2
    exit 1
}

compile() { # PROGRAM
    ${CC:-cc} -Wall -Wextra -Werror -O -I"$source_dir/include" "$1.c" -o "$1" "$library" \
        -Wl,-rpath,"$(dirname "$library")" || fail "$1.c doesn't compile"
}

# Writes step1.c, step2.c and so on. A definition in a listing begins at the start of a line. It replaces an earlier
# definition of the same name. A new definition goes before those that follow it in its listing, and main() is last.
awk '
    function name(line) {
        if (line ~ /^#include/)
            return line
        if (line ~ /^enum/)
            return substr(line, 1, index(line, "="))
        sub(/\(.*/, "", line)
        sub(/.*[ *]/, "", line)
        return line
    }
    function place(at, i, n) { # the new definitions, before the one at this place
        n = split(fresh, names, "\n")
        for (i = count - 1; i >= at; i--)
            order[i + n] = order[i]
        for (i = 0; i < n; i++)
            order[at + i] = names[i + 1]
        count += n
        fresh = ""
    }
    function keep(i) {
        if (key == "")
            return
        for (i = 0; i < count && order[i] != key; i++)
            ;
        if (i < count)
            place(i)
        else
            fresh = fresh (fresh == "" ? "" : "\n") key
        sub(/\n+$/, "", body)
        text[key] = body
        key = body = ""
    }
    function write(i, file) {
        file = "step" step ".c"
        for (i = 0; i < count; i++)
            if (order[i] ~ /^#include/)
                print order[i] > file
        for (i = 0; i < count; i++)
            if (order[i] !~ /^#include/ && order[i] != "main")
                print "\n" text[order[i]] > file
        print "\n" text["main"] > file
        close(file)
    }
    /^## / && in_step { write() }
    /^## / { in_step = /^## Step/; step += in_step }
    /^```c$/ { listing = 1; next }
    /^```$/ { keep(); place(count); listing = 0 }
    listing && /^[^ {}]/ { keep(); key = name($0) }
    listing { body = body (body == "" ? "" : "\n") $0 }
' "$source_dir/docs/tutorial.md"
[[ -f step6.c && ! -f step7.c ]] || fail "docs/tutorial.md should have six steps"

# The later steps learn for many rounds. Fewer rounds are enough for this test.
for ((step = 1; step <= 6; step++)); do
    if ((step >= 3)); then
        sed -i 's/ROUNDS = 2000, EVERY = 200/ROUNDS = 40, EVERY = 10/' "step$step.c"
        grep -q 'ROUNDS = 40' "step$step.c" || fail "step $step should have 2000 rounds"
    fi
    compile "step$step"
done

for ((i = 0; i < 400; i++)); do
    echo "A long time ago, in a small house by the sea, there lived an old fisherman and his cat."
done > text

falls() { # FILE LINES LAST: the file must have LINES lines, and the last number of the last line must be below LAST
    [[ $(wc -l < "$1") -eq $2 ]] || fail "$1 should have $2 lines: $(cat "$1")"
    awk -v last="$3" '{ gsub(/[^0-9. ]/, ""); x = $NF } END { exit !(x > 0 && x < last) }' "$1" ||
        fail "the loss should fall below $3: $(cat "$1")"
}
./step1 text > output1
falls output1 10 0.3
./step2 text > output2
falls output2 10 0.3
grep -q validation output2 || fail "step 2 should validate: $(cat output2)"
./step3 text > output3
falls output3 4 2.9
./step4 text > output4
falls output4 4 2.9
[[ -s best.safetensors && ! -e run.safetensors ]] || fail "step 4 should save the best model"
[[ $(sed 's/, the best//' output4) == "$(cat output3)" ]] || fail "steps 3 and 4 should learn the same"

# Step 5 is killed after it has saved, and then resumes.
mv best.safetensors best4.safetensors
./step5 text > /dev/null &
while [[ ! -e run.safetensors ]]; do
    kill -0 $! 2> /dev/null || [[ -e run.safetensors ]] || fail "step 5 should save its run"
    sleep 0.05
done
kill -KILL $! 2> /dev/null || true
wait $! 2> /dev/null || true
./step5 text > output5
[[ $(wc -l < output5) -lt 4 ]] || fail "step 5 should resume from its checkpoint: $(cat output5)"
[[ $(cat output5) == "$(tail -n "$(wc -l < output5)" output4)" ]] ||
    fail "step 5 should resume with the results of step 4: $(cat output4 output5)"
cmp best.safetensors best4.safetensors || fail "steps 4 and 5 should have the same best model"

./step6 write "A long" > output6
[[ $(head -c 6 output6) == "A long" && $(wc -c < output6) -eq 407 ]] || fail "step 6 should continue the text: $(cat output6)"
if ./step6 text > /dev/null 2> error || ! grep -q usage error; then
    fail "step 6 should print its usage"
fi
echo "ok: docs/tutorial.md"

# The program of the front page
# shellcheck disable=SC2016 # the backticks aren't command substitutions
sed -n '/^```c$/,/^```$/{/^```/d;p}' "$source_dir/docs/mainpage.md" > mainpage.c
[[ $(grep -c '^int main' mainpage.c) -eq 1 ]] || fail "docs/mainpage.md should have one C program"
compile mainpage
./mainpage text > output
grep -q fisherman output || fail "the program of docs/mainpage.md should learn the text; it wrote: $(cat output)"
echo "ok: docs/mainpage.md"

# The lines of an excerpt must occur, in this order, in the last program that is named before it in its section.
# Comments and spaces don't count. If no program is named before it, the excerpt must compile.
awk '
    /^## / { program = "none" }
    /`examples\/[^`]*`/ { program = $0; sub(/.*`examples\//, "", program); sub(/`.*/, "", program) }
    /^```./ { file = "excerpt" ++count; print program > file; next }
    /^```$/ { close(file); file = "" }
    file { print > file }
' "$source_dir/docs/howto.md"
plain() {
    sed -E 's@/\*.*\*/|(^| )(//|#) .*@@; s/[[:space:]]+/ /g; s/^ //; s/ $//; /^$/d'
}
for excerpt in excerpt*; do
    program=$(head -n 1 "$excerpt")
    if [[ $program == none ]]; then
        { sed '/^int main/,$d' mainpage.c && tail -n +2 "$excerpt"; } > "$excerpt.c"
        ${CC:-cc} -Wall -Wextra -Werror -Wno-unused-function -I"$source_dir/include" -c -o /dev/null "$excerpt.c" ||
            fail "this excerpt of docs/howto.md doesn't compile: $(tail -n +2 "$excerpt")"
    else
        [[ -f $source_dir/examples/$program ]] || fail "docs/howto.md names examples/$program, which doesn't exist"
        awk '
            BEGIN { i = 0 }
            NR == FNR { line[n++] = $0; next }
            $0 == line[i] { i++ }
            END { if (i < n) print line[i] }
        ' <(tail -n +2 "$excerpt" | plain) <(plain < "$source_dir/examples/$program") > missing
        [[ ! -s missing ]] ||
            fail "docs/howto.md: examples/$program doesn't have this line in this place: $(cat missing)"
    fi
done
echo "ok: docs/howto.md"
