"""DEVIAS: Bae, Ahn, Kim and Choi, "DEVIAS: Learning Disentangled Video Representations of Action and Scene"."""

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts, Method, Output
from sceneproof.methods.terms import cross_entropy, entropy_of
from sceneproof.types import Batch, Need

Mask = Literal["people", "none"]
Form = Literal["paper", "released"]


class DEVIAS(Method):
    """Reads two slots from the places of a clip, one of the action and one of the scene, and keeps them apart.

    Two learned queries attend to the features of all places, which are shared out between them. One linear layer says
    of each slot which action or scene it is; of the two ways to give slots to the clip's action and scene, the likelier
    one is learnt.

    Losses: "L_action", cross entropy of the action slot; "L_scene", divergence of the scene slot from the soft scene
    label; "L_cos", the cosine of the slots; with mask "people" also "L_attention", how far the action slot's attention
    is from where people are, and "L_mask", how far a mask that is predicted from the action slot is.

    Source: Bae et al., ECCV 2024, sections 3.2 to 3.4. Written from a description of the equations; nothing of the
    authors' code, which is not free for all use, was read for it.
    """

    def __init__(
        self,
        backbone: Backbone,
        facts: Facts,
        *,
        mask: Mask = "people",
        scene_weight: float = 5.2,
        cosine_weight: float = 1.0,
        attention_weight: float = 1.0,
        mask_weight: float = 1.0,
        depth: int = 4,
        heads: int = 4,
        head_width: int = 512,
        mask_size: int = 14,
        scene_loss: Form = "paper",
        mask_loss: Form = "paper",
    ) -> None:
        """Makes the method.

        Args:
            backbone: The video network to train.
            facts: What the data knows; its scenes are those of the soft labels.
            mask: What the action slot is shown to be of: where people are ("people"; the authors estimate it from
                motion), or nothing ("none").
            scene_weight: Of L_scene. The authors' 4000, over their 765 classes (see `scene_loss`), is 5.2.
            cosine_weight: Of L_cos.
            attention_weight: Of L_attention.
            mask_weight: Of L_mask.
            depth: How often the slots attend, with the same weights: 4 on UCF-101, 8 on Kinetics-400.
            heads: Of the attention.
            head_width: Features of each head.
            mask_size: Rows and columns of the mask that is predicted.
            scene_loss: "paper": the divergence in nats; "released": as the authors' code averages it, over the number
                of actions and scenes, which wants a scene_weight of 4000.
            mask_loss: "paper": cross entropy of the predicted mask; "released": with a second sigmoid, as in the
                authors' code, so that it is never below 0.31 for a person's place and 0.69 for another.

        Raises:
            InputError: an unknown word, a number out of range, or no scene labels of at least two classes.
        """
        super().__init__(backbone, facts)
        _check(mask, scene_loss, mask_loss, min(scene_weight, cosine_weight, attention_weight, mask_weight))
        if min(depth, heads, head_width, mask_size) < 1:
            raise InputError(f"DEVIAS: at least 1 each: {depth=}, {heads=}, {head_width=}, {mask_size=}")
        if facts.scenes < 2:
            raise InputError(
                f"DEVIAS: its second slot needs scene labels of at least 2 classes, not {facts.scenes}: give "
                f"--scenes TABLE"
            )
        wanted: dict[Need, bool] = {"scene": True, "people": mask == "people"}
        self.needs = frozenset(need for need, needed in wanted.items() if needed)
        self.scene_weight, self.cosine_weight = scene_weight, cosine_weight
        self.attention_weight, self.mask_weight = attention_weight, mask_weight
        self.scene_loss, self.mask_loss, self.mask_size = scene_loss, mask_loss, mask_size
        self.slots = Slots(backbone.dim, depth=depth, heads=heads, head_width=head_width)
        self.action_head = nn.Linear(backbone.dim, facts.actions + facts.scenes)  # actions first, then scenes
        self.mask_head = predictor(backbone.dim, mask_size) if mask == "people" else None

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The terms, weights included."""
        assert batch.video is not None
        assert batch.scene is not None
        places = self.backbone(batch.video)
        slots, attention = self.slots(places)
        logits = self.action_head(slots)
        chosen, clip = self.matched(logits, batch.action, batch.scene), torch.arange(len(slots), device=slots.device)
        divergence = scene_term(logits[clip, 1 - chosen], batch.scene, self.scene_loss)
        losses = {
            "L_action": batch.mean(cross_entropy(logits[clip, chosen], batch.action)),
            "L_scene": self.scene_weight * batch.mean(divergence, over="scene"),
            "L_cos": self.cosine_weight * batch.mean(functional.cosine_similarity(slots[:, 0], slots[:, 1], dim=1)),
        }
        if self.mask_head is not None:
            assert batch.people is not None
            people = batch.people[:, None].float()
            around = functional.adaptive_avg_pool3d(people, places.shape[2:]).flatten(1)
            whole = functional.adaptive_avg_pool3d(people, (1, self.mask_size, self.mask_size)).flatten(1)
            predicted = self.mask_head(slots[clip, chosen])
            values = {
                "L_attention": self.attention_weight * attention_term(attention[clip, :, chosen], around),
                "L_mask": self.mask_weight * mask_term(predicted, whole, self.mask_loss),
            }
            losses |= {name: batch.mean(value, over="people") for name, value in values.items()}
        return losses

    def matched(self, logits: Tensor, action: Tensor, scene: Tensor) -> Tensor:
        """Which slot is the action's, int64 (B,): the likelier of the two ways to share out a clip's labels.

        Args:
            logits: (B, 2, A + S).
            action: int64 (B,).
            scene: (B, S), soft labels; zero where there is none, and the action alone decides.
        """
        likely = logits.detach().float().softmax(dim=2)
        clip = torch.arange(len(action), device=action.device)
        of_scene = likely[clip, :, self.actions + scene.argmax(dim=1)] * scene.any(dim=1)[:, None]
        return likelier(likely[clip, :, action], of_scene)

    def answer(self, video: Tensor) -> Output:
        """The actions' scores of the action slot: which of the two it is, their most probable classes say."""
        slots, _ = self.slots(self.backbone(video))
        logits = self.action_head(slots)
        likely = logits.float().softmax(dim=2)
        chosen = likelier(likely[..., : self.actions].amax(dim=2), likely[..., self.actions :].amax(dim=2))
        clip = torch.arange(len(slots), device=slots.device)
        return Output(logits[clip, chosen, : self.actions], slots[clip, chosen])

    def scores(self, video: Tensor) -> Tensor:
        """Action scores before softmax (B, A)."""
        return self.answer(video).scores


