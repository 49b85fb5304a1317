#!/usr/bin/env bash
# Spatio-temporal detection on J-HMDB-21, split 1, small: VGG-16 trained on the clips' frames, plain and debiased, then SSD from
# each; three seeds. Every step goes on where it stopped. Usage: recipes/jhmdb-detection.sh INDEX OUT SCENES [JOBS]
#   INDEX: what `sceneproof index jhmdb` made (manifest.parquet, boxes.parquet)
#   SCENES: the scene labels that recipes/jhmdb.sh made
set -euo pipefail
index=$1 out=$2 scenes=$3 jobs=${4:-1}
here=$(dirname "$0")
manifest=$index/manifest.parquet
tables=(--humans "$index/boxes.parquet" --memory --jobs "$jobs" --results "$out/results.csv")
frames=(--splits test --clips 3 --scenes "$scenes")
sceneproof study "$here"/jhmdb-vgg-pretraining/*.yaml "$manifest" "$out/pretraining" --seeds 0 1 2 "${frames[@]}" "${tables[@]}"
sceneproof study "$here"/jhmdb-vgg/*.yaml "$manifest" "$out/vgg" --starts "$out"/pretraining/pretrained-seed* \
  "${frames[@]}" "${tables[@]}"
sceneproof study "$here/jhmdb-detection/ssd.yaml" "$manifest" "$out/detection" --splits test \
  --starts "$out"/vgg/{plain,both}-from-pretrained-seed* "${tables[@]}" \
  --baseline ssd-from-plain-from-pretrained --debiased ssd-from-both-from-pretrained
