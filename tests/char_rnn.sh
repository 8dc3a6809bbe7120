#!/usr/bin/env bash
# Runs char_rnn as a user would: trains, kills and resumes a training, samples, evaluates, and makes mistakes.
#   tests/char_rnn.sh BUILD_DIR [CONFIGURATION]
# CONFIGURATION is needed only for a build directory with several configurations.
set -u

# shellcheck source=tests/support/commands.sh
source "$(dirname "$0")/support/commands.sh"
begin char_rnn "$@"

for ((i = 1; i <= 1500; i++)); do echo "line $i: the fisherman, his cat and the sea"; done > text
small=(--hidden 24 --streams 8 --sequence 32)

# ---- train ----
succeeds "trains" train text "${small[@]}" --budget 60000 --sample 20 --out a.safetensors
shows '^text: .* different bytes; the last 10 % are for validation$' "says what the text is"
shows '^model: GRU 1x24, as given' "says what the model is"
shows '^epoch [0-9.]+: training [0-9.]+, validation [0-9.]+ nats, [0-9.]+ bits per byte, the best so far$' "validates"
shows '^the best model: [0-9.]+ nats' "says what the best model reaches"
[[ -s a.safetensors && -s a.safetensors.checkpoint && $(wc -l < a.csv) -eq 21 ]] || fail "model, checkpoint and log"
awk -F, 'NR == 2 { first = $5 } END { exit !($5 < first - 0.5) }' a.csv || fail "the validation loss falls"
succeeds "prints nothing if told so" train text "${small[@]}" --budget 20000 --quiet --out quiet.safetensors
[[ ! -s out && ! -s err ]] || fail "--quiet prints something"
succeeds "trains without a budget until a plateau" train text --hidden 4 --streams 8 --sequence 16 --patience 1 --out p.safetensors
shows 'validation has stopped falling: half the learning rate' "halves the rate on a plateau"

{ for ((i = 0; i < 3; i++)); do cat text text text; done; head -c 40000 /dev/urandom | base64 -w 0; } > uneven
succeeds "validates all over a long text" train uneven "${small[@]}" --validation 0.3 --budget 200000 --out u.safetensors
best=$(sort -t, -gk5 u.csv | awk -F, '$5 + 0 > 0 { print $5; exit }')
whole=$(grep -oP 'the best model: \K[0-9.]+' out)
awk -v best="$best" -v whole="$whole" 'BEGIN { exit !(best < whole + 0.4 && best > whole - 0.4) }' ||
    fail "validates a part of the text that isn't like the whole: $best, the whole $whole"

succeeds "validates on another text" train text --validation-file text "${small[@]}" --budget 9 --out v.safetensors
shows '^text: .*; text is for validation$' "says what it validates on"
if command -v xz > /dev/null; then
    bits=$(($(xz -9c text | wc -c) * 8))
    expected=$(awk -v bits=$bits -v bytes="$(wc -c < text)" 'BEGIN { printf "%.4f", bits * log(2) / bytes }')
    shows ", xz -9 $expected nats a token" "counts only what xz reads"
fi

succeeds "trains without a limit of the norm" train text "${small[@]}" --clip 0 --budget 9 --quiet --out n.safetensors
awk -F, 'NR == 2 { exit !($7 > 0) }' n.csv || fail "the log has no norm of the gradients: $(tail -n 1 n.csv)"
succeeds "keeps a history of huge losses" train text "${small[@]}" --precision float64 --learning-rate 1 \
    --schedule constant --warmup 1 --clip 0 --weight-decay 5 --budget 40000 --quiet --out huge.safetensors
succeeds "shows the history" info huge.safetensors.checkpoint
[[ $(grep -cE '^ +[0-9]+( +[0-9.]+){2}$' out) -eq 20 ]] || fail "the history doesn't have 20 lines: $(tail -n 2 out)"

succeeds "chooses a size for the time" train text --minutes 0.02 --out m.safetensors
shows '^model: GRU 1x[0-9]+, which (the time trains on about [0-9.e+]+ million tokens here|suits the text.s size); dropout' \
    "says why it chose the size"

