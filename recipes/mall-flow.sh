#!/usr/bin/env bash
# What motion alone tells: the Mall in optical flow beside the Mall as a camera sees it, and both together.
# Usage: recipes/mall-flow.sh WORLD OUT [SEEDS] [JOBS]
#   WORLD: what `sceneproof mall` made, as recipes/benchmark-mall.sh does it; SEEDS: in quotes, "0 1"
set -euo pipefail
world=$1 out=$2 seeds=${3:-0 1} jobs=${4:-1}
recipes=$(dirname "$0")/mall-flow
[ -f "$out/flow/manifest.parquet" ] || sceneproof prepare "$world/manifest.parquet" "$out/flow" --short-side 72 --form jpeg --flow true
# shellcheck disable=SC2206  # seeds are several words
options=(--seeds $seeds --splits test test_out --clips 1 --memory --jobs "$jobs" --results "$out/results.csv")
sceneproof study "$recipes/rgb.yaml" "$world/manifest.parquet" "$out/runs" "${options[@]}"
sceneproof study "$recipes/flow.yaml" "$out/flow/manifest.parquet" "$out/runs" "${options[@]}"
for seed in $seeds; do
  sceneproof fuse "$out/runs/rgb-seed$seed" "$out/runs/flow-seed$seed" "$out/mall-rgb-and-flow-seed$seed" --results "$out/results.csv"
done
