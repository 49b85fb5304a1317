from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from sceneproof.audit.models.opening import open_subject
from sceneproof.audit.models.run_model import RunModel
from sceneproof.data.manifest import Manifest
from sceneproof.data.video import decode
from sceneproof.errors import InputError
from sceneproof.evaluate import evaluate
from tests.training import Small


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    made = Small.make(tmp_path_factory.mktemp("small"))
    made.train(made.folder / "run", optimisation={"epochs": 1})
    return made


def test_scores_and_features_are_those_of_evaluate(small: Small) -> None:
    predictions = evaluate(small.folder / "run", small.manifest, clips=2, quiet=True).predictions
    subject = RunModel(small.folder / "run", device=torch.device("cpu"), batch=3)
    table = Manifest.read(small.manifest).split("test")
    assert len(table) == len(predictions) == 16
    for row, expected in predictions.iterrows():
        frames = decode(table.path(int(str(row))))
        clips = np.stack([frames[which] for which in subject.sampling.clips(len(frames), 2)])
        answer = subject.answer(clips)
        np.testing.assert_allclose(answer.scores.mean(0), expected["scores"], atol=1e-6)
        assert answer.features is not None
        np.testing.assert_allclose(answer.features.mean(0), expected["features"], rtol=1e-5, atol=1e-6)


def test_other_tasks_are_refused_by_name(small: Small, tmp_path: Path) -> None:
    for file in ("config.yaml", "labels.json"):
        (tmp_path / file).write_text((small.folder / "run" / file).read_text())
    config = yaml.safe_load((tmp_path / "config.yaml").read_text())
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**config, "task": "detection"}))
    with pytest.raises(InputError, match="a run of detection; an audit needs a classifier"):
        open_subject(str(tmp_path))


def test_other_weights_are_another_model(small: Small) -> None:
    small.train(small.folder / "other", optimisation={"epochs": 1}, seed=5)
    one, other = (open_subject(str(small.folder / name)).identity for name in ("run", "other"))
    assert one != other
