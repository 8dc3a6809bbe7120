#!/usr/bin/env bash
# Tests that the header compiles without a warning in every standard of C and C++, included first and twice, and that
# compilers warn of an ignored status.
#   tests/header.sh [COMPILER...]
# Without arguments it tries those of gcc, clang, g++ and clang++ that the machine has.
set -euo pipefail

include=$(dirname "$(realpath "$0")")/../include
compilers=("$@")
if [[ $# -eq 0 ]]; then
    for compiler in gcc clang g++ clang++; do
        if command -v "$compiler" > /dev/null; then
            compilers+=("$compiler")
        fi
    done
fi
if [[ ${#compilers[@]} -eq 0 ]]; then
    echo "tests/header.sh: this machine has none of gcc, clang, g++ and clang++" >&2
    exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    echo "tests/header.sh: $1" >&2
    exit 1
}

cat > "$work/twice" << 'END'
#include <rnn/rnn.h>
#include <rnn/rnn.h>
int main(void) { return rnn_set_threads(0) != RNN_OK; }
END
sed 's/return rnn_set_threads(0) != RNN_OK/rnn_set_threads(0); return 0/' "$work/twice" > "$work/ignored"

# The program at the beginning of the header
sed -n '/^ \* @code{.c}$/,/^ \* @endcode$/{/@code\|@endcode/d;s/^ \* \{0,1\}//;p}' "$include/rnn/rnn.h" > "$work/first"
[[ $(grep -c '^int main' "$work/first") -eq 1 ]] || fail "the header doesn't begin with exactly one program"

compile() { # FILE OPTION...
    local file=$1
    shift
    "$compiler" -x "$language" -Werror -Wall -Wextra -I"$include" "$@" -c -o /dev/null "$work/$file"
}

for compiler in "${compilers[@]}"; do
    case $compiler in
        *++*) language=c++ standards=(c++98 c++11 c++14 c++17) ;;
        *) language=c standards=(c89 c99 c11 c17) ;;
    esac
    for standard in "${standards[@]}"; do
        for experimental in -URNN_EXPERIMENTAL -DRNN_EXPERIMENTAL; do
            compile twice -std="$standard" -pedantic-errors "$experimental" ||
                fail "$compiler -std=$standard $experimental doesn't accept the header"
        done
        if [[ $standard != c89 && $standard != c++98 ]]; then
            compile first -std="$standard" || fail "$compiler -std=$standard doesn't accept the first program"
        fi
        compile ignored -std="$standard" -DRNN_NO_WARN_UNUSED_RESULT ||
            fail "$compiler -std=$standard warns in spite of RNN_NO_WARN_UNUSED_RESULT"
        if compile ignored -std="$standard" 2> "$work/errors"; then
            fail "$compiler -std=$standard doesn't warn of an ignored status"
        fi
        grep -q unused-result "$work/errors" || fail "$compiler -std=$standard: $(cat "$work/errors")"
    done
    echo "ok: $compiler: ${standards[*]}"
done

if grep -n 'RNN_API rnn_status' "$include/rnn/rnn.h"; then
    fail "this function of the header isn't marked with RNN_CHECKED"
fi
