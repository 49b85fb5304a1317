"""Configurations of earlier versions: what could not be set then has the default that it has now."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from inspect import Parameter, signature
from typing import Any

from sceneproof.errors import InputError
from sceneproof.optimisation import Optimisation
from sceneproof.recipes import modern
from sceneproof.spec import plain
from sceneproof.trust import class_named


def completed(then: Mapping[str, Any], now: Mapping[str, Any], trust: Sequence[str] | None) -> dict[str, Any]:
    """A configuration of an earlier start of a run, with the defaults of the settings that it has now and had not then.

    Args:
        then: the earlier one.
        now: that of today, in which every default is written out.
        trust: prefixes of import paths that both may name besides our own: see `sceneproof.trust`.

    Raises:
        InputError: a class that cannot be imported, or must not be.
    """
    return {key: _completed(key, value, now.get(key), trust) for key, value in then.items()}


def in_full(config: Mapping[str, Any]) -> dict[str, Any]:
    """A run's configuration as today's version would have written it, to see whether two say the same.

    Nothing but our own classes is looked into; what else it names stays as it is.
    """
    full = {}
    for key, value in modern(config).items():
        try:
            full[key] = _completed(key, value, None, ())
        except InputError:
            full[key] = value
    return full


def _completed(key: str, then: Any, now: Any, trust: Sequence[str] | None) -> Any:
    """One entry; `now` None: with all settings that there are."""
    if not isinstance(then, Mapping) or not (now is None or isinstance(now, Mapping)):
        return then
    if key == "optimisation":
        defaults = plain(asdict(Optimisation()))
        return _filled(then, defaults if now is None else now, defaults)
    if "class_path" not in then or (now is not None and now.get("class_path") != then["class_path"]):
        return then
    parameters = signature(class_named(str(then["class_path"]), object, trust, key)).parameters
    names = parameters.keys() if now is None else now.get("init_args") or {}
    defaults = {name: item.default for name, item in parameters.items() if name in names}
    known = plain({name: _settings(value) for name, value in defaults.items() if value is not Parameter.empty})
    settings = known if now is None else names
    return {**then, "init_args": _filled(then.get("init_args") or {}, settings, known)}


def _settings(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def _filled(then: Any, now: Any, defaults: Any) -> Any:
    """What was set then, with the defaults of the settings that there are now and were not then, however deep."""
    if not all(isinstance(settings, Mapping) for settings in (then, now, defaults)):
        return then
    new = {name: defaults[name] for name in now if name not in then and name in defaults}
    known = {name: _filled(value, now.get(name), defaults.get(name)) for name, value in then.items()}
    return {**known, **new}
