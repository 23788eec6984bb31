#!/bin/sh
# Runs the README's pipes on the sample photographs and looks at what comes out: smoke.sh LDM FOLDER
set -eu
ldm="$1"
out="$2"
photos="$(dirname "$0")/photos"

# The size of a picture, as "320x180".
size() { "$ldm" info --json "$1" | sed 's/.*"width": \([0-9]*\), "height": \([0-9]*\).*/\1x\2/'; }
expect() { [ "$(size "$1")" = "$2" ] || { echo "$1 is $(size "$1"), expected $2" >&2; exit 1; }; }

# A white square on black, 128x128, as a mask.
awk 'BEGIN { print "P2 128 128 255"; for (y = 0; y < 128; y++) for (x = 0; x < 128; x++)
  print (x > 40 && x < 80 && y > 40 && y < 80) ? 255 : 0 }' > "$out/mask.pgm"

"$ldm" upscale --steps 2 < "$photos/otter.jpg" > "$out/big.jpg"
expect "$out/big.jpg" 1280x720
"$ldm" txt2img -q --steps 4 --seed 1 "emoji of a red apple" > "$out/apple.png"
expect "$out/apple.png" 128x128
"$ldm" img2img -q --steps 4 --seed 1 -p "an oil painting" --strength 0.5 < "$photos/lake.jpg" > "$out/paint.jpg"
expect "$out/paint.jpg" 320x180
"$ldm" inpaint -q --steps 4 --seed 1 --mask "$out/mask.pgm" -p "grass" < "$out/apple.png" > "$out/grass.png"
expect "$out/grass.png" 128x128
"$ldm" encode < "$photos/lake.jpg" | "$ldm" decode > "$out/back.png"
expect "$out/back.png" 320x180
"$ldm" txt2img -q --steps 2 --seed 2 "clip art of a house" | "$ldm" upscale --steps 2 -q --size 128x128 \
  | "$ldm" inpaint -q --steps 2 --mask "$out/mask.pgm" > "$out/chain.png"
expect "$out/chain.png" 128x128
find "$photos" -name '*.jpg' -print0 | xargs -0 "$ldm" upscale -q --steps 1 -d "$out/all/"
expect "$out/all/periwinkle.jpg" 1280x852
echo "all pipes work"
