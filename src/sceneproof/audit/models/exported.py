"""TorchScript and ONNX files as models under audit."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sceneproof.audit.models.inputs import InputSettings, probabilities
from sceneproof.audit.subject import Answer, Pixels, Subject
from sceneproof.downloading import checked
from sceneproof.errors import InputError
from sceneproof.files import no_file
from sceneproof.onnx_files import FAILURES, model_digest, open_session

PIXELS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}


class TorchScriptModel(Subject):
    """A file of `torch.jit.save`: a video in the layout of its inputs to scores (B, A)."""

    def __init__(
        self, path: Path, names: Sequence[str], inputs: InputSettings, *, device: torch.device, batch: int = 8
    ) -> None:
        """Loads the file.

        Raises:
            InputError: no such file, no TorchScript, or weights that are not finite.
        """
        if not path.is_file():
            raise InputError(no_file(path, "a TorchScript model"))
        try:
            self._network: Any = torch.jit.load(str(path), map_location=device).eval()  # type: ignore[no-untyped-call]  # torch's
        except (RuntimeError, ValueError) as error:
            first = str(error).strip().splitlines()[0]
            raise InputError(
                f"{path}: not a TorchScript file: {first}; a file of torch.save holds weights without their network: "
                f"give a module:callable that loads it"
            ) from None
        inputs.refuse_short_side()
        self.title, self.actions, self.sampling = path.stem, list(names), inputs.sampling()
        self.identity, self.maps_missing = f"{checked(path)} {inputs}", "a TorchScript file shows no maps"
        self._inputs, self._device, self._batch = inputs, device, batch
        self._precision, self._fixed = _precision(self._network, path), False

    @torch.no_grad()
    def answer(self, clips: Pixels) -> Answer:
        """Probabilities of each clip.

        Raises:
            InputError: the network does not take such clips, or gives other scores.
        """
        parts = range(0, len(clips), self._batch)
        scores = np.concatenate(
            [self._of_batch(self._inputs.tensor(clips[start : start + self._batch])) for start in parts]
        )
        if len(scores) != len(clips):
            raise InputError(
                f"{self.title}: gives scores of shape {'x'.join(map(str, scores.shape))}, where "
                f"{len(clips)}x{len(self.actions)} are needed; if it was traced for one number of clips, give that as "
                f"--batch"
            )
        return Answer(probabilities(scores, self._inputs.outputs, self.title, (len(clips), len(self.actions))))

    def _of_batch(self, video: Tensor) -> NDArray[np.float32]:
        """Scores of clips, at most a batch; a network that was traced for one number of clips gets that number."""
        failed: InputError | None = None
        given: NDArray[np.float32] | None = None
        if not self._fixed:
            try:
                given = self._scores(video)
            except InputError as error:
                failed = error
            if given is not None and len(given) == len(video):
                return given
        if len(video) < self._batch or self._fixed:
            missing = self._batch - len(video)
            try:
                filled = self._scores(torch.cat([video, video[-1:].expand(missing, -1, -1, -1, -1)]))
            except InputError as error:
                failed = failed or error
            else:
                if len(filled) == self._batch:
                    self._fixed = True
                    return filled[: len(video)]
        if given is None:
            assert failed is not None
            raise failed
        return given

    def _scores(self, video: Tensor) -> NDArray[np.float32]:
        try:
            given = self._network(video.to(self._device, self._precision))
        except (RuntimeError, torch.jit.Error) as error:
            reason = str(error).strip().splitlines()[-1]
            traced = "; if it was traced for one number of clips, give that as --batch"
            raise InputError(_refused(self.title, self._inputs, tuple(video.shape), reason) + traced) from None
        if not isinstance(given, Tensor):
            raise InputError(f"{self.title}: gives {type(given).__name__}, where a tensor of scores is needed")
        scores: NDArray[np.float32] = given.float().cpu().numpy()
        return scores


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
            shapes = ", ".join(f"{node.name} {node.shape}" for node in given)
            raise InputError(f"{path}: takes {shapes}, where one video of five axes is needed")
        if given[0].type not in PIXELS:
            raise InputError(f"{path}: takes {given[0].type}; only {', '.join(PIXELS)} can be given")
        self._input, self._pixels = given[0].name, PIXELS[given[0].type]
        self._inputs, fixed = _fitted(inputs, given[0].shape, path)
        self.title, self.actions, self.sampling = path.stem, list(names), self._inputs.sampling()
        self.identity, self.maps_missing = f"{model_digest(path)} {self._inputs}", "an ONNX file shows no maps"
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


def _precision(network: Any, path: Path) -> torch.dtype:
    """The numbers that a network computes in.

    Raises:
        InputError: some of its weights are not finite.
    """
    weights = {name: value for name, value in network.state_dict().items() if value.is_floating_point()}
    if broken := [name for name, value in weights.items() if not value.isfinite().all()]:
        raise InputError(f"{path}: {broken[0]!r} holds values that are not finite numbers: a training that diverged?")
    return next((value.dtype for value in weights.values()), torch.float32)


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
    fitted = replace(
        inputs, frames=fixed.get("T", inputs.frames), size=fixed.get("H", inputs.size), width=fixed.get("W", width)
    )
    fitted.refuse_short_side()
    return fitted, fixed.get("B")


def _refused(title: str, inputs: InputSettings, shape: Sequence[int], reason: str) -> str:
    return (
        f"{title}: does not take {inputs.layout} of {'x'.join(map(str, shape))}: {reason}; say what it takes with "
        f"--inputs.frames, --inputs.size and --inputs.layout"
    )
