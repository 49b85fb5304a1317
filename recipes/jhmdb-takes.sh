#!/usr/bin/env bash
# Localization of real people: long takes made of J-HMDB's clips, people of one after another in one clip's empty place; each head
# on the backbones that a study left, which are frozen up to their last two modules. Every step goes on where it stopped.
# Usage: recipes/jhmdb-takes.sh INDEX RUNS OUT [JOBS]
#   INDEX: what `sceneproof index jhmdb` made (manifest.parquet, masks.parquet)
#   RUNS: folder of runs METHOD-seedN of plain, SDN and PlaceSwap, as `sceneproof benchmark` leaves them in OUT/jhmdb-i3d
set -euo pipefail
index=$1 runs=$2 out=$3 jobs=${4:-1}
here=$(dirname "$0")
sceneproof contexts takes "$index/manifest.parquet" "$out/world" --humans "$index/masks.parquet" --train 180 --test 60 --test-out 60
for head in actionformer per_frame rc3d ssn talnet cdc; do
  sceneproof study "$here/jhmdb-takes/$head.yaml" "$out/world/manifest.parquet" "$out/$head" --splits test test_out \
    --starts "$runs"/{plain,SDN,PlaceSwap}-seed[012] --features "$out/features" --jobs "$jobs" --results "$out/results.csv" \
    --baseline "$head-from-plain" --debiased "$head-from-PlaceSwap"
done
