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

# As fast as a release, linked in seconds. PROFILE=dev takes what the tests have built, to try the scripts.
profile=${PROFILE:-portable}
# The tests of the library and the integration tests; the program is built for the latter.
built=$(cargo test --profile "$profile" --locked --no-run --package neuralnet --lib --package neuralnet-cli --test suite 2>&1) ||
    { echo "$built" >&2; exit 1; }
target=$(cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
case $profile in dev) built_in=$target/debug ;; *) built_in=$target/$profile ;; esac

all=$(mktemp -d)
trap 'rm -rf "$all"' EXIT
mkdir "$all/programs" "$all/crates"
strip -o "$all/programs/neuralnet" "$built_in/neuralnet"
echo "$built" | sed -n 's/^ *Executable .*(\(.*\))$/\1/p' | while read -r program; do
    # `suite-13f3…` is one of the integration tests, `neuralnet-9b5e…` that of the library.
    case $(basename "$program") in
    suite-*) strip -o "$all/programs/suite" "$program" ;;
    neuralnet-*) strip -o "$all/programs/library" "$program" ;;
    esac
done
for program in neuralnet suite library; do
    [ -e "$all/programs/$program" ] || { echo "package.sh: no program $program; cargo said: $built" >&2; exit 1; }
done
cp -r ./*.md docs examples shaders src tests "$all/"
for crate in table cli; do
    mkdir "$all/crates/$crate"
    cp -r "crates/$crate/src" "$all/crates/$crate/"
done

# xz keeps once what the three programs have in common. Python has it everywhere, and runs the peers there too.
tar -cf - -C "$all" . | python3 -c '
import lzma, shutil, sys
with lzma.open(sys.argv[1], "wb", preset=9) as packed:
    shutil.copyfileobj(sys.stdin.buffer, packed)
' "$out/all.tar.xz"
cp benches/on-gpu.sh "$out/"
mkdir "$out/peers"
cp benches/peers/*.py "$out/peers/"

bytes=$(du -sb "$out" | cut -f 1)
echo "package.sh: $bytes bytes in $out"
if [ "$bytes" -gt $((25 * 1024 * 1024)) ]; then
    echo "package.sh: $bytes bytes are more than 25 MiB" >&2
    exit 1
fi
