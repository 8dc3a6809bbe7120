#!/usr/bin/env bash
# Runs forecast as a user would: trains on four series and compares the network with the simple forecasts, forecasts,
# stops and resumes a training, and makes mistakes.
#   tests/forecast.sh BUILD_DIR [CONFIGURATION]
set -u
# shellcheck source=tests/support/commands.sh
source "$(dirname "$(realpath "$0")")/support/commands.sh"
data=$(dirname "$(realpath "$0")")/../examples/data
begin forecast "$@"

# Prints the RMSE of a row of the table for a number of steps, 1 or all.
rmse() { # NAME STEPS
    awk -v name="$1" -v steps="$2" '
        / ahead: / { part = / 1 to / ? "all" : "1" }
        part == steps && index($0, "  " name) == 1 { print $(NF - 3); exit }' out
}
at_most() { # NAME VALUE LIMIT
    awk -v value="$2" -v limit="$3" 'BEGIN { exit !(value != "" && value > 0 && value <= limit) }' ||
        fail "$1: '$2' is more than '$3'"
}
holds_at_least() { # NAME SHARE: the network's intervals in the first table
    awk -v share="$2" '/^  network/ { exit !($5 >= share) }' out || fail "$1: $(grep -m 1 '^  network' out)"
}
best_holt_winters() { # STEPS
    printf '%s\n' "$(rmse "Holt-Winters +" "$1")" "$(rmse "Holt-Winters x" "$1")" | grep . | sort -g | head -n 1
}

# ---- The series of docs/forecast.md ----
succeeds "learns the passengers" train "$data/passengers.csv" --time month --season 12 --log --difference 1,12 \
    --lags 12 --hidden 16 --steps 12 --test 48 --validation 24 --out passengers.safetensors
shows '^passengers: training from 1949-01, 72 rows; validation from 1955-01, 24; test from 1957-01, 48$' "divides it"
shows '^update 600: training 0\.[0-9]+, validation 0\.[0-9]+' "shows the losses"
succeeds "evaluates the passengers" evaluate passengers.safetensors "$data/passengers.csv" --csv test.csv
[[ $(rmse naive 1) == 48.041 && $(rmse "seasonal naive" 1) == 41.854 && $(rmse "differences only" 1) == 15.621 ]] ||
    fail "the simple forecasts have other errors: $(cat out)"
at_most "Holt-Winters" "$(best_holt_winters 1)" 15
at_most "the network on the passengers" "$(rmse network 1)" "$(awk "BEGIN { print 1.1 * $(best_holt_winters 1) }")"
holds_at_least "its intervals" 75
[[ $(wc -l < test.csv) -eq 511 ]] || fail "the table doesn't have a row for each forecast: $(wc -l < test.csv)"
[[ $(head -n 1 test.csv) == "series,month,step,actual,0.05,0.5,0.95,differences only,naive,seasonal naive,Holt-Winters +,Holt-Winters x" ]] ||
    fail "the header of the table: $(head -n 1 test.csv)"
grep -q '^passengers,1957-01,1,315,.*,306,284,' test.csv || fail "the first forecast: $(sed -n 2p test.csv)"
succeeds "learns CO2" train "$data/co2.csv" --time month --season 12 --difference 1 --lags 12 --calendar month \
    --test 120 --validation 60 --quiet --out co2.safetensors
succeeds "evaluates CO2" evaluate co2.safetensors "$data/co2.csv"
at_most "the network on CO2" "$(rmse network 1)" "$(awk "BEGIN { print 1.1 * $(best_holt_winters 1) }")"
succeeds "learns the sunspots" train "$data/sunspots.csv" --time year --season 11 --root --steps 4 --test 62 \
    --validation 40 --window 64 --quiet --out sunspots.safetensors
succeeds "evaluates the sunspots" evaluate sunspots.safetensors "$data/sunspots.csv"
for steps in 1 all; do
    at_most "the network on the sunspots" "$(rmse network $steps)" "$(best_holt_winters $steps)"
    at_most "the network on the sunspots" "$(rmse network $steps)" "$(rmse "seasonal naive" $steps)"
done
succeeds "makes a series" make mackey-glass
mv out mg.csv
[[ $(wc -l < mg.csv) -eq 1501 ]] || fail "the length of the series that it makes"
succeeds "learns Mackey-Glass" train mg.csv --time t --difference 1 --level --steps 14 --test 300 --validation 150 \
    --learning-rate 0.01 --updates 300 --quiet --out mg.safetensors
succeeds "evaluates Mackey-Glass" evaluate mg.safetensors mg.csv
for steps in 1 all; do
    at_most "the network on Mackey-Glass" "$(rmse network $steps)" "$(awk "BEGIN { print 0.3 * $(rmse naive $steps) }")"
done
holds_at_least "its intervals" 80

