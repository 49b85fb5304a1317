"""The run folder: everything a training leaves behind, and all that is needed to use or resume it."""

import logging
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import torch
import yaml
from torch import Tensor, nn

from sceneproof import locks
from sceneproof.arguments import settings_of
from sceneproof.backbones.base import Backbone
from sceneproof.backbones.weights import fill
from sceneproof.data.digests import Digests, changed
from sceneproof.data.flow import FlowFacts
from sceneproof.data.manifest import Manifest
from sceneproof.earlier import completed
from sceneproof.errors import InputError
from sceneproof.files import SEAL, opened_line, read_bounded, read_json, sealed_line, sync, whole, write_json
from sceneproof.methods.base import Facts, Learner
from sceneproof.numerics import Numerics, computes_bf16, environment
from sceneproof.optical_flow import DIS
from sceneproof.recipes import BEFORE, modern, read_yaml
from sceneproof.sealed_tensors import flat, read_weights, save_sealed
from sceneproof.seals import CHECKSUMS, check_folder, seal_folder
from sceneproof.spec import Spec
from sceneproof.task import Task
from sceneproof.trust import check_prefixes, class_named

logger = logging.getLogger(__name__)
Network = TypeVar("Network", bound=Learner)
Kind = TypeVar("Kind")
DATA = "data.json"
"""Digests of what the run is trained on."""
SEALED = ("config.yaml", "labels.json")
PLACES = ("manifest", "scenes", "humans", "features", "weights", "root")
"""Keys of the configuration that say where data lies."""
FIRST_TEMPORARY = re.compile(
    r"\.(labels|environment|data|config)\.\d+\.tmp\.(json|yaml)"
)  # as `files.whole` names them
MOST_HISTORY = 2**28
"""Bytes of metrics.jsonl: a line has some hundreds."""


@dataclass(frozen=True)
class TrainingFacts:
    """What a method was told of the data it is trained on, besides its classes.

    Attributes:
        groups: names of the groups of clips.
        rows: training clips.
        steps: optimiser batches an epoch.
        shows: "flow", where the videos are optical flow; else "".
        flow_by: what computed the flow; "" where it is none, and in runs from before there were several ways: DIS.
        flow_side: short side, in pixels, of the frames that its moves are counted in (`FlowFacts`); 0: not known.
    """

    groups: Sequence[str] = ()
    rows: int = 0
    steps: int = 0
    shows: str = ""
    flow_by: str = ""
    flow_side: int = 0

    @classmethod
    def read(cls, labels: Mapping[str, Any], file: Path) -> "TrainingFacts":
        """What labels.json tells; nothing in one that was written before it did.

        Raises:
            InputError: names that are none, or numbers that are none.
        """
        groups = _names({"groups": [], **labels}, "groups", file)
        rows, steps, side = (labels.get(name, 0) for name in ("rows", "steps", "flow_side"))
        if not all(type(number) is int and number >= 0 for number in (rows, steps, side)):
            raise InputError(
                f"{file}: rows, steps, flow_side: expected whole numbers from 0 on, not {rows!r}, {steps!r}, {side!r}"
            )
        shows = "flow" if labels.get("shows") == "flow" else ""
        return cls(groups, rows, steps, shows, str(labels.get("flow_by", DIS if shows else "")), side)

    @classmethod
    def of(cls, groups: Sequence[str], facts: Facts, table: Manifest) -> "TrainingFacts":
        """Of a training: its groups of clips, what its network is told, and what its videos show."""
        flow = FlowFacts.of(table)
        shown = ("flow", flow.by, flow.short_side) if flow else ("", "", 0)
        return cls(groups, facts.rows, facts.steps, *shown)

    def plain(self) -> dict[str, Any]:
        """As labels.json holds it; nothing where nothing is known."""
        return {name: value for name, value in asdict(self).items() if value}


