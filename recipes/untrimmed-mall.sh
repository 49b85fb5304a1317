#!/usr/bin/env bash
# Localization on the untrimmed Mall: each head on the frozen backbones of plain and debiased models of the trimmed Mall
# (recipes/mall.sh makes them). Every step goes on where it stopped. Usage: recipes/untrimmed-mall.sh OUT MALL [JOBS]
#   MALL: the folder that recipes/mall.sh wrote to
set -euo pipefail
out=$1 mall=$2 jobs=${3:-1}
here=$(dirname "$0")
sceneproof mall untrimmed "$out/world"
for head in rc3d actionformer ssn talnet cdc per_frame; do
  sceneproof study "$here/untrimmed-mall/$head.yaml" "$out/world/manifest.parquet" "$out/$head" --splits test test_out \
    --starts "$mall"/variants/{plain,both}-from-pretrained-seed* --memory --jobs "$jobs" --results "$out/results.csv" \
    --baseline "$head-from-plain-from-pretrained" --debiased "$head-from-both-from-pretrained"
done
