#!/usr/bin/env bash
# Tests the Go package in examples/ffi/go, and runs its example. Without Go it exits with 77.
#   tests/ffi/go.sh DIRECTORY_OF_LIBRARY WORKING_DIRECTORY
set -euo pipefail

source_dir=$(realpath "$(dirname "$(realpath "$0")")/../..")
library_dir=$(realpath "$1")
mkdir -p "$2/pkgconfig"
work=$(realpath "$2")

if ! go version; then
    echo "The Go package isn't tested, because this machine has no Go."
    exit 77
fi
cat > "$work/pkgconfig/librnn.pc" << END
Name: librnn
Description: librnn in its build directory
Version: 0
Cflags: -I"$source_dir/include"
Libs: -L"$library_dir" -lrnn
END
rm -rf "$work/go"
cp -r "$source_dir/examples/ffi/go" "$work/go"
cd "$work/go"
export PKG_CONFIG_PATH=$work/pkgconfig CGO_ENABLED=1
export GOCACHE=$work/go-cache GOPROXY=off GOFLAGS=-mod=mod GOTOOLCHAIN=local
export LD_LIBRARY_PATH=$library_dir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

if [[ -n $(gofmt -l .) ]]; then
    echo "gofmt would change these files: $(gofmt -l .)" >&2
    exit 1
fi
go vet ./...
go test ./...

for ((i = 0; i < 200; i++)); do
    echo "the old fisherman and the cat went to the sea"
done > text
go run ./cmd/train text model.safetensors | tee output
grep -q 'the old fisherman' output
