"""timm's plain vision transformers (ViT, DeiT, CLIP, SigLIP, DINOv2) as sequences of modules from map to map.

Their tokens are of patches, which make a map, and a few that are of no place: class token, registers. These stand
beside every patch as more channels, so that features between two blocks are a map (N, C (1 + P), H, W) and nothing is
lost.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

HEAD = ("attn_pool", "fc_norm", "head_drop", "head")
"""What follows the last normalisation; left out."""
KIND = "VisionTransformer"
"""Their class in timm; networks of its subclasses are taken where they compute alike."""


def tokens_of(maps: Tensor, prefix: int) -> Tensor:
    """Tokens (N, P + H W, C) of maps (N, C (1 + P), H, W)."""
    width = maps.shape[1] // (1 + prefix)
    patches, beside = maps[:, :width].flatten(2).transpose(1, 2), maps[:, width:, 0, 0]
    return torch.cat([beside.reshape(len(maps), prefix, width), patches], dim=1)


def maps_of(tokens: Tensor, prefix: int, grid: Sequence[int], *, beside: bool = True) -> Tensor:
    """Maps (N, C (1 + P), H, W) of tokens (N, P + H W, C); without what is of no place, (N, C, H, W)."""
    patches = tokens[:, prefix:].transpose(1, 2).reshape(len(tokens), -1, *grid)
    if not beside:
        return patches
    others = tokens[:, :prefix].flatten(1)[:, :, None, None].expand(-1, -1, *grid)
    return torch.cat([patches, others], dim=1)


class _Embedding(nn.Module):
    """Pictures to a map of tokens: the network itself, without blocks and what follows them."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def grid(self, pictures: Tensor) -> tuple[int, int]:
        height, width = self.network.patch_embed.patch_size
        return pictures.shape[2] // height, pictures.shape[3] // width

    def forward(self, pictures: Tensor) -> Tensor:
        tokens = self.network.forward_features(pictures)
        return maps_of(tokens, self.network.num_prefix_tokens, self.grid(pictures))


class _OnTokens(nn.Module):
    """A module of tokens, on a map of them."""

    def __init__(self, module: nn.Module, prefix: int, *, last: bool = False) -> None:
        super().__init__()
        self.module, self.prefix, self.last = module, prefix, last

    def forward(self, maps: Tensor) -> Tensor:
        tokens = self.module(tokens_of(maps, self.prefix))
        return maps_of(tokens, self.prefix, maps.shape[2:], beside=not self.last)


class Patches(nn.Module):
    """A vision transformer as what makes its tokens, its blocks, and its last normalisation."""

    def __init__(self, network: Any) -> None:
        """Takes a network of timm's apart.

        Args:
            network: such that `is_transformer` of it is true.
        """
        super().__init__()
        prefix = network.num_prefix_tokens
        blocks, norm = network.blocks, network.norm
        network.blocks, network.norm = nn.Sequential(), nn.Identity()
        for name in HEAD:
            setattr(network, name, nn.Identity())
        self.embed = _Embedding(network)
        self.blocks = nn.Sequential(*(_OnTokens(block, prefix) for block in blocks))
        self.norm = _OnTokens(norm, prefix, last=True)

    def pooled(self, tokens: Tensor, picture: Tensor) -> Tensor:
        """The map (N, C, H, W) of the last tokens of a picture, without those that are of no place."""
        return maps_of(tokens, self.norm.prefix, self.embed.grid(picture), beside=False)

    @staticmethod
    def named(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A state dict of timm's under the names here, without the head."""
        made: dict[str, Tensor] = {}
        for key, value in state.items():
            first, *rest = key.split(".")
            if first == "blocks" and rest:
                made[".".join(["blocks", rest[0], "module", *rest[1:]])] = value
            elif first == "norm":
                made[".".join(["norm", "module", *rest])] = value
            elif first not in HEAD:
                made[f"embed.network.{key}"] = value
        return made


def is_transformer(network: nn.Module) -> bool:
    """Whether a network is one of timm's plain vision transformers."""
    kinds = [kind.__name__ for kind in type(network).__mro__ if kind.__module__.startswith("timm.")]
    embedding = getattr(network, "patch_embed", None)
    return KIND in kinds and type(embedding).__name__ == "PatchEmbed"  # others cut patches of features
