import json
from pathlib import Path

import pandas as pd
import pytest

from sceneproof.data.manifest import Manifest
from sceneproof.data.scenes import SceneTable
from sceneproof.labelling.onnx_labeller import OnnxSceneLabeller
from sceneproof.labelling.pipeline import label
from sceneproof.labelling.scenes import SceneLabelling
from sceneproof.metrics.representation_bias import linear_probe


@pytest.mark.slow
def test_scenes_alone_name_about_a_third_of_real_actions(shared_data: Path, tmp_path: Path) -> None:
    truth = json.loads((shared_data / "jhmdb_gt.json").read_text())
    rows = [(name, f"jhmdb/{name}.mp4", clip["split1"], name.split("/")[0]) for name, clip in sorted(truth.items())]
    manifest = Manifest(pd.DataFrame(rows, columns=["video", "path", "split", "action"]), shared_data)
    labeller = OnnxSceneLabeller(shared_data / "weights" / "places365_squeezenet.onnx", threads=1)
    label(manifest, SceneLabelling(labeller, frames_per_video=1), tmp_path / "scenes.parquet", quiet=True)
    table = SceneTable.read(tmp_path / "scenes.parquet")
    assert len(table.videos) == 928
    train = (manifest.rows["split"] == "train").to_numpy()
    actions, posteriors = manifest.rows["action"].to_numpy(), table.probabilities
    # another probe on the same network's posteriors gave 32.1 %; the standard error on 268 clips is 2.9 points
    assert 0.25 < linear_probe(posteriors[train], actions[train], posteriors[~train], actions[~train]) < 0.40