if command -v script > /dev/null; then # it makes a terminal
    script -qec "$program train text ${small[*]} --budget 200000 --out tty.safetensors" /dev/null > out < /dev/null
    shows '#\.+ +[0-9]+ %, [0-9:]+ left, epoch [0-9.]+, [0-9]+ tokens/s, loss [0-9.]+' "shows a progress line"
    script -qec "stty cols 50; $program train text ${small[*]} --budget 200000 --out tty.safetensors" /dev/null > out < /dev/null
    tr '\r' '\n' < out | grep 'left, epoch' | awk '{ sub(/^\033\[K/, ""); if (length($0) >= 50) exit 1 }' ||
        fail "the progress line is longer than the terminal is wide"
    script -qec "TERM=dumb $program train text ${small[*]} --budget 20000 --out tty.safetensors" /dev/null > out < /dev/null
    shows '^epoch [0-9.]+: training' "trains on a terminal that can't clear a line"
    ! grep -q $'\033' out || fail "sent an escape sequence to a terminal that knows none"
fi
if command -v gnuplot > /dev/null; then
    succeeds "draws the curves" train text "${small[@]}" --budget 20000 --out drawn.safetensors
    shows '^curves: drawn.svg$' "says where the curves are"
    grep -q '<svg' drawn.svg || fail "the picture of the curves"
fi

mkfifo pipe
cat text > pipe &
for from in pipe -; do # these can be read only once, so xz can't compress them for comparison
    timeout 60 "$program" train $from "${small[@]}" --budget 9 --out pipe.safetensors < text > out 2> err ||
        fail "trains on $from: $(head -n 2 err)"
    grep -q 'xz' out && fail "it compares with xz, although it can't read the text again: $from"
done

# ---- Stopped and resumed ----
resumed=(train text "${small[@]}" --budget 400000 --quiet)
succeeds "trains without a stop" "${resumed[@]}" --out once.safetensors
for signal in KILL INT; do
    rm -f two.*
    "$program" "${resumed[@]}" --out two.safetensors 2> err &
    for ((i = 0; i < 600; i++)); do
        [[ -f two.csv && $(wc -l < two.csv) -ge 3 ]] && break
        sleep 0.05
    done
    kill -$signal $!
    wait $! 2> /dev/null
    succeeds "resumes after SIG$signal" "${resumed[@]}" --out two.safetensors --resume
    same once.safetensors two.safetensors "a run resumed after SIG$signal ends with other bytes"
done
succeeds "trains with a long number" train text "${small[@]}" --validation 0.12345678912345 --budget 20000 --quiet \
    --out long.safetensors
succeeds "finds the number again, and takes a larger budget" train text --budget 30000 --quiet --out long.safetensors --resume
sed 's/his cat/cat his/' text > other
refuses "refuses to resume with another text" "trained on another text" \
    train other "${small[@]}" --budget 400000 --out two.safetensors --resume
sed 's/line 900:/line 009:/' text > other
refuses "refuses to resume with a text that differs in the middle" "trained on another text" \
    train other "${small[@]}" --budget 400000 --out two.safetensors --resume
refuses "refuses a setting that can't change" "--hidden can't change" \
    train text --hidden 25 --budget 400000 --out two.safetensors --resume
refuses "refuses to resume without the budget" "cosine needs a budget" \
    train text --budget 0 --out two.safetensors --resume
refuses "refuses to resume a missing run" "none.safetensors.checkpoint" train text --out none.safetensors --resume

succeeds "trains with an average" train text "${small[@]}" --averaging 0.98 --budget 60000 --quiet --out av.safetensors
cp av.safetensors once.safetensors
rm av.*
"$program" train text "${small[@]}" --averaging 0.98 --budget 60000 --quiet --out av.safetensors &
for ((i = 0; i < 600; i++)); do
    [[ -f av.csv && $(wc -l < av.csv) -ge 3 ]] && break
    sleep 0.02
done
kill -KILL $!
wait $! 2> /dev/null
succeeds "resumes with an average" train text --quiet --out av.safetensors --resume
same once.safetensors av.safetensors "a run with an average that was resumed ends with other bytes"

for ((i = 0; i < 16; i++)); do cat text; done > long
"$program" train text --validation-file long --hidden 256 --streams 4 --sequence 4 --sample 0 --budget 1 --threads 1 \
    --out long.safetensors > out 2> err &
