"""Configurations and recipes from when a task was a word, and its settings lay beside it."""

from collections.abc import Mapping, Sequence
from typing import Any

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
