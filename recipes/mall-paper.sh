#!/usr/bin/env bash
# The Mall at the paper's size (3D-ResNet-18, 16 x 112 x 112). For a GPU. Usage: recipes/mall-paper.sh OUT SEED...
set -euo pipefail
out=$1
shift
here=$(dirname "$0")
world=$out/world
sceneproof mall "$world" --seed 0
[ -f "$out/scene-network.safetensors" ] ||
  sceneproof label network "$world/scenes/train" "$out/scene-network.safetensors" --held_out "$world/scenes/test" --size 12 --epochs 10
[ -f "$out/scenes.parquet" ] ||
  sceneproof label scenes "$world/manifest.parquet" "$out/scenes.parquet" --labeller network --weights "$out/scene-network.safetensors"

tables=(--scenes "$out/scenes.parquet" --humans "$world/boxes.parquet" --memory)
sceneproof study "$here"/mall-paper/*.yaml "$world/manifest.parquet" "$out/paper" --seeds "$@" \
  --splits validation_out test test_out --clips 2 --probe_split train --results "$out/results.csv" "${tables[@]}"
