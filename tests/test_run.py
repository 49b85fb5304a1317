import os
import resource
import signal
import stat
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sceneproof import checkpoint
from sceneproof.checkpoint import Progress
from sceneproof.errors import InputError
from sceneproof.files import whole
from sceneproof.numerics import _commit
from sceneproof.run import Run
from sceneproof.sealed_tensors import save_tensors
from sceneproof.spec import Spec, plain
from tests.forked import forked


def some_run(path: Path, **config: Any) -> Run:
    return Run(path, {"seed": 0, **config}, ["a", "b"], [])


def test_safetensors_on_a_full_disk_is_an_os_error(tmp_path: Path) -> None:
    def save() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        with pytest.raises(OSError, match=r"a\.safetensors"):
            save_tensors({"a": torch.zeros(100_000)}, tmp_path / "a.safetensors")

    forked(save)


def test_a_last_line_cut_short_is_left_out_and_dropped(tmp_path: Path) -> None:
    run = some_run(tmp_path)
    run.log({"step": 1, "loss": 0.5})
    run.log({"step": 2, "loss": 0.25})
    lines = tmp_path / "metrics.jsonl"
    lines.write_text(lines.read_text()[:-5])
    assert run.history() == [{"step": 1, "loss": 0.5}]
    run.rewind(2)
    run.log({"step": 2, "loss": 0.25})
    assert run.history() == [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.25}]
    lines.write_text("{\n" + lines.read_text())
    with pytest.raises(InputError, match=r"metrics\.jsonl: line 1: not JSON"):
        run.history()


def test_a_damaged_line_is_refused_by_name_and_one_without_a_seal_is_read(tmp_path: Path) -> None:
    run = some_run(tmp_path)
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "loss": 0.5}\n')  # an older version's
    for step in (2, 3):
        run.log({"step": step, "loss": 0.25})
    assert [record["step"] for record in run.history()] == [1, 2, 3]
    assert run.history()[-1] == {"step": 3, "loss": 0.25}
    text = (tmp_path / "metrics.jsonl").read_text()
    for number in (2, 3):  # the last line is whole, too, and not cut short
        lines = text.splitlines(keepends=True)
        lines[number - 1] = lines[number - 1].replace("0.25", "0.24")
        (tmp_path / "metrics.jsonl").write_text("".join(lines))
        for use in (run.history, lambda: run.rewind(3)):
            with pytest.raises(InputError, match=rf"metrics\.jsonl: line {number}: damaged"):
                use()


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_commit_is_that_of_the_package_and_tells_of_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "package").mkdir()
    file = tmp_path / "package" / "__init__.py"
    file.touch()
    assert _commit(file) is None
    git(tmp_path, "init")
    git(tmp_path, "commit", "--allow-empty", "-m", "another's")
    assert _commit(file) is None
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "ours")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert _commit(file) == head
    file.write_text("changed")
    assert _commit(file) == f"{head}-dirty"
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert _commit(file) is None


def test_a_start_that_was_killed_can_be_repeated(tmp_path: Path) -> None:
    run = some_run(tmp_path / "run")
    run.begin()
    (tmp_path / "run" / "config.yaml").rename(tmp_path / "run" / ".config.77.tmp.yaml")
    run.begin()
    assert Run.open(tmp_path / "run").config == {"seed": 0}


def test_what_yaml_cannot_hold_leaves_no_folder(tmp_path: Path) -> None:
    from yaml.representer import RepresenterError

    with pytest.raises(RepresenterError):
        some_run(tmp_path / "run", network=nn.Identity()).begin()
    assert not (tmp_path / "run").exists()


def test_numpy_numbers_are_written_down_and_networks_refused_by_key() -> None:
    values = plain({"a": np.float64(0.5), "b": (np.int64(2), Path("c")), "d": np.True_})
    assert values == {"a": 0.5, "b": [2, "c"], "d": True}
    assert [type(values["a"]), type(values["b"][0]), type(values["d"])] == [float, int, bool]
    with pytest.raises(InputError, match=r"init_args\.bias: a Linear cannot be written"):
        Spec("torch.nn.Linear", {"bias": nn.Linear(1, 1)}).config(positional=2)


def test_files_have_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with whole(tmp_path / "a") as temporary:
            temporary.unlink()
            os.close(os.open(temporary, os.O_CREAT | os.O_WRONLY, 0o600))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o644


def saved(folder: Path) -> tuple[nn.Conv3d, torch.optim.Optimizer]:
    """A checkpoint of a network with channels innermost, after a step of AdamW."""
    network = nn.Conv3d(2, 3, 2)
    network.weight.data = network.weight.data.contiguous(memory_format=torch.channels_last_3d)
    optimizer = torch.optim.AdamW(network.parameters())
    network(torch.ones(1, 2, 2, 2, 2)).sum().backward()
    optimizer.step()
    checkpoint.save(folder, network, optimizer, Progress(step=3))
    checkpoint.commit(folder)
    return network, optimizer


def test_the_optimisers_tensors_come_back_with_their_weights_strides(tmp_path: Path) -> None:
    network, optimizer = saved(tmp_path / "1")
    fresh = torch.optim.AdamW(network.parameters())
    assert checkpoint.load(tmp_path / "1", network, fresh).step == 3
    there, before = fresh.state[network.weight], optimizer.state[network.weight]
    assert there["exp_avg"].stride() == network.weight.stride() != torch.empty(3, 2, 2, 2, 2).stride()
    assert all(torch.equal(there[name], before[name]) for name in before)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("random-0.safetensors", "no"),
        ("progress.json", '{"stage": 1}'),
        ("progress.json", "\xff["),
        ("optimizer.json", "[]"),
        ("optimizer.json", '{"state": {}, "param_groups": []}'),
        ("optimizer.safetensors", ""),
    ],
)
def test_a_corrupt_checkpoint_is_refused_by_its_file(name: str, text: str, tmp_path: Path) -> None:
    network, optimizer = saved(tmp_path / "1")
    (tmp_path / "1" / name).write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=rf"{name}: .*: delete {tmp_path / '1'} to train the run anew"):
        checkpoint.load(tmp_path / "1", network, optimizer)


def test_weights_that_are_not_finite_are_named() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    assert checkpoint.broken(network) == []
    network[1].get_buffer("running_var")[0] = float("inf")
    assert checkpoint.broken(network) == ["1.running_var"]
