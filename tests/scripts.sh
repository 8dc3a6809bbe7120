#!/usr/bin/env bash
# Tests that the build scripts find librnn's directory from any current directory, and through symbolic links.
# Each script is copied to a tree with a cmake/packages.sh of its own, which prints the current directory and exits.
set -euo pipefail

source_dir=$(dirname "$(realpath "$0")")/..
work=$(realpath "$(mktemp -d)")
trap 'rm -rf "$work"' EXIT
tree="$work/a tree, größer"
mkdir -p "$tree/cmake" "$work/links" "$work/elsewhere"
cat > "$tree/cmake/packages.sh" << 'END'
has_package() { true; }
need_packages() {
    pwd -P
    exit
}
END

# found_by SCRIPT COMMAND...: runs the command from elsewhere. It must end up in the tree.
found_by() {
    local script=$1 found
    shift
    found=$(cd "$work/elsewhere" && "$@" 2>&1) || true
    if [[ $found != "$tree" ]]; then
        echo "tests/scripts.sh: $script, called as '$*', ends up in '$found'" >&2
        exit 1
    fi
}

scripts=(examples/quickstart.sh examples/playground/build.sh .ci/run tests/run.sh tests/fuzz/run.sh
    tests/{tidy,coverage,portability,windows,wasm}.sh)
for script in "${scripts[@]}"; do
    mkdir -p "$(dirname "$tree/$script")"
    cp "$source_dir/$script" "$tree/$script"
    ln -sfn "$tree/$script" "$work/links/absolute"
    ln -sfn "../a tree, größer/$script" "$work/links/relative"
    ln -sfn absolute "$work/links/to a link"
    ln -sfn "../links/relative" "$work/elsewhere/link"
    ln -sfn "$tree" "$work/links/tree"
    found_by "$script" "$tree/$script"
    found_by "$script" "../a tree, größer/$script"
    found_by "$script" "$work/links/absolute"
    found_by "$script" "$work/links/relative"
    found_by "$script" "../links/to a link"
    found_by "$script" ./link
    found_by "$script" bash link
    found_by "$script" "$work/links/tree/$script"
    found_by "$script" env PATH="$work/links:$PATH" absolute
    found_by "$script" env CDPATH="$work/links:$work" ./link
    echo "ok: $script"
done
