#!/usr/bin/env bash
# The Mall at the paper's size (3D-ResNet-18, 16 x 112 x 112), in the paper's stages. For a GPU: nobody has run it yet.
# Usage: recipes/mall-paper.sh OUT [JOBS [SEED...]]
set -euo pipefail
out=$1 jobs=${2:-1}
shift $(($# < 2 ? $# : 2))
here=$(dirname "$0")
world=$out/world

sceneproof mall "$world" --seed 0
[ -f "$out/scene-network.safetensors" ] ||
  sceneproof label network "$world/scenes/train" "$out/scene-network.safetensors" --held-out "$world/scenes/test" --size 12 --epochs 10
[ -f "$out/scenes.parquet" ] ||
  sceneproof label scenes "$world/manifest.parquet" "$out/scenes.parquet" --labeller SceneNetwork --labeller.weights "$out/scene-network.safetensors"

options=(--splits validation_out test test_out --clips 2 --probe-split train --scenes "$out/scenes.parquet"
  --humans "$world/boxes.parquet" --memory --jobs "$jobs" --results "$out/results.csv")
sceneproof study "$here"/mall-paper-pretraining/*.yaml "$world/manifest.parquet" "$out/pretraining" --seeds "${@:-0}" "${options[@]}"
# the same tuning budget for every row: three learning rates, from a plain model of its own, chosen on `validation`
sceneproof study "$here"/mall-paper-pretraining/*.yaml "$world/manifest.parquet" "$out/tuning-pretraining" --seeds 1000 \
  --splits validation --clips 2 --memory
tuning=(--learning-rates 0.0001 0.0003 0.001 --tuning-start "$out/tuning-pretraining/pretrained-seed1000")
sceneproof study "$here"/mall-paper/*.yaml "$world/manifest.parquet" "$out/ablation" \
  --starts "$out"/pretraining/pretrained-seed* "${tuning[@]}" "${options[@]}"
