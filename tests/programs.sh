#!/usr/bin/env bash
# Runs the example programs as a user would, and checks their output and exit status.
# Usage: programs.sh SOURCE_DIR BUILD_DIR [CONFIGURATION]
# CONFIGURATION is needed only for a build directory with several configurations.
set -u

if [ $# -lt 2 ] || [ $# -gt 3 ]; then
    echo "usage: programs.sh SOURCE_DIR BUILD_DIR [CONFIGURATION]" >&2
    exit 2
fi
source_dir=$(realpath "$1") || exit 2
program=$(realpath "$2")/examples/${3:+$3/}min_char_rnn || exit 2
if [ ! -x "$program" ]; then
    echo "programs.sh: there is no program $program" >&2
    exit 2
fi

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2

passed=0
failed=0

# Each check ends with one of these, which print its name and, after a failure, the reason.
pass() {
    passed=$((passed + 1))
    echo "ok    $1"
}

fail() {
    failed=$((failed + 1))
    echo "FAIL  $1: $2"
}

check() { # NAME COMMAND...: the command must succeed
    local name=$1
    shift
    if "$@" >check.out 2>&1; then
        pass "$name"
    else
        fail "$name" "$(tail -n 3 check.out | tr '\n' ' ')"
    fi
}

# Runs the program. Its output is then in out and err, and its exit status in $status.
run() {
    timeout 300 "$program" "$@" >out 2>err </dev/null
    status=$?
}

runs() { # NAME ARGUMENTS...: must succeed and print nothing to stderr
    local name=$1
    shift
    run "$@"
    if [ "$status" -ne 0 ]; then
        fail "$name" "exit status $status: $(head -n 1 err)"
    elif [ -s err ]; then
        fail "$name" "it wrote to stderr: $(head -n 1 err)"
    else
        pass "$name"
    fi
}

judge_refusal() { # NAME CULPRIT: $status must be that of an error, and err must be one line that names the culprit
    if [ "$status" -eq 0 ]; then
        fail "$1" "it exits with 0"
    elif [ "$status" -ge 124 ]; then
        fail "$1" "it hangs or ends by a signal: exit status $status"
    elif [ "$(wc -l <err)" -ne 1 ]; then
        fail "$1" "stderr has $(wc -l <err) lines: $(head -n 1 err)"
    elif ! grep -qF -- "$2" err; then
        fail "$1" "stderr doesn't say '$2': $(cat err)"
    else
        pass "$1"
    fi
}

refuses() { # NAME CULPRIT ARGUMENTS...: must end with an error and one sentence that names the culprit
    local name=$1 culprit=$2
    shift 2
    run "$@"
    judge_refusal "$name" "$culprit"
}

# The number in the last "iter N, loss: X" line of a file.
last_loss() {
    sed -n 's/^iter [0-9]*, loss: //p' "$1" | tail -n 1
}

first_loss() {
    sed -n 's/^iter [0-9]*, loss: //p' "$1" | head -n 1
}

holds() { # EXPRESSION: an expression for awk, which must be true
    awk "BEGIN { exit !($1) }"
}

# 3000 characters of eight symbols, without a line end, so that a sample is one line
for ((i = 0; i < 250; i++)); do printf 'hello world '; done >text
characters=3000
unique=8

# ---- Output ----

runs "trains for --iterations iterations" text --iterations 201
mv out default.out
check "says first how many characters and unique symbols the text has" \
    test "$(head -n 1 default.out)" = "data has $characters characters, $unique unique."
check "reports every 100 iterations" \
    test "$(sed -n 's/^iter \([0-9]*\), loss: [0-9.]*$/\1/p' default.out | tr '\n' ' ')" = "0 100 200 "

# Each report: a line ----, the sample between two spaces, a line ----, and the line with the loss.
well_formed() {
    awk -v reports="$2" '
        NR == 1 { next }
        { lines[NR - 2] = $0 }
        END {
            for (r = 0; r < reports; r++) {
                sample = lines[4 * r + 1]
                if (lines[4 * r] != "----" || lines[4 * r + 2] != "----" || lines[4 * r + 3] !~ /^iter [0-9]+, loss: /)
                    exit 1
                if (length(sample) != 202 || sample !~ /^ .* $/ || sample ~ /[^helo wrd]/)
                    exit 1
            }
        }' "$1"
}
check "writes 200 characters of the text's symbols between ---- lines before each loss" well_formed default.out 3

check "starts with the loss of guessing, T log M" \
    holds "($(first_loss default.out) / (25 * log($unique)) - 1) ^ 2 < 0.01 ^ 2"

runs "accepts --sample-every" text --iterations 21 --sample-every 7
check "reports every --sample-every iterations" \
    test "$(sed -n 's/^iter \([0-9]*\), loss: .*/\1/p' out | tr '\n' ' ')" = "0 7 14 "

runs "trains for 3000 iterations" text --iterations 3001
check "learns to predict the text" holds "$(last_loss out) < $(first_loss out) / 4"

runs "accepts a learning rate of 0" text --iterations 201 --learning-rate 0
check "doesn't learn at a learning rate of 0" holds "($(last_loss out) / $(first_loss out) - 1) ^ 2 < 0.01 ^ 2"


for ((i = 0; i < 256; i++)); do printf '%b' "\\x$(printf %02x "$i")"; done >bytes
runs "trains on a text of all 256 bytes" bytes --iterations 3
check "counts all 256 bytes" test "$(head -n 1 out | tr -d '\0')" = "data has 256 characters, 256 unique."

printf 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' >one
runs "trains on a text of one symbol" one --iterations 1
check "writes the only symbol there is" grep -q '^ a\{200\} $' out

runs "trains on a text of T + 1 characters" one --iterations 3 --sequence 29
runs "trains on a text with lines" "$source_dir/README.md" --iterations 1
check "counts the bytes of a text with lines" \
    test "$(head -n 1 out | cut -d ' ' -f 3)" -eq "$(wc -c <"$source_dir/README.md")"

# ---- Options ----

runs "trains once more" text --iterations 201
check "prints the same on every run" cmp out default.out
runs "accepts the defaults as options" text --iterations 201 --hidden 100 --sequence 25 --learning-rate 0.1 \
    --precision float32 --sample-every 100
check "has the seed's numbers as defaults" cmp out default.out
runs "accepts options before the file" --iterations 201 text
check "prints the same wherever options stand" cmp out default.out
for option in "--seed 1" "--hidden 50" "--sequence 10" "--learning-rate 0.05" "--precision float64"; do
    # shellcheck disable=SC2086
    runs "accepts $option" text --iterations 201 $option
    check "prints something else with $option" eval '! cmp -s out default.out'
    # shellcheck disable=SC2086
    check "prints the same again with $option" eval "\"$program\" text --iterations 201 $option | cmp - out"
done

# ---- Several files, standard input, code points ----

head -c 1234 text >first
tail -c +1235 text >second
runs "takes several files" first second --iterations 201
check "takes several files as one text" cmp out default.out
"$program" - --iterations 201 <text >out 2>err
check "takes standard input" cmp out default.out
cat second | "$program" first - --iterations 201 >out 2>err
check "takes a pipe behind a file" cmp out default.out
mkfifo pipe
cat text >pipe &
runs "takes a named pipe" pipe --iterations 201
check "takes a named pipe as its text" cmp out default.out
wait

for ((i = 0; i < 100; i++)); do printf 'na\xc3\xafve \xe4\xb8\xad\xe6\x96\x87 \xf0\x9f\x99\x82 '; done >unicode
runs "takes code points" unicode --utf8 --iterations 301
check "counts code points" test "$(head -n 1 out)" = "data has 1100 characters, 9 unique."
check "writes valid UTF-8" iconv -f UTF-8 -t UTF-32 out
check "writes 200 code points" test "$(sed -n 3p out | iconv -f UTF-8 -t UTF-32LE | wc -c)" -eq $((4 * 203))
runs "takes the same text as bytes" unicode --iterations 1
check "counts its bytes" test "$(head -n 1 out)" = "data has 1900 characters, 17 unique."
runs "takes ASCII as code points" text --utf8 --iterations 201
check "trains on ASCII as on bytes" cmp out default.out
head -c 100 unicode >half
printf '\xff' >>half
cat unicode >>half
refuses "refuses bytes that aren't UTF-8" "the byte 0xff at offset 100 of half" half --utf8

# ---- Stopping ----

"$program" text --sample-every 100 >out 2>err </dev/null &
pid=$!
for ((i = 0; i < 600; i++)); do
    grep -q '^iter 200,' out && break
    sleep 0.1
done
check "runs on without --iterations" kill -INT "$pid"
for ((i = 0; i < 600; i++)); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
done
kill -KILL "$pid" 2>/dev/null
wait "$pid"
check "exits with 0 after SIGINT" test $? -eq 0
check "says nothing on stderr after SIGINT" test ! -s err
check "ends with a line that says where it stopped" grep -q '[0-9]' <(tail -n 1 out)
check "ends that line" test "$(tail -c 1 out | wc -l)" -eq 1

# ---- Refusals ----

refuses "refuses to run without a file" FILE
refuses "refuses an unknown option" --bogus text --bogus
refuses "refuses an option without its value" --hidden text --hidden
for option in iterations hidden sequence seed sample-every; do
    for value in 12x x12 '' ' ' -3 nan 1e999 1.5 99999999999999999999; do
        refuses "refuses --$option '$value'" "$option" text --iterations 1 "--$option" "$value"
    done
done
for option in hidden sequence; do
    for value in 0 1099511627776 9223372036854775807; do
        refuses "refuses --$option $value" "$value" text --iterations 1 "--$option" "$value"
    done
done
for value in 12x x12 '' ' ' -3 nan inf 1e999; do
    refuses "refuses --learning-rate '$value'" learning-rate text --iterations 1 --learning-rate "$value"
done
for value in float16 FLOAT32 float '' 32; do
    refuses "refuses --precision '$value'" precision text --iterations 1 --precision "$value"
done

: >empty
mkdir folder
printf 'too short' >short
refuses "refuses a missing file" absent absent --iterations 1
refuses "refuses an empty file" empty empty --iterations 1
refuses "refuses a directory" folder folder --iterations 1
refuses "refuses an empty device" /dev/null /dev/null --iterations 1
refuses "refuses a text shorter than T + 1" 26 short --iterations 1

# A file that the user may not read. Root may read every file, so this test gives up root's privileges.
printf 'secret' >secret
chmod 000 secret
chmod 711 .
name="refuses a file that it may not read"
if [ "$(id -u)" -ne 0 ]; then
    refuses "$name" secret secret --iterations 1
elif cp "$program" unprivileged && setpriv --reuid=65534 --regid=65534 --clear-groups ./unprivileged text \
    --iterations 0 >/dev/null 2>&1; then
    setpriv --reuid=65534 --regid=65534 --clear-groups ./unprivileged secret --iterations 1 >out 2>err
    status=$?
    judge_refusal "$name" secret
else
    echo "skip  $name: root may read everything"
fi

if [ -w /dev/full ]; then
    timeout 300 "$program" text --iterations 201 >/dev/full 2>err
    status=$?
    judge_refusal "fails when its output can't be written" output
fi
cp text copy
timeout 300 "$program" text --iterations 201 >&- 2>err
status=$?
judge_refusal "fails when its output is closed" output
check "leaves its input alone" cmp text copy

# At this learning rate float32 overflows. The program must not print a loss that isn't finite.
refuses "says that training has diverged" "training has diverged" text --learning-rate 1e38 --sample-every 1
check "advises a lower rate" grep -q -- --learning-rate err
check "prints no loss that isn't a number" eval '! grep -aiE "nan|inf" out err'

# ---- Help ----

for option in --help -h; do
    runs "prints its usage for $option" "$option"
    for name in utf8 iterations hidden sequence seed sample-every learning-rate precision help; do
        check "names --$name for $option" grep -q -- "--$name" out
    done
done
if [ -w /dev/full ]; then
    timeout 300 "$program" --help >/dev/full 2>err
    status=$?
    judge_refusal "fails when its usage can't be written" output
fi

# ---- resume: training that is stopped and started again must end with the same file ----

program=$(dirname "$program")/resume
for ((i = 0; i < 60; i++)); do
    echo "A long time ago, in a small house by the sea, there lived an old fisherman and his cat: $i."
done >story
runs "learns without a stop" story whole 8
runs "learns a part" story parts 3
runs "learns the next part" story parts 5
runs "learns the rest" story parts 8
check "stops and goes on as if it hadn't stopped" cmp whole parts
runs "has no more to learn" story parts 8
check "says so" grep -q "parts has already learned 8 chunks" out
check "doesn't change a finished checkpoint" cmp whole parts
runs "prints its usage" --help
check "names its arguments" grep -q "TEXT CHECKPOINT" out
refuses "wants a text and a checkpoint" TEXT story
for chunks in abc -5 +5 0 10x 1e3 '' ' ' ' 5' 0x10 1.5 9223372036854775808 99999999999999999999; do
    refuses "refuses '$chunks' chunks" "CHUNKS is '$chunks'; it must be a whole number from 1" story unborn "$chunks"
done
check "begins nothing when it refuses" test ! -e unborn

# If the checkpoint can't be written, resume must fail before it trains. The checkpoint has NaNs, so training would fail
# with a different message.
python3 - <<'END'
import json, struct
data = bytearray(open("whole", "rb").read())
start = 8 + struct.unpack("<Q", data[:8])[0]
first, last = (start + o for o in json.loads(data[8:start])["decoder.bias"]["data_offsets"])
data[first:last] = b"\xff" * (last - first)
open("sick", "wb").write(data)
END
many=1000
refuses "doesn't learn from NaNs" "loss" story sick $many
refuses "refuses a folder that isn't there" absent/run story absent/run $many
refuses "refuses a directory for a checkpoint" folder story folder $many
refuses "refuses a file for a folder" story/run story story/run $many
mkdir locked
chmod 555 locked
cp sick locked/old
chmod 444 locked/old
if [ "$(id -u)" -ne 0 ]; then
    refuses "refuses a folder that it may not write to" locked/run story locked/run $many
    refuses "refuses to go on where it may not write" locked/old story locked/old $many
elif cp "$program" unprivileged && setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; then
    for name in run old; do
        timeout 300 setpriv --reuid=65534 --regid=65534 --clear-groups ./unprivileged story locked/$name $many \
            >out 2>err
        status=$?
        judge_refusal "refuses a folder that it may not write to: locked/$name" "locked/$name"
    done
fi
chmod 755 locked

# A checkpoint must have all its parts. A file of rnn_model_save() has neither an optimizer nor a state.
printf 'damaged' >damaged
refuses "doesn't begin anew over a damaged checkpoint" damaged story damaged 8
cat >without.py <<'END'
"""without.py NAME PREFIX...: copies the file `whole`, without the entries that have one of the prefixes."""
import json, struct, sys
data = open("whole", "rb").read()
start = 8 + struct.unpack("<Q", data[:8])[0]
kept = lambda entries: {k: v for k, v in entries.items() if not k.startswith(tuple(sys.argv[2:]))}
header = kept(json.loads(data[8:start]))
header["__metadata__"] = kept(header["__metadata__"])
numbers = b""
for name, tensor in header.items():
    if name != "__metadata__":
        first, last = (start + offset for offset in tensor["data_offsets"])
        tensor["data_offsets"] = [len(numbers), len(numbers) + last - first]
        numbers += data[first:last]
text = json.dumps(header).encode()
open(sys.argv[1], "wb").write(struct.pack("<Q", len(text)) + text + numbers)
END
python3 without.py a_copy
runs "takes the whole checkpoint, written by another program" story a_copy 9
python3 without.py a_model librnn.checkpoint librnn.optimizer librnn.state
refuses "doesn't go on from a model's file" "a_model has no optimizer" story a_model 8
for part in vocab optimizer state; do
    python3 without.py without_$part librnn.$part
    refuses "doesn't go on without $part" "without_$part has no $part" story without_$part 8
done
python3 without.py no_counters librnn.checkpoint.counters
refuses "doesn't go on from a checkpoint of another program" no_counters story no_counters 8

# Different texts: changed in the middle, truncated, longer, or with bytes that the old text doesn't have.
sed 's/fisherman and his cat: 30/fisherman and his cat: 03/' story >changed
head -c -1 story >shorter
{ cat story && echo "A cat."; } >longer
tr A '@' <story >other
head -c 20 story >tiny
for text in changed shorter longer other tiny; do
    cp whole kept
    refuses "refuses another text: $text" "differs from $text; give the text" "$text" kept 12
    check "leaves the checkpoint alone: $text" cmp whole kept
done
cp story moved
runs "takes the same text under another name" moved kept 12

# resume must save its progress before its output fails.
for name in full closed; do
    if [ $name = closed ]; then
        timeout 300 "$program" story $name 8 >&- 2>err
    elif [ -w /dev/full ]; then
        timeout 300 "$program" story $name 8 >/dev/full 2>err
    else
        continue
    fi
    status=$?
    judge_refusal "fails when its output is $name" output
    check "has saved what it learned when its output is $name" cmp whole $name
done

# ---- language_model ----

program=$(dirname "$program")/language_model
for i in $(seq 1 900); do echo "line $i: the fisherman and his cat"; done >lines
runs "learns, validates and continues a prompt" lines lines.safetensors "line 7" 20
check "says the loss of the validation" grep -Eq '^step 20: validation loss [0-9.]+ nats$' out
check "begins with the prompt" grep -q '^line 7' out
runs "continues no prompt" lines lines.safetensors "" 5
refuses "refuses a prompt with another symbol" "vocabulary" lines lines.safetensors "LINE" 5
for steps in abc 10x 0 -1 ''; do
    refuses "refuses '$steps' steps" "usage: language_model" lines lines.safetensors "" "$steps"
done
refuses "refuses no arguments" "usage: language_model"
refuses "refuses a text that is too short" "symbols" story lines.safetensors "" 5

# ---- The short examples ----

examples=$(dirname "$program")

shows() { # PROGRAM PATTERN ARGUMENTS...: must succeed, and a line of its output must match the pattern
    local pattern=$2
    program=$examples/$1
    shift 2
    runs "$(basename "$program") runs" "$@"
    check "$(basename "$program") shows $pattern" grep -Eq "$pattern" out
}

shows classes '^(9[5-9]|100)\.[0-9] % of the held-out waves are told right$'
shows series '^held out: squared error 0\.00[0-9]+$'
shows translator '^6[4-8] of 68 dates that they had never seen are right$'
shows streaming '^stream 3 ends with 0\.0065$'
check "streaming runs four streams" [ "$(grep -c '^stream [0-3] ends with' out)" -eq 4 ]
shows embedded '^hello, world$'
shows words '^step 20: perplexity [0-9.]+$' lines 20
refuses "words refuses no arguments" "usage: words"
refuses "words refuses steps that aren't a number" "usage: words" lines 20x
refuses "words refuses a file that isn't there" "absent" absent
if [ -x "$examples/raii" ]; then
    shows raii 'quick brown fox jumps over the lazy dog$'
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
