import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from sceneproof import checkpoint, sealed_tensors
from sceneproof.cli import main
from sceneproof.data.dataset import ClipSettings
from sceneproof.engine import _Loop
from sceneproof.errors import InputError, TrainingError
from sceneproof.files import read_json
from sceneproof.methods.base import Method, Output
from sceneproof.methods.jtt import JTT
from sceneproof.methods.plain import Plain
from sceneproof.methods.sdn import SDN
from sceneproof.optimisation import Optimisation
from sceneproof.run import SEALED, Run
from sceneproof.seals import seal_folder
from sceneproof.types import Batch
from tests.training import Small, Unlike
from tests.videos import BROKEN
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return Small.make(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def unbroken(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return small.train(tmp_path_factory.mktemp("runs") / "unbroken")


def same(a: Run, b: Run) -> bool:
    """Whether two runs have the same weights and log, to the bit."""
    one, other = load_file(a.path / "weights.safetensors"), load_file(b.path / "weights.safetensors")
    return a.history() == b.history() and all(torch.equal(one[key], other[key]) for key in {*one, *other})


def stop_at(step: int, monkeypatch: pytest.MonkeyPatch, stop: type[BaseException]) -> None:
    """Makes training die after a step, as a kill does: nothing more is written."""
    take = _Loop.step

    def step_and_die(self: _Loop, batch: Batch | None) -> None:
        take(self, batch)
        if self.progress.step == step:
            raise stop

    monkeypatch.setattr(_Loop, "step", step_and_die)


def interrupt_at(step: int) -> Callable[[_Loop, Batch | None], None]:
    """A step of the loop in which Ctrl-C is pressed once."""
    take = _Loop.step

    def step_and_interrupt(self: _Loop, batch: Batch | None) -> None:
        take(self, batch)
        if self.progress.step == step:
            os.kill(os.getpid(), signal.SIGINT)

    return step_and_interrupt


class Killed(BaseException):
    """What no code catches."""


@pytest.mark.parametrize("step", [1, 3, 4, 11, 16])  # a checkpoint every three steps, epochs of four
def test_a_killed_run_resumes_to_the_same_bits(
    step: int, small: Small, unbroken: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stop_at(step, patch, Killed)
        with pytest.raises(Killed):
            small.train(tmp_path / "run")
    run = small.train(tmp_path / "run")
    assert run.done
    assert same(run, unbroken)


@pytest.mark.parametrize(("optimizer", "workers"), [("adamw", 0), ("sgd", 2)])
def test_dropout_and_channels_last_resume_to_the_same_bits(
    optimizer: str, workers: int, small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"optimizer": optimizer, "channels_last": True, "epochs": 2}
    whole = small.train(tmp_path / "whole", backbone=Unlike, optimisation=settings)
    with monkeypatch.context() as patch:
        patch.setattr(_Loop, "step", interrupt_at(2))
        with pytest.raises(KeyboardInterrupt):
            small.train(tmp_path / "run", backbone=Unlike, optimisation=settings, workers=workers)
    run = small.train(tmp_path / "run", backbone=Unlike, optimisation=settings, workers=workers)
    assert same(run, whole)


def test_the_same_command_twice_trains_once(small: Small, unbroken: Run) -> None:
    before = (unbroken.path / "weights.safetensors").stat().st_mtime_ns
    assert small.train(unbroken.path).done
    assert (unbroken.path / "weights.safetensors").stat().st_mtime_ns == before


def test_an_interrupt_leaves_a_checkpoint_and_the_next_run_is_the_same(
    small: Small, unbroken: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(_Loop, "step", interrupt_at(5))
        with pytest.raises(KeyboardInterrupt, match="goes on from there"):
            small.train(tmp_path / "run")
    newest = checkpoint.newest(tmp_path / "run" / "checkpoints")
    assert newest is not None
    assert read_json(newest / "progress.json")["step"] == 5
    assert same(small.train(tmp_path / "run"), unbroken)


def test_an_interrupt_in_the_last_epoch_ends_what_comes_after(
    small: Small, unbroken: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Loop, "step", interrupt_at(16))
    with pytest.raises(KeyboardInterrupt, match="run is done all the same"):
        small.train(tmp_path / "run")
    assert Run.open(tmp_path / "run").done
    assert same(Run.open(tmp_path / "run"), unbroken)


def test_another_configuration_is_refused_with_the_key(small: Small, unbroken: Run) -> None:
    with pytest.raises(InputError, match=r"another configuration \(seed: 0 there, 1 now\)"):
        small.train(unbroken.path, seed=1)


def test_a_run_from_before_an_option_goes_on_where_the_option_is_at_its_default(
    small: Small, unbroken: Run, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(unbroken.path, run)
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["method"]["init_args"].pop("schedule") == "constant"
    assert config["optimisation"].pop("bias_rate") is None
    assert config["task"]["init_args"]["clip"].pop("stride") == 1
    (run / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    seal_folder(run, SEALED)
    assert same(small.train(run), unbroken)
    with pytest.raises(InputError, match="another configuration"):
        small.train(run, method=partial(SDN, schedule="dann"))
    with pytest.raises(InputError, match="another configuration"):
        small.train(run, optimisation={"bias_rate": 2.0})


def test_seeds_differ_and_a_seed_repeats(small: Small, unbroken: Run, tmp_path: Path) -> None:
    assert same(small.train(tmp_path / "again"), unbroken)
    assert not same(small.train(tmp_path / "other", seed=1), unbroken)


@pytest.mark.parametrize(("workers", "memory"), [(0, True), (2, True), (2, False)])
def test_how_clips_are_loaded_changes_nothing(
    workers: int, memory: bool, small: Small, unbroken: Run, tmp_path: Path
) -> None:
    assert same(small.train(tmp_path / "run", workers=workers, memory=memory), unbroken)


def test_sgd_with_plateau_and_warm_up_resumes_to_the_same_bits(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"optimizer": "sgd", "schedule": "plateau", "patience": 0, "lr": 1e-3, "warm_up_epochs": 1}
    whole = small.train(tmp_path / "whole", optimisation=settings)
    with monkeypatch.context() as patch:
        stop_at(10, patch, Killed)
        with pytest.raises(Killed):
            small.train(tmp_path / "run", optimisation=settings)
    assert same(small.train(tmp_path / "run", optimisation=settings), whole)


def test_the_warm_up_trains_only_what_is_new(small: Small, unbroken: Run, tmp_path: Path) -> None:
    settings = {"warm_up_epochs": 1, "epochs": 1, "weight_decay": 0.1}
    method = partial(SDN, scene_layers=1)  # another scene head than the starting run's: new
    run = small.train(tmp_path / "run", method=method, weights=unbroken.path, optimisation=settings)
    before, after = load_file(unbroken.path / "weights.safetensors"), load_file(run.path / "weights.safetensors")
    trained = {key for key in before.keys() & after.keys() if before[key].shape == after[key].shape}
    learned = {key for key in trained if "running" not in key and "batches" not in key and "scene_head" not in key}
    assert learned
    assert all(torch.equal(before[key], after[key]) for key in learned)
    rates = run.history()[-1]
    assert rates["lr/scene_head"] == 0.01
    assert rates["lr/backbone"] == rates["lr/action_head"] == 0


def test_the_last_weights_are_kept_on_request(small: Small, unbroken: Run, tmp_path: Path) -> None:
    last = small.train(tmp_path / "last", optimisation={"keep": "last"})
    blind = small.train(tmp_path / "blind", validation_split=None)
    one, other, best = (load_file(run.path / "weights.safetensors") for run in (last, blind, unbroken))
    assert all(torch.equal(one[key], other[key]) for key in one)
    scores = [
        (record["validation/top1"], -record["validation/loss"])
        for record in unbroken.history()
        if "validation/top1" in record
    ]
    assert (scores.index(max(scores)) == 3) == all(torch.equal(one[key], best[key]) for key in one)


def test_a_frozen_backbone_stays_as_it_is(small: Small, unbroken: Run, tmp_path: Path) -> None:
    run = small.train(tmp_path / "run", method=Plain, weights=unbroken.path, freeze_backbone=True)
    before, after = load_file(unbroken.path / "weights.safetensors"), load_file(run.path / "weights.safetensors")
    assert all(torch.equal(before[key], after[key]) for key in after if key.startswith("backbone"))
    assert not torch.equal(before["action_head.weight"], after["action_head.weight"])


def test_the_plateau_divides_the_rate_when_the_loss_no_longer_falls(small: Small, tmp_path: Path) -> None:
    settings = {"schedule": "plateau", "patience": 0, "lr": 1e-12, "epochs": 3, "log_every": 99}
    rates = [record["lr/backbone"] for record in small.train(tmp_path / "run", optimisation=settings).history()]
    assert rates == pytest.approx([1e-12, 1e-12, 1e-13])


def test_an_epoch_that_leaves_the_network_that_answers_alone_is_no_plateau(small: Small, tmp_path: Path) -> None:
    """JTT's first stage: to fall for its sake, the rate would be a thousandth before the network learns at all."""
    settings = {"schedule": "plateau", "patience": 0, "lr": 1e-3, "log_every": 4}
    run = small.train(tmp_path / "run", method=partial(JTT, first_share=0.75), optimisation=settings)
    *first, last = [record for record in run.history() if "train/L_id" in record or "train/L_CE" in record]
    assert [name for record in first for name in record if name.startswith("validation/")] == []
    assert last["lr/backbone"] == 1e-3
    assert "validation/top1" in last


def test_a_loss_that_is_not_a_number_ends_with_the_last_checkpoint_whole(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = SDN.losses

    def broken(self: SDN, batch: Batch) -> dict[str, torch.Tensor]:
        made = losses(self, batch)
        stepped = int(self.get_buffer("backbone.bn1.num_batches_tracked"))
        return {
            name: value * (float("nan") if stepped > 6 and name == "L_Adv" else 1.0) for name, value in made.items()
        }

    monkeypatch.setattr(SDN, "losses", broken)
    with pytest.raises(TrainingError, match=r"L_Adv.*: not a finite number.*The last checkpoint is .*000000000\d"):
        small.train(tmp_path / "run")
    newest = checkpoint.newest(tmp_path / "run" / "checkpoints")
    assert newest is not None
    assert all(bool(value.isfinite().all()) for value in load_file(newest / "method.safetensors").values())


def test_gradients_that_are_not_numbers_never_reach_a_checkpoint(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses, calls = Plain.losses, []

    def broken(self: Plain, batch: Batch) -> dict[str, torch.Tensor]:
        calls.append(1)
        made = losses(self, batch)
        if len(calls) == 6:  # the gradient of a root at 0 is infinite, and infinity times 0 is not a number
            made["root"] = (self.action_head.weight * 0).sum().sqrt()
        return made

    monkeypatch.setattr(Plain, "losses", broken)
    with pytest.raises(TrainingError, match=r"action_head\.weight: not a finite number.*in another folder.*0000000004"):
        small.train(tmp_path / "run", method=Plain, optimisation={"log_every": 99})
    newest = checkpoint.newest(tmp_path / "run" / "checkpoints")
    assert newest is not None
    assert newest.name == "0000000004"
    assert all(bool(value.isfinite().all()) for value in load_file(newest / "method.safetensors").values())


def test_scores_that_are_not_numbers_are_not_taken_for_unreadable_videos(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overflowing(self: Plain, video: torch.Tensor) -> Output:
        output = Method.answer(self, video)
        return replace(output, scores=output.scores * torch.nan)

    monkeypatch.setattr(Plain, "answer", overflowing)
    with pytest.raises(TrainingError, match="the scores are not finite numbers"):
        small.train(tmp_path / "run", method=Plain)


def test_a_full_disk_ends_with_the_last_checkpoint_whole(
    small: Small, unbroken: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[Path] = []

    def full(tensors: dict[str, torch.Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
        saved.append(path)
        if len(saved) > 5:
            path.write_bytes(b"half")
            raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
        save_file(tensors, path, metadata)

    with monkeypatch.context() as patch:
        patch.setattr(sealed_tensors, "save_file", full)
        with pytest.raises(TrainingError, match="No space left"):
            small.train(tmp_path / "run")
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["0000000003"]
    assert same(small.train(tmp_path / "run"), unbroken)


def test_unreadable_videos_are_skipped_counted_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = Small.make(tmp_path)
    BROKEN["truncated"](tmp_path / "videos" / "run" / "run_train_3.mp4")
    BROKEN["empty"](tmp_path / "videos" / "jump" / "jump_train_0.mp4")
    run = small.train(tmp_path / "run")
    told = capsys.readouterr().err
    assert run.done
    assert "2 of 16 training videos could not be read" in told
    assert "run_train_3: " in told
    assert "jump_train_0: " in told


def unreadable_but(tmp_path: Path, readable: int) -> Small:
    small = Small.make(tmp_path)
    for clip in range(8):
        BROKEN["empty"](tmp_path / "videos" / "jump" / f"jump_train_{clip}.mp4")
        if clip >= readable:
            BROKEN["empty"](tmp_path / "videos" / "run" / f"run_train_{clip}.mp4")
    return small


def test_a_batch_with_one_readable_clip_is_left_out_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = unreadable_but(tmp_path, 5)
    assert small.train(tmp_path / "run", method=Plain, validation_split=None).done
    assert " left out: too few readable clips in the batch" in capsys.readouterr().err


def test_an_epoch_without_a_step_ends_training(tmp_path: Path) -> None:
    small = unreadable_but(tmp_path, 1)
    with pytest.raises(TrainingError, match=r"epoch 1: no batch had enough readable clips"):
        small.train(tmp_path / "run", method=Plain, validation_split=None)
    assert small.train(
        tmp_path / "frozen", method=Plain, validation_split=None, optimisation={"freeze_batch_norm": True}
    ).done


def test_a_batch_of_one_clip_is_refused(small: Small, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"optimisation\.batch: batches of 1 clip on 1 process:.*batch of 2 or more"):
        small.train(tmp_path / "run", optimisation={"batch": 1})
    assert not (tmp_path / "run").exists()


def test_what_is_missing_is_said(small: Small, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"SDN: L_Adv needs .* give a scene table"):
        small.train(tmp_path / "a", scenes=None)
    with pytest.raises(InputError, match=r"SDN.*give --humans"):
        small.train(tmp_path / "b", humans=None)
    with pytest.raises(InputError, match="no row of split 'dev'; the splits here are: train, validation, test"):
        small.train(tmp_path / "c", train_split="dev")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "thesis.txt").touch()
    with pytest.raises(InputError, match="not empty and holds no run"):
        small.train(tmp_path / "d")


def test_videos_with_labels_are_counted_and_none_is_refused(
    small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small.train(tmp_path / "run", quiet=False, optimisation={"epochs": 1})
    told = capsys.readouterr().err
    assert "16 of 16 training videos have a scene label" in told
    assert re.search(r"\d+ of 16 training videos have a masked twin", told)
    monkeypatch.setattr("sceneproof.data.dataset.has_twin", lambda *what, **more: False)
    with pytest.raises(InputError, match="no training video has a masked twin, which SDN needs"):
        small.train(tmp_path / "none")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epochs", 0), ("batch", 0), ("log_every", 0), ("checkpoint_every", 0), ("lr", 0.0), ("lr", float("nan")),
        ("warm_up_epochs", -1), ("clip_norm", 0.0),
    ],
)  # fmt: skip
def test_settings_of_the_optimisation_are_checked(key: str, value: float) -> None:
    with pytest.raises(InputError, match=rf"optimisation\.{key}: must be .*, not {value}"):
        Optimisation(**{key: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "value"), [("length", 0), ("stride", 0), ("size", 0), ("scales", ()), ("scales", (1.0, 1.5))]
)
def test_settings_of_clips_are_checked(key: str, value: Any) -> None:
    with pytest.raises(InputError, match=rf"clip\.{key}: must be"):
        ClipSettings(**{key: value})


def test_a_negative_seed_and_trackers_that_are_not_there_are_refused(small: Small, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="seed: must be at least 0, not -1"):
        small.train(tmp_path / "run", seed=-1)
    with pytest.raises(InputError, match=r"trackers: 'nonesuch' is no tracker that is installed here; .*tensorboard"):
        small.train(tmp_path / "run", optimisation={"trackers": ("nonesuch",)})
    assert not (tmp_path / "run").exists()


def words(small: Small, out: Path, *more: str) -> list[str]:
    return [
        "train", str(small.manifest), str(out), "--backbone=ResNet3D", "--backbone.depth=10", "--backbone.width=4",
        "--method=SDN", f"--scenes={small.scenes}", f"--humans={small.boxes}", "--clip.length=8", "--clip.size=32",
        "--validation_clips=1", "--optimisation.epochs=2", "--optimisation.batch=4", "--optimisation.optimizer=sgd",
        "--optimisation.lr=0.01", "--backbone.std=[99,99,99]", "--optimisation.schedule=cosine",
        "--optimisation.checkpoint_every=3",
        "--optimisation.freeze_batch_norm=true", "--optimisation.precision=fp32", "--optimisation.trackers=[]",
        "--quiet=true", *more,
    ]  # fmt: skip


def command(small: Small, out: Path, *more: str) -> list[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    return [*launcher, "-m", "sceneproof", *words(small, out, *more)]


ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


def torchrun(small: Small, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(small, out, *more), capture_output=True, text=True, check=False, env=ENVIRONMENT)


def start_torchrun(small: Small, out: Path, *more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command(small, out, *more), env=ENVIRONMENT, start_new_session=True)


@pytest.fixture(scope="module")
def two(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of two processes."""
    out = tmp_path_factory.mktemp("two") / "run"
    done = torchrun(small, out)
    assert done.returncode == 0, done.stderr
    return Run.open(out)


@pytest.mark.slow
def test_two_processes_agree_with_one(small: Small, two: Run, tmp_path: Path) -> None:
    assert read_json(two.path / "environment.json")["processes"] == 2
    main(words(small, tmp_path / "one"))
    one = Run.open(tmp_path / "one")
    for ours, theirs in zip(two.history(), one.history(), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-6)
    weights, others = (load_file(run.path / "weights.safetensors") for run in (two, one))
    assert all(torch.allclose(weights[key].float(), others[key].float(), rtol=1e-3, atol=1e-5) for key in weights)


@pytest.mark.slow
def test_two_killed_processes_resume_to_the_same_bits(small: Small, two: Run, tmp_path: Path) -> None:
    with start_torchrun(small, tmp_path / "run", "--optimisation.checkpoint_every=1") as process:
        wait_until(lambda: checkpoint.newest(tmp_path / "run" / "checkpoints") is not None)
        os.killpg(process.pid, signal.SIGKILL)
    assert not Run.open(tmp_path / "run").done
    resumed = torchrun(small, tmp_path / "run", "--optimisation.checkpoint_every=1")
    assert resumed.returncode == 0, resumed.stderr
    one, other = (load_file(run / "weights.safetensors") for run in (two.path, tmp_path / "run"))
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_a_validation_split_out_of_context_may_not_choose(small: Small, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="out of context"):
        small.train(tmp_path / "run", validation_split="elsewhere", manifest=small.out_of_context("elsewhere"))
