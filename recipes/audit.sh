#!/usr/bin/env bash
# Audits: of J-HMDB's plain and debiased models (all 928 clips, and split 1's test clips), of the Mall's, each held against the other, and
# of models whose reliance is known. Each goes on where it stopped. Usage: recipes/audit.sh OUT MALL JHMDB RUNS BACKGROUNDS
#   MALL: what recipes/mall.sh wrote; JHMDB: what `sceneproof index jhmdb` wrote; RUNS: what recipes/jhmdb.sh wrote
#   BACKGROUNDS: a folder of pictures
set -euo pipefail
out=$1 mall=$2 jhmdb=$3 runs=$4 backgrounds=$5
results=$out/results.csv
for splits in "train validation test" "test"; do
  name=$([ "$splits" = test ] && echo test || echo all)
  for method in plain both; do
    # shellcheck disable=SC2086  # several splits are several words
    sceneproof audit "$runs/runs/$method-from-pretrained-seed0" "$jhmdb/manifest.parquet" --humans "$jhmdb/masks.parquet" \
      --scenes "$runs/scenes.parquet" --backgrounds "$backgrounds" --splits $splits --out "$out/jhmdb-$name-$method" \
      --title "jhmdb/$name/$method" --shown 0 --results "$results"
  done
  sceneproof audit compare "$out/jhmdb-$name-plain" "$out/jhmdb-$name-both" --out "$out/jhmdb-$name.html" --results "$results"
done
for method in plain both; do
  sceneproof audit "$mall/variants/$method-from-pretrained-seed0" "$mall/world/manifest.parquet" --humans "$mall/world/masks.parquet" \
    --splits test --out "$out/mall-$method" --title "mall/$method" --results "$results"
done
sceneproof audit compare "$out/mall-plain" "$out/mall-both" --out "$out/mall.html" --results "$results"
python -m benchmarks.calibration --each 25 --results "$results"
