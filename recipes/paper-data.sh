#!/usr/bin/env bash
# From indexed collections to what recipes/paper.sh trains on: every set at short side 240, and for Mini-Kinetics-200 the
# scenes by Places365's ResNet-50 and the people by a detector. Fetches both networks' weights. Every step goes on where it
# stopped. Usage: recipes/paper-data.sh INDEX DATA
#   INDEX: folders made by `sceneproof index` (docs/datasets.md): mini-kinetics, ucf101-1 to -3, hmdb51-1 to -3, diving48-v1
#   DATA: where the small copies of the videos go, with the labels of mini-kinetics beside its manifest
# Chosen, since neither the paper nor its code says: the frames a video that the scene is taken from (8), the detector, and that it
# looks at every fourth frame.
set -euo pipefail
index=$1 data=$2

for set in mini-kinetics ucf101-{1,2,3} hmdb51-{1,2,3} diving48-v1; do
  sceneproof prepare "$index/$set/manifest.parquet" "$data/$set" --short-side 240
done
mini=$data/mini-kinetics
sceneproof label scenes "$mini/manifest.parquet" "$mini/scenes.parquet" --labeller Places365ResNet --labeller.depth 50 \
  --labeller.download --frames-per-video 8
sceneproof label humans "$mini/manifest.parquet" "$mini/boxes.parquet" --detector FasterRCNN --detector.download --every 4
sceneproof label check "$mini/manifest.parquet" "$mini/labels.html" --scenes "$mini/scenes.parquet" --humans "$mini/boxes.parquet"