# ---- Forecasts ----
succeeds "forecasts" predict passengers.safetensors "$data/passengers.csv" --steps 3
[[ $(wc -l < out) -eq 4 && $(head -n 1 out) == "series,month,step,0.05,0.5,0.95" ]] || fail "the forecasts: $(cat out)"
awk -F, 'NR > 1 && !($4 < $5 && $5 < $6 && $5 > 300 && $5 < 600) { exit 1 }' out || fail "the quantiles: $(cat out)"
shows '^passengers,1961-01,1,' "goes on with the time"
cp out first
head -n 100 "$data/passengers.csv" | sed 's/$/\r/' > cut.csv # CRLF, and no values after 1957-01
succeeds "forecasts from an earlier origin" predict passengers.safetensors cut.csv --steps 1
forecast=$(awk -F, 'NR == 2 { print $5 }' out)
shows '^passengers,1957-01,1,' "forecasts what follows the file"
sed -n 2p test.csv > out
shows ",$forecast," "a forecast depends on values after its origin"
if command -v gnuplot > /dev/null; then
    succeeds "draws the test part" evaluate passengers.safetensors "$data/passengers.csv" --plot test.svg --step 12
    succeeds "draws a forecast" predict passengers.safetensors "$data/passengers.csv" --plot future.svg
    [[ $(grep -l '<svg' test.svg future.svg | wc -l) -eq 2 ]] || fail "the pictures"
    { printf '"two\nlines"\n' && seq 80; } > name.csv
    succeeds "learns a series whose name has two lines" train name.csv --updates 2 --hidden 4 --quiet \
        --out name.safetensors
    succeeds "draws a series whose name has two lines" predict name.safetensors name.csv --plot name.svg
fi
if command -v script > /dev/null; then # it makes a terminal
    script -qec "$program train $data/co2.csv --time month --updates 300 --out tty.safetensors" /dev/null > out < /dev/null
    shows '#\.+ +[0-9]+ %, [0-9:]+ left, training' "shows a progress line"
fi

# ---- Several series of unequal length, with gaps ----
awk 'BEGIN {
    print "hour;a;\"b; or c\";long"
    for (t = 0; t < 200; t++) {
        a = t % 31 == 5 ? "" : t < 120 ? sprintf("%.3f", 10 + 3 * sin(t * 0.9) + t % 7) : ""
        b = t < 60 ? "NA" : sprintf("%.3f", 1000 + 200 * sin(t * 0.9))
        day = 28 + int(t / 24) # 2024 is a leap year
        date = day > 29 ? sprintf("03-%02d", day - 29) : sprintf("02-%02d", day)
        printf "2024-%s %02d:00;%s;%s;%.3f\n", date, t % 24, a, b, sin(t * 0.9)
    }
}' > several.csv
small=(--hidden 8 --window 40 --steps 3)
hours=(--time hour --season 7 --calendar "season,weekday,hour" --updates 60 "${small[@]}")
succeeds "learns several series" train several.csv "${hours[@]}" --out several.safetensors
shows '^a: training from 2024-02-28 00:00, 80 rows; .* test from 2024-03-03 00:00, 24$' "leaves out an end without values"
shows '^b; or c: training from 2024-03-01 12:00, 94 rows' "leaves out a beginning without values"
succeeds "evaluates several series" evaluate several.safetensors several.csv --each
[[ $(grep -c ' ahead: ' out) -eq 8 ]] || fail "a table for each of the series, and one for all: $(grep ahead out)"
shows "^The network's MASE is " "compares several series by a measure without a unit"
succeeds "forecasts several series" predict several.safetensors several.csv
shows '^a,2024-03-04 00:00,1,' "forecasts a from its own end"
shows '^b; or c,2024-03-07 08:00,1,' "forecasts b from its own end"
cp "$data/sunspots.csv" other.csv
succeeds "learns several files" train other.csv "$data/sunspots.csv" --columns sunspots --updates 5 "${small[@]}" \
    --quiet --out files.safetensors
succeeds "forecasts several files" predict files.safetensors other.csv "$data/sunspots.csv"
shows '^sunspots.csv:sunspots,310,1,' "names a series after its file"

# ---- Stopped and resumed ----
run=(train "$data/co2.csv" --time month --difference 1 --calendar month --updates 600 --quiet "${small[@]}")
succeeds "trains without a stop" "${run[@]}" --out once.safetensors
"$program" "${run[@]}" --out two.safetensors &
for ((i = 0; i < 600; i++)); do
    [[ -f two.safetensors.checkpoint ]] && break
    sleep 0.02
done
kill -KILL $!
wait $! 2> /dev/null
succeeds "resumes" "${run[@]}" --out two.safetensors --resume
same once.safetensors two.safetensors "a run that was resumed ends with other bytes"
mv two.safetensors moved
refuses "refuses to resume without the model" "two.safetensors can't be opened" "${run[@]}" --out two.safetensors \
    --resume
