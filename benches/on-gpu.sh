#!/bin/sh
# Runs everything that wants a GPU from the folder that benches/package.sh made, in at most ten minutes: the
# tests, `validate`, `bench`, the peers. Writes OUT/DATE-ADAPTER/: summary.txt (each step's exit code and
# seconds), log.txt (all that was printed), bench.json (a line a run), and as .json and .png peers-gpu and peers-cpu,
# of one layer, and networks-gpu and networks-cpu, of networks with hidden layers. Exits 1 if any step failed.
# usage: sh on-gpu.sh [--quick] OUT
#
# --quick takes small sizes, to try it on a software adapter. PYTHON names an interpreter with the peers;
# BIG a data set of more than 4 GiB (`BIG=` leaves it out); WGPU_ADAPTER_NAME an adapter.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
quick=
if [ "${1:-}" = --quick ]; then quick=yes; shift; fi
if [ $# != 1 ]; then
    echo "usage: sh on-gpu.sh [--quick] OUT" >&2
    exit 2
fi
mkdir -p "$1"
out=$(cd "$1" && pwd)
python=${PYTHON:-python3}
deadline=$(($(date +%s) + 580))

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/tmp" "$scratch/run"
chmod 700 "$scratch/run"
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-$scratch/run}"
neuralnet=$scratch/programs/neuralnet
# Where the test programs find what cargo gave them at home.
export CARGO_BIN_EXE_neuralnet="$neuralnet" NEURALNET_ROOT="$scratch" CARGO_TARGET_TMPDIR="$scratch/tmp"
"$python" -m tarfile -e "$here/all.tar.xz" "$scratch"
cd "$scratch"

adapter=$("$neuralnet" devices --json 2>"$scratch/error" | sed -n 's/^\[{"name":"\([^"]*\)".*/\1/p') || true
if [ -z "$adapter" ]; then
    echo "on-gpu.sh: no adapter: $(cat "$scratch/error")" >&2
    exit 1
fi
adapter=${WGPU_ADAPTER_NAME:-$adapter}
# `discrete`, `integrated`, `software` and so on: of the first adapter with that name, as the program chooses.
kind=$("$neuralnet" devices | awk -v wanted="${WGPU_ADAPTER_NAME:-}" '
    /^[^ ]/ { chosen = wanted == "" || index(tolower($0), tolower(wanted)) }
    $1 == "number" && $2 == wanted { chosen = 1 }
    chosen && $1 == "kind" { print $2; exit }')
folder="$out/$(date -u +%Y-%m-%d)-$(echo "$adapter" | tr -cs 'A-Za-z0-9.\n' '-' | sed 's/^-//; s/-$//')"
if [ -e "$folder" ]; then
    echo "on-gpu.sh: $folder is there already; name another OUT, or remove it" >&2
    exit 2
fi
mkdir "$folder"
: >"$folder/log.txt"
: >"$folder/bench.json"

failed=
# step NAME SECONDS FILE COMMAND...: FILE takes what it prints, the log its notices; never beyond the deadline.
step() {
    name=$1 limit=$2 file=$3
    shift 3
    start=$(date +%s)
    left=$((deadline - start))
    [ "$left" -ge "$limit" ] || limit=$left
    echo "== $name: $*" >>"$folder/log.txt"
    code=0
    if [ "$limit" -gt 0 ]; then
        timeout -k 5 "$limit" "$@" >>"$file" 2>>"$folder/log.txt" || code=$?
    else
        code=124
    fi
    case $code in 124 | 137) note=" (out of time: $limit s)" ;; *) note= ;; esac
    [ "$code" = 0 ] || failed="$failed $name"
    printf '%-40s exit %3d %5d s%s\n' "$name" "$code" $(($(date +%s) - start)) "$note" | tee -a "$folder/summary.txt"
}

log=$folder/log.txt
{
    uname -a
    nvidia-smi -L 2>/dev/null || echo "no nvidia-smi"
    free -m 2>/dev/null || true
    date -u
} >>"$log"
step devices 20 "$log" "$neuralnet" devices

step "test library" 300 "$log" "$scratch/programs/library" --test-threads="$(nproc)"
# A software adapter takes longer for the whole suite than there is time; a part shows that it finds what it reads.
step "test suite" 300 "$log" "$scratch/programs/suite" ${quick:+article network_gpu} --test-threads="$(nproc)"

