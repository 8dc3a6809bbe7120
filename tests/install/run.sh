#!/usr/bin/env bash
# tests/install/run.sh BUILD_DIR
# Makes a tarball of a build, unpacks it, and tests that programs can be built with its files: through pkg-config and
# through CMake, from C and from C++, with the shared library and with the static one. Tests that the shared library
# exports exactly the functions of the header and needs only the C library and jansson. Then builds projects that
# contain librnn, builds librnn in unusual directories, and tests the messages for machines where it can't be built.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
build=$(realpath "$1")
work=$(realpath "$(mktemp -d)")
trap 'rm -rf "$work"' EXIT
cd "$work"

# expect NAME EXPECTED ACTUAL
expect() {
    if [[ $2 != "$3" ]]; then
        printf '%s: expected\n%s\nbut got\n%s\n' "$@" >&2
        exit 1
    fi
    echo "ok: $1"
}

# files DIRECTORY: the names of all files in it, except those of librnn's CMake package
files() {
    (cd "$1" && find . -type f -o -type l | grep -v /cmake/ | grep -o '[^/]*$' | LC_ALL=C sort | xargs)
}

# run_cmake ARGUMENT...: runs cmake, and shows its output if it fails.
run_cmake() {
    cmake "$@" > cmake.log 2>&1 || {
        tail -n 40 cmake.log >&2
        exit 1
    }
}

# ---- The tarball ----

# pack DIRECTORY OPTION...: makes a tarball of the build in this directory, and unpacks it in $unpacked.
unpacked="$work/a größer directory"
pack() {
    rm -rf packages "$unpacked"
    mkdir "$unpacked"
    (cd "$1" && cpack -B "$work/packages" "${@:2}") > cpack.log 2>&1 || {
        cat cpack.log >&2
        exit 1
    }
    tar -xzf packages/librnn-*.tar.gz -C "$unpacked" --strip-components 1
}

pack "$build"
libdir=$(dirname "$(find "$unpacked" -name librnn.so)")
export PKG_CONFIG_PATH=$libdir/pkgconfig
version=$(pkg-config --modversion librnn)
major=${version%%.*}
expect "files of the tarball" \
    "LICENSE librnn.a librnn.pc librnn.so librnn.so.$major librnn.so.$version rnn.h" "$(files "$unpacked")"

# The output of pkg-config is written for a shell, which removes the backslashes in the paths.
for define_prefix in "" --define-prefix; do
    eval "cc '$here/consumer.c' -o shared $(pkg-config $define_prefix --cflags --libs librnn)"
    eval "cc '$here/consumer.c' -o static -static $(pkg-config $define_prefix --static --cflags --libs librnn)"
    expect "pkg-config${define_prefix:+ $define_prefix}, shared" "$version" "$(LD_LIBRARY_PATH=$libdir ./shared)"
    expect "pkg-config${define_prefix:+ $define_prefix}, static" "$version" "$(./static)"
done

for languages in C CXX "C;CXX" "CXX;C"; do
    run_cmake -S "$here" -B "${languages/;/-}" "-DLANGUAGES=$languages" \
        -DCMAKE_PREFIX_PATH="$unpacked" -DMAJOR="$major"
    run_cmake --build "${languages/;/-}"
    expect "find_package, $languages, shared" "$version" "$("${languages/;/-}/consumer_shared")"
    expect "find_package, $languages, static" "$version" "$("${languages/;/-}/consumer_static")"
done

expect "exported symbols" \
    "$(grep -oh '^RNN_API [^(]*' "$unpacked/include/rnn/rnn.h" "$here/../../src/compat.c" | grep -o '[a-z0-9_]*$' | sed 's/$/@@LIBRNN_0/' | sort)" \
    "$(nm -D --defined-only "$libdir/librnn.so" | awk '$2 != "A" { print $3 }' | sort)"
expect "needed libraries" "libc.so libjansson.so libm.so" \
    "$(readelf -d "$libdir/librnn.so" | grep NEEDED | grep -o 'lib[a-z]*\.so' | sort | xargs)"
expect "search path in the library" "" "$(readelf -d "$libdir/librnn.so" | grep -E 'RPATH|RUNPATH')"
expect "other symbols of the static library" "" \
    "$(nm -g --defined-only "$libdir/librnn.a" | awk 'NF == 3 { print $3 }' | grep -v '^librnn_' | sort |
        comm -23 - <(nm -D --defined-only "$libdir/librnn.so" | awk '{ sub("@.*", "", $3); print $3 }' | sort))"

# ---- In other projects ----

source="$work/a source, größer"
mkdir "$source"
cp -R "$here/../../CMakeLists.txt" "$here/../../LICENSE" "$here/../../cmake" "$here/../../include" "$here/../../src" "$source"
unset PKG_CONFIG_PATH

# embed NAME OPTION...: builds and runs the project in the directory NAME and installs it in NAME/installed.
embed() {
    local name=$1 library
    shift
    run_cmake -S "$here/embedding" -B "$name" "-DLIBRNN=$source" "-DCMAKE_INSTALL_PREFIX=$work/$name/installed" "$@"
    run_cmake --build "$name" --parallel 2
    run_cmake --install "$name"
    for library in rnn rnn_static; do
        expect "$name, $library" "$version" "$("$name/embedding_$library")"
    done
}

