"""People by any Hugging Face object detection model, such as DETR, RT-DETR, YOLOS or D-FINE."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sceneproof.backbones.hugging_face import labels, load_network
from sceneproof.errors import InputError


class HuggingFaceDetector:
    """Boxes by a model of the Hub or of a folder, read for the label "person" only.

    Attributes:
        title: the model's name with its commit, where known, and the settings.
        short_side: None: the model's own processor scales the frames.
    """

    short_side: int | None = None

    def __init__(
        self,
        name: str | Path,
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
            name: A model's name on the Hub, or a folder.
            revision: The commit or tag to take.
            download: Fetch from the Hub what is not in its cache.
            score: Boxes below it are left out.
            batch: Frames that go in at once.
            device: "cpu", "cuda", …; "auto" for a GPU where there is one.

        Raises:
            InputError: transformers is not installed; no such model, or not an object detector; no label "person".
        """
        self._processor, self._model = _load(str(name), revision, download)
        config = self._model.config
        names = labels(config, int(config.num_labels), str(name))
        self._person = [number for number, label in enumerate(names) if label.lower() == "person"]
        if not self._person:
            raise InputError(f"{name}: has no label 'person'; it has: {', '.join(names[:10])}")
        self._device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
        self._model.to(self._device)
        self._score, self._batch = score, batch
        commit = getattr(config, "_commit_hash", None) or revision
        self.title = f"{name}{f' at {commit}' if commit else ''}, score at least {score:g}"

    def __call__(self, frames: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """People in frames uint8 (N, H, W, 3), RGB: N arrays (K, 5)."""
        found: list[NDArray[np.float32]] = []
        for start in range(0, len(frames), self._batch):
            part = frames[start : start + self._batch]
            inputs = self._processor(images=list(part), return_tensors="pt").to(self._device)
            with torch.inference_mode():
                answers = self._model(**inputs)
            sizes = [part.shape[1:3]] * len(part)
            found += [
                self._people(answer)
                for answer in self._processor.post_process_object_detection(
                    answers, threshold=self._score, target_sizes=sizes
                )
            ]
        return found

    def _people(self, answer: dict[str, Any]) -> NDArray[np.float32]:
        own = torch.isin(answer["labels"], torch.tensor(self._person, device=answer["labels"].device))
        boxes = torch.cat([answer["boxes"][own], answer["scores"][own, None]], dim=1)
        return np.asarray(boxes.float().cpu().numpy(), np.float32)


def _load(name: str, revision: str | None, download: bool) -> tuple[Any, Any]:
    try:
        from transformers import AutoImageProcessor
    except ImportError as error:
        raise InputError(f"Hugging Face models need transformers: pip install 'sceneproof[hf]' ({error})") from None
    try:
        origin: dict[str, Any] = {"revision": revision, "local_files_only": not download}
        processor = AutoImageProcessor.from_pretrained(name, **origin, trust_remote_code=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, ImportError, KeyError) as error:  # all that loading raises on a wrong name or kind
        hint = "" if download or Path(name).is_dir() else " (downloading was not asked for)"
        raise InputError(f"{name}: not an object detection model that can be loaded{hint}: {error}") from None
    refusal = "not an object detection model that can be loaded"
    return processor, load_network("AutoModelForObjectDetection", name, refusal, **origin)
