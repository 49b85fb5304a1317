#!/usr/bin/env bash
# Spatio-temporal detection on the Mall: tubelets on the frozen backbones of plain and debiased models (recipes/mall.sh makes them);
# three seeds. Goes on where it stopped. Usage: recipes/mall-detection.sh OUT MALL [JOBS]
#   MALL: the folder that recipes/mall.sh wrote to
set -euo pipefail
out=$1 mall=$2 jobs=${3:-1}
here=$(dirname "$0")
world=$mall/world
sceneproof study "$here/mall-detection/moc.yaml" "$world/manifest.parquet" "$out" --humans "$world/boxes.parquet" \
  --splits test test_out --starts "$mall"/variants/{plain,both}-from-pretrained-seed* --memory --jobs "$jobs" \
  --results "$out/results.csv" --baseline moc-from-plain-from-pretrained --debiased moc-from-both-from-pretrained
