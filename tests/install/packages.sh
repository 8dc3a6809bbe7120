#!/usr/bin/env bash
# tests/install/packages.sh BUILD_DIR
# Makes Debian's packages in a build that was configured with -DCMAKE_INSTALL_PREFIX=/usr. Lintian must find no errors
# and no warnings. Then installs, uses and removes the packages. For this, writable layers hide the machine's
# directories from the script. No other process sees the layers, and they vanish at the end.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
build=$(realpath "$1")

# expect NAME EXPECTED ACTUAL
expect() {
    if [[ $2 != "$3" ]]; then
        printf '%s: expected\n%s\nbut got\n%s\n' "$@" >&2
        exit 1
    fi
    echo "ok: $1"
}

# run COMMAND...: runs the command, and shows its output if it fails.
run() {
    "$@" > "$work/log" 2>&1 || {
        tail -n 40 "$work/log" >&2
        exit 1
    }
}

# All files of the directories that packages are installed to, except those that dpkg and ldconfig keep for themselves.
machine() {
    find /etc /usr /var | LC_ALL=C sort |
        grep -vE '^(/etc/ld\.so\.cache|/var/cache/ldconfig|/var/log|/var/lib/dpkg/(lock|triggers|[a-z]*-old))'
}

# Runs as root, where only this process and its children see what is mounted.
in_layers() {
    local directory packages=("$build"/packages/*.deb) version major
    mount -t tmpfs tmpfs "$work"
    for directory in /etc /usr /var; do
        mkdir -p "$work$directory/upper" "$work$directory/work"
        mount -t overlay overlay "$directory" \
            -o "lowerdir=$directory,upperdir=$work$directory/upper,workdir=$work$directory/work"
    done
    cd "$work"
    unset LD_LIBRARY_PATH LIBRNN PKG_CONFIG_PATH PYTHONPATH

    machine > before
    run dpkg --force-unsafe-io --install "${packages[@]}"
    echo "ok: the packages can be installed"
    run dpkg --verify librnn0 librnn-dev librnn-doc python3-librnn
    echo "ok: their files have the checksums"
    version=$(pkg-config --modversion librnn)
    major=${version%%.*}

    expect "pkg-config" "-lrnn" "$(pkg-config --cflags --libs librnn | xargs)"
    # shellcheck disable=SC2046 # pkg-config prints several words
    {
        cc "$here/consumer.c" -o shared $(pkg-config --cflags --libs librnn)
        cc "$here/consumer.c" -o static -static $(pkg-config --static --cflags --libs librnn)
    }
    expect "pkg-config, shared" "$version" "$(./shared)"
    expect "pkg-config, static" "$version" "$(./static)"
    run cmake -S "$here" -B cmake -DLANGUAGES=C -DMAJOR="$major"
    run cmake --build cmake
    expect "find_package, shared" "$version" "$(cmake/consumer_shared)"
    expect "find_package, static" "$version" "$(cmake/consumer_static)"

    mkdir debian
    touch debian/control
    expect "package that a program depends on" "librnn$major (>= $version)" \
        "$(dpkg-shlibdeps -O ./shared 2> /dev/null | grep -o 'librnn[^,]*')"

    expect "Python" "/usr/lib/python3/dist-packages/librnn/__init__.py $version $version" "$(/usr/bin/python3 -c '
import importlib.metadata
import librnn
librnn.Model(input_size=2, output_size=2).close()
print(librnn.__file__, librnn.version(), importlib.metadata.version("librnn"))')"
    expect "compiled modules" 3 "$(find /usr/lib/python3/dist-packages/librnn -name '*.pyc' | wc -l)"
    for file in index.html mathjax/MathJax.js; do
        [[ -s /usr/share/doc/librnn-doc/html/$file ]]
        echo "ok: documentation, $file"
    done

    run dpkg --force-unsafe-io --install "${packages[@]}"
    run dpkg --force-unsafe-io --purge librnn0 librnn-dev librnn-doc python3-librnn
    machine > after
    expect "files after the packages have been removed" "" "$(diff before after)"
    expect "libraries in the loader's cache" "" "$(ldconfig -p | grep librnn)"
}

if [[ $# -eq 2 ]]; then
    work=$2
    in_layers
    exit
fi

# shellcheck source=cmake/packages.sh
source "$here/../../cmake/packages.sh"
need_packages gcc cmake make pkg-config libjansson-dev python3 doxygen libjs-mathjax dpkg-dev lintian
work=$(realpath "$(mktemp -d)")
trap 'rm -rf "$work"' EXIT

rm -rf "$build/packages"
(umask 077 && run cmake --build "$build" --target deb) # a strict umask shows in no package
version=$(sed -n 's/^set(CPACK_PACKAGE_VERSION "\(.*\)")$/\1/p' "$build/CPackConfig.cmake")
machine=$(dpkg --print-architecture)
expect "packages" "librnn-dev_$version-0librnn1_$machine.deb librnn-doc_$version-0librnn1_all.deb
librnn${version%%.*}_$version-0librnn1_$machine.deb python3-librnn_$version-0librnn1_all.deb" \
    "$(cd "$build/packages" && printf '%s %s\n' *.deb)"
run lintian --fail-on error,warning "$build"/packages/*.deb
echo "ok: lintian"

layers=(as_root unshare --mount)
if "${layers[@]}" mount -t tmpfs tmpfs "$work"; then
    "${layers[@]}" bash "$0" "$build" "$work"
else
    echo "This machine doesn't let programs mount, so the packages haven't been installed." >&2
fi