mv moved two.safetensors
refuses "refuses to resume with other columns" "--columns was '' in the run that two.safetensors.checkpoint is of" \
    "${run[@]}" --columns co2 --out two.safetensors --resume
sed 's/317\.20/317.21/' "$data/co2.csv" > changed.csv
run[1]=changed.csv
refuses "refuses to resume with other values" "was trained on other series" "${run[@]}" --out two.safetensors --resume
awk -F, -v OFS=, '/^[0-9]/ { $1 = ($1 + 1000) substr($1, 5) } 1' "$data/co2.csv" > changed.csv
refuses "refuses to resume with other times" "was trained on other series" "${run[@]}" --out two.safetensors --resume
refuses "refuses to resume a missing run" "none.checkpoint" "${run[@]}" --out none --resume

# ---- Help and mistakes ----
for command in train evaluate predict make; do
    succeeds "explains $command" $command --help
    shows "^usage: forecast $command" "explains $command"
done
mistake() { # NAME PATTERN TEXT ARGUMENTS...: a CSV file with this text must be refused
    local name=$1 pattern=$2
    printf '%b' "$3" > mistake.csv
    shift 3
    refuses "$name" "^forecast: .*$pattern" train mistake.csv "$@" --out never.safetensors
    [[ $(wc -l < err) -eq 1 ]] || fail "$name: more than a sentence: $(cat err)"
}
numbers=$(seq 50 | awk '{ printf "%d,%g\\n", $1, 20 + $1 % 12 }')
refuses "needs a command" "usage: forecast"
refuses "refuses another command" "there is no command 'fly'" fly
refuses "needs a file" "there is no file of series" train --out m
refuses "needs a model's name" "needs --out" train several.csv
refuses "refuses a missing file" "can't read nowhere.csv" train nowhere.csv --out m
refuses "refuses another option" "there is no option --hiden" train several.csv --hiden 5 --out m
mistake "refuses an empty file" "is empty" ""
mistake "refuses a file without rows" "no rows below" "t,x\n"
mistake "refuses a column that isn't there" "has no column 'y'" "t,x\n$numbers" --columns y
mistake "refuses a time that isn't there" "has no column 'year'" "t,x\n$numbers" --time year
mistake "refuses a column without numbers" "column 'x' of mistake.csv has no numbers" "t,x\n1,\n2,NA\n"
mistake "refuses text" "line 3: 'many' in column 'x' isn't a number" "t,x\n1,2\n2,many\n"
mistake "refuses infinite values" "line 2: '-inf' in column 'x' isn't finite" "t,x\n1,-inf\n2,3\n"
mistake "refuses numbers that are too large" "'1e999' in column 'x' isn't finite" "t,x\n1,1e999\n2,3\n"
mistake "refuses numbers whose squares overflow" "'1e200' in column 'x' is too large" "t,x\n1,1e200\n2,3\n"
mistake "refuses a name that isn't UTF-8" "note about series 'a" "t,a\xff\n$numbers" --time t
grep -q "not valid UTF-8" err || fail "a name that isn't UTF-8: $(cat err)"
mistake "refuses ragged rows" "line 3 has 3 cells, but the header has 2" "t,x\r\n1,2\r\n2,3,4\r\n"
mistake "refuses an open quote" "line 2: a quote isn't closed" 't,x\n1,"2\n2,3\n'
mistake "refuses text after a quote" "text after a closing quote" 't,x\n1,"2"3\n'
mistake "refuses a time that is none" "line 2: 'May' isn't a time" "t,x\nMay,2\n" --time t
mistake "refuses times with a gap" "line 4: '1949-04' isn't one step after" "t,x\n1949-01,2\n1949-02,2\n1949-04,2\n" \
    --time t
mistake "refuses a short series" "series 'x' is too short: of 50 values" "t,x\n$numbers" --time t --difference 12 \
    --steps 12
mistake "refuses a long test" "of 50 values, 90 are for the test and 0 for validation;" "t,x\n$numbers" --test 90
mistake "refuses a long season" "series 'x' is too short" "t,x\n$numbers" --time t --season 60
mistake "refuses a logarithm of 0" "series 'x' has 0 at 51" "t,x\n${numbers}51,0\n52,1\n" --time t --log
mistake "refuses a root of a negative number" "series 'x' has -1 at 51" "t,x\n${numbers}51,-1\n52,1\n" --time t --root
mistake "refuses a calendar without dates" "needs --time with dates" "t,x\n$numbers" --time t --calendar month
mistake "refuses a series that is the time" "both a series and the time" "t,x\n$numbers" --time t --columns t
mistake "refuses two series of one name" "two series called 'x'" "t,x\n$numbers" --columns x,x
for quantiles in 0,0.5,0.9 0.1,0.5,1 0.1,0.9 0.5 0.9,0.5,0.1 0.1,half,0.9 0.1,,0.9 nan,0.5,0.9; do
    mistake "refuses the quantiles $quantiles" "--quantiles" "t,x\n$numbers" --quantiles $quantiles
