"""What a benchmark compares: worlds, methods and the trials that each method gets; read from YAML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sceneproof import methods
from sceneproof.errors import InputError
from sceneproof.recipes import modern, read_yaml
from sceneproof.trust import check_prefixes, refuse_untrusted

TABLES = ("manifest", "scenes", "humans", "features", "root")
PLAIN = "plain"
"""The method that all others are compared with."""
HEADLINE = "SDN"
"""The method that the headline of a world's own page is about, where it is there: the question that began this."""
SEED = "{seed}"


@dataclass(frozen=True)
class Contender:
    """A method of the benchmark.

    Attributes:
        name: of its row.
        method: its class by import path, with the arguments that are not to be its own defaults.
        strength: its one main hyper-parameter; "" where it has none.
        strengths: the values that are tried besides its own.
    """

    name: str
    method: Mapping[str, Any]
    strength: str = ""
    strengths: Sequence[float] = ()


@dataclass(frozen=True)
class Reference:
    """A row for scale: plain training on other videos, tested on the splits of the same names there.

    Attributes:
        about: what it is, for the page.
        tables: in place of all of the world's, "manifest" at least.
        weights: what its runs start from, as in a world.
    """

    about: str
    tables: Mapping[str, str]
    weights: str = ""


@dataclass(frozen=True)
class World:
    """Data on which all methods are trained and tested alike.

    Attributes:
        name: of its folder.
        title: for the page.
        about: a sentence or two: what is in context, what out of it, and what differs from others' protocols.
        recipe: options of `train` that all methods share.
        tables: of `TABLES`, as addresses; "manifest" at least.
        weights: what every run starts from; "{seed}" in it is the run's seed; "" for random weights.
        testing: options of `evaluate`, "splits" among them.
        without: methods that are not run here, with the reason.
        changed: arguments of a method that differ here, by its name.
        references: rows for scale, by name; no method is chosen or advised from them.
        static: tables of the same test videos with their people on other backgrounds and in stills: see
            `sceneproof.studies.statics`; none: that is not tested.
    """

    name: str
    title: str
    recipe: Mapping[str, Any]
    tables: Mapping[str, str]
    testing: Mapping[str, Any]
    about: str = ""
    weights: str = ""
    without: Mapping[str, str] = field(default_factory=dict)
    changed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    references: Mapping[str, Reference] = field(default_factory=dict)
    static: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Config:
    """A benchmark.

    Attributes:
        worlds: of its file, or those that were asked for.
        contenders: likewise; `PLAIN` is among them.
        seeds: that are reported.
        tuning_seed: of the trials: none of these.
        learning_rates: tried with each method's own strength.
        further_rates: tried where a method has no strength, as many as the others have strengths: so each method gets
            the same number of trials. Empty: none are tried, and each method runs as its arguments say.
    """

    worlds: Sequence[World]
    contenders: Sequence[Contender]
    seeds: Sequence[int]
    tuning_seed: int = 1000
    learning_rates: Sequence[float] = ()
    further_rates: Sequence[float] = ()

    @classmethod
    def read(cls, path: Path, *, data: Path | None = None, trust: Sequence[str] | None = None) -> "Config":
        """Reads a configuration; recipes are found beside it, tables in `data`, or beside it as well.

        Raises:
            InputError: names the key that is wrong.
        """
        said, here = _mapping(read_yaml(path), str(path)), Path(path).parent
        known = {"worlds", "methods", "seeds", "tuning_seed", "learning_rates", "further_rates"}
        _refuse_unknown(said, known, str(path))
        worlds = _mapping(said.get("worlds"), f"{path}: worlds")
        entries = _mapping(said.get("methods"), f"{path}: methods")
        contenders = [_contender(name, entry, f"{path}: methods.{name}") for name, entry in entries.items()]
        for contender in contenders:
            refuse_untrusted(str(contender.method["class_path"]), trust, str(path))
        if PLAIN not in entries:
            raise InputError(f"{path}: methods: {PLAIN!r} is missing, which all others are compared with")
        numbers = {
            name: _numbers(said.get(name, []), f"{path}: {name}")
            for name in ("seeds", "learning_rates", "further_rates")
        }
        config = cls(
            [_world(name, entry, here, data or here, f"{path}: worlds.{name}") for name, entry in worlds.items()],
            contenders,
            [int(seed) for seed in numbers["seeds"]],
            int(said.get("tuning_seed", cls.tuning_seed)),
            numbers["learning_rates"],
            numbers["further_rates"],
        )
        config.check(str(path))
        return config

    def check(self, where: str) -> None:
        """Refuses a benchmark that would not be fair.

        Raises:
            InputError: no seeds, a reported seed that is also tuned on, or unequal numbers of trials.
        """
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise InputError(f"{where}: seeds: give some, each once")
        if self.tuning_seed in self.seeds:
            raise InputError(
                f"{where}: tuning_seed {self.tuning_seed} is one of the seeds; what is reported must not choose"
            )
        if not self.learning_rates:
            return
        for contender in self.contenders:
            if contender.strength and len(contender.strengths) != len(self.further_rates):
                raise InputError(
                    f"{where}: methods.{contender.name}: {len(contender.strengths)} values of {contender.strength}, "
                    f"but {len(self.further_rates)} further_rates: every method must get as many trials"
                )

    @property
    def trials(self) -> int:
        """How many trials each method gets in each world."""
        return len(self.learning_rates) + len(self.further_rates) if self.learning_rates else 0

    def part(self, worlds: Sequence[str], chosen: Sequence[str], trust: Sequence[str] | None) -> "Config":
        """Some worlds and methods of it, and further methods by their import paths; nothing named is all.

        Raises:
            InputError: a name of none.
        """
        contenders = {contender.name: contender for contender in self.contenders}
        check_prefixes(trust)
        for name in chosen:
            if name not in contenders and "." in name:
                refuse_untrusted(name, trust, "--methods")
                contenders[name.rpartition(".")[2]] = Contender(name.rpartition(".")[2], {"class_path": name})
        wanted = [PLAIN, *(name.rpartition(".")[2] if "." in name else name for name in chosen)] if chosen else []
        return Config(
            _chosen({world.name: world for world in self.worlds}, worlds, "--worlds"),
            _chosen(contenders, list(dict.fromkeys(wanted)), "--methods"),
            self.seeds, self.tuning_seed, self.learning_rates, self.further_rates,
        )  # fmt: skip


