#!/bin/sh
# rtneural.sh: compares librnn with RTNeural: the time in ns of a call for one step of one stream.
#
#     rtneural.sh BUILD_DIR RTNEURAL_DIR [XSIMD_INCLUDE_DIR]
#
# RTNEURAL_DIR is a checkout of RTNeural. Its Eigen back end needs libeigen3-dev, and its xsimd back end a checkout of
# xsimd 9 or later. All programs take three turns, and the shortest time counts. For RTNeural it is the time of the
# fastest back end.
set -eu
if [ $# -lt 2 ]; then
    echo "usage: rtneural.sh BUILD_DIR RTNEURAL_DIR [XSIMD_INCLUDE_DIR]" >&2
    exit 2
fi
build=$1 source=$2 xsimd=${3:-/usr/include}
directory=$(mktemp -d)
trap 'rm -r "$directory"' EXIT

peers=
for backend in STL EIGEN XSIMD; do
    if "${CXX:-c++}" -std=c++17 -O3 -march=native -ffast-math -DNDEBUG -DEIGEN_STACK_ALLOCATION_LIMIT=0 \
        "-DRTNEURAL_USE_$backend=1" -DRTNEURAL_DEFAULT_ALIGNMENT=32 -I"$source" -I/usr/include/eigen3 -I"$xsimd" \
        "$(dirname "$(realpath "$0")")/rtneural_peer.cpp" "$source/RTNeural/RTNeural.cpp" -o "$directory/$backend" \
        2>"$directory/log"; then
        peers="$peers $backend"
    else
        echo "The $backend back end is left out, since it doesn't compile: $(grep -m 1 error "$directory/log")"
    fi
done

for _ in 1 2 3; do
    "$build/tests/step" | sed 1d | sed 's/^/librnn /'
    for peer in $peers; do
        "$directory/$peer" | sed 's/^/RTNeural /'
    done
done | awk '
    function least(key, x) { if (!(key in best) || x < best[key]) best[key] = x }
    { least($1 " LSTM " $2, $3 + 0); least($1 " GRU " $2, $4 + 0); if (!($2 in seen)) { seen[$2] = 1; size[++n] = $2 } }
    END {
        printf "%6s %12s %10s %8s %12s %10s %8s\n", "H", "LSTM, librnn", "RTNeural", "ratio", "GRU, librnn", "RTNeural", "ratio"
        for (i = 1; i <= n; i++) {
            printf "%6d", size[i]
            for (c = 1; c <= 2; c++) {
                cell = c == 1 ? "LSTM" : "GRU"
                own = best["librnn " cell " " size[i]]; peer = best["RTNeural " cell " " size[i]]
                printf " %12d %10d %8.2f", own, peer, (peer > 0 ? own / peer : 0)
            }
            printf "\n"
        }
    }'