@dataclass(frozen=True)
class Run:
    """A folder: config.yaml, labels.json, environment.json, metrics.jsonl, weights.safetensors, checkpoints/, done.

    Attributes:
        path: the folder.
        config: the resolved configuration of `train`.
        actions: class names; an action's number is its place.
        scenes: scene names, empty where training used none.
        known: what else its method was told of the data.
        trust: prefixes of import paths that its configuration may name besides our own: see `sceneproof.trust`.
    """

    path: Path
    config: dict[str, Any]
    actions: list[str]
    scenes: list[str]
    known: "TrainingFacts" = field(default_factory=lambda: TrainingFacts())
    trust: Sequence[str] | None = None

    def begin(self, data: Digests | None = None, *, numerics: Numerics | None = None) -> None:
        """Writes the folder's first files, or finds there an earlier start of the same run.

        Args:
            data: digests of what the run is trained on, by the tables' names in the configuration. The same data at
                another place is the same. None: not known.
            numerics: what a new run computes in; by default float32.

        Raises:
            InputError: the folder holds a run of another configuration or on other data, or other things.
        """
        if not (self.path / "config.yaml").exists():
            text = yaml.safe_dump(self.config, sort_keys=False)
            if self.path.exists() and not all(_begun(path) for path in self.path.iterdir()):
                raise InputError(f"{self.path}: the folder is not empty and holds no run: choose another one")
            write_json(self.path / "labels.json", {"actions": self.actions, "scenes": self.scenes} | self.known.plain())
            write_json(self.path / "environment.json", environment() | asdict(numerics or Numerics()), sealed=True)
            if data is not None:
                write_json(self.path / DATA, data, sealed=True)
            with whole(self.path / "config.yaml") as temporary:
                temporary.write_text(text)
            seal_folder(self.path, SEALED)
            return
        earlier = type(self).open(self.path, trust=self.trust)
        places = self._places_of_same_data(data)
        then = completed(earlier.config, self.config, self.trust)
        for key in sorted({*self.config, *then} - places):
            if self.config.get(key) != then.get(key):
                other, old, new = _first_difference(key, then.get(key), self.config.get(key))
                raise InputError(
                    f"{self.path} holds a run with another configuration ({other}: {old!r} there, {new!r} now): choose "
                    f"another folder, or delete that one"
                )
        if (earlier.actions, earlier.scenes) != (self.actions, self.scenes):
            raise InputError(
                f"{self.path} holds a run with other actions or scenes than the manifest and labels have now"
            )

    def _places_of_same_data(self, data: Digests | None) -> set[str]:
        """The keys of the configuration that only say where the data lies, which is that of the earlier start.

        Raises:
            InputError: it is other data.
        """
        if data is None:
            return set()
        file = self.path / DATA
        if not file.exists():
            if not self.done:
                logger.warning(
                    "%s: was begun by a version that took no note of its data: whether its tables have changed since "
                    "is not known", self.path,
                )  # fmt: skip
                write_json(file, data, sealed=True)
            return set()
        before = read_json(file)
        if difference := changed(before if isinstance(before, dict) else {}, data):
            raise InputError(
                f"{self.path} holds a run on other data ({difference}): give it the tables that it was begun with, "
                f"choose another folder, or delete that one"
            )
        return set(PLACES)

    @classmethod
    def open(cls, path: str | Path, *, trust: Sequence[str] | None = None) -> "Run":
        """Opens a run folder. Nothing that its configuration names is imported, nor made, before its network is.

        Args:
            path: the folder.
            trust: prefixes of import paths ("mypackage.models") that its configuration may name besides sceneproof's
                own classes. None: those of classes that this program has imported by itself.

        Raises:
            InputError: not a run folder, or one with another content.
        """
        check_prefixes(trust)
        path = Path(path)
        if not (path / "config.yaml").is_file():
            raise InputError(_no_run(path))
        config = read_yaml(path / "config.yaml")
        if not isinstance(config, dict) or not all(isinstance(key, str) for key in config):
            raise InputError(f"{path / 'config.yaml'}: holds no configuration of a run, which names its options")
        config = modern(config)
        labels = read_json(path / "labels.json", dict)
        actions, scenes = (_names(labels, key, path / "labels.json") for key in ("actions", "scenes"))
        if not actions:
            raise InputError(f"{path / 'labels.json'}: names no actions")
        return cls(path, config, actions, scenes, TrainingFacts.read(labels, path / "labels.json"), trust)

    @property
    def seed(self) -> int:
        """Of the training.

        Raises:
            InputError: the configuration holds another thing than a number.
        """
        seed = self.config.get("seed", 0)
        if type(seed) is not int:
            raise InputError(f"{self.path / 'config.yaml'}: seed: expected a number, not {seed!r}")
        return seed

    @property
    def commit(self) -> str:
        """Of the code that trained it; empty where that is not known.

        Raises:
            InputError: environment.json is damaged.
        """
        file = self.path / "environment.json"
        return str(read_json(file, dict).get("commit") or "") if file.is_file() else ""

    @property
    def done(self) -> bool:
        """Whether training has ended."""
        return (self.path / "done").exists()

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @cached_property
    def task(self) -> Task:
        """What it was trained for, with its settings.

        Raises:
            InputError: none that is known or trusted, or settings that it does not take.
        """
        task = modern(self.config).get("task", {"class_path": BEFORE["classification"][0]})
        return task_of(task, trust=self.trust, where=f"{self.path / 'config.yaml'}: task")

    def begun_in(self) -> Numerics | None:
        """What an earlier start of this run computes in; None where there was none."""
        path = self.path / "environment.json"
        if not (self.path / "config.yaml").exists() or not path.exists():
            return None
        known = read_json(path)
        # before this was recorded: bf16 and channels innermost on GPUs alone, unless the settings said otherwise
        on_gpu = known.get("device", "cpu") != "cpu"
        asked = self.config.get("optimisation") or {}
        precision, inner = asked.get("precision", "auto"), asked.get("channels_last")
        return Numerics.recorded(known) or Numerics(
            ("bf16" if on_gpu else "fp32") if precision == "auto" else precision, on_gpu if inner is None else inner
        )

    def tested_in(self, device: torch.device) -> Numerics:
        """What the trained network is to compute in: as in training, so that its figures do not hang on the machine.

        Where training chose bf16 by itself and this device would only emulate it, that is float32: figures may then
        differ by rounding, and tell what they were computed in. Runs from before this was recorded are tested in
        float32, as they were then.
        """
        path = self.path / "environment.json"
        numerics = (Numerics.recorded(read_json(path)) if path.exists() else None) or Numerics()
        chosen = (self.config.get("optimisation") or {}).get("precision", "auto") == "auto"
        if numerics.precision == "bf16" and chosen and not computes_bf16(device):
            return Numerics("fp32", numerics.channels_last)
        return numerics

    def build(self, facts: Facts | None = None) -> Learner:
        """The run's network with fresh weights, drawn from torch's random state.

        Args:
            facts: what it is told of the data, for training; by default what the folder knows of it.

        Raises:
            InputError: a configuration that names other things than a backbone and a method of its task.
        """
        known = self.known
        told = Facts(len(self.actions), len(self.scenes), len(known.groups), known.rows, known.steps)
        return self._made("method", self.task.network, self._made("backbone", Backbone), facts or told)

    def trained(self, kind: type[Network]) -> Network:
        """The trained network, in evaluation mode, with the weights that were best on the validation split.

        Args:
            kind: what it must be: a Method, a Localizer, a Detector.

        Raises:
            InputError: no weights yet, a corrupt file, or a run of another task.
        """
        if not issubclass(self.task.network, kind):
            raise InputError(f"{self.path}: a run of {self.task.name}, where one of {kind.task} is needed")
        network = self.build()
        assert isinstance(network, kind)
        fill(network, read_weights(self.path / "weights.safetensors"), str(self.path / "weights.safetensors"))
        self.check_files()
        return refusing_overflow(network.eval(), str(self.path)) if network.refuses_overflow else network.eval()

    def _made(self, key: str, kind: type[Kind], *arguments: Any) -> Kind:
        """What the configuration has under a key."""
        where = f"{self.path / 'config.yaml'}: {key}"
        return Spec.from_config(self.config.get(key, {}), where).make(kind, *arguments, trust=self.trust, where=where)

    def refuse_other_videos(self, table: Manifest) -> None:
        """Raises InputError where its network was trained on optical flow, and these videos are none or of another."""
        own, flow = self.known.shows or "rgb", FlowFacts.of(table)
        if table.shows != own:
            kinds = {"rgb": "videos as a camera sees them", "flow": "optical flow (sceneproof prepare --flow)"}
            raise InputError(f"{table.name}: holds {kinds[table.shows]}, and {self.path} was trained on {kinds[own]}")
        if flow is not None and flow.by != self.known.flow_by:
            raise InputError(
                f"{table.name}: holds optical flow by {flow.by}, and {self.path} was trained on flow by "
                f"{self.known.flow_by}: prepare it in the same way"
            )
        sides = (flow.short_side, self.known.flow_side) if flow is not None else (0, 0)
        if all(sides) and sides[0] != sides[1]:
            raise InputError(
                f"{table.name}: holds moves in pixels of frames with a short side of {sides[0]}, and {self.path} was "
                f"trained on moves in those of {sides[1]}: prepare it with --short-side {sides[1]}"
            )

    def check_files(self) -> None:
        """Raises DamagedError where config.yaml or labels.json is not as it was written."""
        check_folder(
            self.path,
            cure=f"restore it from a copy; if you changed it yourself, delete {self.path / CHECKSUMS} as well",
        )

    def log(self, record: Mapping[str, float]) -> None:
        """Appends a line to metrics.jsonl, with its own seal."""
        with open(self.path / "metrics.jsonl", "a") as lines:
            lines.write(sealed_line(record))

    def history(self) -> list[dict[str, float]]:
        """The lines of metrics.jsonl, without a last one that a kill or a full disk cut short.

        Raises:
            InputError: another line is not a record of figures, or not as it was written; names it.
        """
        return [record for _, record in self._lines()]

    def _lines(self) -> Iterator[tuple[bytes, dict[str, float]]]:
        """Each line of metrics.jsonl, as it is there and as a record."""
        path = self.path / "metrics.jsonl"
        lines = read_bounded(path, MOST_HISTORY).splitlines(keepends=True) if path.exists() else []
        for number, line in enumerate(lines, 1):
            try:
                record = _record(line, f"{path}: line {number}")
            except InputError:
                if line.endswith(b"\n") or (SEAL.encode() in line and b'"}' in line):
                    raise
                return  # it was cut short
            yield line, record

    def rewind(self, step: int) -> None:
        """Drops what was logged after a step, so that a resumed run logs nothing twice, and a line cut short."""
        path = self.path / "metrics.jsonl"
        kept = b"".join(line.rstrip() + b"\n" for line, record in self._lines() if record["step"] <= step)
        if path.exists() and path.read_bytes() != kept:
            with whole(path) as temporary:
                temporary.write_bytes(kept)

    def save_weights(self, method: Learner) -> None:
        """Writes weights.safetensors, whole or not at all."""
        with whole(self.path / "weights.safetensors") as temporary:
            save_sealed(flat(method.state_dict()), temporary)

    def finish(self) -> None:
        """Marks the run as done and drops its checkpoints, which only an unfinished run needs."""
        (self.path / "done").touch()
        sync(self.path)
        shutil.rmtree(self.path / "checkpoints", ignore_errors=True)


