"""A small training that takes seconds: the ground of the tests of train, evaluate, study and the command line."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from sceneproof.backbones.base import Backbone
from sceneproof.backbones.resnet3d import ResNet3D
from sceneproof.data.dataset import ClipSettings
from sceneproof.data.manifest import Manifest
from sceneproof.methods.base import Facts, Method
from sceneproof.methods.sdn import SDN
from sceneproof.optimisation import Optimisation
from sceneproof.run import Run
from sceneproof.tasks import Classification
from sceneproof.train import train
from tests.videos import make_boxes, make_manifest, make_scenes

SMALL = partial(ResNet3D, depth=10, width=4)


class Unlike(ResNet3D):
    """A backbone with what ours have not: dropout, and a convolution of pictures."""

    def __init__(self) -> None:
        super().__init__(depth=10, width=4)
        self.dropout = nn.Dropout(0.5)
        self.picture = nn.Conv2d(self.dim, self.dim, 1)

    def forward(self, video: Tensor) -> Tensor:
        features: Tensor = self.dropout(super().forward(video))
        pictures = features.transpose(1, 2)
        return self.picture(pictures.flatten(0, 1)).unflatten(0, pictures.shape[:2]).transpose(1, 2)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Small:
    """A data set of 16 training clips of two actions, with scene labels and boxes."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> "Small":
        manifest = make_manifest(folder, clips=8)
        make_scenes(manifest, folder / "scenes.parquet")
        make_boxes(manifest, folder / "boxes.parquet")
        return cls(folder)

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.parquet"

    def out_of_context(self, split: str) -> Path:
        """A manifest whose validation videos are out of context, in a split of another name."""
        table = Manifest.read(self.manifest)
        there = table.rows["split"] == "validation"
        table.rows.loc[there, ["split", "context"]] = split, "out"
        table.write(self.folder / f"{split}.parquet")
        return self.folder / f"{split}.parquet"

    @property
    def scenes(self) -> Path:
        return self.folder / "scenes.parquet"

    @property
    def boxes(self) -> Path:
        return self.folder / "boxes.parquet"

    def train(
        self,
        out: Path,
        *,
        method: Callable[[Backbone, Facts], Method] = SDN,
        backbone: Callable[[], Backbone] = SMALL,
        optimisation: dict[str, Any] | None = None,
        **more: Any,
    ) -> Run:
        """Four epochs of four steps, unless said otherwise."""
        settings = replace(
            Optimisation(
                epochs=4, batch=4, optimizer="adamw", lr=1e-3, schedule="cosine", checkpoint_every=3, log_every=2
            ),
            **{"trackers": (), **(optimisation or {})},
        )
        of_task: dict[str, Any] = {"clip": ClipSettings(8, 1, 32), "validation_clips": 1}
        of_task |= {name: more.pop(name) for name in ("clip", "validation_clips", "shuffle_scenes") if name in more}
        arguments: dict[str, Any] = {
            "scenes": self.scenes, "humans": self.boxes, "task": Classification(**of_task), "quiet": True, **more,
        }  # fmt: skip
        return train(
            arguments.pop("manifest", self.manifest),
            out,
            method=method,
            backbone=backbone,
            optimisation=settings,
            **arguments,
        )
