#!/bin/sh
# Builds the plug-ins of these folders, each a package of its own, and runs them in pipes: plugins.sh LDM FOLDER
set -eu
ldm="$(realpath "$1")"
out="$(realpath "$2")"
cd "$(dirname "$0")"

# One build folder: the packages share what they import.
for name in outpaint tile; do
  swift build -c release --package-path "plugin-$name" --scratch-path "../.build/plugins"
  cp "$(swift build -c release --package-path "plugin-$name" --scratch-path "../.build/plugins" --show-bin-path)/lib$name.so" \
    "$out/"
done
make -s -C plugin-color && mv plugin-color/color.so "$out/"
export LDM_PLUGIN_PATH="$out"

# The size of a picture on standard input, as "320x180".
size() { "$ldm" info --json | sed 's/.*"width": \([0-9]*\), "height": \([0-9]*\).*/\1x\2/'; }
expect() { [ "$1" = "$2" ] || { echo "$3: $1, expected $2" >&2; exit 1; }; }

expect "$("$ldm" plugins | cut -f1 | grep -c -e color -e outpaint -e tile)" 3 "plug-ins that are listed"
expect "$("$ldm" inpaint -q --steps 2 --seed 1 --plugin outpaint:left=32,bottom=8 < photos/lake.jpg | size)" 352x188 outpaint
"$ldm" txt2img -q --steps 4 --seed 1 --plugin tile:margin=4 --size 64x64 "clip art of leaves" > "$out/tile.png"
expect "$(size < "$out/tile.png")" 64x64 tile
expect "$("$ldm" txt2img -q --steps 2 --seed 1 --plugin color:palette=e07a5f+3d405b "emoji of a fish" | size)" 128x128 color
echo "all plug-ins work"
