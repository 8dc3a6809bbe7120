#!/usr/bin/env bash
# Tests gradient_flow: compares its norms with numerical derivatives, and tests how the norms change with the distance,
# how well the cells learn, and the program's messages.
#   tests/gradient_flow.sh BUILD_DIR [CONFIGURATION]
set -u

# shellcheck source=tests/support/commands.sh
source "$(dirname "$0")/support/commands.sh"
begin gradient_flow "$@"

# ---- check ----
succeeds "checks the norms" check
shows '^largest relative difference: [0-9.]+e-(0[7-9]|1)' "the norms are those of numerical derivatives"
[[ $(grep -cE '^(tanh RNN|GRU|LSTM forget bias 1) +[0-9]+ ' out) -eq 15 ]] ||
    fail "checks three cells at five distances"

# ---- flow ----
# norm CELL RADIUS TRAINING DISTANCE: prints a relative norm of flow.csv
norm() {
    awk -F, -v c="$1" -v r="$2" -v k="$3" -v d="$4" '$1 == c && $2 == r && $3 == k && $6 == d { print $8 }' flow.csv
}
holds() { # EXPRESSION NAME: an expression for awk, which must be true
    awk "BEGIN { exit !($1) }" || fail "$2: $1"
}

untrained=(flow --distance 40 --steps 0 --radii "0.5,1,2.5")
succeeds "measures" "${untrained[@]}"
cp flow.csv first.csv
[[ $(wc -l < flow.csv) -eq $((1 + 4 * 3 * 41)) ]] || fail "the table has $(wc -l < flow.csv) lines"
[[ $(head -n 1 flow.csv) == cell,radius,training,loss,radius_now,distance,norm,relative ]] || fail "the table's header"
awk -F, 'NR > 1 && ($5 - $2) ^ 2 > 1e-6 { exit 1 }' flow.csv || fail "a radius isn't the one that was asked for"
awk -F, 'NR > 1 && $6 == 0 && $8 != 1 { exit 1 }' flow.csv || fail "a relative norm doesn't begin at 1"
# At first the units of h are small, so the tanh RNN is nearly linear and each step multiplies the norm by the radius.
for d in 10 20 30; do
    rate="($(norm "tanh RNN" 0.5 untrained $((d + 10))) / $(norm "tanh RNN" 0.5 untrained $d)) ^ 0.1"
    holds "$rate > 0.45 && $rate < 0.52" "a tanh RNN of radius 0.5 vanishes by 0.5 a step"
done
holds "$(norm "tanh RNN" 2.5 untrained 40) > 100" "a tanh RNN of radius 2.5 explodes"
holds "$(norm "LSTM forget bias 5" 0.5 untrained 40) > 0.8 * $(norm "LSTM forget bias 5" 0.5 untrained 20)" \
    "an LSTM with an open forget gate holds"
holds "$(norm "LSTM forget bias 1" 0.5 untrained 40) < 1e-3" "an LSTM with a forget bias of 1 vanishes"
holds "$(norm "LSTM forget bias 1" 0.5 untrained 40) > 1e4 * $(norm "tanh RNN" 0.5 untrained 40)" \
    "an LSTM vanishes more slowly than a tanh RNN"
shows '^tanh RNN +0.5 +[0-9]e-1[0-9] vanishes' "says that it vanishes"
shows '^tanh RNN +2.5 +[0-9]e\+[0-9]+ explodes' "says that it explodes"
shows '^LSTM forget bias 5 +0.5 +[0-9]e-[0-9]+ holds' "says that it holds"
RNN_NUM_THREADS=1 succeeds "measures again" "${untrained[@]}"
same first.csv flow.csv "the same seed measures something else"
succeeds "measures another network" "${untrained[@]}" --seed 7
cmp -s first.csv flow.csv && fail "another seed measures the same"

succeeds "trains" flow --distance 40 --steps 20 --networks 1 --radii 2.5 --forget-bias 1
awk -F, '$1 == "tanh RNN" && $6 == 0 { loss[$3] = $4 } END { exit !(loss["unclipped"] > loss["clipped"] + 1) }' \
    flow.csv || fail "clipping doesn't help a tanh RNN of radius 2.5: $(grep tanh out)"
[[ $(cut -d, -f3 flow.csv | sort -u | tr '\n' ' ') == "clipped training unclipped untrained " ]] ||
    fail "the conditions"
for ((i = 0; i < 900; i++)); do echo "line $i: the cat sat on the mat, and the dog $((i * i)) saw it."; done > text
succeeds "reads a text" flow text --hidden 8 --distance 10 --steps 3 --radii 1
timeout 60 "$program" flow - --hidden 8 --distance 10 --steps 3 --radii 1 --out piped < text > out 2> err ||
    fail "reads standard input: $(cat err)"
same flow.csv piped.csv "the text is another from standard input"
head -c 5000 /dev/zero | tr '\0' a > certain
succeeds "reads a text that needs no learning" flow certain --hidden 8 --distance 10 --steps 3 --radii 1
shows '^GRU +1 +- none +- none +0 ' "says that there is no gradient"
grep -q nan out flow.csv && fail "a gradient isn't a number: $(cat out)"
succeeds "survives an overflow" flow --hidden 8 --distance 10 --steps 30 --radii 2 --learning-rate 1000 --networks 1