embed "add_subdirectory from C++ alone" -DHOW=add_subdirectory -DLANGUAGES=CXX -DCMAKE_UNITY_BUILD=ON
expect "installs nothing of librnn's" "embedding_rnn embedding_rnn_static" \
    "$(files "add_subdirectory from C++ alone/installed")"
embed "FetchContent" -DHOW="FetchContent, SOURCE_DIR" -DLANGUAGES=C \
    -DRNN_INSTALL=ON -DBUILD_SHARED_LIBS=OFF -DCMAKE_BUILD_TYPE=Debug
expect "installs librnn with RNN_INSTALL" \
    "LICENSE embedding_rnn embedding_rnn_static librnn.a librnn.pc librnn.so librnn.so.$major \
librnn.so.$version rnn.h" \
    "$(files FetchContent/installed)"
run_cmake -S "$here/embedding" -B url "-DLIBRNN=$source" -DHOW="FetchContent, URL" -DLANGUAGES="C;CXX"
echo "ok: FetchContent from an address"

# ---- Built as users do ----

# Directories with unusual names, a separate directory for libraries, and several configurations in one build directory.
odd=(-DRNN_BUILD_TESTS=OFF -DRNN_BUILD_EXAMPLES=OFF)
mkdir "$source/docs"
cp "$here/../../docs/CMakeLists.txt" "$here/../../docs/Doxyfile.in" "$source/docs"
run_cmake -S "$source" -B "a build, größer" "${odd[@]}" -G "Ninja Multi-Config" -DCMAKE_UNITY_BUILD=ON \
    -DBUILD_SHARED_LIBS=OFF -DCMAKE_INSTALL_LIBDIR="$work/libraries" -DCMAKE_INSTALL_PREFIX="$work/prefix"
run_cmake --build "a build, größer" --config Release
run_cmake --install "a build, größer" --config Release
export PKG_CONFIG_PATH=$work/libraries/pkgconfig
# shellcheck disable=SC2046
cc "$here/consumer.c" -o absolute $(pkg-config --cflags --libs librnn)
expect "absolute CMAKE_INSTALL_LIBDIR, pkg-config" "$version" "$(LD_LIBRARY_PATH=$work/libraries ./absolute)"
run_cmake -S "$here" -B absolute.build -DLANGUAGES=C -Dlibrnn_DIR="$work/libraries/cmake/librnn" -DMAJOR="$major"
run_cmake --build absolute.build
expect "absolute CMAKE_INSTALL_LIBDIR, find_package" "$version" "$(absolute.build/consumer_static)"
unset PKG_CONFIG_PATH

expect "absolute CMAKE_INSTALL_LIBDIR, tarball refused" "ABSOLUTE path INSTALL DESTINATION forbidden" \
    "$(cd "a build, größer" && cpack -C Release -B "$work/packages" 2>&1 | grep -om 1 'ABSOLUTE.*forbidden')"
run_cmake -S "$source" -B "a build, größer" -DCMAKE_INSTALL_LIBDIR=lib64
pack "a build, größer" -C Release
expect "tarball of a build in an unusual directory" lib64/librnn.so "$(cd "$unpacked" && echo lib*/librnn.so)"

# ---- Refusals ----

# refuses NAME SENTENCE OPTION...: configuring must fail and print the sentence.
refuses() {
    local what=$1 sentence=$2
    shift 2
    rm -rf refused
    if cmake -S "$source" -B refused "${odd[@]}" "$@" > cmake.log 2>&1; then
        echo "$what: expected to be refused" >&2
        exit 1
    fi
    # CMake breaks lines at unpredictable places
    expect "refuses $what" "$sentence" "$(xargs -d '\n' < cmake.log | tr -s ' ' | grep -oF "$sentence")"
}

# Makes gcc or clang report that it is another compiler, by undefining and defining macros.
impersonate() { # NAME OPTION...
    printf '#!/bin/sh\nexec %s "$@"\n' "${*:2}" > "$1"
    chmod +x "$1"
    refuses "$1" "Apple's clang 13.1.6 or a later one of these; $work/$1 is" -DCMAKE_C_COMPILER="$work/$1"
}
if command -v gcc > /dev/null; then
    impersonate gcc-9 gcc -U__GNUC__ -D__GNUC__=9
    impersonate another-compiler gcc -D__TINYC__=927
fi
if command -v clang > /dev/null; then
    impersonate clang-12 clang -U__clang_major__ -D__clang_major__=12
fi

mkdir old
printf 'Name: jansson\nDescription: old\nVersion: 2.9\nLibs: -ljansson\n' > old/jansson.pc
export PKG_CONFIG_PATH=$work/old
refuses "an old jansson" "librnn needs jansson 2.10 or later; pkg-config finds 2.9."
unset PKG_CONFIG_PATH
refuses "a machine without pkg-config" "librnn needs pkg-config and jansson 2.10" \
    -DCMAKE_DISABLE_FIND_PACKAGE_PkgConfig=ON
refuses "to build in its source directory" "librnn can't be built in its source directory." -B "$source"
