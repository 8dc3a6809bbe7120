#!/usr/bin/env bash
# Runs classify as a user would: trains, evaluates, predicts, and makes mistakes.
#   tests/classify.sh BUILD_DIR [CONFIGURATION]
# CONFIGURATION is needed only for a build directory with several configurations.
set -u

# shellcheck source=tests/support/commands.sh
source "$(dirname "$0")/support/commands.sh"
examples=$(realpath "$(dirname "$0")/../examples")
begin classify "$@"

# Words of two made-up languages. Their endings and letters differ, so the text decides the class.
awk 'BEGIN {
    srand(1)
    split("ka lo mi su ta re", north); split("glö brü stä knu pfe zwa", south)
    for (n = 0; n < 600; n++) {
        first = second = ""
        for (k = 0; k < 2 + n % 4; k++) {
            first = first north[1 + int(6 * rand())]
            second = second south[1 + int(6 * rand())]
        }
        print "North\t" first "n"
        print "South Sea\t" second "n"
    }
}' > words
small=(--hidden 12 --epochs 6 --learning-rate 0.02)

# ---- train ----
succeeds "trains" train words "${small[@]}" --out a.safetensors --save-test tested
shows '^2 classes; [0-9]+ lines for training, [0-9]+ for validation, [0-9]+ for the test$' "divides the lines"
shows '^left out of validation and test: [0-9]+ lines' "leaves out texts that are in another part"
shows '^epoch 6: training [0-9.]+, validation [0-9.]+ nats, [0-9.]+ % right' "validates"
shows '^  a.safetensors +(9[5-9]|100)\.[0-9]+ % right$' "learns"
shows '^  naive Bayes of character trigrams +[0-9.]+ % right \(smoothing [0-9.]+\)$' "compares with naive Bayes"
shows '^  always the largest class +[0-9.]+ % right$' "compares with the largest class"
shows '^ +[12] South Sea( +[0-9]+){2} +[0-9]+ %$' "shows the confusion matrix"
[[ $(sed -n 's/^test: \([0-9]*\) lines$/\1/p' out) -eq $(wc -l < tested) ]] || fail "--save-test writes other lines"
right=$(sed -n 's/^  a.safetensors *\([0-9.]*\) % right$/\1/p' out)
succeeds "trains again" train words "${small[@]}" --threads 1 --out b.safetensors
same a.safetensors b.safetensors "the same seed gives another model"
succeeds "evaluates" evaluate a.safetensors tested
shows "^$(wc -l < tested) lines: $right % right, [0-9.]+ nats$" "evaluate agrees with the end of training"
succeeds "trains one way on words, with an LSTM and a learned embedding" train words --tokens words --one-way \
    --cell lstm --embedding 8 --layers 2 --dropout 0.1 --dropout-input 0.1 --dropout-output 0.1 \
    --dropout-recurrent 0.1 --hidden 8 --label-smoothing 0.1 --epochs 1 --out w.safetensors
succeeds "trains by the clock" train words --hidden 8 --minutes 0.01 --out m.safetensors
if command -v gnuplot > /dev/null; then
    succeeds "draws" evaluate a.safetensors tested --picture drawn.svg
    grep -q '<svg' drawn.svg || fail "the picture of the confusion matrix"
fi
if command -v script > /dev/null; then # it makes a terminal
    script -qec "$program train words --hidden 64 --epochs 2 --out tty.safetensors" /dev/null > out < /dev/null
    shows '#*\.+ +[0-9]+ %, [0-9:?]+ left, epoch 1' "shows a progress line"
fi

# ---- Groups and duplicates ----
for ((g = 0; g < 60; g++)); do
    printf "$((g % 2))\tgroup $g line %s\n" 1 2 3
    echo
done > groups
succeeds "reads groups" train groups --hidden 4 --epochs 1 --out g.safetensors --save-test grouped
awk '{ n[$3]++ } END { for (g in n) if (n[g] != 3) exit 1 }' grouped || fail "a group is divided among the parts"
awk '{ print; if (NR % 10 == 0) print "Rare" NR "\tonly once" }' words > rare
refuses "refuses a class with one line" "class 'Rare.*' has only one line, line [0-9]+ of rare" train rare
succeeds "leaves rare classes out" train rare --classes 2 --hidden 4 --epochs 1 --out rare.safetensors
shows '^2 classes' "keeps two classes"

