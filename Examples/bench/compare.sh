#!/bin/sh
# Makes a checkpoint of Stable Diffusion 1.5's size with random weights, unless it is there, and compares engines on it.
#   Examples/bench/compare.sh [FOLDER] [options of compare.py]
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
folder="${1:-${XDG_CACHE_HOME:-$HOME/.cache}/ldm-bench/sd15}"
[ "$#" -eq 0 ] || shift
[ -f "$folder/model_index.json" ] || python3 "$here/make_checkpoint.py" "$folder"
swift build -c release --package-path "$here/../.." >/dev/null
python3 "$here/compare.py" "$folder" --ldm "$here/../../.build/release/ldm" "$@"
exec python3 "$here/starts.py" "$folder" --ldm "$here/../../.build/release/ldm"