def task_of(value: Any, *, trust: Sequence[str] | None = None, where: str = "task") -> Task:
    """A task as such, of a class and its arguments, or of what a configuration holds of it.

    Args:
        value: the task, its class, a `Spec`, or a mapping with 'class_path' and 'init_args'.
        trust: prefixes of import paths that are trusted besides our own: see `trust.class_named`.
        where: the file and the key that hold it.

    Raises:
        InputError: no task, one that is not trusted, or settings that it does not take.
    """
    if isinstance(value, Task):
        return value
    if isinstance(value, Mapping):
        value = Spec.from_config(value, where)
    elif isinstance(value, Spec):
        trust = value.paths()  # the caller's own
    spec = Spec.of(value)
    kind = class_named(spec.class_path, Task, trust, where)  # type: ignore[type-abstract]  # a subclass of it
    try:
        return settings_of(kind, spec.init_args)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def refuse_not_finite(run: Run, video: str) -> NoReturn:
    """Raises InputError for a video of which a network says something that is no number."""
    raise InputError(
        f"{run.path}: {video}: the network's answer is not made of finite numbers: it overflows; its weights may be of "
        f"a training that diverged"
    )


def refusing_overflow(network: Network, source: str) -> Network:
    """The network, whose heads from now on raise InputError where they say something that is no finite number.

    What they say is compared with thresholds, which a NaN never reaches: nothing would be found, and nothing said.
    """

    def check(head: nn.Module, given: object, said: object) -> None:
        parts = said.values() if isinstance(said, Mapping) else said if isinstance(said, list | tuple) else [said]
        for value in parts:
            if isinstance(value, Tensor) and not value.isfinite().all():
                raise InputError(f"{source}: the network's answer is not made of finite numbers: it overflows")

    for name, head in network.named_children():
        if name != "backbone":
            head.register_forward_hook(check)
    return network


