"""TorchScript and ONNX files as models under audit."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sceneproof.audit.models.inputs import InputSettings, probabilities
from sceneproof.audit.subject import Answer, Pixels, Subject
from sceneproof.downloading import checked
from sceneproof.errors import InputError
from sceneproof.labelling.onnx_session import FAILURES, open_session

PIXELS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}


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
            self._network: Any = torch.jit.load(str(path), map_location=device).eval()  # type: ignore[no-untyped-call]
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
                given = self._network(video)
            except (RuntimeError, torch.jit.Error) as error:
                reason = str(error).strip().splitlines()[-1]
                raise InputError(_refused(self.title, self._inputs, tuple(video.shape), reason)) from None
            if not isinstance(given, Tensor):
                raise InputError(f"{self.title}: gives {type(given).__name__}, where a tensor of scores is needed")
            scores.append(given.float().cpu().numpy())
        return Answer(
            probabilities(np.concatenate(scores), self._inputs.outputs, self.title, (len(clips), len(self.actions)))
        )


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
        if given[0].type not in PIXELS:
            raise InputError(f"{path}: takes {given[0].type}; only {', '.join(PIXELS)} can be given")
        self._input, self._pixels = given[0].name, PIXELS[given[0].type]
        self._inputs, fixed = _fitted(inputs, given[0].shape, path)
        self.title, self.actions, self.sampling = path.stem, list(names), self._inputs.sampling()
        self.identity, self.maps_missing = f"{checked(path)} {self._inputs}", "an ONNX file shows no maps"
        self._batch, self._fixed = fixed or batch, fixed is not None

    def answer(self, clips: Pixels) -> Answer:
        """Probabilities of each clip.

        Raises:
            InputError: the network does not take such clips, or gives other scores.
        """
        scores = []
        for start in range(0, len(clips), self._batch):
            part = clips[start : start + self._batch]
            video = self._inputs.tensor(part).numpy().astype(self._pixels)
            short = self._batch - len(part)
            if short and self._fixed:  # a fixed batch is filled up
                video = np.concatenate([video, np.repeat(video[-1:], short, 0)])
            try:
                scores.append(self._session.run(None, {self._input: video})[0][: len(part)])
            except FAILURES as error:
                reason = str(error).strip().splitlines()[-1]
                raise InputError(_refused(self.title, self._inputs, video.shape, reason)) from None
        return Answer(
            probabilities(np.concatenate(scores), self._inputs.outputs, self.title, (len(clips), len(self.actions)))
        )


def _fitted(inputs: InputSettings, shape: Sequence[object], path: Path) -> tuple[InputSettings, int | None]:
    """The settings with what the file fixes, and its batch where that is fixed."""
    fixed = {letter: size for letter, size in zip(inputs.layout, shape, strict=True) if isinstance(size, int)}
    said = "x".join(map(str, shape))
    if fixed.get("C", 3) != 3:
        raise InputError(f"{path}: takes {said}, in which C of {inputs.layout} is not 3: give --inputs.layout")
    width = inputs.size if inputs.width is None else inputs.width
    for letter, name, value in (("T", "frames", inputs.frames), ("H", "size", inputs.size), ("W", "width", width)):
        if value is not None and fixed.get(letter, value) != value:
            raise InputError(f"{path}: takes {inputs.layout} of {said}, and not --inputs.{name} {value}")
    made = replace(
        inputs, frames=fixed.get("T", inputs.frames), size=fixed.get("H", inputs.size), width=fixed.get("W", width)
    )
    return made, fixed.get("B")


def _refused(title: str, inputs: InputSettings, shape: Sequence[int], reason: str) -> str:
    return (
        f"{title}: does not take {inputs.layout} of {'x'.join(map(str, shape))}: {reason}; say what it takes with "
        f"--inputs.frames, --inputs.size and --inputs.layout"
    )
