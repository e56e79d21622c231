#!/bin/sh
# Puts all that benches/on-gpu.sh needs into one folder: the program, the test programs, what they read,
# the peers. Copy it to a machine that has a GPU driver and Python, and run its on-gpu.sh. At most 25 MiB.
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

# The tests of the library and the integration tests; the program is built for the latter.
built=$(cargo test --profile portable --locked --no-run --package neuralnet --lib --package neuralnet-cli --test suite 2>&1) ||
    { echo "$built" >&2; exit 1; }
target=$(cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')

tests=$(mktemp -d)
trap 'rm -rf "$tests"' EXIT
mkdir "$tests/programs" "$tests/crates"
echo "$built" | sed -n 's/^ *Executable .*(\(.*\))$/\1/p' | while read -r program; do
    # `suite-13f3…` is one of the integration tests, `neuralnet-9b5e…` that of the library.
    cp "$program" "$tests/programs/$(basename "$program" | sed 's/-[0-9a-f]*$//')"
done
[ "$(ls "$tests/programs")" = "neuralnet
suite" ] || { echo "package.sh: cargo named other test programs: $built" >&2; exit 1; }
cp -r ./*.md docs examples shaders src tests "$tests/"
for crate in table cli; do
    mkdir "$tests/crates/$crate"
    cp -r "crates/$crate/src" "$tests/crates/$crate/"
done

tar -czf "$out/tests.tar.gz" -C "$tests" .
cp "$target/portable/neuralnet" benches/on-gpu.sh "$out/"
mkdir "$out/peers"
cp benches/peers/*.py "$out/peers/"

bytes=$(du -sb "$out" | cut -f 1)
echo "package.sh: $bytes bytes in $out"
if [ "$bytes" -gt $((25 * 1024 * 1024)) ]; then
    echo "package.sh: $bytes bytes are more than 25 MiB" >&2
    exit 1
fi