class Slots(nn.Module):
    """Two slots (B, 2, D) from the features of places (B, D, T', H', W'), and their last attention (B, heads, 2, N).

    Queries attend `depth` times with the same weights. What a place has to say is shared out between the slots (softmax
    over slots), then each slot takes the mean of what it has got, and a feed-forward layer follows.
    """

    def __init__(self, dim: int, *, depth: int, heads: int, head_width: int) -> None:
        super().__init__()
        self.depth, self.heads, inner = depth, heads, heads * head_width
        self.queries = nn.Parameter(torch.randn(2, dim) * dim**-0.5)
        self.place_norm, self.slot_norm, self.norm = (nn.LayerNorm(dim) for _ in range(3))
        self.query, self.key, self.value = (nn.Linear(dim, inner, bias=False) for _ in range(3))
        self.out = nn.Linear(inner, dim)
        self.feed = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """The slots and the attention; over the slots, a place's attention sums to 1."""
        tokens = self.place_norm(places.flatten(2).transpose(1, 2))
        key, value = self._by_head(self.key(tokens)), self._by_head(self.value(tokens))
        slots = self.queries.expand(len(places), -1, -1)
        for _ in range(self.depth):
            query = self._by_head(self.query(self.slot_norm(slots)))
            attention = (query @ key.transpose(2, 3) * query.shape[3] ** -0.5).softmax(dim=2)
            mean = attention / (attention.sum(dim=3, keepdim=True) + 1e-7)
            slots = slots + self.out((mean @ value).transpose(1, 2).flatten(2))
            slots = slots + self.feed(slots)
        return self.norm(slots), attention

    def _by_head(self, values: Tensor) -> Tensor:
        """(B, N, heads · width) as (B, heads, N, width)."""
        return values.reshape(*values.shape[:2], self.heads, -1).transpose(1, 2)


def likelier(of_action: Tensor, of_scene: Tensor) -> Tensor:
    """Which of two slots is the action's, int64 (B,), by their likelihoods of the action and of the scene, (B, 2)."""
    straight, crossed = of_action[:, 0] + of_scene[:, 1], of_action[:, 1] + of_scene[:, 0]
    return (crossed > straight).long()


def scene_term(logits: Tensor, scene: Tensor, form: Form = "paper") -> Tensor:
    """Divergence KL(scene ‖ softmax(logits)) in nats, (B,); over the number of classes in its released form.

    Args:
        logits: (B, A + S), of the scene slot.
        scene: (B, S), probabilities, to which the actions are added with none; or (B, A + S).
        form: see `DEVIAS`.
    """
    target = functional.pad(scene, (logits.shape[1] - scene.shape[1], 0))
    divergence = cross_entropy(logits, target) - entropy_of(target)
    return divergence / logits.shape[1] if form == "released" else divergence


def attention_term(attention: Tensor, mask: Tensor) -> Tensor:
    """Mean squared difference, (B,), of a slot's attention (B, heads, N), averaged over heads, and a mask (B, N)."""
    return (attention.float().mean(dim=1) - mask).square().mean(dim=1)


def mask_term(logits: Tensor, mask: Tensor, form: Form = "paper") -> Tensor:
    """Cross entropy in nats of a predicted mask, (B,), mean over its places.

    Args:
        logits: (B, N), before the sigmoid.
        mask: (B, N), from 0 to 1.
        form: see `DEVIAS`.
    """
    logits = logits.float().sigmoid() if form == "released" else logits.float()
    return functional.binary_cross_entropy_with_logits(logits, mask, reduction="none").mean(dim=1)


def predictor(dim: int, size: int) -> nn.Sequential:
    """From a slot (B, D) to the logits of a mask, (B, size²)."""
    first, second, last = nn.Linear(dim, 512), nn.Linear(512, 256), nn.Linear(256, size * size)
    return nn.Sequential(first, nn.ReLU(inplace=True), second, nn.ReLU(inplace=True), last)


def _check(mask: str, scene_loss: str, mask_loss: str, least_weight: float) -> None:
    for name, word, known in (("mask", mask, Mask), ("scene_loss", scene_loss, Form), ("mask_loss", mask_loss, Form)):
        if word not in get_args(known):
            raise InputError(f"DEVIAS: unknown {name} {word!r}; known: {', '.join(get_args(known))}")
    if least_weight < 0:
        raise InputError("DEVIAS: weights cannot be negative")
