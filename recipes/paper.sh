#!/usr/bin/env bash
# The paper's set-up: a baseline, the scene adversary and the full model on Mini-Kinetics-200, each from the one before, then
# all three fine-tuned on UCF-101, HMDB-51 (three splits each) and Diving48 V1. For GPUs: nobody has run it yet. Every step
# goes on where it stopped. Usage: recipes/paper.sh DATA START OUT [JOBS [SEED...]]
#   DATA: what recipes/paper-data.sh made: mini-kinetics (with scenes.parquet and boxes.parquet beside the manifest),
#     ucf101-1 to -3, hmdb51-1 to -3 and diving48-v1
#   START: the weights that the baseline starts from, a pre-trained 3D-ResNet-18 with shortcut A: the paper does not say which
set -euo pipefail
data=$1 start=$2 out=$3 jobs=${4:-1}
shift $(($# < 4 ? $# : 4))
here=$(dirname "$0")
mini=$data/mini-kinetics

for seed in "${@:-0}"; do
  sceneproof train "$mini/manifest.parquet" "$out/plain/plain-seed$seed" --config "$here/paper-mini-kinetics/plain.yaml" \
    --weights "$start" --seed "$seed"
done
# the official validation videos are all that the authors report on, so they are tested on, too
stage=(--scenes "$mini/scenes.parquet" --humans "$mini/boxes.parquet" --splits validation --jobs "$jobs")
sceneproof study "$here/paper-mini-kinetics/L_Adv.yaml" "$mini/manifest.parquet" "$out/L_Adv" \
  --starts "$out"/plain/plain-seed* "${stage[@]}"
sceneproof study "$here/paper-mini-kinetics/both.yaml" "$mini/manifest.parquet" "$out/both" \
  --starts "$out"/L_Adv/L_Adv-from-* "${stage[@]}"

for set in ucf101-{1,2,3} hmdb51-{1,2,3} diving48-v1; do
  recipe=$here/paper-${set%-[123]}/fine-tuned.yaml
  sceneproof study "$recipe" "$data/$set/manifest.parquet" "$out/$set" --splits test --jobs "$jobs" \
    --starts "$out"/plain/plain-seed* "$out"/L_Adv/L_Adv-from-* "$out"/both/both-from-* \
    --baseline fine-tuned-from-plain --debiased fine-tuned-from-both-from-L_Adv-from-plain --results "$out/$set.csv"
done