# ---- predict ----
printf 'kalomin\nglöbrün\n' > texts
succeeds "predicts a file" predict a.safetensors texts
shows '^North	[01]\.[0-9]+	kalomin$' "finds the first class"
shows '^South Sea	[01]\.[0-9]+	glöbrün$' "finds the second class"
"$program" predict a.safetensors --top 5 < texts > out 2> err
awk -F'\t' 'NF != 5 || $2 < $4 { exit 1 }' out || fail "the two classes and their probabilities: $(cat out)"
printf 'kal\xe4\xb8\xadomin\r\n' | "$program" predict a.safetensors - > out 2> err
shows '^North	[0-9.]+	kal中omin$' "predicts texts with unknown symbols and CRLF"
printf '\xef\xbb\xbfkalomin' | "$program" predict a.safetensors - > out 2> err
shows '^North	[0-9.]+	kalomin$' "predicts a text with a byte order mark and no end of line"
head -c 100000 /dev/zero | tr '\0' k > long
succeeds "predicts a line of 100 KB" predict a.safetensors long
[[ $(wc -c < out) -gt 100000 ]] || fail "the long line isn't printed"
: > none
succeeds "predicts nothing for an empty file" predict a.safetensors none
[[ ! -s out ]] || fail "predict prints something for an empty file"
printf 'kalomin\n\n' > gap
refuses "refuses an empty text" 'line 2 of gap is empty' predict a.safetensors gap

# ---- Mistakes ----
refuses "refuses an empty file" 'none has no lines' train none
refuses "refuses a file that isn't there" "can't open nowhere: No such file" train nowhere
refuses "refuses a directory" "can't read .: Is a directory" train .
bad() { # NAME PATTERN LINE: a file with the line after others must be refused
    { head -n 3 words; printf '%b\n' "$3"; } > bad
    refuses "$1" "$2" train bad --out bad.safetensors
}
bad "refuses a line without a tab" 'line 4 of bad has no tab; each line must be a label, a tab and a text' 'North kalo'
bad "refuses a line without a label" 'line 4 of bad has no label' '\tkalo'
bad "refuses an empty text" 'line 4 of bad has a label but no text' 'North\t'
bad "refuses invalid UTF-8" 'line 4 of bad: .*UTF-8' 'North\tk\xe4lo'
bad "refuses a NUL byte" 'line 4 of bad has a NUL byte' 'North\tka\0000lo'
grep North words > one
refuses "refuses one class" "one has one class only, 'North'" train one
refuses "refuses an empty test" 'the test has 0; give more lines, or larger shares' train words --test 0
refuses "refuses parts that leave nothing for training" 'is left for training' train words --test 0.7 --validation 0.3
refuses "refuses a file that isn't a model" "isn't a safetensors file" predict words texts
refuses "refuses another program's model" "hello.safetensors isn't a model that classify train has made" \
    predict "$examples/hello.safetensors" texts
refuses "refuses to overwrite the lines" "give the output another name" train words --out words
cp words drawn
refuses "refuses to draw over the lines" "give the output another name" train drawn --picture drawn
refuses "refuses to draw over lines to evaluate" "give the output another name" evaluate a.safetensors drawn \
    --picture drawn
refuses "refuses to draw over the model" "give the output another name" evaluate a.safetensors drawn \
    --picture a.safetensors
same words drawn "the lines are lost"
refuses "refuses two outputs of one name" "--out and --save-test have the same name, x" train words --out x \
    --save-test x
refuses "refuses a picture named like the model" "--out and --picture have the same name, x" \
    train words --out x --picture x
if [[ -e /dev/zero ]]; then
    refuses "refuses zeros without an end" "line 1 of /dev/zero has a NUL byte" train /dev/zero
fi
refuses "refuses a directory that isn't there" "nowhere" train words --hidden 4 --epochs 1 --out nowhere/a.safetensors
refuses "refuses an unknown option" 'there is no option --hiden; see classify --help' train words --hiden 3
refuses "refuses an unknown cell" "--cell is 'rnn'" train words --cell rnn
refuses "refuses an unknown command" "there is no command 'learn'" learn
refuses "refuses labels that the model doesn't know" "no line of groups has a label that the model knows" \
    evaluate a.safetensors groups
refuses "wants arguments" 'usage: classify train'
sed 's/$/\r/' words > crlf
succeeds "trains on CRLF" train crlf "${small[@]}" --out crlf.safetensors
same a.safetensors crlf.safetensors "CRLF gives another model"
{ cat words; printf 'North\t'; cat long; echo; } > lengthy
succeeds "trains with a line of 100 KB" train lengthy --hidden 4 --epochs 1 --out long.safetensors
succeeds "explains itself" --help
shows '^usage: classify train FILE' "shows its usage"
"$program" predict a.safetensors texts > /dev/full 2> err && fail "a full disk goes unnoticed"

finish
