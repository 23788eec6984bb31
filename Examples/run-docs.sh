#!/bin/sh
# Runs every example of the README, the cookbook and the manual pages, on small pictures and with few steps:
# run-docs.sh LDM FOLDER
set -eu
ldm="$(realpath "$1")"
out="$(realpath "$2")"
here="$(dirname "$(realpath "$0")")"
root="$(dirname "$here")"

# What the examples call ldm: the real one, at few steps and small sizes.
mkdir -p "$out/bin" "$out/home/models"
cat > "$out/bin/ldm" <<END
#!/bin/sh
case "\$1" in
txt2img | img2img | inpaint | upscale) exec "$ldm" "\$@" --steps 2 ;;
bench) shift; exec "$ldm" bench "\$@" --runs 1 --size 64x64 ;;
esac
exec "$ldm" "\$@"
END
chmod +x "$out/bin/ldm"
resources="$(dirname "$ldm")/LatentDiffusion_BuiltInModel.resources/model"
ln -sfn "$resources/base" "$out/home/models/stable-diffusion-v1-5"
export HOME="$out/home" PATH="$out/bin:$PATH" LDM_MODELS="$out/home/models"

# What the examples call photo.jpg, mask.png, ...
stage() {
  mkdir -p "$1/photos" "$1/Examples" && cd "$1"
  convert "$here/photos/otter.jpg" -resize 192x108 photo.jpg
  for name in otter lake periwinkle; do convert "$here/photos/$name.jpg" -resize 48x32 "photos/$name.jpg"; done
  cp photos/*.jpg . && ln -sfn "$here/photos" Examples/photos
  convert -size 192x108 xc:black -fill white -draw 'rectangle 30,40 60,60' mask.png
  convert -size 192x108 xc:black -fill white -draw 'circle 150,50 150,40' mask2.png
  convert -size 512x512 xc:black -fill white -draw 'rectangle 100,100 180,160' m.png
  convert photo.jpg -fill '#ff00ff' -draw 'rectangle 30,40 60,60' marked.png
  convert photo.jpg -alpha set -region 40x30+60+40 -alpha transparent +region cutout.png
  ldm txt2img -q --size 64x64 --seed 1 "emoji of a cat" > picture.png
  ldm encode < picture.png > latents.safetensors
}

# Examples with a published checkpoint as one file, which nothing here can stand in for.
own='v2-1_768-ema-pruned|model\.safetensors'

# The commands of a page, one a line: "$ ..." of manual pages, indented lines of Markdown that begin with a known word.
commands() {
  case "$1" in
  *.1) sed -n 's/^\.Dl \$ //p' "$1" | sed -e 's/\\(dq/"/g' -e "s/\\\\(aq/'/g" -e 's/\\&//g' -e 's/\\e/\\/g' ;;
  *) sed -n 's/^    \(\(ldm\|find\|convert\|printf\|jq\) .*\)/\1/p' "$1" ;;
  esac
}

failed=0
for page in "$root/README.md" "$here/COOKBOOK.md" "$root"/Man/*.1; do
  work="$out/$(basename "$page")"
  stage "$work"
  commands "$page" | grep -Ev "$own" > commands || true
  while IFS= read -r line; do
    if ! sh -c "$line" < /dev/null > log 2>&1; then
      echo "$page: $line" >&2
      sed 's/^/  /' log >&2
      failed=1
    fi
  done < commands
  echo "$(basename "$page"): $(wc -l < commands) examples"
done
exit $failed
