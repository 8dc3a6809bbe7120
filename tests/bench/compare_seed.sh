#!/usr/bin/env bash
# How many times faster than the seed's numpy program librnn trains, on one core: the two take turns, since a machine's
# speed drifts, and the median of the rounds' ratios counts.
# Usage: compare_seed.sh TEXT BUILD_DIR [ROUNDS [SECONDS]]; PYTHON names an interpreter that has numpy.
set -euo pipefail

if [ $# -lt 2 ] || [ $# -gt 4 ]; then
    echo "usage: compare_seed.sh TEXT BUILD_DIR [ROUNDS [SECONDS]]" >&2
    exit 2
fi
text=$1
librnn=$2/tests/bench_seed
rounds=${3:-5}
seconds=${4:-3}
python=${PYTHON:-python3}
numpy=$(dirname "$0")/seed.py

if ! "$python" -c 'import numpy' 2>/dev/null; then
    echo "compare_seed.sh: $python has no numpy (on Debian: python3-numpy); set PYTHON to one that has" >&2
    exit 2
fi
if [ ! -x "$librnn" ]; then
    echo "compare_seed.sh: $librnn has not been built" >&2
    exit 2
fi

# Products this small are slower on several threads, for numpy too.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 BLIS_NUM_THREADS=1 MKL_NUM_THREADS=1

tokens_of() { # LABEL: the tokens a second in its line on stdin
    sed -n "s|^$1 \([0-9]*\) tokens/s.*|\1|p"
}

median() {
    sort -n | awk '{ x[NR] = $1 } END { print (x[int((NR + 1) / 2)] + x[int(NR / 2) + 1]) / 2 }'
}

ratios=$(mktemp)
trap 'rm -f "$ratios"' EXIT
printf '%-8s %12s %12s %12s  tokens/s\n' round numpy float32 float64
for ((round = 1; round <= rounds; round++)); do
    theirs=$("$python" "$numpy" "$text" "$seconds" | tokens_of numpy)
    ours=$("$librnn" "$text" "$seconds")
    single=$(tokens_of float32 <<<"$ours")
    double=$(tokens_of float64 <<<"$ours")
    printf '%-8s %12s %12s %12s\n' "$round" "$theirs" "$single" "$double"
    echo "$theirs $single $double" >>"$ratios"
done
printf 'median of librnn / numpy: float32 %.1f, float64 %.1f\n' \
    "$(awk '{ print $2 / $1 }' "$ratios" | median)" "$(awk '{ print $3 / $1 }' "$ratios" | median)"
