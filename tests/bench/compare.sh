#!/usr/bin/env bash
# librnn and PyTorch on the same configurations. The two take turns, since a machine's speed drifts; the medians of the
# rounds count. Prints for each configuration tokens/s of both, their ratio, and librnn's fraction of the core's peak.
# Usage: compare.sh BUILD_DIR [ROUNDS [SECONDS [CONFIGURATION...]]]
#   PYTHON   an interpreter that has torch (on Debian: /usr/bin/python3 with python3-torch)
#   THREADS  of both (1)
# PyTorch's products are as fast as the BLAS that it finds: point LD_LIBRARY_PATH at OpenBLAS or BLIS.
set -euo pipefail

if [[ $# -lt 1 ]]; then
    echo "usage: compare.sh BUILD_DIR [ROUNDS [SECONDS [CONFIGURATION...]]]" >&2
    exit 2
fi
bench=$1/tests/bench
rounds=${2:-5}
seconds=${3:-3}
configurations=("${@:4}")
[[ ${#configurations[@]} -gt 0 ]] || configurations=(S C G L W I1 I64)
python=${PYTHON:-python3}
threads=${THREADS:-1}
here=$(dirname "$0")

if ! "$python" -c 'import torch' 2> /dev/null; then
    echo "compare.sh: $python has no torch (on Debian: python3-torch); set PYTHON to one that has" >&2
    exit 2
fi

median() {
    sort -n | awk '{ x[NR] = $1 } END { print (x[int((NR + 1) / 2)] + x[int(NR / 2) + 1]) / 2 }'
}

rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
printf '%-4s %12s %12s %8s %10s\n' "" librnn torch ratio "of peak"
for configuration in "${configurations[@]}"; do
    : > "$rows"
    for ((round = 0; round < rounds; round++)); do
        read -r ours fraction < <("$bench" "$configuration" --threads "$threads" --seconds "$seconds" |
            sed -n 's|.*: \([0-9]*\) tokens/s.*fraction \(.*\)|\1 \2|p')
        theirs=$("$python" "$here/torch_peer.py" "$configuration" "$threads" "$seconds" |
            sed -n 's|.*: \([0-9]*\) tokens/s|\1|p')
        echo "$ours $theirs $fraction" >> "$rows"
    done
    printf '%-4s %12.0f %12.0f %8.2f %10.3f\n' "$configuration" \
        "$(awk '{ print $1 }' "$rows" | median)" "$(awk '{ print $2 }' "$rows" | median)" \
        "$(awk '{ print $1 / $2 }' "$rows" | median)" "$(awk '{ print $3 }' "$rows" | median)"
done