# ---- memory ----
# result CELL COLUMN: prints a column of memory.csv
result() {
    awk -F, -v c="$1" -v k="$2" '$2 == c { print $k }' memory.csv
}
succeeds "learns to add" memory --task adding --lengths 4 --hidden 32 --steps 600
holds "($(result GRU 5) - 1 / 6) ^ 2 < 1e-10" "the baseline of the adding problem"
holds "$(result GRU 6) < 1 / 60 && $(result GRU 7) > 0" "a GRU adds two numbers"
shows '^adding +4  GRU +0.1667 +0.01[0-9]+  learned in [0-9]+ steps$' "says when it has learned"
succeeds "doesn't learn to add at once" memory --task adding --lengths 60 --hidden 8 --steps 50
holds "$(result "tanh RNN" 6) > 0.1 && \"$(result "tanh RNN" 7)\" == \"\"" "a short training isn't enough"
shows '^adding +60  tanh RNN .* not learned$' "says that it hasn't learned"
succeeds "tries to copy" memory --task copy --lengths 100 --symbols 10 --hidden 8 --steps 1
holds "($(result GRU 5) / (10 * log(8) / 120) - 1) ^ 2 < 1e-9" "the baseline of the copy task"
succeeds "learns to copy" memory --task copy --lengths 2 --symbols 1 --hidden 32 --steps 1000
holds "$(result GRU 7) > 0" "a GRU copies a symbol"
succeeds "tries both" memory --lengths 4,8 --hidden 8 --steps 60 --networks 2 --forget-bias 0,3
[[ $(wc -l < memory.csv) -eq $((1 + 2 * 2 * 4 * 2)) ]] || fail "the table has $(wc -l < memory.csv) lines"

# ---- Pictures and progress ----
if command -v gnuplot > /dev/null; then
    for name in flow flow-trained memory; do
        grep -q '</svg>' $name.svg || fail "the picture $name.svg"
    done
    [[ $(grep -c 'radius 2' flow.svg) -ge 1 ]] || fail "the key of flow.svg"
fi
mkdir bin
PATH=$work/bin "$program" memory --lengths 4 --hidden 4 --steps 2 > out 2> err || fail "needs gnuplot: $(cat err)"
shows '^no picture memory.svg, because gnuplot failed' "says that there is no gnuplot"
if command -v script > /dev/null; then # it makes a terminal
    script -qec "$program memory --task adding --lengths 20 --hidden 16 --steps 500" /dev/null > out < /dev/null
    shows '[#.]+ +[0-9]+ %, ([0-9:]+|\?) left, tanh RNN' "shows a progress line"
    script -qec "$program memory --task adding --lengths 20 --hidden 16 --steps 100 --quiet" /dev/null > out < /dev/null
    grep -q 'left' out && fail "--quiet shows a progress line"
fi

# ---- Help and mistakes ----
for command in flow memory check; do
    succeeds "explains $command" $command --help
    shows "^usage: gradient_flow $command" "explains $command"
done
succeeds "explains itself" --help
refuses "needs a command" "usage: gradient_flow"
refuses "refuses another command" "there is no command 'fly'; there are flow, memory and check" fly
refuses "refuses another option" "there is no option --bogus" flow --bogus
refuses "refuses an option of another command" "there is no option --radii" memory --radii 1
refuses "needs a value" "--radii needs a value" flow --radii
refuses "refuses a number" "--hidden is 'many'; it must be a whole number from 1 to 1024" flow --hidden many
refuses "refuses a list" "--radii is 'x'; it must be a number" flow --radii 1,x
refuses "refuses an empty item" "--radii is ''; it must be a number" flow --radii 1,,2
refuses "refuses a long number" "--radii has a number of 36 characters" flow --radii \
    1,1.00000000000000000000000000000000e2
refuses "refuses a falling list" "its numbers must increase" flow --radii 2,1
refuses "refuses a long list" "at most 16 numbers" memory --lengths 2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18
refuses "refuses half a step" "--lengths is '2.5'; its numbers must be whole" memory --lengths 2.5
refuses "refuses a task" "--task is 'sort'; it must be adding, copy or both" memory --task sort
refuses "memory refuses a text" "memory reads no text such as text" memory text
refuses "check refuses a text" "check reads no text such as text" check text
refuses "refuses a missing text" "nowhere" flow nowhere
head -c 500 text > short
refuses "refuses a short text" "symbols" flow short --distance 1000
for name in lost.csv lost.svg lost-trained.svg; do
    cp text $name
    refuses "refuses to overwrite the text $name" "$name is to be read and to be overwritten" flow $name --out lost
    same text $name "the text $name is lost"
done
refuses "refuses a directory that isn't there" "can't write none/m.csv" memory --out none/m
if [[ -e /dev/full ]]; then
    "$program" check > /dev/full 2> err && fail "a full disk goes unnoticed"
    grep -q "can't write to standard output" err || fail "a full disk: $(cat err)"
    ln -s /dev/full full.csv
    refuses "notices a full disk" "can't write full.csv" memory --lengths 4 --hidden 4 --steps 2 --out full
fi

finish
