#!/usr/bin/env bash
# tests/install/run.sh BUILD_DIR
# Installs a build, moves what was installed, and checks what programs elsewhere rely on: that they can be built through
# pkg-config and through CMake, from C and from C++, with the shared library and with the static one, and that the
# shared library exports the functions of the header and needs nothing but the C library and jansson.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
build=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cmake --install "$build" --prefix "$work/installed" > install.log
mv installed moved
libdir=$(dirname "$(find "$work/moved" -name librnn.so)")
export PKG_CONFIG_PATH=$libdir/pkgconfig
version=$(pkg-config --modversion librnn)

# expect WHAT EXPECTED ACTUAL
expect() {
    if [[ $2 != "$3" ]]; then
        printf '%s: expected\n%s\nbut got\n%s\n' "$@" >&2
        exit 1
    fi
    echo "ok: $1"
}

# shellcheck disable=SC2046 # pkg-config prints several words
{
    cc "$here/consumer.c" -o shared $(pkg-config --cflags --libs librnn)
    cc "$here/consumer.c" -o static -static $(pkg-config --static --cflags --libs librnn)
}
expect "pkg-config, shared" "$version" "$(LD_LIBRARY_PATH=$libdir ./shared)"
expect "pkg-config, static" "$version" "$(./static)"

for language in C CXX; do
    cmake -S "$here" -B $language -DLANGUAGE=$language \
        -DCMAKE_PREFIX_PATH="$work/moved" -DMAJOR="${version%%.*}" > cmake.log
    cmake --build $language > cmake.log
    expect "CMake, $language, shared" "$version" "$($language/consumer_shared)"
    expect "CMake, $language, static" "$version" "$($language/consumer_static)"
done

expect "exported symbols" \
    "$(grep -o '^RNN_API [^(]*' moved/include/rnn/rnn.h | grep -o '[a-z0-9_]*$' | sed 's/$/@@LIBRNN_0/' | sort)" \
    "$(nm -D --defined-only "$libdir/librnn.so" | awk '$2 != "A" { print $3 }' | sort)"
expect "needed libraries" "libc.so libjansson.so libm.so" \
    "$(readelf -d "$libdir/librnn.so" | grep NEEDED | grep -o 'lib[a-z]*\.so' | sort | xargs)"
expect "other symbols of the static library" "" \
    "$(nm -g --defined-only "$libdir/librnn.a" | awk 'NF == 3 { print $3 }' | grep -v '^librnn_' | sort |
        comm -23 - <(nm -D --defined-only "$libdir/librnn.so" | awk '{ sub("@.*", "", $3); print $3 }' | sort))"
