#!/usr/bin/env bash
# Spatio-temporal detection on J-HMDB-21, split 1, from pretrained convolutions: VGG-16 trained on the clips' frames, plain and
# debiased, then SSD and ACT on each, left still. Tested in context and out of it: `test_swap_random` has the same people, cut
# out by their true masks, in other actions' places. Every step goes on where it stopped.
# Usage: recipes/jhmdb-detection-hed.sh INDEX OUT SCENES HED [SEEDS] [JOBS]
#   INDEX: what `sceneproof index jhmdb` made (manifest.parquet, masks.parquet, boxes.parquet)
#   SCENES: the scene labels that recipes/jhmdb.sh made
#   HED: the thirteen convolutions of VGG-16 alone, as HED trained them on (torchvision's keys, BGR)
#   SEEDS: in quotes, "0 1 2"
set -euo pipefail
index=$1 out=$2 scenes=$3 hed=$4 seeds=${5:-0 1 2} jobs=${6:-1}
here=$(dirname "$0")
sceneproof contexts export "$index/manifest.parquet" "$out/world" --humans "$index/masks.parquet" --splits test \
  --variants swap_random --originals --carry "$index/boxes.parquet"
sceneproof features "$out/world/manifest.parquet" "$out/features" --backbone VGG16 --backbone.bgr true \
  --backbone.mean '[123.68,116.779,103.939]' --clip.length 2 --clip.stride 6 --clip.size 96 --clip.scales '[1.0,0.8409,0.7071]' \
  --weights "$hed" --humans "$index/masks.parquet" --splits validation test test_swap_random --draws 4 --swaps true
tested=("$out/world/manifest.parquet" --splits test test_swap_random --memory --jobs "$jobs" --results "$out/results.csv")
# shellcheck disable=SC2086  # seeds are several words
sceneproof study "$here"/jhmdb-hed/{plain,SDN,PlaceSwap}.yaml "${tested[@]:0:1}" "$out/frames" --seeds $seeds --weights "$hed" --clips 1 \
  --features "$out/features" \
  --scenes "$scenes" --humans "$index/masks.parquet" --debiased PlaceSwap "${tested[@]:1}"
for head in ssd act; do
  starts=()
  for seed in $seeds; do starts+=("$out"/frames/{plain,SDN,PlaceSwap}-seed"$seed"); done
  sceneproof study "$here/jhmdb-detection-hed/$head.yaml" "${tested[@]:0:1}" "$out/$head" --starts "${starts[@]}" \
    --humans "$out/world/boxes.parquet" --baseline "$head-from-plain" --debiased "$head-from-PlaceSwap" "${tested[@]:1}"
done
