"""Any Python function as a model under audit: a clip in, scores out."""

import hashlib
import importlib
import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sceneproof.audit.models.inputs import InputSettings, probabilities
from sceneproof.audit.subject import Answer, Pixels, Subject
from sceneproof.errors import InputError


class CallableModel(Subject):
    """A function that takes a clip, uint8 (T, H, W, 3), RGB, of the video's own size, and gives scores (A,).

    Scores are an array, a tensor, or a mapping of class names to numbers. Attributes `actions`, `frames` and `stride`
    of the function say what it knows and takes, where nothing else does.
    """

    def __init__(
        self,
        function: Callable[[Pixels], Any],
        *,
        actions: Sequence[str] | None = None,
        inputs: InputSettings = InputSettings(),
        title: str | None = None,
    ) -> None:
        """Wraps a function.

        Args:
            function: the model.
            actions: names of its classes; by default its attribute `actions`.
            inputs: how many frames a clip has and how far apart they are, where its attributes `frames` and `stride`
                are not to be taken; and what it gives. Nothing is scaled or normalised.
            title: what to call it.

        Raises:
            InputError: nobody says which classes its scores are of.
        """
        self.title = title or str(getattr(function, "__qualname__", type(function).__qualname__))
        known = actions if actions is not None else getattr(function, "actions", None)
        if known is None:
            raise InputError(
                f"{self.title}: which classes are its scores of? give a file (--names FILE), or the function an "
                f"attribute: {self.title}.actions = [...]"
            )
        self.actions = [str(name) for name in known]
        self.sampling = inputs.sampling(int(getattr(function, "frames", 16)), getattr(function, "stride", 1))
        self._function, self._outputs = function, inputs.outputs
        self.identity = f"{self.title} {_source(function)}"
        self.maps_missing = "a callable shows no maps"

    def answer(self, clips: Pixels) -> Answer:
        """Probabilities of each clip.

        Raises:
            InputError: the function failed, or gave something else than scores.
        """
        return Answer(np.concatenate([self._one(clip) for clip in clips]))

    def _one(self, clip: Pixels) -> NDArray[np.float32]:
        try:
            given = self._function(clip.copy())
        except Exception as error:  # noqa: BLE001  # the user's code may raise anything
            shape = "x".join(map(str, clip.shape))
            raise InputError(f"{self.title}: failed on a clip of {shape}: {told(error)}") from None
        if isinstance(given, Mapping):
            others = [name for name in given if name not in self.actions]
            missing = [name for name in self.actions if name not in given]
            if missing or others:
                what = f"no score for {missing[0]!r}" if missing else f"a score for {others[0]!r}, which is no class"
                raise InputError(f"{self.title}: gives {what}")
            given = [given[name] for name in self.actions]
        try:
            detached = given.detach().cpu() if isinstance(given, Tensor) else given
            scores = np.asarray(detached, np.float64)
        except (TypeError, ValueError):
            raise InputError(f"{self.title}: gives {type(given).__name__}, where scores are needed") from None
        batch = scores[None] if scores.ndim == 1 else scores
        if batch.shape != (1, len(self.actions)):
            raise InputError(
                f"{self.title}: gives scores of shape {scores.shape}, where ({len(self.actions)},) is needed: one for "
                f"each class"
            )
        return probabilities(batch, self._outputs, self.title, batch.shape)


def open_callable(word: str, names: Sequence[str] | None, inputs: InputSettings) -> CallableModel:
    """What 'package.module:name' names; a class is made without arguments. Its title is its attribute, or its name.

    Raises:
        InputError: no such module or name, or nothing that can be called.
    """
    function = imported(word)[0]
    return CallableModel(function, actions=names, inputs=inputs, title=title_of(function, word))


def title_of(function: Callable[..., Any], word: str) -> str:
    """What to call a function on pages: its attribute `title`, or its name behind the colon."""
    return str(getattr(function, "title", "") or word.partition(":")[2])


def imported(word: str) -> tuple[Callable[..., Any], str]:
    """The function that 'package.module:name' names, and a digest of its file. Raises as `open_callable`."""
    module, _, name = word.partition(":")
    try:
        target: Any = importlib.import_module(module)
    except ImportError as error:
        cure = "is its folder on PYTHONPATH?"
        if Path(f"{module.partition('.')[0]}.py").is_file() and isinstance(error, ModuleNotFoundError):
            cure = "the file lies here: put PYTHONPATH=. before the command"
        raise InputError(f"{word}: {module} cannot be imported: {error}; {cure}") from None
    except Exception as error:  # noqa: BLE001  # the user's code may raise anything
        raise InputError(f"{word}: {module} failed while it was imported: {told(error)}") from None
    for part in name.split("."):
        if not hasattr(target, part):
            raise InputError(f"{word}: {module} has no {name!r}")
        target = getattr(target, part)
    try:
        function = target() if inspect.isclass(target) else target
    except Exception as error:  # noqa: BLE001  # the user's code may raise anything
        raise InputError(f"{word}: cannot be made without arguments: {told(error)}") from None
    if not callable(function):
        raise InputError(f"{word}: is {type(function).__name__}, where a function is needed: a clip in, scores out")
    return function, _source(function)


def told(error: Exception) -> str:
    """The last line of a traceback, and where it was raised."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    last = traceback.format_exception_only(error)[-1].strip()
    return f"{last} ({where.filename}, line {where.lineno})"


def _source(function: Callable[..., Any]) -> str:
    """A digest of the file that a function is written in; empty where there is none."""
    try:
        file = inspect.getsourcefile(function if inspect.isroutine(function) else type(function))
    except TypeError:
        return ""
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file and Path(file).is_file() else ""
