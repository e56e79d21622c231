#!/bin/sh
# Puts all that benches/on-gpu.sh needs into one folder: the program, the test executables, what they read,
# the peers. Copy it to a machine that has a GPU driver and Python, and run its on-gpu.sh. At most 60 MiB.
# usage: sh benches/package.sh FOLDER
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
if [ $# != 1 ]; then
    echo "usage: sh benches/package.sh FOLDER" >&2
    exit 2
fi
mkdir -p "$1"
out=$(cd "$1" && pwd)
if [ -n "$(ls -A "$out")" ]; then
    echo "package.sh: $out is not empty; name a new folder" >&2
    exit 2
fi
cd "$here"

# A path that only this machine has would make a test fail on another.
if grep -rn 'env!("CARGO_[BMT]' tests src | grep -v unwrap_or_else >&2; then
    echo "package.sh: a path is baked in; tests take binary(), package() or scratch() of tests/common/mod.rs" >&2
    exit 1
fi

cargo build --release --locked
built=$(cargo test --release --locked --no-run 2>&1) || { echo "$built" >&2; exit 1; }
target=$(cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')

tests=$(mktemp -d)
trap 'rm -rf "$tests"' EXIT
mkdir "$tests/executables"
echo "$built" | sed -n 's/^ *Executable .*(\(.*\))$/\1/p' | while read -r executable; do
    cp "$executable" "$tests/executables/"
done
[ -n "$(ls "$tests/executables")" ] || { echo "package.sh: cargo named no test executable: $built" >&2; exit 1; }
cp -r README.md shaders src tests "$tests/"

# The executables are much alike and large: packed, they take a third.
tar -czf "$out/tests.tar.gz" -C "$tests" .
cp "$target/release/neuralnet" benches/on-gpu.sh "$out/"
mkdir "$out/peers"
cp benches/peers/*.py "$out/peers/"

echo "$(ls "$tests/executables" | wc -l) test executables"
du -sh "$out"
bytes=$(du -sb "$out" | cut -f 1)
if [ "$bytes" -gt $((60 * 1024 * 1024)) ]; then
    echo "package.sh: $bytes bytes are more than 60 MiB" >&2
    exit 1
fi
