#!/bin/sh
# Builds the driver, with AddressSanitizer where the toolchain has it, and feeds damaged files to every parser:
# fuzz.sh [COUNT [SEED [SCRATCH-FOLDER]]]. A crash or a hang tells the input's number; the driver takes it as its last argument.
set -eu
count="${1:-100000}"
seed="${2:-1}"
scratch="${3:-.build/fuzz}"
cd "$(dirname "$0")/../.."
export LDM_FUZZ=1
build() { swift build -c release --product ldm-fuzz --scratch-path "$scratch" "$@"; }
build --sanitize=address || build
driver="$(build --show-bin-path)/ldm-fuzz"
# What is freed stays poisoned for a while, which looks like a leak: 8 MB of it.
ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:quarantine_size_mb=8}" "$driver" Tests "$count" "$seed"
