#!/usr/bin/env bash
# Tests training one model on several processes: a second run gives the same bits, a run that was killed or stopped
# resumes, and a mistake ends all processes.
#   tests/processes.sh PROGRAM MPIRUN: char_rnn, built with RNN_WITH_MPI, and MPI's command that starts processes
set -u

if [[ $# -ne 2 || ! -x $1 ]]; then
    echo "usage: tests/processes.sh PROGRAM MPIRUN" >&2
    exit 2
fi
program=$(realpath "$1") mpirun=$2
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1                 # as in a container
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_btl=self,vader # one small machine
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
failed=0

fail() {
    echo "FAIL  $1" >&2
    failed=$((failed + 1))
}
start() { # PROCESSES ARGUMENTS...
    local processes=$1
    shift
    timeout 300 "$mpirun" -n "$processes" "$program" train "$@" --threads 1 > out 2> err < /dev/null
}
succeeds() { # NAME PROCESSES ARGUMENTS...
    local name=$1
    shift
    start "$@" || fail "$name: $(head -n 2 err)"
}
refuses() { # NAME PATTERN PROCESSES ARGUMENTS...
    local name=$1 pattern=$2
    shift 2
    start "$@" && fail "$name: it succeeds"
    grep -Eq -- "$pattern" err || fail "$name: $(head -n 2 err)"
}
same() { # FILE FILE NAME
    cmp -s "$1" "$2" || fail "$3"
}

for ((i = 1; i <= 1500; i++)); do echo "line $i: the fisherman, his cat and the sea"; done > text
settings=(text --hidden 16 --cell lstm --layers 2 --dropout 0.1 --averaging 0.99 --streams 7 --sequence 16)

succeeds "trains on two" 2 "${settings[@]}" --budget 60000 --out a.safetensors
grep -q '2 processes with 1 thread$' out || fail "it doesn't say that there are two processes: $(head -n 3 out)"
[[ $(grep -c '^the best model' out) -eq 1 ]] || fail "one process reports: $(grep -c '^the best model' out)"
[[ $(wc -l < a.csv) -eq 21 ]] || fail "the log has $(wc -l < a.csv) lines"
awk -F, 'NR == 2 { first = $5 } END { exit !($5 < first - 0.2) }' a.csv || fail "the validation loss falls"
succeeds "trains again" 2 "${settings[@]}" --budget 60000 --quiet --out b.safetensors
same a.safetensors b.safetensors "two runs on two processes end with other bytes"
succeeds "trains on three" 3 "${settings[@]}" --budget 20000 --quiet --out c.safetensors --precision float64

# One step without dropout gives the same results on any number of processes, except for rounding.
one=(text --hidden 16 --streams 7 --sequence 16 --dropout-output 0 --precision float64 --budget 1 --quiet --optimizer sgd)
for processes in 1 2 3; do
    succeeds "takes a step on $processes" $processes "${one[@]}" --out "$processes.safetensors"
done
for processes in 2 3; do
    paste -d , <(tail -n 1 1.csv) <(tail -n 1 $processes.csv) |
        awk -F, '{ for (i = 4; i <= 7; i++) if (($i - $(i + 8)) ^ 2 > 1e-8) exit 1 }' ||
        fail "the first step on $processes: $(tail -n 1 $processes.csv), not $(tail -n 1 1.csv)"
done

# Killed, stopped, and resumed
run=("${settings[@]}" --budget 400000 --quiet)
succeeds "trains without a stop" 2 "${run[@]}" --out once.safetensors
for signal in KILL TERM; do
    rm -f parts.*
    start 2 "${run[@]}" --out parts.safetensors &
    for ((i = 0; i < 1200; i++)); do
        [[ -f parts.csv && $(wc -l < parts.csv) -ge 3 ]] && break
        sleep 0.05
    done
    pkill "-$signal" --newest --full -- "^$program .*--out parts.safetensors"
    wait $! && fail "a process was ended by SIG$signal, and mpirun succeeds"
    succeeds "resumes after SIG$signal" 2 "${run[@]}" --out parts.safetensors --resume
    same once.safetensors parts.safetensors "a run resumed after SIG$signal ends with other bytes"
done
succeeds "goes on with another number of processes" 1 "${run[@]}" --budget 410000 --out parts.safetensors --resume

# The processes get different files, as they might on different machines.
together() { # ARGUMENTS of process 0, which are ten, and of process 1
    timeout 60 "$mpirun" -n 1 "$program" train "${@:1:10}" --out d.safetensors : \
        -n 1 "$program" train "${@:11}" --out d.safetensors > out 2> err < /dev/null
}
common=(--streams 4 --sequence 16 --threads 1 --quiet)
printf 'hidden 16\nbudget 9000\n' > first
printf 'hidden 17\nbudget 3000\n' > second
together text "${common[@]}" --config first text "${common[@]}" --config second || fail "configurations differ: $(head -n 3 err)"
tr s z < text > other
together text "${common[@]}" --config first other "${common[@]}" --config first && fail "texts differ, and it succeeds"
grep -q 'the text is another one than that of process 0' err || fail "texts differ: $(head -n 3 err)"

refuses "refuses a missing text" "nowhere" 2 nowhere
refuses "refuses too few streams" "1 streams for 2 processes; give --streams 2" 2 text --hidden 8 --streams 1 --budget 9
refuses "refuses to resume what isn't there" "none.checkpoint" 2 text --out none --resume

((failed == 0)) || exit 1
echo "ok: processes"
