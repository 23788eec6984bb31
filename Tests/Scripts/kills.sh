#!/bin/sh
# Kills a batch at random moments, resumes it each time, and looks whether a file is partial, lost or left over:
# kills.sh LDM KILLS, in an empty folder or one with small pictures 1.png, 2.png, ...
set -eu
ldm="$1"
kills="$2"
[ -e 1.png ] || for i in 1 2 3 4 5; do
  awk -v s="$i" 'BEGIN { print "P3 24 16 255"; for (i = 0; i < 1152; i++) print (i * (7 + s)) % 256 }' | "$ldm" upscale -q \
    --steps 1 --seed 1 --factor 1 -o "$i.png"
done
# In a process of its own, so that a signal to the job reaches ldm itself.
batch() { exec "$ldm" upscale -q --steps 1 --seed 1 --factor 1 -d "$@" ./*.png; }

(batch whole)
began=$(date +%s%N)
(batch timed)
span=$((($(date +%s%N) - began) / 1000000)) # milliseconds that a batch takes undisturbed
expected=$(cd whole && ls)

check() {
  for file in killed/* killed/.ldm-*; do
    [ -e "$file" ] || continue
    cmp -s "$file" "whole/${file##*/}" || { echo "after kill $1: $file is not what it should be"; exit 1; }
  done
}

# $RANDOM is not in sh: a generator of its own, so that a failure can be had again.
random=12345
for kill in $(seq "$kills"); do
  random=$(((random * 1103515245 + 12345) % 2147483648))
  # From time to time a fresh start; else on from where the last kill left it. Every third replaces files.
  [ $((kill % 5)) -ne 0 ] || rm -rf killed
  skip=--skip-existing
  [ $((kill % 3)) -ne 0 ] || skip=--no-watermark
  delay=$((random / 65536 * span / 32768))
  batch killed $skip & pid=$!
  sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
  signal=KILL
  [ $((kill % 4)) -ne 1 ] || signal=TERM
  kill -$signal $pid 2>/dev/null || true
  wait $pid 2>/dev/null || true
  check "$kill"
done
(batch killed --skip-existing)
check last
[ "$(cd killed && ls)" = "$expected" ] || { echo "files are lost: $(cd killed && ls)"; exit 1; }
echo "$kills kills: no file partial, none lost"