validate() {
    step "validate $1" 90 "$log" "$neuralnet" validate "$@"
}
validate article
validate tests/numpy/three_outputs.csv --target y0,y1,y2
validate synthetic:100003x33 --iterations 10
validate synthetic:4097x1024 --iterations 3 --loss squared-error --no-bias
if [ -z "$quick" ]; then
    validate synthetic:60000x784 --iterations 10
    # 4.6 GB, and its float64 reference.
    available=$(awk '/MemAvailable/ { print int($2 / 1000000) }' /proc/meminfo)
    big=${BIG-synthetic:36000000x32}
    if [ "$available" -lt 24 ]; then
        echo "left out: $big, for want of memory: $available GB are free, 24 wanted" | tee -a "$folder/summary.txt"
    elif [ -n "$big" ]; then
        validate "$big" --iterations 1
    fi
fi

bench="$folder/bench.json"
# Measures with the loops of the shaders as they are written, beside the run just before, which has them written out.
bench_loops() { # SHAPES...
    if [ "$kind" = software ]; then
        echo "left out: bench gpu with loops kept, as this is a software adapter: it may end long loops too early" |
            tee -a "$folder/summary.txt"
    else
        step "bench gpu, loops kept" 60 "$bench" "$neuralnet" bench "$@" --backend gpu --keep-loops --json
    fi
}
peers() { # BACKEND SECONDS ARGUMENTS...
    backend=$1 seconds=$2
    shift 2
    step "peers $backend" "$seconds" "$folder/summary.txt" "$python" "$here/peers/run.py" \
        --neuralnet "$neuralnet" --out "$folder/peers-$backend" --backend "$backend" "$@"
    rm -f "$folder/peers-$backend.svg" # `picture.py` draws it again
}
networks() { # BACKEND SECONDS ARGUMENTS...
    backend=$1 seconds=$2
    shift 2
    step "networks $backend" "$seconds" "$folder/summary.txt" "$python" "$here/peers/network.py" \
        --neuralnet "$neuralnet" --out "$folder/networks-$backend" --backend "$backend" "$@"
    rm -f "$folder/networks-$backend.svg"
}
if [ -n "$quick" ]; then
    step "bench gpu" 60 "$bench" "$neuralnet" bench 20000x32 --backend gpu --json
    bench_loops 20000x32
    step "bench gpu, networks" 60 "$bench" "$neuralnet" bench 2000x30-40-10 --repeats 3 --backend gpu --json
    networks gpu 90 --shapes 30-40-10:128 --rounds 1 --seconds 0.05
    networks cpu 90 --shapes 30-40-10:128 --rounds 1 --seconds 0.05
    peers gpu 90 --shapes 20000x32 --rounds 1
    peers cpu 120 --shapes 20000x32 3000x784x10 --rounds 1 --seconds 0.05
else
    step "bench gpu" 60 "$bench" "$neuralnet" bench --backend gpu --json
    bench_loops
    step "bench gpu f16" 60 "$bench" "$neuralnet" bench --backend gpu --storage f16 --json
    step "bench gpu u8" 60 "$bench" "$neuralnet" bench --backend gpu --storage u8 --json
    step "bench cpu" 60 "$bench" "$neuralnet" bench --backend cpu --json
    for batch_size in 128 4096; do
        step "bench gpu, networks, batch $batch_size" 60 "$bench" "$neuralnet" bench 60000x784-128-10 60000x784-512-512-10 \
            16384x1024-2048-2048-10 --batch-size "$batch_size" --backend gpu --json
    done
    step "bench cpu, networks" 30 "$bench" "$neuralnet" bench 60000x784-128-10 --backend cpu --json
    networks gpu 120 --rounds 2 --seconds 0.5 --limit 80
    networks cpu 60 --rounds 2 --seconds 0.3 --shapes 784-128-10:128
    peers gpu 200 --large --rounds 2 --limit 150
    peers cpu 100 --rounds 2 --limit 60
fi

if [ -n "$failed" ]; then
    echo "FAILED:$failed" | tee -a "$folder/summary.txt"
    echo "see $folder/log.txt" >&2
    exit 1
fi
echo "every step passed" | tee -a "$folder/summary.txt"
