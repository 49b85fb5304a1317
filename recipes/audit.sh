#!/usr/bin/env bash
# Audits: of models whose reliance is known, of the Mall's plain and debiased models, and of J-HMDB's (all 928 clips, and split 1's test
# clips), with their pages and the two held against each other.
# Usage: recipes/audit.sh OUT MALL JHMDB RUNS BACKGROUNDS
#   MALL: what recipes/mall.sh wrote; JHMDB: what `sceneproof index jhmdb` wrote; RUNS: what recipes/jhmdb.sh wrote
#   BACKGROUNDS: a folder of pictures
set -euo pipefail
out=$1 mall=$2 jhmdb=$3 runs=$4 backgrounds=$5
results=$out/results.csv
python -m benchmarks.calibration --results "$results"
for split in test test_out; do
  for method in plain both; do
    sceneproof audit "$mall/variants/$method-from-pretrained-seed0" "$mall/world/manifest.parquet" --humans "$mall/world/masks.parquet" \
      --splits $split --out "$out/mall-$split-$method" --title "mall/$split/$method" --shown 6 --results "$results"
  done
  sceneproof audit compare "$out/mall-$split-plain" "$out/mall-$split-both" --out "$out/mall-$split.html"
done
for splits in "test" "train validation test"; do
  name=$([ "$splits" = test ] && echo test || echo all)
  for method in plain both; do
    # shellcheck disable=SC2086  # several splits are several words
    sceneproof audit "$runs/runs/$method-from-pretrained-seed0" "$jhmdb/manifest.parquet" --humans "$jhmdb/masks.parquet" \
      --scenes "$runs/scenes.parquet" --backgrounds "$backgrounds" --splits $splits --out "$out/jhmdb-$name-$method" \
      --title "jhmdb/$name/$method" --shown 0 --results "$results"
  done
  sceneproof audit compare "$out/jhmdb-$name-plain" "$out/jhmdb-$name-both" --out "$out/jhmdb-$name.html"
done
