# shellcheck shell=bash
# Sourced by the scripts that build: installs what a bare Debian-like machine lacks.

# Whether the machine has what a Debian package brings, wherever it came from.
has_package() {
    case $1 in
        gcc) command -v cc ;;
        libc6-dev) echo '#include <math.h>' | cc -E - ;;
        libclang-rt-dev) echo 'int main(void) {}' | clang -fsanitize=address -x c -o /dev/null - ;;
        libcmocka-dev) pkg-config --exists cmocka ;;
        libjansson-dev) pkg-config --exists jansson ;;
        python3-numpy) /usr/bin/python3 -c 'import numpy' ;;
        *) command -v "$1" ;;
    esac &> /dev/null
}

# Installs those of the packages named that are missing; ends the script if it can't.
need_packages() {
    local package missing=() apt_get=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y)
    for package in "$@"; do
        has_package "$package" || missing+=("$package")
    done
    if [[ ${#missing[@]} -eq 0 ]]; then
        return
    fi

    echo "Missing packages: ${missing[*]}"
    if [[ $EUID -ne 0 ]]; then
        apt_get=(sudo "${apt_get[@]}")
    fi
    if ! { command -v apt-get && command -v "${apt_get[0]}"; } > /dev/null ||
        ! "${apt_get[@]}" update ||
        ! "${apt_get[@]}" install --no-install-recommends "${missing[@]}"; then
        echo "Cannot install them here. Please install ${missing[*]} (Debian's names) and run this again." >&2
        exit 1
    fi
}