def _chosen(known: Mapping[str, Any], names: Sequence[str], flag: str) -> list[Any]:
    for name in names:
        if name not in known:
            raise InputError(f"{flag}: none is called {name!r}; there are: {', '.join(known)}")
    return [known[name] for name in names] if names else list(known.values())


def _contender(name: str, entry: Any, where: str) -> Contender:
    said = dict(_mapping(entry, where))
    strength = _mapping(said.pop("strength", None) or {}, f"{where}.strength")
    if len(strength) > 1:
        raise InputError(f"{where}.strength: one argument with its values, not {', '.join(strength)}")
    _refuse_unknown(said, {"class_path", "init_args"}, where)
    path = said.get("class_path", name)
    if "." not in str(path):
        if path not in methods.__all__:
            raise InputError(f"{where}: no method {path!r}; there are: {', '.join(methods.__all__)}, or import paths")
        said["class_path"] = f"sceneproof.methods.{path}"
    argument, values = next(iter(strength.items()), ("", []))
    return Contender(name, said, argument, _numbers(values, f"{where}.strength.{argument}"))


def _world(name: str, entry: Any, here: Path, data: Path, where: str) -> World:
    said = dict(_mapping(entry, where))
    _refuse_unknown(said, set(World.__dataclass_fields__) - {"name"}, where)
    for key in ("title", "recipe", "testing"):
        if key not in said:
            raise InputError(f"{where}: {key} is missing")
    recipe = Path(_in(here, said["recipe"]))
    said["recipe"] = modern(_mapping(read_yaml(recipe), str(recipe)))
    said |= _sources(said, data, where)
    references = _mapping(said.get("references", {}), f"{where}.references")
    said["references"] = {
        row: _reference(entry, data, f"{where}.references.{row}") for row, entry in references.items()
    }
    if said.get("static"):
        static = _mapping(said["static"], f"{where}.static")
        said["static"] = _sources({"tables": static}, data, f"{where}.static")["tables"]
    if not _mapping(said["testing"], f"{where}.testing").get("splits"):
        raise InputError(f"{where}.testing: splits is missing: which splits are tested")
    return World(name=name, **said)


def _in(folder: Path, value: Any) -> str:
    """What a path of the setup means: from a folder on, unless it is whole, from home (~) or an address."""
    text = str(value)
    return text if "://" in text else str(Path(folder).expanduser() / Path(text).expanduser())


def _reference(entry: Any, data: Path, where: str) -> Reference:
    said = dict(_mapping(entry, where))
    _refuse_unknown(said, set(Reference.__dataclass_fields__), where)
    if "about" not in said:
        raise InputError(f"{where}: about is missing: what it is, for the page")
    return Reference(str(said["about"]), **_sources(said, data, where))


def _sources(said: Mapping[str, Any], data: Path, where: str) -> dict[str, Any]:
    """The tables and weights of a world or a reference, found in `data`."""
    tables = _mapping(said.get("tables"), f"{where}.tables")
    _refuse_unknown(tables, set(TABLES), f"{where}.tables")
    if "manifest" not in tables:
        raise InputError(f"{where}: manifest is missing")
    weights = _in(data, said["weights"]) if said.get("weights") else ""
    return {"tables": {key: _in(data, value) for key, value in tables.items()}, "weights": weights}


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if value is None:
        raise InputError(f"{where}: missing, or empty: expected names with values")
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: expected names with values, not {value!r:.60}")
    return value


def _numbers(values: Any, where: str) -> list[float]:
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        raise InputError(f"{where}: expected a list of numbers (0.0001, not 1e-4, in YAML), not {values!r:.60}")
    return list(values)


def _refuse_unknown(said: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in said:
        if key not in known:
            raise InputError(f"{where}: unknown key {key!r}; it takes: {', '.join(sorted(known))}")
