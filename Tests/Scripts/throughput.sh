#!/bin/bash
# How a batch through xargs compares with one process: throughput.sh LDM [PICTURES [STEPS [PICTURES-A-PROCESS]]]
# Enlarges pictures of 128x128 in one process, with each number of threads up to the processors', and by
# "xargs -0 -n 50 -P 2 ldm upscale"; prints rates and their ratio, and compares the bytes. The mark is 0.95.
set -euo pipefail
ldm="$1"
count="${2:-200}"
steps="${3:-8}"
each="${4:-50}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir in
for i in $(seq -w "$count"); do
  # What is on them costs no time: waves, each picture's its own.
  awk -v s="$i" 'BEGIN { print "P3 128 128 255"; for (y = 0; y < 128; y++) for (x = 0; x < 128; x++)
    print int(128 + 90 * sin(x / (5 + s % 7) + y / 9)), int(128 + 90 * sin(y / (7 + s % 5))), (x * y + s) % 256 }' > "in/$i.ppm"
done
milliseconds() { local began=$(date +%s%N); "$@" >/dev/null; echo "$((($(date +%s%N) - began) / 1000000))"; }
one() { "$ldm" upscale -q --steps "$steps" --seed 1 -t "$1" -d "one-$1" in/*.ppm; }
many() { printf '%s\0' in/*.ppm | xargs -0 -n "$each" -P 2 "$ldm" upscale -q --steps "$steps" --seed 1 -d many; }
rate() { awk -v n="$count" -v ms="$1" 'BEGIN { printf "%.2f pictures a second", 1000 * n / ms }'; }
best=0
for threads in $(seq "$(nproc)"); do
  ms=$(milliseconds one "$threads")
  echo "one process, $threads threads: $(rate "$ms")"
  if [ "$best" = 0 ] || [ "$ms" -lt "$best" ]; then best=$ms; fi
done
ms=$(milliseconds many)
echo "xargs -0 -n $each -P 2: $(rate "$ms")"
echo "ratio $(awk -v a="$best" -v b="$ms" 'BEGIN { printf "%.2f", a / b }')"
for folder in one-*; do diff -r "$folder" many >/dev/null || { echo "bytes differ between $folder and many"; exit 1; }; done
echo "same bytes"
