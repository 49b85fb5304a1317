#!/usr/bin/env bash
# J-HMDB-21, split 1, from scratch and small: plain against SDN over three seeds, in the paper's stages.
# Usage: recipes/jhmdb.sh INDEX OUT ONNX [JOBS]
#   INDEX: what `sceneproof index jhmdb` made (manifest.parquet, masks.parquet, boxes.parquet)
#   ONNX: a Places365 classifier for the scene labels
set -euo pipefail
index=$1 out=$2 onnx=$3 jobs=${4:-1}
here=$(dirname "$0")

[ -f "$out/scenes.parquet" ] ||
  sceneproof label scenes "$index/manifest.parquet" "$out/scenes.parquet" --labeller OnnxSceneLabeller --labeller.weights "$onnx"
options=(--splits test --clips 3 --probe-split train --scenes "$out/scenes.parquet" --humans "$index/boxes.parquet"
  --memory --jobs "$jobs" --results "$out/results.csv")
sceneproof study "$here"/jhmdb-pretraining/*.yaml "$index/manifest.parquet" "$out/pretraining" --seeds 0 1 2 "${options[@]}"
sceneproof study "$here"/jhmdb/*.yaml "$index/manifest.parquet" "$out/runs" \
  --starts "$out"/pretraining/pretrained-seed* "${options[@]}"