for ((i = 0; i < 600; i++)); do
    grep -q '^epoch' out && break
    sleep 0.05
done
sleep 0.5 # it now validates on all of the text, which takes some seconds
kill -TERM $!
wait $! 2> /dev/null && fail "a signal doesn't end the last validation"

# ---- Configuration ----
succeeds "prints its configuration" info a.safetensors --config
cp out configuration
succeeds "reads it" train text --config configuration --quiet --sample 20 --out again.safetensors
same a.safetensors again.safetensors "the printed configuration trains another model"
succeeds "lets the command line override it" train text --hidden 20 --config configuration --budget 9000 --out h.safetensors
shows 'GRU 1x20' "the command line doesn't override the configuration"
succeeds "shows a model" info a.safetensors
shows 'rnn.weight_hh_l0 +72 x 24' "lists parameters"
shows '^learning-rate ' "lists settings"

# ---- Tokens ----
sed 's/cat/Käse/' text > unicode
succeeds "finds out that a text is UTF-8" train unicode "${small[@]}" --budget 20000 --out u.safetensors
shows 'different code points' "says that it is UTF-8"
succeeds "learns words" train text --tokens words --hidden 16 --streams 4 --sequence 16 --words 50 --budget 20000 --out w.safetensors
shows 'perplexity' "measures words by perplexity"
succeeds "writes words" sample w.safetensors --length 20
grep -q '<unk>' out && fail "it writes the unknown word"

# ---- sample ----
succeeds "samples" sample a.safetensors --length 100 --prompt "line 7"
[[ $(head -c 6 out) == "line 7" && $(wc -c < out) -eq 107 ]] || fail "prompt and length: $(wc -c < out)"
cp out first
succeeds "samples again" sample a.safetensors --length 100 --prompt "line 7"
same first out "the same seed writes another text"
succeeds "samples with another seed" sample a.safetensors --length 100 --prompt "line 7" --seed 2
cmp -s first out && fail "another seed writes the same text"
succeeds "samples with filters" sample a.safetensors --length 50 --temperature 1 --top-k 5 --top-p 0.9 --min-p 0.01
succeeds "samples several" sample a.safetensors --length 30 --several 3 --speed
[[ $(grep -c '^--- [123] ---$' out) -eq 3 ]] || fail "three texts"
grep -Eq '^90 tokens, [0-9]+ a second$' err || fail "--speed"
for model in a w; do
    succeeds "writes $model" sample $model.safetensors --length 100 --prompt "line 7"
    { echo "--- 1 ---" && cat out; } > alone
    succeeds "writes $model and another" sample $model.safetensors --length 100 --prompt "line 7" --several 2
    sed '/^--- 2 ---$/,$d' out | cmp -s alone - || fail "the text of $model alone isn't the first of two"
done
succeeds "stops" sample a.safetensors --length 2000 --prompt "line 7:" --stop "s" --temperature 0
tail -c +8 out | grep -q s && fail "it goes on after the stop"
printf 'line 9' | timeout 60 "$program" sample a.safetensors --length 5 --prompt - > out || fail "prompt from standard input"
[[ $(head -c 6 out) == "line 9" ]] || fail "prompt from standard input isn't read"

# ---- evaluate and average ----
succeeds "evaluates" evaluate a.safetensors text --share 0.1 --dynamic --surprise s.csv
shows '^as it is: [0-9.]+ nats, [0-9.]+ bits per byte$' "prints the loss"
shows '^learning as it reads: ' "evaluates dynamically"
awk -F': |  *' '/^as it is/ { static = $4 } /^learning/ { exit !($6 < static) }' <(sed 's/ nats.*//' out) ||
    fail "learning as it reads isn't better: $(cat out)"
[[ $(head -n 1 s.csv) == "index,bits,symbol" ]] || fail "the table of surprises"
succeeds "colours a text" evaluate a.safetensors text --share 0.1 --surprise s.html
grep -q '<span style' s.html || fail "the coloured text"
succeeds "learns bytes" train unicode --tokens bytes "${small[@]}" --budget 20000 --quiet --out bytes.safetensors
for format in html csv; do
    succeeds "shows the surprise of bytes" evaluate bytes.safetensors unicode --share 0.1 --surprise bytes.$format
    iconv -f UTF-8 bytes.$format > /dev/null || fail "the surprise of bytes as $format isn't UTF-8"
