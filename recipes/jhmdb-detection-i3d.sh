#!/usr/bin/env bash
# Spatio-temporal detection on J-HMDB-21, split 1, from a Kinetics I3D: tubelets on the frozen backbones of plain and debiased
# models; three seeds. Tested in context and out of it: `test_swap_random` has the same people, cut out by their true masks, in
# other actions' places. Every step goes on where it stopped. Usage: recipes/jhmdb-detection-i3d.sh INDEX RUNS OUT [JOBS]
#   INDEX: what `sceneproof index jhmdb` made (manifest.parquet, masks.parquet, boxes.parquet)
#   RUNS: folder of runs METHOD-seedN of plain, SDN and PlaceSwap, as `sceneproof benchmark` leaves them in OUT/jhmdb-i3d
set -euo pipefail
index=$1 runs=$2 out=$3 jobs=${4:-1}
here=$(dirname "$0")
sceneproof contexts export "$index/manifest.parquet" "$out/world" --humans "$index/masks.parquet" --splits test \
  --variants swap_random --originals --carry "$index/boxes.parquet"
sceneproof study "$here/jhmdb-detection-i3d/moc.yaml" "$out/world/manifest.parquet" "$out/runs" \
  --humans "$out/world/boxes.parquet" --splits test test_swap_random \
  --starts "$runs"/{plain,SDN,PlaceSwap}-seed[012] --memory --jobs "$jobs" --results "$out/results.csv" \
  --baseline moc-from-plain --debiased moc-from-PlaceSwap
