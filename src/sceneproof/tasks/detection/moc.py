"""MOC: Li, Wang, Wang and Wu, "Actions as Moving Points", ECCV 2020: tubelets without anchors."""

from math import ceil

import torch
from torch import Tensor, nn
from torch.nn import functional

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.tasks.detection.centres import Truths, focal, truths
from sceneproof.tasks.detection.detector import Detector
from sceneproof.types import BoxBatch, Tubelets


class MOC(Detector):
    """Finds the middle of each person in the key frame, how it moves through the clip, and a box in each frame.

    Losses: "L_center", "L_mov" and "L_box" of Li et al. 2020, equations 1 to 4.

    The paper's backbone is 2D and sees frames alone; any will do here. One that joins frames has its features stretched
    back to one a frame. A small decoder of ours stands for the paper's, which has deformable convolutions.

    Defaults are those of github.com/MCG-NJU/MOC-Detector.

    Source: Li et al. 2020, section 3.
    """

    def __init__(
        self,
        backbone: Backbone,
        facts: Facts,
        *,
        frames: int = 7,
        map_stride: int = 4,
        decoder_width: int = 64,
        head_width: int = 256,
        movement_weight: float = 1.0,
        box_weight: float = 0.1,
        kept: int = 100,
    ) -> None:
        """Makes the network.

        Args:
            backbone: Both its lower and its upper features are used.
            facts: What the data knows.
            frames: Length of the clips and tubelets, the paper's K; frame K // 2, counted from 0, is the key frame.
            map_stride: Rows and columns of the clip that a cell of the maps covers.
            decoder_width: Channels of the features that the heads see.
            head_width: Channels inside each head.
            movement_weight: Weight of "L_mov", the paper's a.
            box_weight: Weight of "L_box", the paper's b.
            kept: Tubelets of all actions, a clip.

        Raises:
            InputError: no frames, or no stride.
        """
        super().__init__(backbone, facts)
        if frames < 1 or map_stride < 1:
            raise InputError(f"MOC: frames and map_stride must be at least 1, not {frames} and {map_stride}")
        self.frames, self.map_stride, self.kept = frames, map_stride, kept
        self.movement_weight, self.box_weight = movement_weight, box_weight
        self.decoder = Decoder(backbone.lower_dim, backbone.dim, decoder_width)
        # focal loss: nearly all cells are background (CornerNet)
        self.centre_head = _head(frames * decoder_width, head_width, facts.actions, bias=-2.19)
        self.movement_head = _head(frames * decoder_width, head_width, 2 * frames)
        self.box_head = _head(decoder_width, head_width, 2)

    def losses(self, batch: BoxBatch) -> dict[str, Tensor]:
        """The three terms, as they are minimised.

        Raises:
            InputError: clips of another length than `frames`.
        """
        centre, movement, sides = self._look(batch.video)
        size = (batch.video.shape[-2], batch.video.shape[-1])
        known = truths(batch, (self.actions, *centre.shape[-2:]), size)
        return self.terms(centre, movement, sides, known)

    def terms(self, centre: Tensor, movement: Tensor, sides: Tensor, known: Truths) -> dict[str, Tensor]:
        """The three terms, of maps of one size.

        Args:
            centre: float (B, A, H', W'), before the sigmoid.
            movement: float (B, T, 2, H', W'), in cells.
            sides: float (B, T, 2, H', W'), in cells.
            known: what they should be.
        """
        present = known.present
        clip, frame = known.clip[:, None], torch.arange(present.shape[1], device=present.device)
        column, row = known.centre.unbind(dim=1)
        off = (movement[known.clip, :, :, row, column] - known.movement).abs().sum(dim=2)
        column, row = known.cells.unbind(dim=2)
        short = (sides[clip, frame, :, row, column] - known.sides).abs().sum(dim=2)
        coordinates = 2 * self.share(present.sum())
        return {
            "L_center": focal(centre, known.map).sum() / self.share((known.map == 1).sum()),
            "L_mov": self.movement_weight * torch.where(present, off, 0.0).sum() / coordinates,
            "L_box": self.box_weight * torch.where(present, short, 0.0).sum() / coordinates,
        }

    @torch.no_grad()
    def detect(self, video: Tensor) -> list[Tubelets]:
        """Who does what where, in each of B clips.

        Args:
            video: float (B, C, T, H, W), normalised, of `frames` frames.

        Returns:
            B times tubelets of all frames, best first, cut to the frame. Only neighbouring cells of one action are
            suppressed; the rest is left to who links tubelets.

        Raises:
            InputError: clips of another length than `frames`.
        """
        centre, movement, sides = self._look(video)
        probability = centre.sigmoid()
        peak = functional.max_pool2d(probability, 3, stride=1, padding=1) == probability
        score, place = (probability * peak).flatten(1).topk(min(self.kept, probability[0].numel()), dim=1)
        action, cell = place // peak[0, 0].numel(), place % peak[0, 0].numel()
        boxes = self._boxes(cell, movement, sides, (video.shape[-2], video.shape[-1]))
        return [
            Tubelets(
                start=torch.zeros(len(score), dtype=torch.int64).numpy(),
                boxes=some.double().cpu().numpy(),
                action=action.cpu().numpy(),
                score=score.double().cpu().numpy(),
            )
            for some, action, score in zip(boxes, action, score, strict=True)
        ]

    def _look(self, video: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Centres (B, A, H', W') before the sigmoid, movement and sides (B, T, 2, H', W') in cells."""
        if video.shape[2] != self.frames:
            raise InputError(
                f"MOC: takes clips of {self.frames} frames, not {video.shape[2]}: give such clips, or set frames"
            )
        lower = self.backbone.lower(video)
        height, width = (ceil(side / self.map_stride) for side in video.shape[-2:])
        features = self.decoder(lower, self.backbone.upper(lower), (self.frames, height, width))
        together = features.transpose(1, 2).flatten(1, 2)
        sides = self.box_head(features.transpose(1, 2).flatten(0, 1)).unflatten(0, (-1, self.frames))
        movement = self.movement_head(together).unflatten(1, (self.frames, 2))
        return self.centre_head(together).float(), movement.float(), sides.float()

    def _boxes(self, cell: Tensor, movement: Tensor, sides: Tensor, size: tuple[int, int]) -> Tensor:
        """Boxes (B, N, T, 4) in pixels, cut to the frame, of the centres in these cells (B, N) of the key frame."""
        height, width = movement.shape[-2:]
        clip = torch.arange(len(cell), device=cell.device)[:, None]
        frame = torch.arange(self.frames, device=cell.device)
        key = torch.stack([cell % width, cell // width], dim=-1)[:, :, None]
        shift = movement[clip, :, :, key[:, :, 0, 1], key[:, :, 0, 0]]
        centre = key + shift
        limit = torch.tensor([width - 1, height - 1], device=cell.device)
        at = torch.where((frame == self.frames // 2)[:, None], key, centre.long()).clamp(min=0).minimum(limit)
        half = sides[clip[..., None], frame, :, at[..., 1], at[..., 0]].clamp(min=0) / 2
        scale = torch.tensor([size[1] / width, size[0] / height], device=cell.device)
        whole = torch.tensor([size[1], size[0]], device=cell.device, dtype=scale.dtype).repeat(2)
        boxes = torch.cat([(centre - half) * scale, (centre + half) * scale], dim=-1)
        return boxes.clamp(min=0).minimum(whole)


class Decoder(nn.Module):
    """A backbone's lower and upper features, joined at one feature a frame and a finer map."""

    def __init__(self, lower_dim: int, upper_dim: int, width: int) -> None:
        super().__init__()
        self.lower = nn.Conv3d(lower_dim, width, 1)
        self.upper = nn.Conv3d(upper_dim, width, 1)
        self.smooth = nn.Sequential(nn.ReLU(), nn.Conv3d(width, width, (1, 3, 3), padding=(0, 1, 1)), nn.ReLU())

    def forward(self, lower: Tensor, upper: Tensor, size: tuple[int, int, int]) -> Tensor:
        """Features (B, width, *size) of (B, D', T', H', W') and (B, D, T", H", W"), stretched linearly."""
        parts = [self.lower(lower), self.upper(upper)]
        joined = torch.stack([functional.interpolate(part, size=size, mode="trilinear") for part in parts]).sum(dim=0)
        smooth: Tensor = self.smooth(joined)
        return smooth


def _head(inputs: int, width: int, outputs: int, *, bias: float = 0.0) -> nn.Sequential:
    last = nn.Conv2d(width, outputs, 1)
    last.state_dict()["bias"].fill_(bias)
    return nn.Sequential(nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU(inplace=True), last)
