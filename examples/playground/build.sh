#!/usr/bin/env bash
# Compiles librnn and playground.c to WebAssembly, as rnn.wasm in this directory. Missing packages are installed first.
#   examples/playground/build.sh [DIRECTORY]
# DIRECTORY, build-wasm by default, gets the libraries librnn.a and libjansson.a.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/../.."

source cmake/packages.sh
need_packages clang lld wasi-libc libclang-rt-dev-wasm32 binaryen
root=$PWD
page=$root/examples/playground
mkdir -p "${1:-build-wasm}"
cd "${1:-build-wasm}"

# Debian has no jansson for WebAssembly, so this script compiles it from the source of Debian's package.
fetch_source jansson
mkdir -p include
sed 's/@json_inline@/inline/; s/@json_have_localeconv@/0/; s/@json_[a-z_]*@/1/' jansson/src/jansson_config.h.in \
    > include/jansson_config.h
touch include/jansson_private_config.h

target=(--target=wasm32-wasi -msimd128 -mbulk-memory)
compile=(clang "${target[@]}" -Os -std=c11 -D_POSIX_C_SOURCE=200809L -DRNN_WITH_THREADS=0 -include "$page/wasi.h"
    -I"$root/include" -I"$root/src" -I"$PWD/include" -I"$PWD/jansson/src"
    -fno-fast-math -ffp-contract=off -fno-math-errno -fno-trapping-math)
sources=()
for source in "$root"/src/{base,network,sampling,storage,text}/*.c "$root/src/compat.c"; do
    case $source in
        */threads.c | */processors.c | */absent.c) ;; # alone.c replaces the first two; absent.c isn't needed
        *) sources+=("$source") ;;
    esac
done

# Compiles the core for one precision. Only a few small networks of the page use float64, so it is compiled for size.
compile_core() {
    "${compile[@]}" "${@:2}" -DRNN_CORE_PRECISION="$1" -DRNN_CORE_VECTOR_BYTES=16 -DRNN_EXPERIMENTAL \
        -DRNN_CORE_NAME="librnn_core_f$1_baseline" -c "$root/src/core/core.c" -o "core$1.o"
}

echo "Compiling to WebAssembly"
rm -rf objects ./*.o ./*.a
mkdir -p objects/rnn objects/jansson
jobs=()
compile_core 32 -O2 -fno-unroll-loops & jobs+=($!)
compile_core 64 & jobs+=($!)
(cd objects/rnn && "${compile[@]}" -DRNN_EXPERIMENTAL -c "${sources[@]}") & jobs+=($!)
(cd objects/jansson && "${compile[@]}" -DHAVE_STDINT_H=1 -c ../../jansson/src/*.c) & jobs+=($!)
"${compile[@]}" -Wall -Wextra -Wconversion -Werror -c "$page/playground.c" & jobs+=($!)
for job in "${jobs[@]}"; do
    wait "$job"
done
llvm-ar rcs librnn.a core32.o core64.o objects/rnn/*.o
llvm-ar rcs libjansson.a objects/jansson/*.o

clang "${target[@]}" -mexec-model=reactor -o rnn.wasm playground.o librnn.a libjansson.a \
    -lwasi-emulated-getpid -lwasi-emulated-process-clocks \
    -Wl,--export=malloc -Wl,--export=free -Wl,--strip-all -Wl,--gc-sections -Wl,-z,stack-size=262144
wasm-opt -Os --enable-simd --enable-bulk-memory rnn.wasm -o rnn.wasm
cp rnn.wasm "$page"
cp "$root/examples/min_char_rnn.c" "$page/texts"

cat << END
The page is ready. To see it, run

    python3 -m http.server --directory examples/playground

and open http://localhost:8000
END
