#!/usr/bin/env bash
# Installs missing packages, builds librnn for Windows in build-windows/ (or $BUILD_DIR) with mingw-w64's gcc, and runs
# the suites under Wine. Windows' jansson and cmocka are built from Debian's source packages.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."

source cmake/packages.sh
need_packages cmake make pkg-config gcc-mingw-w64-x86-64-win32 wine wine64

mkdir -p "${BUILD_DIR:-build-windows}"
build=$(realpath "${BUILD_DIR:-build-windows}")
tools=x86_64-w64-mingw32
toolchain=(-DCMAKE_SYSTEM_NAME=Windows -DCMAKE_SYSTEM_PROCESSOR=x86_64 "-DCMAKE_C_COMPILER=$tools-gcc-win32")
fail() {
    echo "tests/windows.sh: $1" >&2
    exit 1
}

build_library() { # NAME OPTION...
    local name=$1
    shift
    mkdir -p "$build/sources"
    (cd "$build/sources" && fetch_source "$name")
    cmake -S "$build/sources/$name" -B "$build/sources/build-$name" "${toolchain[@]}" -DCMAKE_BUILD_TYPE=Release \
        "-DCMAKE_INSTALL_PREFIX=$build/prefix" "$@"
    cmake --build "$build/sources/build-$name" --target install
}

if [[ ! -e $build/prefix/lib/libcmocka.a ]]; then
    build_library jansson -DJANSSON_BUILD_DOCS=OFF -DJANSSON_WITHOUT_TESTS=ON -DJANSSON_EXAMPLES=OFF
    build_library cmocka -DWITH_STATIC_LIB=ON -DWITH_EXAMPLES=OFF
    rm "$build/prefix/lib/libcmocka.dll.a"
    mv "$build/prefix/lib/libcmocka-static.a" "$build/prefix/lib/libcmocka.a"
fi

PKG_CONFIG_LIBDIR=$build/prefix/lib/pkgconfig cmake -S . -B "$build" "${toolchain[@]}" \
    -DCMAKE_CROSSCOMPILING_EMULATOR=wine "$@"
cmake --build "$build" --parallel "$(nproc)"

# The library exports the header's functions, and needs nothing but Windows.
"$tools-objdump" -p "$build/librnn.dll" > "$build/librnn.txt"
diff <(sed -n 's/^RNN_API .*[ *]\(rnn_[a-z0-9_]*\)(.*/\1/p' include/rnn/rnn.h | sort) \
    <(sed -n 's/^\t\[ *[0-9]*\] \(rnn_.*\)$/\1/p' "$build/librnn.txt" | sort) || fail "librnn.dll exports other functions"
others=$(sed -n 's/^\tDLL Name: //p' "$build/librnn.txt" | grep -vixE '(kernel32|advapi32|msvcrt|api-ms-win-.*)\.dll' || true)
[[ -z $others ]] || fail "librnn.dll needs $others"

# Windows doesn't align the stack for aligned moves of 32 or 64 bytes: see cmake/ComputeCore.cmake.
if "$tools-objdump" -d "$build/librnn.dll" | grep -E 'vmov(ap[sd]|dqa)[0-9]* .*\(.*%[yz]mm|vmov(ap[sd]|dqa)[0-9]* .*%[yz]mm.*\('; then
    fail "librnn.dll has aligned moves"
fi

# Suppresses Wine's own messages, and its offers to install Mono and Gecko. Wine's server ends with this script.
export WINEPREFIX=$build/wine WINEDEBUG=-all WINEDLLOVERRIDES="mscoree,mshtml=" WINEPATH="Z:${build//\//\\}"
trap '/usr/lib/wine/wineserver -k || true' EXIT
# Wine's services hold the output of the program that starts them, and ctest would wait for them. So a shell that lives
# as long as this script starts them.
wine wineboot --init > "$build/wine.log" 2>&1 || fail "$(cat "$build/wine.log")"
coproc wine cmd >> "$build/wine.log" 2>&1

# Trains on a text whose name isn't ASCII, and samples.
text=$build/größer-文.txt
cp README.md "$text"
if ! wine "$build/examples/char_rnn.exe" train "$text" --minutes 0.05 > "$build/train.log" 2>&1 ||
    ! wine "$build/examples/char_rnn.exe" sample "$text.safetensors" --length 100 > "$build/sample.log" 2>&1; then
    cat "$build/train.log" "$build/sample.log"
    fail "char_rnn failed"
fi
[[ -s $text.safetensors && -s $build/sample.log ]] || fail "char_rnn wrote nothing"

# The long suites run only with the library's own choice of instruction set, and with AVX2.
ctest --test-dir "$build" --tests-regex '^(test_|vector_math|matrix_products)' \
    --exclude-regex '^test_(cells|differential|dropout|gradient)\.(baseline|avx512)$' --parallel "$(nproc)" \
    --output-on-failure --no-tests=error
