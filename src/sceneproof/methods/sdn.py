"""SDN, the scene debiasing network: Choi, Gao, Messou and Huang, "Why Can't I Dance in the Mall?", NeurIPS 2019."""

from collections import OrderedDict
from dataclasses import replace
from functools import partial
from math import exp
from typing import Literal, get_args

from torch import Tensor, nn

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts, Method
from sceneproof.methods.batch_norm import second_pass
from sceneproof.methods.mixing import fewer
from sceneproof.methods.terms import cross_entropy, entropy, reverse_gradient, zero_of
from sceneproof.types import Batch, Need

Labels = Literal["soft", "hard", "none"]
Variant = Literal["paper", "released"]
Schedule = Literal["constant", "dann"]


class SDN(Method):
    """Unlearns the scene (L_Adv) and is unsure of the action where nobody is seen (L_Ent).

    Losses, all minimised, weights included: "L_CE", "L_Adv" (behind gradient reversal) and "L_Ent" (the *negative*
    entropy: the paper maximises L_Ent).

    Source: Choi et al. 2019, section 3; github.com/vt-vl-lab/SDN for `variant="released"`.
    """

    def __init__(
        self,
        backbone: Backbone,
        facts: Facts,
        *,
        scene_weight: float = 0.5,
        confusion_weight: float = 1.0,
        schedule: Schedule = "constant",
        labels: Labels = "soft",
        variant: Variant = "paper",
        alternating: bool | None = None,
        masked_batch_statistics: bool | None = None,
        masked_share: float = 1.0,
        scene_layers: int = 3,
        confusion_layers: int = 1,
        head_batch_norm: bool = True,
    ) -> None:
        """Makes the method.

        Args:
            backbone: The video network to train.
            facts: What the data knows; its scenes are those of the pseudo labels.
            scene_weight: Strength of the gradient reversal, the paper's lambda: the scene head minimises L_Adv,
                the features maximise it this many times. 0 leaves L_Adv out. The paper's full model has 0.5, its
                stage of L_Adv alone 1.
            confusion_weight: Weight of L_Ent. 0 leaves it out. With variant "released" it is the strength of the
                second gradient reversal instead, as `--alpha_hm` there.
            schedule: Of `scene_weight` alone: "constant", the paper's; or "dann": it grows from 0, as in Ganin et al.
                2016, to 2 / (1 + exp(−10 p)) − 1 times its value, where p is the share of all steps that is done.
            labels: Scene pseudo labels: "soft", the table's probabilities; "hard", their arg-max (the paper: the
                arg-max of most frames); "none" leaves L_Adv out.
            variant: What L_Ent does. "paper": features and action head together maximise the entropy of the action
                prediction on masked clips. "released", as the authors' code: a second action head does so, behind
                gradient reversal, so the features *minimise* it, and the action head never sees a masked clip.
            alternating: Whether L_Ent is an optimiser step of its own, after that of L_CE and L_Adv. By default
                what the variant does: "paper" joins all terms in one step, "released" alternates.
            masked_batch_statistics: Whether masked clips move the running statistics of batch normalisation, which
                evaluation uses. By default what the variant does: the authors' code lets them; the paper does not say,
                and models that are fine-tuned on real clips are better where they do not (docs/real-people.md).
            masked_share: Share of a batch's masked clips that L_Ent sees, drawn anew each time: with a half of them
                a step costs half as much more than plain training's.
            scene_layers: Hidden layers of the scene head.
            confusion_layers: Hidden layers of the second action head, which only variant "released" has.
            head_batch_norm: Whether a batch norm follows each hidden layer of these heads. In the authors' code so it
                is for 3D-ResNets, and is not for VGG, whose hidden layers have 4096 features.

        Raises:
            InputError: unknown `schedule`, `labels` or `variant`, a negative weight, or L_Adv without scene classes.
        """
        _check("schedule", schedule, get_args(Schedule))
        _check("labels", labels, get_args(Labels))
        _check("variant", variant, get_args(Variant))
        super().__init__(backbone, facts)
        self.scene_weight = scene_weight
        self.confusion_weight = confusion_weight
        self.labels = labels
        self.schedule = schedule
        self.begin_step(0.0)
        adversarial, confused = scene_weight > 0 and labels != "none", confusion_weight > 0
        wanted: dict[Need, bool] = {"scene": adversarial, "without_humans": confused}
        self.needs = frozenset(need for need, needed in wanted.items() if needed)
        self.alternating = variant == "released" if alternating is None else alternating
        self.masked_batch_statistics = (
            variant == "released" if masked_batch_statistics is None else masked_batch_statistics
        )
        if min(scene_weight, confusion_weight) < 0:
            raise InputError(f"SDN: weights cannot be negative: {scene_weight=}, {confusion_weight=}")
        if not 0 < masked_share <= 1:
            raise InputError(f"SDN: masked_share is above 0 and at most 1, not {masked_share}")
        self.masked_share = masked_share
        if adversarial and facts.scenes < 2:
            raise InputError(
                f"SDN: L_Adv needs scene labels of at least 2 classes, not {facts.scenes}: give a scene table, "
                f"or leave the term out with scene_weight 0 or labels none"
            )
        make = partial(head, backbone.dim, batch_norm=head_batch_norm)
        self.scene_head = make(facts.scenes, layers=scene_layers) if adversarial else None
        released = confused and variant == "released"
        self.confusion_head = make(facts.actions, layers=confusion_layers) if released else None

    def begin_step(self, progress: float) -> None:
        """Sets the strength of the gradient reversal of this step."""
        self.progress = progress
        grown = 2 / (1 + exp(-10 * progress)) - 1 if self.schedule == "dann" else 1.0
        self.strength = grown * self.scene_weight

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The terms of this update; a term that is left out, or whose clips are None, has no entry."""
        losses: dict[str, Tensor] = {}
        if batch.video is not None:
            features = self.features(batch.video)
            losses["L_CE"] = batch.mean(cross_entropy(self.action_head(features), batch.action))
            if self.scene_head is not None:
                losses["L_Adv"] = self._adversary(self.scene_head, features, batch)
        if batch.without_humans is not None and "without_humans" in self.needs:
            losses["L_Ent"] = self._confusion(fewer(batch, "without_humans", self.masked_share, self.progress))
        return self._with_idle_parts(losses, batch)

    def updates(self, batch: Batch) -> list[Batch]:
        """One step for all terms; where they alternate, L_CE and L_Adv first, then L_Ent."""
        if self.alternating and "without_humans" in self.needs:
            return [replace(batch, without_humans=None), replace(batch, video=None)]
        return [batch]

    def _adversary(self, scene_head: nn.Module, features: Tensor, batch: Batch) -> Tensor:
        assert batch.scene is not None
        target = batch.scene if self.labels == "soft" else batch.scene.argmax(dim=1)
        logits = scene_head(reverse_gradient(features, self.strength))
        return batch.mean(cross_entropy(logits, target), over="scene")

    def _confusion(self, batch: Batch) -> Tensor:
        without_humans = batch.without_humans
        assert without_humans is not None
        # an empty batch of twins goes through all the same: every parameter gets a gradient on each process
        moving, everywhere = self.masked_batch_statistics, batch.share("without_humans")
        with second_pass(self, len(without_humans), moving=moving, everywhere=everywhere):
            features = self.features(without_humans)
            if self.confusion_head is None:
                values = entropy(self.action_head(features))
                return -self.confusion_weight * batch.mean(values, over="without_humans")
            logits = self.confusion_head(reverse_gradient(features, self.confusion_weight))
            return -batch.mean(entropy(logits), over="without_humans")

    def _with_idle_parts(self, losses: dict[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        """Gives parts that this update does not use a zero gradient.

        Distributed training wants a gradient for every parameter, and the authors' optimiser (PyTorch 0.4) too went
        on with momentum and weight decay in the parts that a step did not use.
        """
        idle: list[nn.Module | None] = []
        if batch.video is None:
            idle = [self.action_head, self.scene_head]
        elif batch.without_humans is None:
            idle = [self.confusion_head]
        for part in idle:
            if part is not None and losses:
                name = next(reversed(losses))
                losses[name] = losses[name] + zero_of(part)
        return losses


def head(dim: int, classes: int, *, layers: int, batch_norm: bool = True) -> nn.Sequential:
    """A classifier of features (B, dim): `layers` times Linear, batch norm and ReLU of the same width, then Linear."""
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    for layer in range(layers):
        block: OrderedDict[str, nn.Module] = OrderedDict(fc=nn.Linear(dim, dim))
        if batch_norm:
            block["bn"] = nn.BatchNorm1d(dim)
        block["relu"] = nn.ReLU(inplace=True)
        parts[str(layer)] = nn.Sequential(block)
    parts["last"] = nn.Linear(dim, classes)
    return nn.Sequential(parts)


def _check(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(f"SDN: unknown {name} {value!r}; known: {', '.join(known)}")