def _names(labels: dict[str, Any], key: str, file: Path) -> list[str]:
    """The names under a key of labels.json."""
    names = labels.get(key)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(
            f"{file}: expected {{'actions': [names], 'scenes': [names]}}; {key!r} is not there, or no names"
        )
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise InputError(f"{file}: {key}: {twice[0]!r} is there twice")
    return names


def _record(line: bytes, where: str) -> dict[str, float]:
    """A line of metrics.jsonl: figures by name, with the step they are of.

    Raises:
        InputError: it is another thing, or damaged; says where.
    """
    record: dict[str, float] = opened_line(line, where)
    for name, value in {"step": None, **record}.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{where}: {name!r} is not there, or no number")
    return record


def _begun(path: Path) -> bool:
    """Whether a file is one that `Run.begin` writes first, so that a start that was killed there can be repeated."""
    return path.name in ("labels.json", "environment.json", DATA, CHECKSUMS, locks.NAME) or bool(
        FIRST_TEMPORARY.fullmatch(path.name)
    )


def _first_difference(key: str, then: Any, now: Any) -> tuple[str, Any, Any]:
    """The first setting that differs, however deep, by its name with dots; and what it is there, and now."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for name in {**then, **now}:
            if then.get(name) != now.get(name):
                return _first_difference(f"{key}.{name}", then.get(name), now.get(name))
    return key, then, now


def _no_run(path: Path) -> str:
    """What to say of a path that is no run's: what it is, and which runs lie in it."""
    if not path.is_dir():
        what = "is a file, where a run folder is wanted" if path.exists() else "not a run folder: nothing has this name"
        return f"{path}: {what}"
    inside = sorted(str(found.parent) for found in path.glob("*/config.yaml"))
    hint = f"; there are {', '.join(inside[:3])}{' …' * (len(inside) > 3)}" if inside else ""
    return f"{path}: not a run folder (no config.yaml in it{hint})"
