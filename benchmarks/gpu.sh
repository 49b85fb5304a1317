#!/usr/bin/env bash
# What a GPU does with this library, in pieces that go on where they stopped: start it again until it says "all done".
# Steps of training and their memory, SDN's and every method's over Plain's; then the Mall at the paper's size, 16 x 112 x
# 112. Nothing is downloaded. On a processor (DEVICE cpu) it is a rehearsal: one small size, a hundredth of the Mall.
# Usage: benchmarks/gpu.sh OUT [DEVICE] [SECONDS]
#   OUT: for the world, the runs and results.csv, under the card's name
#   DEVICE: cuda (the default) or cpu
#   SECONDS: after which a piece is stopped, with what it had done kept; 560 by default
set -euo pipefail
out=$1 device=${2:-cuda} seconds=${3:-560}
cd "$(dirname "$0")/.."
python=${PYTHON:-python}
mkdir -p "$out/done"
begun=$SECONDS

piece() {  # NAME COMMAND...: once; what is stopped by the clock is begun again, and goes on, next time
  local name=$1 left=$((seconds - SECONDS + begun)); shift
  [ -f "$out/done/$name" ] && return
  if [ "$left" -lt 20 ]; then echo "time is up before $name: start the same again"; exit 0; fi
  echo "== $name"
  if timeout --signal=INT --kill-after=15 "$left" "$@"; then touch "$out/done/$name"; else
    [ $((seconds - SECONDS + begun)) -lt 20 ] || exit 1
    echo "time is up in the middle of $name: start the same again"; exit 0
  fi
}

if [ "$device" = cpu ]; then
  step=(--rounds 1 --batch 2) methods=(--rounds 1 --width 8 --size 32 --batch 4) world=(--videos 0.01 --frames 16 --pictures 4)
  names=(Plain SDN VideoMix)
else
  step=(--device "$device" --batch 64) methods=(--device "$device" --batch 64 --depth 18 --width 64 --frames 16 --size 112) world=()
  names=()
fi
piece step "$python" -m benchmarks.step "${step[@]}" --results "$out/results.csv"
piece method-step "$python" -m benchmarks.method_step "${names[@]}" "${methods[@]}" --results "$out/results.csv"
piece world "$python" -m sceneproof mall "$out/world" "${world[@]}"
piece scene-network "$python" -m sceneproof label network "$out/world/scenes/train" "$out/scene-network.safetensors" \
  --held-out "$out/world/scenes/test" --size 12 --epochs 10
piece scenes "$python" -m sceneproof label scenes "$out/world/manifest.parquet" "$out/scenes.parquet" --labeller SceneNetwork \
  --labeller.weights "$out/scene-network.safetensors"
tables=(--scenes "$out/scenes.parquet" --humans "$out/world/boxes.parquet" --memory --results "$out/results.csv" --clips 1)
piece pretraining "$python" -m sceneproof study recipes/mall-paper-pretraining/*.yaml "$out/world/manifest.parquet" "$out/pretraining" \
  --seeds 0 --splits test test_out "${tables[@]}"
piece mall "$python" -m sceneproof study recipes/mall-paper/{plain,both}.yaml "$out/world/manifest.parquet" "$out/mall" \
  --starts "$out"/pretraining/pretrained-seed0 --splits test test_out "${tables[@]}"
echo "all done: $out/results.csv"
