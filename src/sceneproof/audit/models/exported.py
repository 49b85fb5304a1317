"""TorchScript and ONNX files as models under audit."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sceneproof.audit.models.inputs import InputSettings, probabilities
from sceneproof.audit.subject import Answer, Pixels, Subject
from sceneproof.downloading import checked
from sceneproof.errors import InputError
from sceneproof.labelling.onnx_session import FAILURES, open_session


class TorchScriptModel(Subject):
    """A file of `torch.jit.save`: a video in the layout of its inputs to scores (B, A)."""

    def __init__(
        self, path: Path, names: Sequence[str], inputs: InputSettings, *, device: torch.device, batch: int = 8
    ) -> None:
        """Loads the file.

        Raises:
            InputError: no such file, or no TorchScript.
        """
        if not path.is_file():
            raise InputError(f"{path}: no such file (expected a TorchScript model)")
        try:
            self._network: Any = torch.jit.load(str(path), map_location=device).eval()
        except (RuntimeError, ValueError) as error:
            first = str(error).strip().splitlines()[0]
            raise InputError(
                f"{path}: not a TorchScript file: {first}; a file of torch.save holds weights without their network: "
                f"give a module:callable that loads it"
            ) from None
        self.title, self.actions, self.sampling = path.stem, list(names), inputs.sampling()
        self.identity, self.maps_missing = f"{checked(path)} {inputs}", "a TorchScript file shows no maps"
        self._inputs, self._device, self._batch = inputs, device, batch

    @torch.no_grad()
    def answer(self, clips: Pixels) -> Answer:
        """Probabilities of each clip.

        Raises:
            InputError: the network does not take such clips, or gives other scores.
        """
        scores = []
        for start in range(0, len(clips), self._batch):
            video = self._inputs.tensor(clips[start : start + self._batch]).to(self._device)
            try:
                scores.append(self._network(video).float().cpu().numpy())
            except (RuntimeError, AttributeError) as error:
                reason = str(error).strip().splitlines()[-1]
                raise InputError(_refused(self.title, self._inputs, tuple(video.shape), reason)) from None
        return Answer(probabilities(np.concatenate(scores), self._inputs.outputs, self.title, len(self.actions)))


class OnnxModel(Subject):
    """An ONNX file with one input, a video in the layout of its inputs, whose first output is scores (B, A)."""

    def __init__(self, path: Path, names: Sequence[str], inputs: InputSettings, *, batch: int = 8) -> None:
        """Loads the file; where its input has a fixed size, that is taken.

        Raises:
            InputError: no such file, no ONNX, or an input that is no video.
        """
        self._session = open_session(path, "a video classifier")
        given = self._session.get_inputs()
        if len(given) != 1 or len(given[0].shape) != 5:
            shapes = ", ".join(f"{one.name} {one.shape}" for one in given)
            raise InputError(f"{path}: takes {shapes}, where one video of five axes is needed")
        self._input = given[0].name
        self._inputs, fixed = _fitted(inputs, given[0].shape, path)
        self.title, self.actions, self.sampling = path.stem, list(names), self._inputs.sampling()
        self.identity, self.maps_missing = f"{checked(path)} {self._inputs}", "an ONNX file shows no maps"
        self._batch = fixed or batch

    def answer(self, clips: Pixels) -> Answer:
        """Probabilities of each clip.

        Raises:
            InputError: the network does not take such clips, or gives other scores.
        """
        scores = []
        for start in range(0, len(clips), self._batch):
            part = clips[start : start + self._batch]
            video = self._inputs.tensor(part).numpy()
            short = self._batch - len(part)
            if short and self._session.get_inputs()[0].shape[0] == self._batch:  # a fixed batch is filled up
                video = np.concatenate([video, np.repeat(video[-1:], short, 0)])
            try:
                scores.append(self._session.run(None, {self._input: video})[0][: len(part)])
            except FAILURES as error:
                reason = str(error).strip().splitlines()[-1]
                raise InputError(_refused(self.title, self._inputs, video.shape, reason)) from None
        return Answer(probabilities(np.concatenate(scores), self._inputs.outputs, self.title, len(self.actions)))


def _fitted(inputs: InputSettings, shape: Sequence[object], path: Path) -> tuple[InputSettings, int | None]:
    """The settings with what the file fixes, and its batch where that is fixed."""
    fixed = {letter: size for letter, size in zip(inputs.layout, shape, strict=True) if isinstance(size, int)}
    if fixed.get("C", 3) != 3:
        said = "x".join(map(str, shape))
        raise InputError(f"{path}: takes {said}, in which C of {inputs.layout} is not 3: give --inputs.layout")
    if fixed.get("H") != fixed.get("W"):
        raise InputError(f"{path}: takes {fixed.get('H')} x {fixed.get('W')} pixels; only squares can be given")
    made = replace(inputs, frames=fixed.get("T", inputs.frames), size=fixed.get("H", inputs.size))
    return made, fixed.get("B")


def _refused(title: str, inputs: InputSettings, shape: Sequence[int], reason: str) -> str:
    return (
        f"{title}: does not take {inputs.layout} of {'x'.join(map(str, shape))}: {reason}; say what it takes with "
        f"--inputs.frames, --inputs.size and --inputs.layout"
    )
