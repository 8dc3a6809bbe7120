# commands.sh: what the tests of the example programs share. It is sourced.
# shellcheck shell=bash
#   begin NAME BUILD_DIR [CONFIGURATION]: finds the program, and changes to an empty folder. CONFIGURATION is needed only
#   for a build directory with several.

failed=0
export TERM=xterm # the programs show progress on a terminal that can clear a line

begin() {
    if [[ $# -lt 2 || $# -gt 3 ]]; then
        echo "usage: $0 BUILD_DIR [CONFIGURATION]" >&2
        exit 2
    fi
    program=$(realpath "$2")/examples/${3:+$3/}$1
    [[ -x $program ]] || { echo "$0: there is no program $program" >&2; exit 2; }
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cd "$work" || exit 2
}
fail() {
    echo "FAIL  $1" >&2
    failed=$((failed + 1))
}
shows() { # PATTERN NAME: a line of the last command's output must match the pattern
    grep -Eq -- "$1" out || fail "$2: $(head -n 3 out | tr '\n' '|')"
}
succeeds() { # NAME ARGUMENTS...
    local name=$1
    shift
    timeout 300 "$program" "$@" > out 2> err < /dev/null || fail "$name: $(head -n 2 err)"
}
refuses() { # NAME PATTERN ARGUMENTS...: must fail, with a message that matches the pattern
    local name=$1 pattern=$2 status
    shift 2
    timeout 300 "$program" "$@" > out 2> err < /dev/null
    status=$?
    if [[ $status -eq 0 || $status -gt 2 ]] || ! grep -Eq -- "$pattern" err; then
        fail "$name: status $status, $(head -n 2 err)"
    fi
}
same() { # FILE FILE NAME
    cmp -s "$1" "$2" || fail "$3"
}

# Ends the test.
finish() {
    [[ $failed -eq 0 ]] || { echo "$failed failed" >&2; exit 1; }
    echo "ok: $(basename "$program")"
}
