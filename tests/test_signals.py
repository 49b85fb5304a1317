"""Each command, asked to end or killed while its processes hang in a file: nothing of it stays behind."""

import json
import os
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.labelling.models import mean_colour_model
from tests.nursery import Child, Nursery
from tests.training import Small

HERE = Path(__file__).parent
LONG = 1200.0
"""Seconds: far more than anything here takes, on any machine; what is waited for comes, or never does."""
NEVER = 10**9
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc for what a command has left"),
    pytest.mark.timeout(4 * LONG),
]
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}
SAID = {signal.SIGINT: "interrupted.", signal.SIGTERM: "terminated.", signal.SIGKILL: ""}


@dataclass(frozen=True)
class Ground:
    """A small data set, a run that was trained on it, and a scene labeller."""

    small: Small
    run: Path
    labeller: list[str]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    folder = tmp_path_factory.mktemp("ground")
    small = Small.make(folder / "small")
    run = small.train(folder / "run", optimisation={"epochs": 1})
    model = mean_colour_model(folder / "m.onnx", softmax=True)
    (folder / "names.txt").write_text("red\ngreen\nblue\n")
    labeller = ["--labeller", "OnnxSceneLabeller", "--labeller.weights", str(model)]
    return Ground(small, run.path, [*labeller, "--labeller.names", str(folder / "names.txt")])


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """What commands are forked from; whatever Python it starts finds `holding`."""
    paths = [str(HERE / "holding"), str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    made = Nursery({"PYTHONPATH": os.pathsep.join(paths), "HOLD": "nothing yet"})
    yield made
    made.close()


@dataclass
class Command:
    """A command that runs, and the folder in which those of its processes that hang leave their numbers."""

    child: Child
    held: Path

    def wait_for(self, what: Callable[[], bool]) -> None:
        until = time.monotonic() + LONG
        while not what():
            assert self.child.poll() is None, self.child.said()
            assert time.monotonic() < until
            time.sleep(0.05)


@contextmanager
def started(nursery: Nursery, words: list[str], folder: Path, *, after: int | None = 0) -> Iterator[Command]:
    """Starts a command whose processes hang when they have opened `after` videos; None: they do not hang.

    Those that have read some before let their threads act, which hand on what they have read.
    """
    held = folder / "held"
    held.mkdir()
    opened = NEVER if after is None else after
    environment = {"HOLD": str(held), "HOLD_AFTER": str(opened), "HOLD_ALL": "1" * (opened == 0), "TMPDIR": str(folder)}
    command = Command(nursery.start(words, folder / "errors", environment), held)
    try:
        yield command
    finally:
        for process in command.child.left():
            process.kill()
        command.child.wait(LONG)


def ends(command: Command, number: signal.Signals) -> str:
    """Sends a signal, Ctrl-C to all of the group as a terminal does it; what the command says as it ends."""
    child = command.child
    assert len(child.left()) > 1
    if number == signal.SIGINT:
        os.killpg(child.pid, number)
    else:
        os.kill(child.pid, number)
    assert child.wait(LONG) == CODES[number]
    until = time.monotonic() + LONG / 10  # the promise is 5 seconds; a machine may be slow, what hangs hangs for good
    while (left := child.left()) and time.monotonic() < until:
        time.sleep(0.05)
    assert not left, [(process.pid, process.cmdline()) for process in left]
    said = child.said()
    if number != signal.SIGKILL:  # a process that was about to start may say that its parent is gone
        assert "Traceback" not in said, said
    return said


WORDS: dict[str, Callable[[Ground, Path], list[str]]] = {
    "label scenes": lambda ground, out: [
        "label", "scenes", str(ground.small.manifest), str(out / "s.parquet"), *ground.labeller, "--workers", "2",
    ],
    "label humans": lambda ground, out: [
        "label", "humans", str(ground.small.manifest), str(out / "h.parquet"), "--detector", "MotionMask",
        "--workers", "2",
    ],
    "index folder": lambda ground, out: ["index", "folder", str(ground.small.folder / "videos"), str(out / "index")],
    "prepare": lambda ground, out: ["prepare", str(ground.small.manifest), str(out / "prepared"), "--workers", "2"],
    "audit": lambda ground, out: [
        "audit", str(ground.run), str(ground.small.manifest), "--out", str(out / "audit"),
        "--humans", str(ground.small.boxes), "--workers", "1",
    ],
    "evaluate": lambda ground, out: ["evaluate", str(ground.run), str(ground.small.manifest), "--workers", "2"],
    "contexts export": lambda ground, out: [
        "contexts", "export", str(ground.small.manifest), str(out / "export"), "--humans", str(ground.small.boxes),
        "--workers", "2",
    ],
    "mall": lambda ground, out: [
        "mall", str(out / "mall"), "--workers", "2", "--videos", "0.02", "--pictures", "1", "--test-pictures", "1",
    ],
    "demo": lambda ground, out: ["demo", "--out", str(out / "demo"), "--videos", "0.02"],
}  # fmt: skip
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]
PAIRS: dict[str, list[signal.Signals]] = {
    # the runner of processes for hostile files, and how the command line takes each signal
    "label scenes": SIGNALS,
    # the same runner under other commands, each of which has something of its own to leave behind
    "label humans": [signal.SIGKILL], "index folder": [signal.SIGINT], "prepare": [signal.SIGTERM],
    "contexts export": [signal.SIGTERM], "audit": [signal.SIGINT],
    # PyTorch's loader, which training, below, has too
    "evaluate": [signal.SIGTERM],
    # work without a time limit, and a command within another one
    "mall": [signal.SIGTERM, signal.SIGKILL], "demo": [signal.SIGINT],
}  # fmt: skip


