# shellcheck shell=bash
# The build scripts include this file with "source". It installs packages that a bare Debian-like machine lacks.

# Whether the machine has the contents of a Debian package, wherever they came from.
has_package() {
    case $1 in
        gcc) command -v cc ;;
        libc6-dev) echo '#include <math.h>' | cc -E - ;;
        dpkg-dev) command -v dpkg-shlibdeps ;;
        libclang-rt-dev) echo 'int main(void) {}' | clang -fsanitize=address -x c -o /dev/null - ;;
        gcc-arm-none-eabi) command -v arm-none-eabi-gcc ;;
        gcc-mingw-w64-x86-64-win32) command -v x86_64-w64-mingw32-gcc-win32 ;;
        wine64) test -e /usr/lib/wine/wine64 ;;
        gcc-*-linux-gnu) command -v "${1#gcc-}-gcc" ;;
        libc6-dev-arm64-cross) test -e /usr/aarch64-linux-gnu/include/math.h ;;
        libc6-dev-i386-cross) test -e /usr/i686-linux-gnu/include/math.h ;;
        libc6-dev-s390x-cross) test -e /usr/s390x-linux-gnu/include/math.h ;;
        lld-*) command -v "ld.$1" ;;
        llvm-*) command -v "llvm-nm-${1#llvm-}" ;;
        musl-tools) command -v musl-gcc ;;
        qemu-user) command -v qemu-aarch64 ;;
        libjs-mathjax) test -e /usr/share/javascript/mathjax/MathJax.js ;;
        ninja-build) command -v ninja ;;
        lld) command -v wasm-ld ;;
        wasi-libc) test -e /usr/lib/wasm32-wasi/libc.a ;;
        libclang-rt-dev-wasm32) test -e "$(clang --target=wasm32-wasi -print-libgcc-file-name)" ;;
        binaryen) command -v wasm-opt ;;
        libcmocka-dev) pkg-config --exists cmocka ;;
        abigail-tools) command -v abidiff ;;
        libopenmpi-dev) command -v mpicc ;;
        openmpi-bin) command -v mpirun ;;
        golang-go) command -v go ;;
        nodejs) command -v node ;;
        libjansson-dev) pkg-config --exists jansson ;;
        python3-clang) /usr/bin/python3 -c 'import clang.cindex' ;;
        python3-pip | python3-setuptools | python3-wheel) /usr/bin/python3 -c "import ${1#python3-}" ;;
        python3-venv) /usr/bin/python3 -c 'import venv, ensurepip' ;;
        python3-numpy) /usr/bin/python3 -c 'import numpy' ;;
        *) command -v "$1" ;;
    esac &> /dev/null
}

# Runs a command as root.
as_root() {
    if [[ $EUID -eq 0 ]]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Installs those of the packages that are missing, and fails if that isn't possible.
install_packages() {
    local package missing=() apt_get=(as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y)
    for package in "$@"; do
        has_package "$package" || missing+=("$package")
    done
    if [[ ${#missing[@]} -eq 0 ]]; then
        return
    fi

    echo "Missing packages: ${missing[*]}"
    if ! command -v apt-get > /dev/null ||
        ! "${apt_get[@]}" update ||
        ! "${apt_get[@]}" install --no-install-recommends "${missing[@]}"; then
        echo "These packages can't be installed here. Install ${missing[*]} (Debian's names) and try again." >&2
        return 1
    fi
}

# Installs the packages that are missing. If that fails, ends the script.
need_packages() {
    install_packages "$@" || exit 1
}

# Installs the packages that are missing. If that fails, the script goes on without them.
want_packages() {
    install_packages "$@" || echo "Going on without them."
}

# Downloads the source of a Debian package to a directory with the package's name, unless that is there already. apt gets
# lists of its own, because most machines have none of source packages.
fetch_source() {
    if [[ -e $1 ]]; then
        return
    fi
    local file lists=$PWD/apt-sources
    mkdir -p "$lists"/{parts,state/partial,cache/archives/partial} "$1.part"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do
        if [[ -e $file ]]; then
            sed 's/^deb /deb-src /; s/^Types:.*/Types: deb-src/' "$file" > "$lists/parts/${file##*/}"
        fi
    done
    local apt_get=(apt-get -q -o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$lists/parts"
        -o "Dir::State::Lists=$lists/state" -o "Dir::Cache=$lists/cache" -o APT::Sandbox::User=root)
    "${apt_get[@]}" update || true # other archives than Debian's may have no sources
    if ! "${apt_get[@]}" source --download-only "$1"; then
        echo "The source of Debian's package $1 can't be downloaded here." >&2
        exit 1
    fi
    tar -x -f "$1"_*.orig.tar.?z -C "$1.part" --strip-components=1
    rm -rf "$lists" "$1"_*
    mv "$1.part" "$1"
}
