#!/usr/bin/env bash
# What motion alone tells of real people: J-HMDB in optical flow beside J-HMDB as a camera sees it, and both together; out of
# context with people, by true masks, in other actions' places. Usage: recipes/jhmdb-flow.sh WORLD OUT [SEEDS] [JOBS]
#   WORLD: a manifest with its composites as splits, as recipes/jhmdb-i3d.sh exports it (OUT/world); SEEDS: in quotes, "0 1"
set -euo pipefail
world=$1 out=$2 seeds=${3:-0 1} jobs=${4:-1}
recipes=$(dirname "$0")/jhmdb-flow
[ -f "$out/flow/manifest.parquet" ] || sceneproof prepare "$world/manifest.parquet" "$out/flow" --short-side 96 --form jpeg --flow true
# shellcheck disable=SC2206  # seeds are several words
options=(--seeds $seeds --splits test test_swap_random --clips 1 --memory --jobs "$jobs" --results "$out/results.csv")
sceneproof study "$recipes/rgb.yaml" "$world/manifest.parquet" "$out/runs" "${options[@]}"
sceneproof study "$recipes/flow.yaml" "$out/flow/manifest.parquet" "$out/runs" "${options[@]}"
for seed in $seeds; do
  sceneproof fuse "$out/runs/rgb-seed$seed" "$out/runs/flow-seed$seed" "$out/jhmdb-rgb-and-flow-seed$seed" --results "$out/results.csv"
done
