#!/usr/bin/env bash
# Tests that each formula in the documentation names the code that computes it, and that each marker in the code belongs
# to a formula. A paragraph that begins with "Code:" names files and, after each, its markers: `src/file.c` (`a`, `b`).
# A marker is the comment "formula: NAME" in the code.
#   tests/formulas.sh [SOURCE_DIR]
set -euo pipefail

cd "${1:-$(dirname "$(realpath "$0")")/..}"
pages=(docs/networks.md docs/seed.md)
failed=0
fail() {
    echo "tests/formulas.sh: $1" >&2
    failed=1
}

# Prints PAGE WORD for the words in backticks of all paragraphs that begin with "Code:"
words() {
    awk 'FNR == 1 || /^$/ { inside = 0 }
         /^Code:/ { inside = 1 }
         inside { n = split($0, part, "`"); for (i = 2; i <= n; i += 2) print FILENAME, part[i] }' "${pages[@]}"
}

# Prints FILE MARKER for all markers in the code
markers() {
    grep -roE '/\* formula: [^*]* \*/' src | sed -E 's|^([^:]*):/\* formula: (.*) \*/$|\1 \2|'
}

declare -A in_code=() in_docs=()
while read -r file name; do
    in_code[$file $name]=1
    [[ $name =~ ^[a-z0-9]+(-[a-z0-9]+)*$ ]] || fail "$file has the marker '$name', which isn't a valid name"
done < <(markers)

file='' named=0
while read -r page word; do
    if [[ $word == */* ]]; then
        file=$word
        [[ -f $file ]] || fail "$page names $file, which doesn't exist"
    else
        [[ -n ${in_code[$file $word]:-} ]] || fail "$page names $word in $file, which has no such marker"
        in_docs[$file $word]=1
        named=$((named + 1))
    fi
done < <(words)
((named > 0)) || fail "${pages[*]} name no marker"

for marker in "${!in_code[@]}"; do
    [[ -n ${in_docs[$marker]:-} ]] || fail "${marker% *} has the marker ${marker#* }, which ${pages[*]} don't name"
done

((failed == 0)) || exit 1
echo "ok: ${#in_code[@]} formulas"
