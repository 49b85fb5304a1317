#!/usr/bin/env bash
# The benchmark's Mall: a world, its scene labels, and the plain model of each seed that every method starts from; and,
# for scale, the same without bias and without people. Every step goes on where it stopped.
# Usage: recipes/benchmark-mall.sh OUT [JOBS]; OUT is DATA/mall of `sceneproof benchmark recipes/benchmark.yaml`.
set -euo pipefail
out=$1 jobs=${2:-1}
recipe=$(dirname "$0")/benchmark-mall/pretrained.yaml
size=(--videos 0.6 --height 72 --width 96 --frames 16)

sceneproof mall "$out/world" "${size[@]}"
sceneproof mall "$out/unbiased" --unbiased "${size[@]}" --pictures 0 --test-pictures 0
sceneproof mall "$out/empty" --people false "${size[@]}" --pictures 0 --test-pictures 0
# tiny pictures, so that the scene labels are soft and imperfect: see docs/mall.md
[ -f "$out/scene-network.safetensors" ] ||
  sceneproof label network "$out/world/scenes/train" "$out/scene-network.safetensors" --held-out "$out/world/scenes/test" --size 12 --epochs 10
[ -f "$out/scenes.parquet" ] ||
  sceneproof label scenes "$out/world/manifest.parquet" "$out/scenes.parquet" --labeller SceneNetwork --labeller.weights "$out/scene-network.safetensors"
sceneproof data bias "$out/world/manifest.parquet" "$out/scenes.parquet" --out "$out/bias" --quiet  # REPAIR's weights
# 1000 is the seed of the trials
sceneproof study "$recipe" "$out/world/manifest.parquet" "$out/start" --seeds 1000 0 1 2 3 4 --clips 1 --memory --jobs "$jobs"
for world in unbiased empty; do
  sceneproof study "$recipe" "$out/$world/manifest.parquet" "$out/$world-start" --seeds 0 1 2 3 4 --clips 1 --memory --jobs "$jobs"
done
