"""People by any Hugging Face object detection model, such as DETR, RT-DETR, YOLOS or D-FINE."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneproof.errors import InputError
from sceneproof.labelling.contracts import NO_NUMBERS, PersonDetector


class HuggingFaceDetector(PersonDetector):
    """Boxes by a model of the Hub or of a folder, read for the label "person" only.

    Attributes:
        title: the model's name with its commit or its files' SHA-256, and the settings.
        short_side: None: the model's own processor scales the frames.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        revision: str | None = None,
        download: bool = False,
        score: float = 0.1,
        batch: int = 4,
        device: str = "auto",
    ) -> None:
        """Loads the model and its processor from a folder, from the Hub's cache or, where asked for, from the Hub.

        Only safetensors are read and no code of the model's repository is run.

        Args:
            model: Its name on the Hub, or a folder.
            revision: The commit or tag to take.
            download: Fetch from the Hub what is not in its cache.
            score: Boxes below it are left out.
            batch: Frames that go in at once.
            device: "cpu", "cuda", …; "auto" for a GPU where there is one.

        Raises:
            InputError: transformers is not installed; no such model, or not an object detector; no label "person".
        """
        # torch takes seconds to import, and the command that knows this class by name needs it for no other
        from sceneproof.backbones.hugging_face import labels, load_with_processors, origin_of
        from sceneproof.numerics import device_named

        self._processor, self._model = load_with_processors(
            "AutoModelForObjectDetection", str(model), "not an object detection model that can be loaded",
            ["AutoImageProcessor"], revision=revision, download=download,
        )  # fmt: skip
        config = self._model.config
        names = labels(config, int(config.num_labels), str(model))
        self._person = [number for number, label in enumerate(names) if label.lower() == "person"]
        if not self._person:
            raise InputError(f"{model}: has no label 'person'; it has: {', '.join(names[:10])}")
        self._device = device_named(device)
        self._model.to(self._device)
        self._score, self._batch = score, batch
        self.title = f"{origin_of(model, self._model, revision)}, score at least {score:g}"

    def __call__(self, frames: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """People in frames uint8 (N, H, W, 3), RGB: N arrays (K, 5)."""
        import torch

        people: list[NDArray[np.float32]] = []
        for start in range(0, len(frames), self._batch):
            part = frames[start : start + self._batch]
            inputs = self._processor(images=list(part), return_tensors="pt").to(self._device)
            with torch.inference_mode():
                answers = self._model(**inputs)
            sizes = [part.shape[1:3]] * len(part)
            detections = self._processor.post_process_object_detection(
                answers, threshold=self._score, target_sizes=sizes
            )
            whole = answers.logits.isfinite().flatten(1).all(1).tolist()
            people += [self._people(own) if fine else NO_NUMBERS for own, fine in zip(detections, whole, strict=True)]
        return people

    def _people(self, detection: dict[str, Any]) -> NDArray[np.float32]:
        labels, boxes, scores = (detection[name].float().cpu().numpy() for name in ("labels", "boxes", "scores"))
        return np.column_stack([boxes, scores])[np.isin(labels, self._person)]
