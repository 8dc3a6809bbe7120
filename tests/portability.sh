#!/usr/bin/env bash
# Builds librnn with other compilers and for other platforms, runs its suites there, and prints a table of the results.
#   tests/portability.sh [--brief] [NAME...] [-DCMAKE_OPTION...]
# Without names, it does so for all of these:
#   gcc-old gcc-new clang-old clang-new   the oldest packaged compiler that librnn supports, and the newest
#   musl                                  static programs with musl's C library
#   i386                                  32 bits
#   aarch64 s390x                         under QEMU; s390x is big-endian. Each machine also reads the other's files
#   freebsd macos                         only compiled and linked, not run
#   windows                               with tests/windows.sh
# --brief: runs fewer suites, except on aarch64.
#
# On Debian it installs missing packages. It builds in build-portability/ or $BUILD_DIR, where each platform has a log.
# To save time, $NATIVE_DIR may name a build directory for this machine. $FREEBSD_SYSROOT and $MACOS_SDK may name
# directories with these systems' own usr/include. Without them, musl's headers are used instead.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."

names=(gcc-old gcc-new clang-old clang-new musl i386 aarch64 s390x freebsd macos windows)
brief=false
wanted=()
options=()
for argument in "$@"; do
    case $argument in
        --brief) brief=true ;;
        -*) options+=("$argument") ;;
        *)
            if ! printf '%s\n' "${names[@]}" | grep -qxF -- "$argument"; then
                echo "tests/portability.sh: there is no '$argument'; there are: ${names[*]}" >&2
                exit 2
            fi
            wanted+=("$argument")
            ;;
    esac
