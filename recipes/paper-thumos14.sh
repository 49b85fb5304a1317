#!/usr/bin/env bash
# The paper's second task: R-C3D on THUMOS-14 from the plain and the debiased model of recipes/paper.sh. For GPUs: nobody has run
# it yet. Every step goes on where it stopped. Usage: recipes/paper-thumos14.sh THUMOS OUT PAPER [JOBS]
#   THUMOS: what `sceneproof index thumos14 VIDEOS LISTS THUMOS --validation 0` wrote (--left-out drops the three videos that
#     many leave out), better after `sceneproof prepare … --short-side 128`
#   PAPER: the folder that recipes/paper.sh wrote to
set -euo pipefail
data=$1 out=$2 paper=$3 jobs=${4:-1}
here=$(dirname "$0")
sceneproof study "$here/paper-thumos14/rc3d.yaml" "$data/manifest.parquet" "$out" --splits test --jobs "$jobs" \
  --ambiguous "$data/ambiguous.parquet" --starts "$paper"/plain/plain-seed* "$paper"/both/both-from-* \
  --baseline rc3d-from-plain --debiased rc3d-from-both-from-L_Adv-from-plain --results "$out/results.csv"
