#!/usr/bin/env bash
# Tests that each source file includes only headers from the directories that docs/architecture.md allows for its own
# directory, and that each file compiles by itself.
#   tests/layers.sh [COMPILER]
set -euo pipefail

cd "$(dirname "$(realpath "$0")")/.."
compiler=${1:-cc}
failed=0
fail() {
    echo "tests/layers.sh: $1" >&2
    failed=1
}

# For each directory, a pattern of the paths that its files may include
declare -A below=(
    [base]='base/*'
    [core]='base/*|core/*'
    [core/kernels]='base/*|core/kernels/*'
    [core/cells]='base/*|core/core.h|core/kernels/*|core/cells/*'
    [core/pass]='base/*|core/*'
    [network]='base/*|core/core.h|network/*'
    [sampling]='base/*|core/core.h|network/*|sampling/*'
    [text]='base/*|network/*|text/*'
    [storage]='base/*|network/*|sampling/*|text/*|storage/*'
)

matches() { # PATH PATTERN|PATTERN...
    local pattern
    IFS='|' read -ra patterns <<< "$2"
    for pattern in "${patterns[@]}"; do
        # shellcheck disable=SC2053 # the right side is a pattern
        [[ $1 == $pattern ]] && return 0
    done
    return 1
}

count=0
while read -r file; do
    room=$(dirname "${file#src/}")
    [[ $room == . ]] && continue
    if [[ -z ${below[$room]:-} ]]; then
        fail "$file is in a directory that this script doesn't know"
        continue
    fi
    while read -r included; do
        [[ -f src/$included ]] || fail "$file includes $included, which isn't a path below src"
        matches "$included" "${below[$room]}" || fail "$file includes $included, which src/$room may not use"
    done < <(sed -n 's/^#include "\(.*\)"$/\1/p' "$file")
    "$compiler" -x c -std=c11 -fsyntax-only -Wall -Wextra -Wno-unused -Werror -ffp-contract=off -Isrc -Iinclude \
        -D_POSIX_C_SOURCE=200809L -D_FILE_OFFSET_BITS=64 -DRNN_EXPERIMENTAL -DRNN_WITH_THREADS=1 \
        -DRNN_CORE_PRECISION=32 -DRNN_CORE_VECTOR_BYTES=16 -DRNN_CORE_NAME=librnn_core "$file" || fail "$file doesn't compile by itself"
    count=$((count + 1))
done < <(find src -name '*.[ch]' | sort)

((failed == 0)) || exit 1
echo "ok: $count files"
