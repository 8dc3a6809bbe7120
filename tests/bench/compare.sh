#!/usr/bin/env bash
# Compares librnn with its peers on the configurations of bench.c: PyTorch, oneDNN (C and L), and min-char-rnn in numpy
# (S). All programs take turns in each round, since a machine's speed drifts. The results are medians over the rounds.
set -euo pipefail

usage() {
    cat >&2 << 'END'
usage: compare.sh BUILD_DIR [OPTION...] [CONFIGURATION...]
    --rounds N      number of rounds (5)
    --seconds X     length of a turn (3)
    --threads N     threads of librnn (1); a peer uses 1 to N, the number with which it is fastest
    --precision P   float32 or float64 (float32); numpy always computes in float64, and oneDNN only in float32
    --scaling       compares librnn on one thread with librnn on N threads (at least 2) instead of peers; also prints
                    the time of a cache line's round trip between two processors
    --against DIR   compares with another build of librnn instead of peers; may be repeated
Configurations are S C G L W I1 I64; the default is all of them. Environment variables:
    PYTHON          an interpreter that has torch and numpy (python3)
    BLAS_FOLDERS    folders of libblas.so.3, separated by colons (by default those of Debian's packages)
END
    exit 2
}

build="" rounds=5 seconds=3 threads=1 precision=float32 scaling="" others=() configurations=()
while [[ $# -gt 0 ]]; do
    case $1 in
        --scaling) scaling=yes ;;
        --against)
            [[ $# -gt 1 ]] || usage
            others+=("$2")
            shift
            ;;
        --rounds | --seconds | --threads | --precision)
            [[ $# -gt 1 ]] || usage
            declare "${1#--}=$2"
            shift
            ;;
        -*) usage ;;
        *) if [[ -z $build ]]; then build=$1; else configurations+=("$1"); fi ;;
    esac
    shift
done
[[ -n $build && $rounds -gt 0 && $threads -gt 0 ]] || usage
[[ ${#configurations[@]} -gt 0 ]] || configurations=(S C G L W I1 I64)
bench=$build/tests/bench
onednn=$build/tests/onednn_peer
python=${PYTHON:-python3}
here=$(dirname "$(realpath "$0")")

rows=$(mktemp)
trap 'rm -f "$rows"' EXIT

# Each row has librnn's fraction of one core's peak, its tokens/s, and the tokens/s of the others. Prints the medians of
# all tokens/s, the median of the fraction of all threads' peak, and the medians of librnn's ratios to the others.
medians() {
    awk -v threads="$threads" '
        function median(values, count,    i, j, held) {
            for (i = 2; i <= count; i++)
                for (j = i; j > 1 && values[j] < values[j - 1]; j--) {
                    held = values[j]; values[j] = values[j - 1]; values[j - 1] = held
                }
            return (values[int((count + 1) / 2)] + values[int(count / 2) + 1]) / 2
        }
        function column(c, over,    r) {
            for (r = 1; r <= NR; r++)
                values[r] = over ? cell[r, c] / cell[r, over] : cell[r, c]
            return median(values, NR)
        }
        { for (c = 1; c <= NF; c++) cell[NR, c] = $c }
        END {
            for (c = 2; c <= NF; c++) printf "%.0f ", column(c)
            printf "%.3f ", column(1) / threads
            for (c = 3; c <= NF; c++) printf "%.2f ", column(2, c)
            print ""
        }' "$rows"
}

tokens() { # reads the line of a peer from stdin
    sed -n 's|.*: \([0-9]*\) tokens/s.*|\1|p'
}

# Prints librnn's fraction of one core's peak and its tokens/s.
librnn() { # THREADS [BUILD_DIR]
    "${2:-$build}/tests/bench" "$configuration" --threads "$1" --seconds "$seconds" --precision "$precision" |
        sed -n 's|.*: \([0-9]*\) tokens/s.*fraction \(.*\)|\2 \1|p'
}

if [[ ! -x $bench ]]; then
    echo "compare.sh: $bench has not been built" >&2
    exit 2
fi

if [[ -n $scaling ]]; then
    [[ $threads -gt 1 ]] || threads=2
    printf '%-4s %12s %12s %8s %15s\n' "" "1 thread" "$threads threads" ratio "round trip, ns"
    for configuration in "${configurations[@]}"; do
        : > "$rows"
        for ((round = 0; round < rounds; round++)); do
            echo "$(librnn "$threads") $(librnn 1 | cut -d ' ' -f 2) $("$build/tests/round_trip" || echo 0)" >> "$rows"
        done
        read -r many one trip _ ratio _ < <(medians)
        printf '%-4s %12s %12s %8s %15s\n' "$configuration" "$one" "$many" "$ratio" "$trip"
    done
    exit
fi

if [[ ${#others[@]} -gt 0 ]]; then
    printf '%-4s %10s %8s' "" "$(basename "$build")" "of peak"
    for other in "${others[@]}"; do
        printf ' %14s %6s' "$(basename "$other")" ratio
    done
    printf '\n'
    for configuration in "${configurations[@]}"; do
        : > "$rows"
        for ((round = 0; round < rounds; round++)); do
            row=$(librnn "$threads")
            for other in "${others[@]}"; do
                row+=" $(librnn "$threads" "$other" | cut -d ' ' -f 2)"
            done
            echo "$row" >> "$rows"
        done
        read -r -a median < <(medians) # this build, the others, fraction of the peak, ratio to each of the others
        printf '%-4s %10s %8s' "$configuration" "${median[0]}" "${median[${#others[@]} + 1]}"
        for i in "${!others[@]}"; do
            printf ' %14s %6s' "${median[i + 1]}" "${median[${#others[@]} + 2 + i]}"
        done
        printf '\n'
    done
    exit
fi

# Prints the name of the BLAS that Python's MODULE loads when FOLDER comes first in the library path. This is the name
# of the folder that the BLAS came from.
blas_of() { # MODULE FOLDER
    LD_LIBRARY_PATH=$2${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} "$python" -c "
import os, re, $1
maps = open('/proc/self/maps').read() if os.path.exists('/proc/self/maps') else ''
libraries = re.findall(r'/\S*(?:blas|blis|mkl)\S*\.so\S*', maps)
library = min(libraries, key=lambda path: '/libblas.so' not in path, default='')
print(os.path.basename(os.path.dirname(library)) or 'its-own')"
}

# Prints each BLAS that Python's MODULE can use, as lines of NAME FOLDER. A module with its own BLAS uses only that one.
blas_list() { # MODULE
    local folder
    for folder in "${blas_folders[@]}"; do
        echo "$(blas_of "$1" "$folder") $folder"
    done | awk '!seen[$1]++'
}

# Debian's alternatives, except the reference implementation, which isn't meant to be fast.
blas_folders=()
if [[ -n ${BLAS_FOLDERS:-} ]]; then
    IFS=: read -r -a blas_folders <<< "$BLAS_FOLDERS"
else
    for library in /usr/lib/*/*/libblas.so.3; do
        [[ ! -e $library || $library == */blas/* ]] || blas_folders+=("${library%/*}")
    done
fi
if [[ ${#blas_folders[@]} -eq 0 ]]; then
    echo "Debian's alternatives have no fast BLAS, so Python's modules use their default" \
        "(Debian: libopenblas0-openmp, libblis4-openmp)" >&2
    blas_folders=("")
fi

torch_blas="" numpy_blas=""
if "$python" -c 'import torch' 2> /dev/null; then
    torch_blas=$(blas_list torch)
else
    echo "$python has no torch, which is left out (Debian: python3-torch; PYTHON names another interpreter)" >&2
fi
if "$python" -c 'import numpy' 2> /dev/null; then
    numpy_blas=$(blas_list numpy)
else
    echo "$python has no numpy, which is left out (Debian: python3-numpy; PYTHON names another interpreter)" >&2
fi
if [[ ! -x $onednn ]]; then
    echo "$onednn is not built, so oneDNN is left out (Debian: libdnnl-dev, version 2; then configure again)" >&2
fi

# Prints the ways of running CONFIGURATION that may be a peer's fastest, as lines: PEER THREADS BLAS FOLDER OPTION
candidates() {
    local blas folder count
    for ((count = 1; count <= threads; count++)); do
        while read -r blas folder; do
            [[ -z $blas ]] || echo "torch $count $blas ${folder:-.} -"
            [[ -z $blas || $configuration != W ]] || echo "torch $count $blas ${folder:-.} sparse"
        done <<< "$torch_blas"
        if [[ -x $onednn && $precision == float32 && $configuration == [CL] ]]; then
            echo "onednn $count - . -"
        fi
    done
    while read -r blas folder; do # products this small are no faster on several threads
        [[ -z $blas || $configuration != S ]] || echo "numpy 1 $blas ${folder:-.} -"
    done <<< "$numpy_blas"
}

run_peer() { # PEER THREADS BLAS FOLDER OPTION
    local option=() path=${LD_LIBRARY_PATH:-}
    [[ $5 == - ]] || option=("--$5")
    [[ $4 == . ]] || path=$4${path:+:$path}
    case $1 in
        torch) LD_LIBRARY_PATH=$path "$python" "$here/torch_peer.py" "$configuration" --threads "$2" \
            --seconds "$seconds" --precision "$precision" "${option[@]}" ;;
        numpy) LD_LIBRARY_PATH=$path OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 BLIS_NUM_THREADS=1 MKL_NUM_THREADS=1 \
            "$python" "$here/seed.py" "$seconds" ;;
        onednn) OMP_NUM_THREADS=$2 "$onednn" "$configuration" "$seconds" ;;
    esac
}

# Prints the index of PEER's candidate with the largest median, or nothing if there is none.
best_of() { # PEER, or "" for any
    local i best=""
    for i in "${!ways[@]}"; do
        if [[ ${ways[i]} == "$1"* && (-z $best || ${median[i + 1]} -gt ${median[best + 1]}) ]]; then
            best=$i
        fi
    done
    echo "$best"
}

printf '%-4s %10s %8s' "" librnn "of peak"
printf ' %10s' torch onednn numpy
printf ' %8s  %s\n' ratio "best peer, its threads, BLAS, option"
for configuration in "${configurations[@]}"; do
    mapfile -t ways < <(candidates)
    : > "$rows"
    for ((round = 0; round < rounds; round++)); do
        row=$(librnn "$threads")
        for way in "${ways[@]}"; do
            read -r -a words <<< "$way"
            row+=" $(run_peer "${words[@]}" | tokens)"
        done
        echo "$row" >> "$rows"
    done

    read -r -a median < <(medians) # librnn, each way, fraction of the peak, ratio to each way
    printf '%-4s %10s %8s' "$configuration" "${median[0]}" "${median[${#ways[@]} + 1]}"
    for peer in torch onednn numpy; do
        best=$(best_of "$peer")
        printf ' %10s' "${best:+${median[best + 1]}}"
    done
    best=$(best_of "")
    if [[ -n $best ]]; then
        read -r peer count blas _ option <<< "${ways[best]}"
        printf ' %8s  %s' "${median[${#ways[@]} + 2 + best]}" "$peer $count ${blas#-} ${option#-}"
    fi
    printf '\n'
done
