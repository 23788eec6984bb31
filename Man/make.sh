#!/bin/sh
# Makes the manual pages from the commands themselves, and adds what --help has no room for (sections/).
# Run it after any change of an option; the pages are kept in the repository.
set -eu
cd "$(dirname "$0")"
date="November 24, 2026" # of the options; change it with them
pages="$(mktemp -d)"
trap 'rm -rf "$pages"' EXIT
(cd .. && swift package --allow-writing-to-directory "$pages" generate-manual --multi-page --output-directory "$pages" >/dev/null)

for page in "$pages"/ldm*.1; do
  name="$(basename "$page" .1)"
  case "$name" in ldm.help | ldm.*.*) continue ;; esac
  dashed="$(echo "$name" | tr . -)"
  upper="$(echo "$dashed" | tr '[:lower:]' '[:upper:]')"
  {
    # What it ends with (exit status, see also) is said better in sections/.
    sed -e "s/^\.Dd .*/.Dd $date/" -e "s/^\.Dt .*/.Dt $upper 1/" -e '/^\.Sh "*EXIT STATUS/,$d' "$page"
    [ ! -f "sections/$dashed.mdoc" ] || cat "sections/$dashed.mdoc"
    [ "$name" = ldm ] || cat sections/common.mdoc
  } > "$dashed.1"
done
