"""The contract of methods, held by training: what a batch carries, what a method is told, keeps and is asked."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from sceneproof import labels
from sceneproof.audit.models.run_model import RunModel
from sceneproof.backbones import Backbone
from sceneproof.data.batches import epoch_order
from sceneproof.data.manifest import Manifest
from sceneproof.errors import InputError
from sceneproof.evaluate import evaluate
from sceneproof.methods import (
    ALBAR,
    DEVIAS,
    JTT,
    SDN,
    Factor,
    Facts,
    GroupDRO,
    LfF,
    Method,
    Output,
    Plain,
    ReBias,
    VideoMix,
)
from sceneproof.run import Run
from sceneproof.types import Batch
from tests.test_train import Killed, same, stop_at
from tests.training import Small


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return Small.make(tmp_path_factory.mktemp("small"))


@pytest.fixture(autouse=True)
def _groups_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "LEAST_GROUP", 1)


SEEN: list[Batch] = []


class Everything(Plain):
    """Asks for all there is, and looks at it before and after it is normalised."""

    needs = frozenset({"scene", "people", "without_humans", "other_clip", "group"})

    def __init__(self, backbone: Backbone, facts: Facts) -> None:
        super().__init__(backbone, facts)
        self.needs = type(self).needs
        self.told = facts

    def augment(self, batch: Batch, rng: np.random.Generator) -> Batch:
        SEEN.append(batch)
        return batch


class SecondClip(Everything):
    needs = frozenset({"second_clip"})


def seen(small: Small, out: Path, method: Callable[[Backbone, Facts], Method]) -> list[Batch]:
    SEEN.clear()
    small.train(out, method=method, optimisation={"epochs": 1})
    return list(SEEN)


def test_a_batch_carries_what_the_method_asks_for(small: Small, tmp_path: Path) -> None:
    for batch in seen(small, tmp_path / "all", Everything):
        assert batch.video is not None
        assert batch.people is not None
        assert batch.without_humans is not None
        assert batch.second is not None
        assert batch.scene is not None
        assert batch.group is not None
        assert 0 <= batch.video.min() < batch.video.max() <= 1  # pixels, before they are normalised
        assert batch.people.shape == (len(batch.row), *batch.video.shape[2:])
        assert len(batch.without_humans) == int(batch.has["without_humans"].sum())
        # people are where the twin differs from the clip: the same crop, size and mirror
        twins = batch.video[batch.has["without_humans"]]
        differs = (twins - batch.without_humans).abs().amax(dim=1) > 0
        regions = batch.people[batch.has["without_humans"]]
        assert (differs & ~regions).float().mean() < 0.1
        assert (differs & regions).sum() > 0
        assert not any(torch.equal(own, other) for own, other in zip(batch.video, batch.second, strict=True))


def test_a_batch_carries_nothing_else(small: Small, tmp_path: Path) -> None:
    for batch in seen(small, tmp_path / "second", SecondClip):
        assert batch.second is not None
        assert torch.equal(batch.second_action, batch.action)  # type: ignore[arg-type]  # it is there
        assert batch.has.keys() == {"second"}
        assert [batch.scene, batch.people, batch.without_humans, batch.group] == [None] * 4


@pytest.mark.parametrize(("method", "missing"), [(GroupDRO, "scenes"), (Everything, "humans"), (Everything, "scenes")])
def test_tables_that_a_method_needs_are_asked_for(
    method: Callable[[Backbone, Facts], Method], missing: str, small: Small, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=f"give --{missing} TABLE|needs to know the data's groups"):
        small.train(tmp_path / "run", method=method, **dict[str, Any]({missing: None}))


DISENTANGLED = partial(DEVIAS, depth=2, heads=2, head_width=8)
GROWING = partial(SDN, schedule="dann", scene_layers=1)


@pytest.mark.parametrize("method", [DISENTANGLED, JTT, GroupDRO, GROWING, Factor, LfF, VideoMix, ALBAR, ReBias])
def test_methods_resume_to_the_same_bits_and_are_tested(
    method: Callable[[Backbone, Facts], Method], small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"epochs": 2, "checkpoint_every": 1}
    whole = small.train(tmp_path / "whole", method=method, optimisation=settings)
    with monkeypatch.context() as patch:
        stop_at(6, patch, Killed)
        with pytest.raises(Killed):
            small.train(tmp_path / "run", method=method, optimisation=settings)
    assert same(small.train(tmp_path / "run", method=method, optimisation=settings), whole)
    figures = evaluate(whole.path, small.manifest, splits=["validation"], clips=1, quiet=True).metrics["splits"]
    assert figures["validation"]["top1"] == pytest.approx(whole.history()[-1]["validation/top1"])


def test_what_the_data_knows_is_kept_with_the_run(small: Small, tmp_path: Path) -> None:
    run = small.train(tmp_path / "run", method=LfF, optimisation={"epochs": 1})
    again = Run.open(run.path)
    assert (again.known.rows, again.known.steps) == (16, 4)
    assert len(again.known.groups) > 1
    trained = again.trained(Method)
    assert isinstance(trained, LfF)
    assert trained.met.all()
    assert sorted(trained.action_of_row.tolist()) == [0] * 8 + [1] * 8


class Halves(Plain):
    """Draws the even rows alone in the first epoch and the odd ones in the second; notes what it is told."""

    chances: Tensor

    def __init__(self, backbone: Backbone, facts: Facts) -> None:
        super().__init__(backbone, facts)
        self.register_buffer("chances", torch.zeros(facts.rows))
        self.register_buffer("drawn", torch.zeros(2, facts.rows))
        self.register_buffer("progress", torch.zeros(0))

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        assert epochs == 2
        self.chances = (torch.arange(len(self.chances)) % 2 == epoch).float()

    def begin_step(self, progress: float) -> None:
        self.drawn_in = int(progress * 2)

    def weights_of_rows(self) -> Tensor:
        return self.chances

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        drawn = self.get_buffer("drawn")
        drawn[self.drawn_in] += torch.bincount(batch.row, minlength=drawn.shape[1])
        return super().losses(batch)


@pytest.mark.parametrize("step", [2, 4, 5])
def test_rows_are_drawn_by_weights_that_are_saved(
    step: int, small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"epochs": 2, "checkpoint_every": 1, "keep": "last"}
    whole = small.train(tmp_path / "whole", method=Halves, optimisation=settings)
    drawn = load_file(whole.path / "weights.safetensors")["drawn"]
    assert drawn.sum(1).tolist() == [16, 16]
    assert drawn[0, 1::2].sum() == drawn[1, ::2].sum() == 0
    with monkeypatch.context() as patch:
        stop_at(step, patch, Killed)
        with pytest.raises(Killed):
            small.train(tmp_path / "run", method=Halves, optimisation=settings)
    assert same(small.train(tmp_path / "run", method=Halves, optimisation=settings), whole)


class Counted(Halves):
    """Draws as the manifest says; counts what it is given, by epoch."""

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        pass

    def weights_of_rows(self) -> Tensor | None:  # type: ignore[override]  # as all methods do
        return Method.weights_of_rows(self)


def weighed(small: Small, out: Path, weights: list[float | None]) -> Path:
    """The manifest with these weights of the training clips."""
    table = Manifest.read(small.manifest)
    train = (table.rows["split"] == "train").to_numpy()
    column = np.full(len(train), np.nan)
    column[train] = [np.nan if weight is None else weight for weight in weights]
    replace(table, rows=table.rows.assign(weight=column)).write(out)
    return out


def test_clips_are_drawn_by_the_manifests_weights(small: Small, tmp_path: Path) -> None:
    manifest = weighed(small, tmp_path / "weighed.parquet", [0.0, 0.5] * 8)
    settings = {"epochs": 2, "keep": "last"}
    run = small.train(tmp_path / "run", method=Counted, optimisation=settings, manifest=manifest, root=small.folder)
    drawn = load_file(run.path / "weights.safetensors")["drawn"]
    assert drawn.sum(1).tolist() == [16, 16]
    assert drawn[:, ::2].sum() == 0
    assert (drawn[:, 1::2] > 1).any()  # with replacement


def test_a_run_notices_that_weights_changed(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*weights: float | None) -> Run:
        manifest = weighed(small, tmp_path / "weighed.parquet", list(weights))
        return small.train(
            tmp_path / "run", method=Plain, optimisation={"epochs": 2}, manifest=manifest, root=small.folder
        )

    with monkeypatch.context() as patch:
        stop_at(5, patch, Killed)
        with pytest.raises(Killed):
            run(*[1.0, 2.0] * 8)
    for weights in ([1.0, 3.0] * 8, [None] * 16):
        with pytest.raises(InputError, match="manifest: weight in split train: changed"):
            run(*weights)
    assert run(*[1.0, 2.0] * 8).done


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([0.0] * 16, "every weight of split 'train' is 0: no clip would ever be drawn"),
        ([1.0] * 15 + [None], r"has no weight, and other clips of split 'train' have \(1 empty cell\)"),
        ([1.0] * 15 + [-1.0], "row 15: the weight is -1.0, where 0 is the least that can be"),
        ([1.0] * 15 + [math.inf], "the weight is inf"),
    ],
)
def test_weights_that_draw_nothing_are_refused(
    weights: list[float | None], message: str, small: Small, tmp_path: Path
) -> None:
    def run() -> None:
        manifest = weighed(small, tmp_path / "weighed.parquet", weights)
        small.train(tmp_path / "run", method=Plain, manifest=manifest, root=small.folder)

    with pytest.raises(InputError, match=message):
        run()
    assert not (tmp_path / "run").exists()


def test_the_order_of_an_epoch_follows_from_seed_epoch_and_weights() -> None:
    weights = np.array([1.0, 0.0, 3.0, 0.0])
    order = epoch_order(4, 7, 1, weights)
    assert order == epoch_order(4, 7, 1, 10 * weights) != epoch_order(4, 7, 2, weights)
    many = [row for epoch in range(500) for row, _ in epoch_order(4, 0, epoch, weights)]
    assert np.bincount(many, minlength=4) / 2000 == pytest.approx([0.25, 0, 0.75, 0], abs=0.04)
    again = [number for row, number in epoch_order(4, 0, 0, np.array([0.0, 1.0, 0.0, 0.0]))]
    assert again == [0, 1, 2, 3]  # each time another clip of the same row


class Shifted(Plain):
    """Answers another action than its head does."""

    def answer(self, video: Tensor) -> Output:
        output = super().answer(video)
        return Output(-output.scores, output.features)


def scores(run: Run, small: Small) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What `evaluate` has of the validation videos, with and without people."""
    made = evaluate(
        run.path, small.manifest, splits=["validation"], clips=1, humans=small.boxes, quiet=True
    ).predictions
    return np.stack(made["scores"].tolist()), np.stack(made["scores_without_humans"].dropna().tolist())


