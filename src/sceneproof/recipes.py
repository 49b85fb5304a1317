"""Files of options, recipes and configurations: YAML that nobody vouches for. No code, no more than fits in memory.

Those from when a task was a word, and its settings lay beside it, are read as they would be written now.
"""

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from sceneproof.addresses import Address, Place
from sceneproof.errors import InputError
from sceneproof.files import decoded, read_bounded
from sceneproof.trust import class_paths, refuse_untrusted
from sceneproof.words import is_class, values_of

BEFORE = {
    "classification": (
        "sceneproof.tasks.classification.task.Classification",
        *("clip", "validation_clips", "shuffle_scenes"),
    ),
    "localization": ("sceneproof.tasks.localization.task.Localization", "buffer"),
    "detection": ("sceneproof.tasks.detection.task.Detection", "clip", "tubes"),
}
"""The tasks of that time: what they are now, and their settings. Later ones were never written so."""


def modern(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration or a recipe with its task as a class and its settings.

    One that is so already, or names another task than those of that time, is as it was.
    """
    task = config.get("task", "classification")
    if not isinstance(task, str) or task not in BEFORE:
        return dict(config)
    path, *names = BEFORE[task]
    kept = {key: value for key, value in config.items() if key != "task" and str(key).partition(".")[0] not in names}
    settings = {key: value for key, value in config.items() if str(key).partition(".")[0] in names}
    if task == "classification" and "task" not in config and not settings:
        return kept  # a recipe that says nothing of it
    nested = {key: value for key, value in settings.items() if "." not in str(key)}
    dotted = {f"task.init_args.{key}": value for key, value in settings.items() if "." in str(key)}
    return {**kept, "task": {"class_path": path, "init_args": nested}, **dotted}


def modern_words(words: Sequence[str]) -> list[str]:
    """A command line with flags of that time as they are now: `--clip.length=8` is `--task.clip.length=8`."""
    settings = {setting for _, *names in BEFORE.values() for setting in names}
    modern: list[str] = []
    for word in words:
        name, equals, value = word.partition("=")
        if name.startswith("--") and name[2:].partition(".")[0] in settings:
            word = f"--task.{name[2:]}{equals}{value}"
        elif name == "--task" and value in BEFORE:
            word = f"--task={BEFORE[value][0]}"
        elif modern[-1:] == ["--task"] and word in BEFORE:
            word = BEFORE[word][0]
        modern.append(word)
    return modern


NO_MODULES = ("hf", "torchvision")
"""What stands before the colon of a model that is no 'package.module:callable'."""
OF_RUNS = ("backbone", "method")
"""Of these a class that is named takes over what the default one calls by the same name: recipes rely on it."""
MOST_YAML = 2**20
"""Bytes of a recipe, a configuration or a mapping: they have some thousands."""
DEEPEST, MOST_NODES = 50, 100_000
"""Levels and values of YAML, each alias counted as all that it stands for."""
SafeLoader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Address | Place) -> Any:
    """Reads YAML of plain values.

    Raises:
        InputError: the file is missing, cannot be reached, is larger or nested deeper than such files are, names more
            than it holds by its aliases, or is not YAML.
    """
    text = decoded(read_bounded(path, MOST_YAML), str(path))
    try:
        return build_yaml(text)
    except yaml.YAMLError as error:
        raise InputError(f"{path}: cannot be read: not YAML: {error}") from None


class TooMuchError(yaml.YAMLError):
    """YAML that is too much to build, or breaks down in building."""


def build_yaml(text: str) -> Any:
    """YAML as plain values.

    Raises:
        yaml.YAMLError: it is not YAML; a TooMuchError where its values cannot be built.
    """
    refuse_unbounded(text)
    try:
        return yaml.load(text, Loader=SafeLoader)  # in C where there is one
    # PyYAML's constructors have no error of their own for a date with a 13th month, or a number that is empty
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        raise TooMuchError(f"{type(error).__name__}: {error}") from None


def refuse_unbounded(text: str) -> None:
    """Raises TooMuchError for YAML that is too much to build: by its events, before anything is built.

    An alias counts as all that it stands for: ten lines can stand for more than any memory holds.
    """
    nodes, begun, sizes = 0, list[tuple[str | None, int]](), dict[str, int]()
    for event in yaml.parse(text, Loader=SafeLoader):  # a YAMLError where it is none
        if isinstance(event, yaml.CollectionStartEvent):
            begun.append((event.anchor, nodes))
            nodes += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = begun.pop()
            if anchor is not None:
                sizes[anchor] = nodes - before
        elif isinstance(event, yaml.ScalarEvent):
            nodes += 1
            if event.anchor is not None:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise TooMuchError(f"the alias *{event.anchor} stands for nothing, or for what it is a part of")
            nodes += sizes[event.anchor]
        if len(begun) > DEEPEST or nodes > MOST_NODES:
            raise TooMuchError(
                f"more than {DEEPEST} levels deep, or than {MOST_NODES} values with what its aliases stand for"
            )


def check_files(
    files: Sequence[str],
    words: Sequence[str],
    hints: Mapping[str, Any],
    inside: Mapping[str, Any],
    trust: Sequence[str],
) -> None:
    """Refuses what files of options may not hold, before a parser reads them.

    Args:
        files: those given with --config.
        words: the command line, which may name further ones for single options.
        hints: type by parameter.
        inside: the same, and by `parameter.field` for what is inside dataclasses and the task.
        trust: prefixes of import paths that are trusted besides our own.

    Raises:
        InputError: a file that holds no options, sends on to another one, or names code that is not trusted.
    """
    settings = {key.removeprefix("task."): hint for key, hint in inside.items()}
    for file in files:
        _check_recipe(Path(file).expanduser(), {**settings, **hints})
        _refuse_code(Path(file).expanduser(), hints, trust)
    for key in (key for key, hint in inside.items() if dataclasses.is_dataclass(hint)):
        for file in values_of(words, f"--{key}"):  # a file with what is inside, or that itself
            _check_recipe(Path(file), {})


def _check_recipe(file: Path, hints: Mapping[str, Any]) -> None:
    """Raises InputError for a file of options that holds none, or sends on to another file."""
    if not os.path.exists(file):  # unlike Path's, false for what is too long for a name
        return  # the parser says so
    options = read_yaml(file)
    if not isinstance(options, Mapping):
        raise InputError(f"{file}: holds no options by their names, but {type(options).__name__} {options!r:.40}")
    task = modern(options).get("task")
    settings = task.get("init_args") if isinstance(task, Mapping) else None
    for key, value in {**options, **(settings if isinstance(settings, Mapping) else {})}.items():
        if key == "config" or (dataclasses.is_dataclass(hints.get(key)) and isinstance(value, str)):
            raise InputError(
                f"{file}: {key}: write the options of {value!r} down in this file: it can include no other"
            )
    check_values(options, str(file))


def check_values(value: Any, where: str) -> None:
    """Raises InputError for a text, among values, that is too much for the YAML that it is taken for."""
    if isinstance(value, Mapping):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for item in value:
            check_values(item, where)
    elif isinstance(value, str):
        try:
            built = build_yaml(value)
        except TooMuchError as error:
            raise InputError(f"{where}: {value!r:.40}…: {error}") from None
        except yaml.YAMLError:
            return  # a text
        if built != value:
            check_values(built, where)  # a text in it is taken for YAML again


def classes_named(words: Sequence[str], files: Sequence[str], hints: Mapping[str, Any]) -> list[str]:
    """The parameters for which words, or files of options, name a class themselves."""
    options = [read_yaml(Path(file).expanduser()) for file in files if os.path.exists(os.path.expanduser(file))]
    return [
        key
        for key, hint in hints.items()
        if is_class(hint)
        and key not in OF_RUNS
        and (values_of(words, f"--{key}") or any(_names_class(option.get(key)) for option in options))
    ]


def _names_class(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, Mapping) and "class_path" in value)


def _refuse_code(file: Path, hints: Mapping[str, Any], trust: Sequence[str]) -> None:
    """Raises InputError where a file of options names code that is not trusted: before the parser could import it."""
    try:
        values = read_yaml(file)
    except InputError:
        return  # the parser says what is wrong with it
    if not isinstance(values, dict):
        return
    if "trust" in values:
        raise InputError(f"{file}: trust: only the command line can say whose code is trusted: --trust PREFIX")
    for path in class_paths(values):
        if "." in path:
            refuse_untrusted(path, trust, str(file))
    for key, value in values.items():
        names_class = isinstance(value, str) and "." in value and is_class(hints.get(str(key).partition(".")[0]))
        if names_class or (key == "model" and _is_callable_model(value)):
            refuse_untrusted(value, trust, f"{file}: {key}")


def _is_callable_model(value: Any) -> bool:
    """Whether a model under audit is a 'package.module:callable', as `audit.models.opening` reads it."""
    return isinstance(value, str) and ":" in value and "/" not in value and value.partition(":")[0] not in NO_MODULES


def brought_up_to_date(word: str, before: str) -> str:
    """A word that names a recipe of old as that recipe's content, brought up to date; other words as they are."""
    flag, equals, file = word.partition("=") if word.startswith("--config=") else (before, "", word)
    if flag != "--config" or not os.path.isfile(file):
        return word
    options = read_yaml(Path(file))
    changed = modern(options) if isinstance(options, Mapping) else options
    return word if changed == options else f"{flag if equals else ''}{equals}{json.dumps(changed)}"
