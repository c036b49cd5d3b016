#!/bin/sh
# Any CI: build.sh [REV] builds and tests what changed since REV (origin/main), from the top of the checkout.
# What it leaves is in .bs/ci: affected.txt, images.json, junit.xml, summary.md.
set -eu

since=${1:-origin/main}
out=.bs/ci
mkdir -p "$out"
rm -f "$out/summary.md"

bs affected --since "$since" --explain
bs affected --since "$since" > "$out/affected.txt"
# Without a pattern, bs would build everything.
if [ ! -s "$out/affected.txt" ]; then
    echo "nothing to build"
    exit 0
fi

# Labels have no spaces, so that they may be split.
targets=$(cat "$out/affected.txt")
# shellcheck disable=SC2086
bs build $targets --report "$out/images.json" --summary "$out/summary.md"
# shellcheck disable=SC2086
bs test $targets --junit "$out/junit.xml" --summary "$out/summary.md"
bs gc --max-size 20GB --max-age 30d