done
[[ ${#wanted[@]} -gt 0 ]] || wanted=("${names[@]}")

source cmake/packages.sh
need_packages cmake make pkg-config python3
build=$(realpath -m "${BUILD_DIR:-build-portability}")
mkdir -p "$build"

# ---- Compilers and libraries -----------------------------------------------------------------------------------------

# packaged NAME LEAST: the versions of a compiler that Debian has, from the oldest to the newest
packaged() {
    [[ -n $(apt-cache search --names-only "^$1-[0-9]+\$") ]] || as_root apt-get -q update >&2
    apt-cache search --names-only "^$1-[0-9]+\$" | sed "s/^$1-\([0-9]*\) .*/\1/" | sort -n |
        awk -v least="$2" '$1 >= least'
}

# Downloads the sources of jansson and cmocka, because Debian doesn't have packages of these for every platform.
fetch_sources() {
    mkdir -p "$build/sources"
    (cd "$build/sources" && fetch_source jansson && fetch_source cmocka)
}

# libraries CMAKE_OPTION...: builds jansson and cmocka for the platform, as static libraries in $place/root
libraries() {
    local library
    fetch_sources
    for library in jansson cmocka; do
        cmake -S "$build/sources/$library" -B "$place/$library" -DCMAKE_INSTALL_PREFIX="$place/root" \
            -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DCMAKE_POLICY_VERSION_MINIMUM=3.5 \
            -Wno-dev -DBUILD_SHARED_LIBS=OFF -DJANSSON_BUILD_DOCS=OFF -DJANSSON_EXAMPLES=OFF \
            -DJANSSON_WITHOUT_TESTS=ON -DWITH_EXAMPLES=OFF -DWITH_STATIC_LIB=ON "$@"
        cmake --build "$place/$library" --target install
    done
    rm -f "$place"/root/lib/libcmocka.so*
    ln -sf libcmocka-static.a "$place/root/lib/libcmocka.a"
}

# ---- Building and testing --------------------------------------------------------------------------------------------

# The suites of the public interface and of the core. The other tests don't depend on the platform.
all_suites='(test|vector_math|matrix_products)_.*|processors'

# configure CMAKE_OPTION...: prepares a build in $place/build
configure() {
    cmake -S . -B "$place/build" -DRNN_BUILD_TESTS=ON -DPython3_EXECUTABLE=/usr/bin/python3 "$@" "${options[@]}"
    ctest --test-dir "$place/build" -N --tests-regex "^($all_suites)\$" | tail -n 1
}

# compile TARGET...
compile() {
    cmake --build "$place/build" --parallel "$(nproc)" --target "$@"
}

# The suites that --brief runs, except under QEMU
few_suites='test_(allocator|bits|checkpoint|float_mode|foreign_files|model_file|sizes|structs|threads|torch)'

# suites [REGEX]: builds and runs the suites whose names match the whole expression
suites() {
    local programs list=${1-$all_suites}
    if $brief; then
        list=${1-$few_suites}
    fi
    programs=$(ctest --test-dir "$place/build" -N --tests-regex "^($list)\$" |
        sed -n 's/^ *Test *#[0-9]*: \([a-z0-9_]*\).*/\1/p' | sort -u)
    # shellcheck disable=SC2086 # several words
    if ! compile $programs; then
        broken=true
        return
    fi
    ctest --test-dir "$place/build" --tests-regex "^($list)\$" --parallel "$(nproc)" --output-on-failure \
        --no-tests=error || broken=true
}

# check WORDS COMMAND...: a check apart from the suites
check() {
    ("${@:2}") & # in the background, since "set -e" has no effect in a condition
    if wait $!; then
        echo "passed: $1"
    else
        echo "FAILED: $1"
        broken=true
    fi
}

describe() {
    "$1" --version | head -n 1 > "$place/compiler"
}

# with_compiler NAME LEAST OLDEST_OR_NEWEST
with_compiler() {
    local version
    version=$(packaged "$1" "$2" | $3 -n 1)
    need_packages gcc "$1-$version" libc6-dev libjansson-dev libcmocka-dev
    describe "$1-$version"
    configure -DCMAKE_C_COMPILER="$1-$version"
    suites
}

run_gcc-old() { with_compiler gcc 10 head; }
run_gcc-new() { with_compiler gcc 10 tail; }
run_clang-old() { with_compiler clang 13 head; }
run_clang-new() { with_compiler clang 13 tail; }

run_musl() {
    need_packages gcc musl-tools
    describe musl-gcc
    libraries -DCMAKE_C_COMPILER=musl-gcc
    PKG_CONFIG_LIBDIR=$place/root/lib/pkgconfig configure -DCMAKE_C_COMPILER=musl-gcc -DCMAKE_EXE_LINKER_FLAGS=-static \
        -DRNN_BUILD_EXAMPLES=OFF
    suites
}

# cross PROCESSOR TRIPLET CMAKE_OPTION...: prepares a build for another Linux
cross() {
    local target=(-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR="$1" -DCMAKE_C_COMPILER="$2-gcc" "${@:3}")
    describe "$2-gcc"
    libraries "${target[@]}"
    PKG_CONFIG_LIBDIR=$place/root/lib/pkgconfig configure "${target[@]}"
}

run_i386() {
    local system=/usr/i686-linux-gnu emulator=()
    need_packages gcc-i686-linux-gnu libc6-dev-i386-cross
    echo 'int main(void) { return 0; }' | i686-linux-gnu-gcc -static -x c - -o "$place/program"
    if ! "$place/program"; then
        need_packages qemu-user
        emulator=(-DCMAKE_CROSSCOMPILING_EMULATOR="$(command -v qemu-i386)")
    fi
    cross i686 i686-linux-gnu "${emulator[@]}" \
        -DCMAKE_EXE_LINKER_FLAGS="-Wl,--dynamic-linker=$system/lib/ld-linux.so.2 -Wl,-rpath,$system/lib"
    suites
}

# ---- Under QEMU ------------------------------------------------------------------------------------------------------

# The suites that run on AArch64: those of the arithmetic. They run on one thread, since not every QEMU can create more.
arithmetic='test_(compute|compute_refusals|dropout|initial|long_sums|model|model_gradients|optimizer_rules'
arithmetic+='|parameters|sampler|seed|small_stack|torch)|(vector_math|matrix_products)_f(32|64)_baseline'
# The suites that also run on s390x: their results depend on the order of bytes.
order='test_(checkpoint|corpus_code_points|corpus_files|encode|foreign_files|foreign_tensors|model_file|torch_files'
order+='|vocab|words)'

# native PROGRAM ARGUMENT... and emulated PROGRAM ARGUMENT... run an example on this machine and on the other one.
native() {
    RNN_NUM_THREADS=1 "$native/examples/$1" "${@:2}"
}

emulated() {
    RNN_NUM_THREADS=1 "${emulator[@]}" "$place/build/examples/$1" "${@:2}"
}

# The emulated machine must read the archive of another machine, and write the same archive.
same_archive() {
    emulated compress -q -d tests/golden/license.rnz -c | cmp - LICENSE
    emulated compress -q LICENSE -c | cmp - tests/golden/license.rnz
}

# golden_bits PROCESSOR: compares all golden bits, but only a few on s390x, where QEMU's floating-point is too slow.
golden_bits() {
    if [[ $1 == s390x ]]; then
        "${emulator[@]}" "$place/build/tests/test_bits" --only embedding_ragged
    else
        RNN_NUM_THREADS=1 "${emulator[@]}" "$place/build/tests/test_bits" --write "$place/bits.txt"
        diff "$place/bits.txt" tests/golden/bits.txt
    fi
}

# resumed FIRST SECOND: the first machine begins a training, and both go on with it. They must write the same file.
resumed() {
    rm -f "$place"/{one,two}.run
    "$1" resume LICENSE "$place/one.run" 1
    cp "$place/one.run" "$place/two.run"
    "$1" resume LICENSE "$place/one.run" 2
    "$2" resume LICENSE "$place/two.run" 2
    cmp "$place/one.run" "$place/two.run"
}

# sampled FIRST SECOND: the first machine trains a model. Both must write the same text with it.
sampled() {
    rm -f "$place"/model*
    # Without --quiet, char_rnn also starts xz, and QEMU can hang in xz.
    "$1" char_rnn train LICENSE --out "$place/model" --hidden 16 --budget 2000 --quiet
    "$1" char_rnn sample "$place/model" --length 200 > "$place/one.text"
    "$2" char_rnn sample "$place/model" --length 200 > "$place/two.text"
    cmp "$place/one.text" "$place/two.text"
}

# under_qemu PROCESSOR DEBIANS_NAME SUITES CMAKE_OPTION...
under_qemu() {
    local emulator=("qemu-$1" -L "/usr/$1-linux-gnu") native=${NATIVE_DIR:-$build/native}
    if [[ $(uname -m) == "$1" ]]; then
        echo "This machine has the same processor, so tests/run.sh tests it already."
        return
    fi
    need_packages gcc "gcc-$1-linux-gnu" "libc6-dev-$2-cross" qemu-user
    cross "$1" "$1-linux-gnu" -DCMAKE_CROSSCOMPILING_EMULATOR="$(IFS=';' && echo "${emulator[*]}")" "${@:4}"
    RNN_NUM_THREADS=1 suites "$3"
    compile compress char_rnn resume test_bits || broken=true
    if [[ ! -e $native/examples/char_rnn ]]; then
        need_packages libc6-dev libjansson-dev
        cmake -S . -B "$native" -DRNN_BUILD_TESTS=OFF "${options[@]}"
        cmake --build "$native" --parallel "$(nproc)" --target char_rnn resume
    fi
    check "the golden bits" golden_bits "$1"
    if ! $brief || [[ $1 != s390x ]]; then
        check "an archive of another machine" same_archive
    fi
    check "a training that begins here continues there" resumed native emulated
    check "a training that begins there continues here" resumed emulated native
    check "a model from here writes the same text there" sampled native emulated
    check "a model from there writes the same text here" sampled emulated native
}

run_aarch64() { under_qemu aarch64 arm64 "$arithmetic"; }

run_s390x() {
    local list="$order|test_(initial|optimizer_rules|parameters|sampler|seed)"
    if $brief; then
        list=$order
    fi
    # The dynamic loader of Debian's cross compiler aborts under QEMU 7.2, so the programs are static.
    under_qemu s390x s390x "$list" -DCMAKE_EXE_LINKER_FLAGS=-static
}

# ---- Compiled only ---------------------------------------------------------------------------------------------------

# system_headers FOLDER: compiler options for a system's own headers, in FOLDER/usr/include. If FOLDER is empty, musl's
# headers replace them. Without _GNU_SOURCE, musl's headers declare little beyond POSIX.
system_headers() {
    local stand_in=$place/include
    if [[ -n $1 ]]; then
        echo "-nostdlibinc -isystem $1/usr/include"
        return
    fi
    mkdir -p "$stand_in/sys"
    printf '#undef _GNU_SOURCE\n#undef _POSIX_C_SOURCE\n#define _POSIX_C_SOURCE 200809L\n#include_next <features.h>\n' \
        > "$stand_in/features.h"
    if [[ $name == macos ]]; then
        echo '#include <locale.h>' > "$stand_in/xlocale.h"
        printf '#define st_mtim st_mtimespec\n#include_next <sys/stat.h>\n#undef st_mtim\n' > "$stand_in/sys/stat.h"
    fi
    echo "-nostdlibinc -isystem $stand_in -isystem /usr/include/$(uname -m)-linux-musl"
}

# compiled_for SYSTEM PROCESSOR TARGET FOLDER LINKER_FLAGS KERNELS_VERSION: compiles the library with the newest clang
# and links it, without the system's libraries.
compiled_for() {
    local version jansson=$build/sources/jansson
    version=$(packaged clang 13 | tail -n 1)
    need_packages gcc musl-tools "clang-$version" "lld-$version" "llvm-$version"
    llvm=/usr/lib/llvm-$version/bin
    echo "clang $version, $([[ -n $4 ]] && echo "$1's" || echo "musl's") headers" > "$place/compiler"
    fetch_sources
    mkdir -p "$place/root"
    printf 'Name: jansson\nDescription: only headers\nVersion: 2.14\nCflags: -I%s/src -I%s/android\n' \
        "$jansson" "$jansson" > "$place/root/jansson.pc"
    # On x86, __builtin_cpu_supports() uses this variable of the compiler's run-time library, which isn't linked either.
    echo 'unsigned __cpu_model[4] __attribute__((visibility("hidden")));' |
        "$llvm/clang" --target="$3" -fPIC -c -x c - -o "$place/root/run_time.o"
    "$llvm/llvm-ar" rcs "$place/root/libm.a" "$place/root/run_time.o"
    PKG_CONFIG_LIBDIR=$place/root cmake -S . -B "$place/build" -DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY \
        -DCMAKE_SYSTEM_NAME="$1" -DCMAKE_SYSTEM_PROCESSOR="$2" -DCMAKE_SYSTEM_VERSION="$6" \
        -DCMAKE_C_COMPILER="$llvm/clang" \
        -DCMAKE_C_COMPILER_TARGET="$3" -DCMAKE_C_FLAGS="$(system_headers "$4")" -DCMAKE_AR="$llvm/llvm-ar" \
        -DCMAKE_RANLIB="$llvm/llvm-ranlib" -DCMAKE_INSTALL_NAME_TOOL="$llvm/llvm-install-name-tool" \
        -DCMAKE_OSX_SYSROOT= -DCMAKE_SHARED_LINKER_FLAGS="-fuse-ld=lld -nostdlib -L$place/root $5" \
        -DRNN_BUILD_TESTS=OFF -DRNN_BUILD_EXAMPLES=OFF "${options[@]}"
    check "it compiles and links" compile librnn_shared librnn_static
}

# The names of the functions that the header declares, and of those that only src/compat.c has
declared() {
    sed -n 's/^RNN_API .*\b\(rnn_[a-z0-9_]*\)(.*/\1/p' include/rnn/rnn.h src/compat.c | sort -u
}

# exports FILE SED_SCRIPT NM_OPTION...: the library exports exactly the functions of the header.
exports() {
    "$llvm/llvm-nm" --defined-only --extern-only --just-symbol-name "${@:3}" "$place/build/$1" | sed "$2" | sort |
        diff <(declared) -
}

run_freebsd() {
    local llvm
    compiled_for FreeBSD amd64 x86_64-unknown-freebsd14 "${FREEBSD_SYSROOT:-}" "" 14
    check "exported functions, each with a version" exports librnn.so.0 '/^LIBRNN_0$/d; s/@@LIBRNN_0$//' --dynamic
}

# The system's loader finds a library by the name that is stored in it. This name must contain the major version.
install_name() {
    "$llvm/llvm-objdump" --macho --dylib-id "$place/build/librnn.0.dylib" | grep '/librnn[.]0[.]dylib$'
}

run_macos() {
    local llvm
    compiled_for Darwin arm64 arm64-apple-macos12 "${MACOS_SDK:-}" "-Wl,-undefined,dynamic_lookup" 21
    check "exported functions" exports librnn.0.dylib 's/^_//'
    check "name of the library" install_name
}

run_windows() {
    BUILD_DIR=$place/build tests/windows.sh "${options[@]}"
}

# ---- The table -------------------------------------------------------------------------------------------------------

# run_platform NAME: with its log in $place.log
run_platform() {
    local broken=false
    "run_$1"
    ! $broken
}

count() {
    grep -cE "$1" "$place.log" || true
}

failures=0
row() {
    printf '%-10s  %-42s  %6s  %6s  %7s  %7s\n' "$@"
}
row platform compiler passed failed skipped seconds
for name in "${wanted[@]}"; do
    place=$build/$name
    mkdir -p "$place"
    echo - > "$place/compiler"
    start=$SECONDS
    run_platform "$name" > "$place.log" 2>&1 &
    status=0
    wait $! || status=$?
    passed=$(count '^ *[0-9]+/[0-9]+ Test .* Passed |^passed: ')
    failed=$(count '^ *[0-9]+/[0-9]+ Test .*\*\*\*(Failed|Timeout|Exception|Not Run)|^FAILED: ')
    total=$(awk '/^Total Tests: / { sum += $3 } /^(passed|FAILED): / { sum++ } END { print sum + 0 }' "$place.log")
    row "$name" "$(cut -c 1-42 "$place/compiler")" "$passed" "$failed" $((total - passed - failed)) $((SECONDS - start))
    if [[ $status -ne 0 ]]; then
        failures=$((failures + 1))
        echo "$name: FAILED; the end of $place.log:"
        tail -n 60 "$place.log" | sed 's/^/    /'
    fi
done
[[ $failures -eq 0 ]]