@pytest.mark.parametrize(("name", "number"), [(name, number) for name in WORDS for number in PAIRS[name]])
def test_a_command_leaves_no_process_behind(
    name: str, number: signal.Signals, nursery: Nursery, ground: Ground, tmp_path: Path
) -> None:
    with started(nursery, WORDS[name](ground, tmp_path), tmp_path) as command:
        command.wait_for(lambda: any(not path.name.startswith(".") for path in command.held.iterdir()))
        assert SAID[number] in ends(command, number)


SMALL = ["--backbone=ResNet3D", "--backbone.depth=10", "--backbone.width=4", "--clip.length=8", "--clip.size=32",
         "--optimisation.batch=2", "--optimisation.trackers=[]", "--optimisation.epochs=100000",
         "--optimisation.log_every=1", "--validation_split=null", "--optimisation.keep=last"]  # fmt: skip


@pytest.mark.parametrize("number", SIGNALS)
def test_training_ends_with_a_checkpoint_though_its_loaders_hang(
    number: signal.Signals, nursery: Nursery, ground: Ground, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    words = ["train", str(ground.small.manifest), str(out), *SMALL, "--workers", "2"]
    with started(nursery, words, tmp_path, after=5) as command:
        command.wait_for(lambda: len([path for path in command.held.iterdir() if path.name.isdigit()]) == 2)
        command.wait_for(lambda: (out / "metrics.jsonl").is_file())
        said = ends(command, number)
    assert SAID[number] in said
    if number != signal.SIGKILL:
        assert "the same command goes on from there" in said
        assert any(path.name.isdigit() for path in (out / "checkpoints").iterdir())


@pytest.mark.slow
def test_a_study_ends_with_its_jobs_and_their_checkpoints(nursery: Nursery, ground: Ground, tmp_path: Path) -> None:
    """Of Ctrl-C and of a kill, `tests/test_execution.py` speaks."""
    recipe = tmp_path / "plain.yaml"
    recipe.write_text(
        "method: Plain\nbackbone: {class_path: ResNet3D, init_args: {depth: 10, width: 4}}\n"
        "clip: {length: 8, size: 32}\nvalidation_split: null\n"
        "optimisation: {epochs: 100000, batch: 4, trackers: [], log_every: 1, keep: last}\n"
    )
    out = tmp_path / "study"
    words = ["study", str(recipe), str(ground.small.manifest), str(out), "--seeds", "0", "1", "--jobs", "2"]
    # without loaders: one that is interrupted as it hands a batch over may say so, and is the test before's matter
    with started(nursery, words, tmp_path, after=None) as command:
        command.wait_for(lambda: len(list(out.glob("*/metrics.jsonl"))) == 2)
        assert SAID[signal.SIGTERM] in ends(command, signal.SIGTERM)
    assert all(list(run.glob("checkpoints/0*")) for run in out.glob("plain-*"))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_app_ends_while_it_reads_an_upload(
    number: signal.Signals, nursery: Nursery, ground: Ground, tmp_path: Path
) -> None:
    pytest.importorskip("gradio")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}/gradio_api/"
    local = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def post(path: str, body: bytes, kind: str) -> Any:
        request = urllib.request.Request(address + path, body, {"Content-Type": kind})
        with local.open(request, timeout=LONG) as answer:
            return json.load(answer)

    def answers() -> bool:
        try:
            local.open(address + "info", timeout=LONG).close()
        except OSError:
            return False
        return True

    with started(nursery, ["app", str(ground.run), "--port", str(port)], tmp_path) as command:
        command.wait_for(answers)
        video = next((ground.small.folder / "videos").rglob("*.mp4")).read_bytes()
        part = (
            b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.mp4"\r\n\r\n' + video + b"\r\n--b--\r\n"
        )
        (uploaded,) = post("upload", part, "multipart/form-data; boundary=b")
        clip = {"path": uploaded, "meta": {"_type": "gradio.FileData"}}
        post("call/answer", json.dumps({"data": [clip]}).encode(), "application/json")
        command.wait_for(lambda: any(path.name.isdigit() for path in command.held.iterdir()))
        assert SAID[number] in ends(command, number)
    assert not list(tmp_path.glob("sceneproof-app-*"))
