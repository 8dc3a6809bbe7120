#!/usr/bin/env bash
# Runs compress as a user would: round trips, instruction sets, damaged archives and mistakes.
#   tests/compress.sh BUILD_DIR [CONFIGURATION]
# CONFIGURATION is needed only for a build directory with several configurations.
set -u

source_dir=$(realpath "$(dirname "$0")/..")
# shellcheck source=tests/support/commands.sh
source "$(dirname "$0")/support/commands.sh"
begin compress "$@"

for ((i = 1; i <= 300; i++)); do
    echo "line $((i * i % 997)): the fisherman, his cat and the $((i % 7)) seas"
done > text
head -c 20000 "$program" > binary
: > empty
printf 'x' > one
head -c 5000 /dev/urandom > random
head -c 100 text > short
truncate -s 8M sparse
printf 'the end' >> sparse

# ---- Round trips ----
for file in text binary empty one random short sparse; do
    succeeds "compresses $file" "$file" -q
    [[ ! -s out && ! -s err ]] || fail "-q prints something"
    succeeds "decompresses $file" -d "$file.rnz" -o "$file.back" -q
    same "$file" "$file.back" "$file is another after a round trip"
done
size() { stat -c %s "$1"; }
[[ $(size text.rnz) -lt $(($(size text) / 8)) ]] || fail "text.rnz has $(size text.rnz) bytes"
[[ $(size random.rnz) -lt 5100 ]] || fail "random bytes grow to $(size random.rnz)"
[[ $(size sparse.rnz) -lt 500 ]] || fail "sparse.rnz has $(size sparse.rnz) bytes"
{ head -c 17M /dev/zero && cat text random; } > blocks # a second block with the same model
succeeds "compresses two blocks" blocks -q
succeeds "decompresses them" -d blocks.rnz -f -q
tail -c 15000 blocks | cmp -s - <(cat text random | tail -c 15000) || fail "two blocks differ after a round trip"

# Each level computes more than the one before, so their archives differ.
head -c 3000 text > part
for level in 1 2 3; do
    succeeds "compresses at level $level" -$level part -q -o part.$level
    succeeds "decompresses level $level" -d part.$level -c -q
    same part out "level $level gives another file"
done
cmp -s part.1 part.2 && fail "levels 1 and 2 are the same"
cmp -s part.2 part.3 && fail "levels 2 and 3 are the same"

# ---- Pipes ----
"$program" -q < text > piped || fail "compresses a pipe"
same piped text.rnz "a pipe gives another archive"
cat text.rnz | "$program" -d -q | cmp -s - text || fail "decompresses a pipe"
succeeds "compresses to standard output" -c text -q
same out text.rnz "-c gives another archive"
succeeds "tests an archive" -t text.rnz
grep -q 'text.rnz: [0-9]* <- [0-9]* bytes, [0-9.]* bits per byte' err || fail "-t describes the archive: $(cat err)"

# ---- The same bits everywhere ----
succeeds "compresses on one thread" text --threads 1 -c -q
same out text.rnz "one thread gives another archive"
succeeds "decompresses on three threads" -d text.rnz --threads 3 -c -q
same out text "three threads give another text"
for set in avx2 avx512; do
    if RNN_CPU=$set timeout 60 "$program" -c short -q > out 2> err; then
        same out short.rnz "$set gives another archive"
        RNN_CPU=$set "$program" -d text.rnz -c -q | cmp -s - text || fail "$set decompresses to another text"
    fi
done
if [[ $(uname -m) == x86_64 ]] && grep -qw fma /proc/cpuinfo; then
    RNN_CPU=baseline "$program" -d text.rnz -c > out 2> err && fail "decompresses without fused multiply-add"
    grep -q "text.rnz was made on a processor whose results have other bits" err || fail "other bits: $(cat err)"
    [[ ! -s out ]] || fail "it writes something although the bits differ"
fi

