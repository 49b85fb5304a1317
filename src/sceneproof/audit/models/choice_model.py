"""A function that gets a clip and a few answers and names one of them: any video language model, behind any server."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sceneproof.audit.models.callable_model import imported, title_of, told
from sceneproof.audit.models.inputs import InputSettings
from sceneproof.audit.naming import plain
from sceneproof.audit.subject import Answer, Chooser, Pixels
from sceneproof.errors import InputError

NONE = "none of these"
"""The class of clips for which the function names no answer (None): never an action, so always wrong."""


class ChoiceModel(Chooser):
    """A model that is asked as multiple choice: the person's action, the place's, and others."""

    maps_missing = "a function that names an answer shows no maps"

    def __init__(
        self,
        function: Callable[[Pixels, list[str]], Any],
        *,
        actions: Sequence[str],
        inputs: InputSettings = InputSettings(),
        title: str,
        source: str,
    ) -> None:
        """Wraps a function.

        Args:
            function: takes a clip, uint8 (T, H, W, 3), RGB, of the video's own size, and the answers; gives one of
                them, or None for none. Attributes `frames` and `stride` say which frames it takes.
            actions: names of the classes, all that may be among the answers.
            inputs: frames and stride, where the function's own are not to be taken.
            title: what to call it.
            source: text that changes when the function does.
        """
        self._function = function
        self.actions = [*map(str, actions), NONE]
        self.title = title
        self.sampling = inputs.sampling(int(getattr(function, "frames", 16)), getattr(function, "stride", None))
        names = hashlib.sha256("\n".join(self.actions).encode()).hexdigest()
        self.identity = f"choices {source} {names} {inputs}"

    def choose(self, clips: Pixels, answers: Sequence[int]) -> Answer:
        """All probability on the answer that is named; see `Chooser`.

        Raises:
            InputError: the function failed, or named something that is no answer.
        """
        scores = np.zeros((len(clips), len(self.actions)), np.float32)
        words = [self.actions[number].replace("_", " ") for number in answers]
        for row, clip in zip(scores, clips, strict=True):
            row[self._named(clip, words, answers)] = 1
        return Answer(scores)

    def _named(self, clip: Pixels, words: list[str], answers: Sequence[int]) -> int:
        try:
            given = self._function(clip.copy(), list(words))
        except Exception as error:  # noqa: BLE001  # the user's code may raise anything
            shape = "x".join(map(str, clip.shape))
            raise InputError(f"{self.title}: failed on a clip of {shape}: {told(error)}") from None
        if given is None:
            return len(self.actions) - 1
        places = [place for place, word in enumerate(words) if plain(word) == plain(str(given))]
        if len(places) != 1:
            raise InputError(
                f"{self.title}: named {str(given)!r:.60}, which is none of the answers ({', '.join(words)}): give one "
                f"of them as it stands, or None"
            )
        return answers[places[0]]


def open_choices(word: str, actions: Sequence[str], inputs: InputSettings) -> ChoiceModel:
    """What 'package.module:name' names, asked as multiple choice.

    Raises:
        InputError: no such module or name, or nothing that can be called.
    """
    function, source = imported(word)
    return ChoiceModel(function, actions=actions, inputs=inputs, title=title_of(function, word), source=source)
