"""R-C3D's proposal net: where something may be done, whatever it is."""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import nms

from sceneproof.tasks.localization.anchors import moved


class ProposalNet(nn.Module):
    """Scores and offsets of A anchors around each feature in time.

    Two 3x3x3 convolutions each halve rows and columns, rounded up; the maximum over what is left makes one vector a
    feature in time. The released code's last max-pool takes 2 x 2, which is all that frames of 112 x 112 leave; taking
    all there is, the net works at any size, down to 1 x 1.

    Source: Xu et al. 2017, section 3.2; `rpn.py`.
    """

    def __init__(self, dim: int, anchors: int, width: int) -> None:
        """Builds the net.

        Args:
            dim: D', channels of the features.
            anchors: A.
            width: Channels of its convolutions.
        """
        super().__init__()
        self.conv1 = nn.Conv3d(dim, width, 3, stride=(1, 2, 2), padding=1)
        self.conv2 = nn.Conv3d(width, width, 3, stride=(1, 2, 2), padding=1)
        self.scores = nn.Conv1d(width, 2 * anchors, 1)
        self.offsets = nn.Conv1d(width, 2 * anchors, 1)
        for name, parameter in self.named_parameters():
            nn.init.normal_(parameter, std=0.0 if name.endswith("bias") else 0.01)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Of features (B, D', T', H', W'): scores of background and of segment, before softmax, and offsets.

        Both are (B, T' A, 2), ordered as the anchors are.
        """
        hidden = functional.relu(self.conv2(functional.relu(self.conv1(features)))).amax(dim=(3, 4))
        scores = self.scores(hidden).unflatten(1, (2, -1)).permute(0, 3, 2, 1)  # all backgrounds first, as theirs
        offsets = self.offsets(hidden).unflatten(1, (-1, 2)).permute(0, 3, 1, 2)
        return scores.flatten(1, 2).float(), offsets.flatten(1, 2).float()


@torch.no_grad()
def propose(
    anchors: Tensor, scores: Tensor, offsets: Tensor, *, end: float, before: int, threshold: float, after: int
) -> Tensor:
    """Proposals (K, 2) of one buffer, best first, without those that a better one overlaps.

    Args:
        anchors: float (N, 2).
        scores: float (N, 2), of background and of segment, before softmax.
        offsets: float (N, 2).
        end: where the buffer ends; what reaches beyond is cut, and left out if less than a frame remains.
        before: how many to take into non-maximum suppression.
        threshold: tIoU above which the worse of two goes.
        after: how many to keep.

    Source: `proposal_layer.py`.
    """
    found = moved(anchors, offsets).clamp(0, end)
    whole = torch.nonzero(found[:, 1] - found[:, 0] >= 1)[:, 0]
    score = (scores[:, 1] - scores[:, 0])[whole]  # orders as the probability does, and does not saturate
    order = score.argsort(descending=True, stable=True)[:before]
    best = found[whole[order]]
    start, stop = best.unbind(dim=1)
    boxes = torch.stack([start, torch.zeros_like(start), stop, torch.ones_like(start)], dim=1)
    return best[nms(boxes, score[order], threshold)[:after]]