# tests/golden/license.rnz was made with: compress LICENSE. tests/portability.sh reads and writes it as well.
if [[ $(uname -m) != x86_64 ]] || grep -qw fma /proc/cpuinfo; then
    golden=$source_dir/tests/golden/license.rnz
    succeeds "decompresses an archive that was made elsewhere" -d "$golden" -c -q
    same out "$source_dir/LICENSE" "an archive that was made elsewhere gives another file"
    succeeds "compresses LICENSE" "$source_dir/LICENSE" -c -q
    same out "$golden" "LICENSE gives another archive than elsewhere"
fi

# ---- Damage ----
succeeds "compresses a short text" -f short -q
whole=$(size short.rnz)
for ((i = 0; i < whole; i++)); do # each byte is changed in turn
    cp short.rnz damaged
    byte=$(od -An -tu1 -j $i -N 1 short.rnz)
    # shellcheck disable=SC2059 # the format is the byte
    printf "\\x$(printf %x $((byte ^ (1 << i % 8))))" | dd of=damaged bs=1 seek=$i conv=notrunc status=none
    "$program" -d damaged -o damaged.back > out 2> err && fail "byte $i is changed, and nothing is noticed"
    [[ $(wc -l < err) -eq 1 && ! -e damaged.back ]] || fail "byte $i is changed: $(cat err)"
done
for ((i = 0; i < whole; i += 7)); do
    head -c $i short.rnz > damaged
    "$program" -d damaged -o damaged.back > out 2> err && fail "it ends after $i bytes, and nothing is noticed"
    grep -Eq "is truncated|isn't an archive" err || fail "it ends after $i bytes: $(cat err)"
done
{ cat short.rnz && echo; } > longer.rnz
refuses "notices trailing bytes" "something follows its end" -d longer.rnz
compgen -G 'damaged.back*' > names && fail "temporary files remain: $(cat names)"

# ---- Interrupted ----
for ((i = 0; i < 40; i++)); do cat binary random; done > long
"$program" long -q 2> err &
for ((i = 0; i < 200; i++)); do
    compgen -G 'long.rnz.*' > names && break
    sleep 0.05
done
kill -TERM $!
wait $! 2> /dev/null
[[ $? -eq 143 ]] || fail "a signal's exit status"
compgen -G 'long.rnz*' > names && fail "a signal leaves $(cat names)"

# ---- Help, progress and mistakes ----
succeeds "explains itself" --help
shows '^usage: compress' "explains itself"
if command -v script > /dev/null; then # it makes a terminal
    script -qec "$program -c text > tty.rnz" /dev/null > out < /dev/null
    shows '#\.+ +[0-9]+ %, [0-9:?]+ left +[0-9.]+ MB -> [0-9.]+ MB, [0-9.]+ bits per byte, [0-9.]+ KB/s' \
        "shows progress"
    script -qec "$program text -c" /dev/null > out < /dev/null
    shows "can't be written to a terminal" "refuses to write to a terminal"
fi
refuses "doesn't overwrite" "text.rnz exists; -f overwrites it" text
succeeds "overwrites if told so" -f text -q
refuses "refuses to overwrite its input" "to be read and to be overwritten" text -f -o text
refuses "refuses a missing file" "can't read nowhere: No such file" nowhere
refuses "refuses a directory" "is a directory" .
refuses "refuses another kind of file" "text isn't an archive of compress" -d text -c
refuses "refuses an archive of another name" "doesn't end in .rnz; name the output with -o" -d text
refuses "refuses two files" "there are 2 files" text one
refuses "refuses an option" "there is no option -9" -9 text
refuses "refuses -c with -o" "can't be combined" -c -o a text
refuses "refuses threads" "--threads is '0'" --threads 0 text
if [[ -e /dev/full ]]; then
    "$program" -c text -q > /dev/full 2> err && fail "a full disk goes unnoticed"
    grep -q "can't write the output" err || fail "a full disk: $(cat err)"
fi

finish
