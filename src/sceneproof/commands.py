"""Which function does a task's part of a command: found by name, imported when asked for."""

import importlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sceneproof.errors import InputError
from sceneproof.files import read_yaml

TASKS = {
    "classification": {
        "train": "sceneproof.train:train",
        "evaluate": "sceneproof.evaluate:evaluate",
        "settings": "sceneproof.evaluate:settings_of",
        "report": "sceneproof.pages.classification:report",
    },
    "localization": {
        "train": "sceneproof.train_localization:train_localization",
        "evaluate": "sceneproof.evaluate_localization:evaluate_localization",
        "settings": "sceneproof.evaluate_localization:settings_of",
        "report": "sceneproof.pages.localization:report_localization",
    },
    "detection": {
        "train": "sceneproof.train_detection:train_detection",
        "evaluate": "sceneproof.evaluate_detection:evaluate_detection",
        "settings": "sceneproof.evaluate_detection:settings_of",
        "report": "sceneproof.pages.detection:report_detection",
    },
}

CRITERIA = {"classification": "top1", "localization": "mAP", "detection": "frame_mAP"}
"""The figure of validation that picks weights and rates."""


def function(path: str) -> Callable[..., Any]:
    """What 'package.module:name' names."""
    module, _, name = path.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def of_task(task: str, command: str) -> Callable[..., Any]:
    """The function that does a task's part of 'train', 'evaluate', 'settings' or 'report'.

    Raises:
        InputError: no such task.
    """
    if task not in TASKS:
        raise InputError(f"no task {task!r}; there are: {', '.join(TASKS)}")
    return function(TASKS[task][command])


def task_of_recipe(path: Path) -> str:
    """The task that a recipe trains for, "classification" where it does not say.

    Raises:
        InputError: the file cannot be read, or is no YAML.
    """
    found = read_yaml(path)
    return str(found.get("task", "classification")) if isinstance(found, dict) else "classification"


def task_of_words(words: Sequence[str]) -> str:
    """The task that a command line is about: by --task, by its recipe, or by the first run folder that it names."""
    waiting = list(words)
    while waiting:
        name, equals, value = waiting.pop(0).partition("=")
        if name in ("--task", "--config"):
            value = value if equals else (waiting.pop(0) if waiting else "")
            if name == "--task":
                return value
            recipe = os.path.expanduser(value)
            task = task_of_recipe(Path(recipe)) if os.path.isfile(recipe) else "classification"
            if task != "classification":
                return task
        elif not name.startswith("--") and os.path.isfile(
            config := os.path.join(os.path.expanduser(name), "config.yaml")
        ):
            return task_of_recipe(Path(config))
    return "classification"
