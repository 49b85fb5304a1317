"""Commands whose options depend on a task: which task a command line is about, and what it adds."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from sceneproof import tasks
from sceneproof.arguments import trusted_by
from sceneproof.errors import InputError
from sceneproof.recipes import BEFORE, modern, read_yaml
from sceneproof.run import task_of
from sceneproof.task import Task
from sceneproof.trust import check_prefixes
from sceneproof.words import normalised, spelled_out


def task_of_recipe(path: Path, trust: Sequence[str] | None = None) -> Task:
    """The task that a recipe, or a run's configuration, is of, with its settings; classification where it does not say.

    Args:
        path: the file.
        trust: prefixes of import paths that are trusted besides our own.

    Raises:
        InputError: the file cannot be read, is no YAML, or names a task that is none.
    """
    options = read_yaml(path)
    task = modern(options).get("task") if isinstance(options, Mapping) else None
    if task is None:
        return tasks.Classification()
    where = f"{path}: task"
    if isinstance(task, Mapping) and task.get("class_path") in tasks.__all__:  # by its name, as backbones and methods
        task = {**task, "class_path": f"sceneproof.tasks.{task['class_path']}"}
    return task_named(task, trust, where) if isinstance(task, str) else task_of(task, trust=trust, where=where)


def task_named(name: str, trust: Sequence[str] | None = None, where: str = "--task") -> Task:
    """The task of a word: Localization, localization, or an import path, with its default settings.

    Raises:
        InputError: there is none of this name.
    """
    known = {path: path for path, *_ in BEFORE.values()} | {word: path for word, (path, *_) in BEFORE.items()}
    known |= {own: f"sceneproof.tasks.{own}" for own in tasks.__all__}
    if name not in known and "." not in name:
        raise InputError(f"{where}: no task {name!r}; there are: {', '.join(sorted(set(tasks.__all__) - {'Task'}))}")
    return task_of({"class_path": known.get(name, name)}, trust=trust, where=where)


def task_of_words(words: Sequence[str]) -> Task:
    """The task that a command line is about: by --task, by its recipe, or by the first run folder that it names.

    Raises:
        InputError: --task names none, or a file names one that is not trusted.
    """
    trust = trusted_by(spelled_out(normalised(words), {"trust": Sequence[str]}, ()))
    check_prefixes(trust)
    waiting = list(words)
    while waiting:
        name, equals, value = waiting.pop(0).partition("=")
        if name in ("--task", "--config"):
            value = value if equals else (waiting.pop(0) if waiting else "")
            if name == "--task":
                return task_named(value, [value])
            recipe = os.path.expanduser(value)
            if os.path.isfile(recipe) and _says(recipe):
                return task_of_recipe(Path(recipe), trust)
        elif not name.startswith("--"):
            place = os.path.expanduser(name)
            config = os.path.join(place, "config.yaml")
            if os.path.isfile(config) or (place.endswith((".yaml", ".yml")) and os.path.isfile(place)):
                return task_of_recipe(Path(config if os.path.isfile(config) else place), trust)
    return tasks.Classification()


def options_of(name: str, task: Task) -> type:
    """The dataclass of options that a task adds to a command: those of its page, or else of its testing."""
    if name != "report":
        return task.testing
    from sceneproof.report import page_of  # pages draw: what they import takes most of a second

    options: type = page_of(task).options
    return options


def _says(recipe: str) -> bool:
    """Whether a recipe names a task: of several, one may."""
    options = read_yaml(Path(recipe))
    return isinstance(options, Mapping) and "task" in options
