#!/usr/bin/env bash
# The Mall study: one world, its scene labels, a plain model a seed, the ablation from there in the paper's stages, and
# transfer to unseen actions. Every step goes on where it stopped. Usage: recipes/mall.sh OUT [JOBS]
set -euo pipefail
out=$1 jobs=${2:-1}
here=$(dirname "$0")
world=$out/world

sceneproof mall "$world" --seed 0 --height 72 --width 96 --frames 16
# tiny pictures, so that the scene labels are soft and imperfect: see docs/mall.md
[ -f "$out/scene-network.safetensors" ] ||
  sceneproof label network "$world/scenes/train" "$out/scene-network.safetensors" --held-out "$world/scenes/test" --size 12 --epochs 10
[ -f "$out/scenes.parquet" ] ||
  sceneproof label scenes "$world/manifest.parquet" "$out/scenes.parquet" --labeller SceneNetwork --labeller.weights "$out/scene-network.safetensors"

tables=(--scenes "$out/scenes.parquet" --humans "$world/boxes.parquet" --memory --jobs "$jobs" --results "$out/results.csv")
testing=(--splits validation_out test test_out --clips 1 --probe-split train)
sceneproof study "$here"/mall-pretraining/*.yaml "$world/manifest.parquet" "$out/pretraining" --seeds 0 1 2 3 4 \
  "${testing[@]}" "${tables[@]}"
sceneproof study "$here"/mall/*.yaml "$world/manifest.parquet" "$out/ablation" --starts "$out"/pretraining/pretrained-seed* \
  "${testing[@]}" "${tables[@]}"
for recipe in frozen fine-tuned; do
  sceneproof study "$here"/mall-transfer/$recipe.yaml "$world/manifest.parquet" "$out/transfer-$recipe" \
    --starts "$out"/ablation/{plain,both}-from-pretrained-seed* --splits transfer_test --clips 1 "${tables[@]}" \
    --baseline $recipe-from-plain-from-pretrained --debiased $recipe-from-both-from-pretrained
done
# what the released code does otherwise, and the batch norm statistics; fewer seeds
sceneproof study "$here"/mall-variants/*.yaml "$world/manifest.parquet" "$out/variants" \
  --starts "$out"/pretraining/pretrained-seed[0-2] "${testing[@]}" "${tables[@]}"