done
grep -q '>ä</span>' bytes.html || fail "the bytes of a character aren't coloured together"
grep -q ',"\\xC3"$' bytes.csv || fail "a byte that is part of a character: $(grep -m 1 x bytes.csv)"
printf 'the cat' > short
succeeds "evaluates a short text" evaluate a.safetensors short
shows '^6 tokens' "counts its tokens"
printf 't' > short
refuses "refuses a text without a target" "must have at least 2" evaluate a.safetensors short
if [[ -e /dev/full ]]; then
    refuses "notices a full disk" "can't write /dev/full" evaluate a.safetensors text --surprise /dev/full
fi
succeeds "averages" average a.safetensors again.safetensors --out mean.safetensors
succeeds "evaluates the average" evaluate mean.safetensors text --share 0.1

# ---- Files that must not be lost ----
overwrites='is to be read and to be overwritten'
for name in lost lost.checkpoint lost.csv lost.svg; do
    cp text $name
    refuses "refuses to overwrite the text $name" "$name $overwrites" train $name "${small[@]}" --budget 9 --out lost
    refuses "refuses to overwrite $name, a validation text" "$name $overwrites" \
        train text --validation-file $name "${small[@]}" --budget 9 --out lost
    same text $name "the text $name is lost"
done
for name in a.safetensors text; do
    refuses "evaluate refuses to overwrite $name" "$name $overwrites" evaluate a.safetensors text --surprise $name
done
cp configuration lost.csv
refuses "refuses to overwrite the configuration" "lost.csv $overwrites" \
    train text --config lost.csv --budget 9 --out lost
rm lost lost.*
cp text lost.try
succeeds "trains beside a file that ends in .try" train text "${small[@]}" --budget 9 --quiet --out lost
same text lost.try "a file that ends in .try is lost"

# ---- Help and mistakes ----
for command in train sample evaluate info average; do
    succeeds "explains $command" $command --help
    shows "^usage: char_rnn $command" "explains $command"
done
refuses "needs a command" "usage: char_rnn"
refuses "refuses another command" "there is no command 'fly'" fly
refuses "needs a text" "there is no text" train
refuses "refuses a missing text" "nowhere" train nowhere
refuses "refuses an empty text" "is empty" train /dev/null
refuses "refuses another setting" "there is no option --hiden" train text --hiden 5
refuses "refuses a number" "--hidden is 'many'; it must be a whole number" train text --hidden many
refuses "refuses a choice" "--cell is 'gnu'; it must be one of tanh, gru, lstm" train text --cell gnu
refuses "needs a value" "--hidden needs a value" train text --hidden
refuses "refuses a directory that isn't there" "can't write beside none/m" train text --out none/m
refuses "refuses a directory as the model, before it trains" "can't write \.: it isn't a regular file" \
    train text "${small[@]}" --budget 400000 --out .
[[ ! -s out ]] || fail "it trains before it finds out that it can't write: $(head -n 3 out)"
refuses "refuses a model without a name" "--out is empty" train text --out ""
refuses "gives up after four divergences" "diverged 4 times, and there is no model yet" \
    train text "${small[@]}" --learning-rate 1e6 --warmup 1 --budget 400000 --quiet --out never.safetensors
[[ ! -e never.safetensors ]] || fail "it says that there is no model, but there is one"
refuses "refuses cosine without a budget" "needs a budget" train text --schedule cosine
refuses "refuses a file that isn't a model" "text" sample text
refuses "refuses a prompt with unknown symbols" "vocabulary" sample a.safetensors --prompt "ÄÖÜ"
tr s z < text > zea
succeeds "trains on another text" train zea "${small[@]}" --budget 9 --quiet --out z.safetensors
refuses "refuses to average models of other symbols" "a.safetensors and z.safetensors have different vocabularies" \
    average a.safetensors z.safetensors --out mean.safetensors
refuses "needs two to average" "two models" average a.safetensors --out b
if [[ -e /dev/full ]]; then
    "$program" info a.safetensors > /dev/full 2> err && fail "a full disk goes unnoticed"
    grep -q "can't write to standard output" err || fail "a full disk: $(cat err)"
fi

finish
