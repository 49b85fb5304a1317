#!/usr/bin/env bash
# The paper's question asked of other networks: each family plain and with both parts of SDN, from random weights, small.
# Usage: recipes/poster.sh WORLD OUT [RECIPES] [SEEDS] [JOBS]
#   WORLD: a folder with world/manifest.parquet, world/masks.parquet and scenes.parquet, as recipes/benchmark-mall.sh makes it
#   RECIPES: poster-mall (the default) or poster-jhmdb; SEEDS: in quotes, "0 1"
set -euo pipefail
world=$1 out=$2 recipes=${3:-poster-mall} seeds=${4:-0} jobs=${5:-1}
here=$(dirname "$0")
for network in ResNet3D C3D TSN S3DG; do
  # shellcheck disable=SC2086  # seeds are several words
  sceneproof study "$here/$recipes/$network"-{plain,SDN}.yaml "$world/world/manifest.parquet" "$out/$network" --seeds $seeds \
    --scenes "$world/scenes.parquet" --humans "$world/world/masks.parquet" --splits test test_out --clips 1 --memory --jobs "$jobs" \
    --baseline "$network-plain" --debiased "$network-SDN" --results "$out/results.csv"
done
