#!/usr/bin/env bash
# The paper's third task: SSD300 on J-HMDB-21, split 1, from VGG-16 trained on the frames of Mini-Kinetics-200, plain and debiased. For
# GPUs: nobody has run it yet. Every step goes on where it stopped. Usage: recipes/paper-jhmdb.sh DATA START JHMDB OUT [JOBS [SEED...]]
#   DATA: what recipes/paper-data.sh made: mini-kinetics (with scenes.parquet and boxes.parquet beside the manifest)
#   START: vgg16_reducedfc.pth, the ImageNet weights that SSD starts from
#   JHMDB: what `sceneproof index jhmdb … --validation 0` made (manifest.parquet, boxes.parquet)
set -euo pipefail
data=$1 start=$2 jhmdb=$3 out=$4 jobs=${5:-1}
shift $(($# < 5 ? $# : 5))
here=$(dirname "$0")
mini=$data/mini-kinetics

for seed in "${@:-0}"; do
  sceneproof train "$mini/manifest.parquet" "$out/plain/plain-seed$seed" --config "$here/paper-mini-kinetics-vgg/plain.yaml" \
    --weights "$start" --seed "$seed"
done
sceneproof study "$here/paper-mini-kinetics-vgg/both.yaml" "$mini/manifest.parquet" "$out/both" --starts "$out"/plain/plain-seed* \
  --scenes "$mini/scenes.parquet" --humans "$mini/boxes.parquet" --splits validation --jobs "$jobs"
sceneproof study "$here/paper-jhmdb/ssd.yaml" "$jhmdb/manifest.parquet" "$out/detection" --humans "$jhmdb/boxes.parquet" --splits test \
  --starts "$out"/plain/plain-seed* "$out"/both/both-from-* --jobs "$jobs" \
  --baseline ssd-from-plain --debiased ssd-from-both-from-plain --results "$out/results.csv"
