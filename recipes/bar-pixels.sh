#!/usr/bin/env bash
# BAR on pixels, for methods that mix them: plain training against PlaceSwap, which cuts people out by a segmenter's masks.
# Usage: recipes/bar-pixels.sh INDEX OUT LITE0 SEGMENTER [JOBS]
#   INDEX: what `sceneproof index bar` made, as recipes/bar.sh does
#   LITE0: weights of EfficientNet-Lite0; SEGMENTER: yolov8n-seg in LiteRT (.tflite), at its 320 pixels
set -euo pipefail
index=$1 out=$2 lite0=$3 segmenter=$4 jobs=${5:-1}
here=$(dirname "$0")
mkdir -p "$out"
[ -f "$out/masks.parquet" ] || sceneproof label humans "$index/manifest.parquet" "$out/masks.parquet" \
  --detector LiteRTSegmenter --detector.weights "$segmenter"
sceneproof study "$here"/bar-pixels/*.yaml "$index/manifest.parquet" "$out/runs" --seeds 0 1 2 --weights "$lite0" \
  --humans "$out/masks.parquet" --splits test test_out --clips 1 --jobs "$jobs" --results "$out/results.csv"