def test_everything_that_asks_comes_through_one_door(small: Small, tmp_path: Path) -> None:
    settings = {"epochs": 2, "lr": 3e-3, "keep": "last"}
    shifted = small.train(tmp_path / "shifted", method=Shifted, optimisation=settings)
    plain = small.train(tmp_path / "plain", method=Plain, optimisation=settings)
    top1, other = (run.history()[-1]["validation/top1"] for run in (shifted, plain))
    assert top1 == 1 - other
    for ours, theirs in zip(scores(shifted, small), scores(plain, small), strict=True):
        assert ours == pytest.approx(1 - theirs, abs=1e-5)  # of two actions
    clips = np.random.default_rng(0).integers(0, 255, (2, 8, 32, 32, 3), np.uint8)
    ours, theirs = (RunModel(run.path, device=torch.device("cpu")).answer(clips).scores for run in (shifted, plain))
    assert ours == pytest.approx(1 - theirs, abs=1e-5)
    assert RunModel(shifted.path, device=torch.device("cpu")).maps_missing


def test_a_loop_asks_the_method_once_an_epoch_and_before_each_step(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[float] = []
    monkeypatch.setattr(Plain, "begin_step", lambda self, progress: told.append(progress))
    monkeypatch.setattr(Plain, "begin_epoch", lambda self, epoch, epochs: told.append(-1 - epoch))
    small.train(tmp_path / "run", method=partial(Plain), optimisation={"epochs": 2})
    assert told == [-1, 0, 1 / 8, 2 / 8, 3 / 8, -2, 4 / 8, 5 / 8, 6 / 8, 7 / 8]
