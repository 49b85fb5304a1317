#!/usr/bin/env bash
# Spatio-temporal detection on J-HMDB-21, split 1, from a Kinetics I3D: tubelets on the frozen backbones of plain and debiased
# models; three seeds. Goes on where it stopped. Usage: recipes/jhmdb-detection-i3d.sh INDEX RUNS OUT [JOBS]
#   INDEX: what `sceneproof index jhmdb` made (manifest.parquet, boxes.parquet)
#   RUNS: folder of runs METHOD-seedN of plain, SDN and PlaceSwap, as `sceneproof benchmark` leaves them in OUT/jhmdb-i3d
set -euo pipefail
index=$1 runs=$2 out=$3 jobs=${4:-1}
here=$(dirname "$0")
sceneproof study "$here/jhmdb-detection-i3d/moc.yaml" "$index/manifest.parquet" "$out" --humans "$index/boxes.parquet" --splits test \
  --starts "$runs"/{plain,SDN,PlaceSwap}-seed[012] --memory --jobs "$jobs" --results "$out/results.csv" \
  --baseline moc-from-plain --debiased moc-from-PlaceSwap