done
[[ ! -e never.safetensors ]] || fail "it trains in spite of a mistake"
printf 't,"x ""y"""\r\n' > quoted.csv
seq 90 | awk '{ printf "%d,\"%g\"\r\n", $1, 20 + $1 % 12 }' >> quoted.csv
succeeds "reads quotes and CRLF" train quoted.csv --time t --updates 5 --hidden 4 --quiet --out quoted.safetensors
succeeds "forecasts with quotes" predict quoted.safetensors quoted.csv
shows '^"x ""y""",91,1,' "writes quotes"
{ echo x && yes 5 | head -n 60; } > constant.csv
succeeds "learns a constant series" train constant.csv --updates 5 --quiet --out constant.safetensors
succeeds "evaluates a constant series" evaluate constant.safetensors constant.csv
grep -Eqw 'nan|inf' out && fail "the measures of a constant series: $(cat out)"
{ echo x && seq 90 | awk '{ printf "%.6f\n", 1.6e9 + sin($1) }'; } > large.csv
succeeds "learns large values" train large.csv --updates 5 --quiet --out large.safetensors
grep -aEq 'forecast\.series\.x":"[^ ]+ [0-9]+ [0-9.]+ 0\.[67]' large.safetensors ||
    fail "the deviation of large values"
succeeds "forecasts large values" predict large.safetensors large.csv
awk -F, 'NR == 2 { exit !($4 < $5 && $5 < $6) }' out || fail "the digits of large values: $(cat out)"
{ echo x && seq 80 | awk '{ printf "%.6f\n", 44 - $1 / 2.01 + 3 * sin($1) }' | awk '$1 > 0'; } > falling.csv
succeeds "learns a falling series" train falling.csv --log --updates 5 --quiet --out falling.safetensors
succeeds "evaluates forecasts without a logarithm" evaluate falling.safetensors falling.csv
grep -Eqw 'nan|inf' out && fail "the measures of forecasts without a logarithm: $(cat out)"
sed 's/\\t1050 1200 /\\t1050 -200 /' mg.safetensors > damaged.safetensors
refuses "refuses a damaged note" "note about series 'x' is damaged" evaluate damaged.safetensors mg.csv
succeeds "learns all values" train mg.csv --time t --test 0 --updates 5 --hidden 4 --quiet --out all.safetensors
cp mg.csv kept.csv
refuses "refuses to evaluate without a test part" "there is no test part" evaluate all.safetensors mg.csv --csv kept.csv
same mg.csv kept.csv "a refused command overwrites a file"
refuses "refuses a table that is a picture" "have the same name" evaluate mg.safetensors mg.csv --csv both --plot both
refuses "refuses a file that isn't a model" "mg.csv" predict mg.csv mg.csv
refuses "refuses more steps than the model has" "forecasts 12; train a model with more" \
    predict passengers.safetensors "$data/passengers.csv" --steps 13
refuses "refuses another series" "'sunspots' has no column|no column 'month'" \
    predict passengers.safetensors "$data/sunspots.csv"
sed '/^1949-01/d' "$data/passengers.csv" > late.csv
refuses "refuses a file that begins later" "began at 1957-01 in training, but now at 1957-02" \
    predict passengers.safetensors late.csv
char_rnn=$(dirname "$program")/char_rnn
seq 2000 > text
if "$char_rnn" train text --hidden 8 --budget 9 --sample 0 --quiet --out text.safetensors > /dev/null 2>&1; then
    refuses "refuses a model of another kind" "isn't a model of forecast train" predict text.safetensors mg.csv
else
    fail "there is no model of another kind"
fi
cp several.csv lost.checkpoint
refuses "refuses to overwrite a series" "is to be read and to be overwritten" train lost.checkpoint --out lost
refuses "refuses to overwrite the model" "is to be read and to be overwritten" \
    evaluate mg.safetensors mg.csv --csv mg.safetensors
refuses "refuses a directory that isn't there" "none/m" train "$data/co2.csv" --time month --updates 5 --out none/m
if [[ -e /dev/zero ]]; then
    refuses "refuses endless zeros" "has a zero byte" train /dev/zero --out m
fi
if [[ -e /dev/full ]]; then
    refuses "notices a full disk" "can't write /dev/full" evaluate mg.safetensors mg.csv --csv /dev/full
    "$program" predict mg.safetensors mg.csv > /dev/full 2> err && fail "a full disk goes unnoticed"
    grep -q "can't write to standard output" err || fail "a full disk: $(cat err)"
fi

finish
