"""ActionFormer's network: a pyramid of local self-attention over time, and the heads that all its levels share.

Zhang, Wu and Li, "ActionFormer: Localizing Moments of Actions with Transformers", ECCV 2022, section 3; libs/modeling
of github.com/happyharrycn/actionformer_release.
Sequences are (B, D, T), masks bool (B, 1, T): True where there is video. What is masked has no influence on the rest:
it is zero before each convolution, as the convolution's own padding is, and no attention falls on it.
"""

from functools import partial
from math import log

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import stochastic_depth


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the D of (B, D, T)."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, D, T) to the same."""
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class LocalAttention(nn.Module):
    """Self-attention of each moment with those in a window around it, on keys and queries that saw their neighbours."""

    def __init__(self, dim: int, heads: int, window: int, stride: int) -> None:
        super().__init__()
        self.heads, self.reach, self.stride = heads, window // 2, stride
        neighbours = partial(nn.Conv1d, dim, dim, 3, stride=stride, padding=1, groups=dim, bias=False)
        self.query_neighbours, self.query_norm = neighbours(), ChannelNorm(dim)
        self.key_neighbours, self.key_norm = neighbours(), ChannelNorm(dim)
        self.value_neighbours, self.value_norm = neighbours(), ChannelNorm(dim)
        self.key, self.query, self.value = (nn.Conv1d(dim, dim, 1) for _ in range(3))
        self.projection = nn.Conv1d(dim, dim, 1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, D, T) with its mask to (B, D, T / stride)."""
        x = x * mask
        query = self.query(self.query_norm(self.query_neighbours(x)))
        key = self.key(self.key_norm(self.key_neighbours(x)))
        value = self.value(self.value_norm(self.value_neighbours(x)))
        # one (T', T') mask instead of the authors' chunks of a band: a few thousand moments make a small matrix
        place = torch.arange(query.shape[2], device=x.device)
        distance = (place[:, None] - place).abs()
        own = distance == 0  # a moment of padding looks at itself: a softmax over nothing is not a number
        near = (distance <= self.reach) & mask[:, :, None, :: self.stride] | own
        query, key, value = (part.unflatten(1, (self.heads, -1)).transpose(2, 3) for part in (query, key, value))
        out = functional.scaled_dot_product_attention(query, key, value, attn_mask=near)
        projected: Tensor = self.projection(out.transpose(2, 3).flatten(1, 2))
        return projected * mask[:, :, :: self.stride]


class ScaledPath(nn.Module):
    """A branch times a learnt scale for each channel, small at first; in training left out for some buffers."""

    def __init__(self, dim: int, drop: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((1, dim, 1), 1e-4))
        self.drop = drop

    def forward(self, x: Tensor) -> Tensor:
        """(B, D, T) to the same."""
        out: Tensor = stochastic_depth(self.scale * x, self.drop, "row", training=self.training)
        return out


class Block(nn.Module):
    """Pre-norm transformer block: local attention, then two layers on each moment; a stride of 2 halves the moments."""

    def __init__(self, dim: int, heads: int, window: int, drop_path: float, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.norm_1, self.norm_2 = ChannelNorm(dim), ChannelNorm(dim)
        self.attention = LocalAttention(dim, heads, window, stride)
        self.layers = nn.Sequential(nn.Conv1d(dim, 4 * dim, 1), nn.GELU(), nn.Conv1d(4 * dim, dim, 1))
        self.path_1, self.path_2 = ScaledPath(dim, drop_path), ScaledPath(dim, drop_path)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, D, T) with its mask to (B, D, T / stride)."""
        kept = mask[:, :, :: self.stride]
        shortcut = x
        if self.stride > 1:
            shortcut = functional.max_pool1d(x.masked_fill(~mask, -torch.inf), 3, self.stride, padding=1)
        out: Tensor = shortcut.masked_fill(~kept, 0.0) + self.path_1(self.attention(self.norm_1(x), mask))
        out = out + self.path_2(self.layers(self.norm_2(out)) * kept)
        return out


class Pyramid(nn.Module):
    """Features of moments to a pyramid of sequences, each of half as many moments as the one below."""

    def __init__(
        self, inputs: int, dim: int, *, levels: int, heads: int, window: int, drop_path: float, convolutions: int = 2
    ) -> None:
        super().__init__()
        sizes = [inputs] + [dim] * convolutions
        self.embedding = nn.ModuleList(nn.Conv1d(sizes[i], dim, 3, padding=1, bias=False) for i in range(convolutions))
        self.embedding_norms = nn.ModuleList(ChannelNorm(dim) for _ in range(convolutions))
        block = partial(Block, dim, heads, window, drop_path)
        self.stem = nn.ModuleList(block(1) for _ in range(2))
        self.branch = nn.ModuleList(block(2) for _ in range(levels - 1))
        self.norms = nn.ModuleList(ChannelNorm(dim) for _ in range(levels))
        _zero_biases(self)

    def forward(self, x: Tensor, mask: Tensor) -> list[tuple[Tensor, Tensor]]:
        """(B, F, T) with its mask, T a multiple of 2 ** (levels - 1), to a sequence and its mask for each level."""
        for convolution, norm in zip(self.embedding, self.embedding_norms, strict=True):
            x = functional.relu(norm(convolution(x * mask)))
        for block in self.stem:
            x = block(x, mask)
        levels = [(x, mask)]
        for block in self.branch:
            x = block(x, mask)
            mask = mask[:, :, ::2]
            levels.append((x, mask))
        return [(norm(x), mask) for norm, (x, mask) in zip(self.norms, levels, strict=True)]


class Head(nn.Module):
    """Convolutions of three moments over a level, the same for all levels; the last one says `outputs` numbers."""

    def __init__(self, dim: int, outputs: int, *, layers: int = 3, prior: float | None = None) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv1d(dim, dim, 3, padding=1, bias=False) for _ in range(layers - 1))
        self.norms = nn.ModuleList(ChannelNorm(dim) for _ in range(layers - 1))
        self.last = nn.Conv1d(dim, outputs, 3, padding=1)
        _zero_biases(self)
        if prior is not None and self.last.bias is not None:
            nn.init.constant_(self.last.bias, log(prior / (1 - prior)))  # Lin et al. 2017 (RetinaNet), section 4.1

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, D, T) with its mask to (B, T, outputs)."""
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = functional.relu(norm(convolution(x * mask)))
        said: Tensor = self.last(x * mask)
        return said.transpose(1, 2)


class DistanceHead(nn.Module):
    """Distances to a segment's start and end, in steps of the level, each level with a learnt scale of its own."""

    def __init__(self, dim: int, levels: int) -> None:
        super().__init__()
        self.head = Head(dim, 2)
        self.scales = nn.Parameter(torch.ones(levels))

    def forward(self, x: Tensor, mask: Tensor, level: int) -> Tensor:
        """(B, D, T) with its mask to (B, T, 2), not negative."""
        return functional.relu(self.scales[level] * self.head(x, mask))


def _zero_biases(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv1d) and module.bias is not None:
            nn.init.zeros_(module.bias)
