#!/bin/sh
# Makes the manual pages from the commands themselves, and adds what --help has no room for (sections/).
# Run it after any change of an option; the pages are kept in the repository.
set -eu
cd "$(dirname "$0")"
date="November 27, 2026" # of the options; change it with them
pages="$(mktemp -d)"
trap 'rm -rf "$pages"' EXIT
(cd .. && swift package --allow-writing-to-directory "$pages" generate-manual --multi-page --output-directory "$pages" >/dev/null)

# Command, option and default of those that --help shows and the generator leaves out. Needs jq.
"$(cd .. && swift build -c release --show-bin-path)/ldm" --experimental-dump-help | jq -r '
  .command.subcommands[] | .commandName as $command | .. | objects | select(.kind == "option" and .defaultValue != null)
  | [$command, (first(.names[]? | select(.kind == "long")).name), .defaultValue] | @tsv' > "$pages/defaults"
with_defaults() {
  awk -v command="$1" '
    NR == FNR { if ($1 == command) defaults[$2] = $3; next }
    /^\.(It|El|Sh)/ && standard != "" { print "Default: " standard "."; standard = "" }
    { print }
    /^\.It Fl / { for (i = 3; i <= NF; i++) if ($i ~ /^-[a-z]/) standard = defaults[substr($i, 2)] }
  ' "$pages/defaults" -
}

for page in "$pages"/ldm*.1; do
  name="$(basename "$page" .1)"
  case "$name" in ldm.help | ldm.*.*) continue ;; esac
  dashed="$(echo "$name" | tr . -)"
  upper="$(echo "$dashed" | tr '[:lower:]' '[:upper:]')"
  {
    # What it ends with (exit status, see also) is said better in sections/.
    sed -e "s/^\.Dd .*/.Dd $date/" -e "s/^\.Dt .*/.Dt $upper 1/" -e '/^\.Sh "*EXIT STATUS/,$d' "$page" | with_defaults "${name#ldm.}"
    [ ! -f "sections/$dashed.mdoc" ] || cat "sections/$dashed.mdoc"
    [ "$name" = ldm ] || cat sections/common.mdoc
  } > "$dashed.1"
done
