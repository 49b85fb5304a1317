"""Training in two processes, each with half of a batch: what they make of it together, as JSON by method.

The test beside it holds it against one process that has the whole batch.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from sceneproof.methods import (
    ALBAR,
    BE,
    CDN,
    DEVIAS,
    JTT,
    SDN,
    Factor,
    Facts,
    GroupDRO,
    LearnedMixin,
    LfF,
    Method,
    Plain,
    ReBias,
    RUBi,
)
from sceneproof.types import Batch
from tests.methods.batches import per_channel, random_batch

FACTS = Facts(
    actions=5,
    scenes=6,
    groups=3,
    rows=5,
    action_of_row=torch.arange(5) % 5,
    group_of_row=torch.tensor([0, 0, 1, 2, 2]),
)


def second_stage() -> JTT:
    """JTT in the last one of two epochs."""
    method = JTT(per_channel(), FACTS)
    method.begin_epoch(1, 2)
    return method


MAKE: dict[str, Callable[[], Method]] = {
    "ALBAR": lambda: ALBAR(per_channel(), FACTS, still="masked"),
    "BE": lambda: BE(per_channel(), FACTS, consistency=1.0),
    "CDN": lambda: CDN(per_channel(), FACTS, bias="without_humans"),
    "DEVIAS": lambda: DEVIAS(per_channel(), FACTS, mask="none", depth=2, heads=1, head_width=3),
    "JTT": lambda: JTT(per_channel(), FACTS),
    "JTT, second stage": second_stage,
    "Factor": lambda: Factor(per_channel(), FACTS),
    "GroupDRO": lambda: GroupDRO(per_channel(), FACTS, step_size=1.0),
    "LearnedMixin": lambda: LearnedMixin(per_channel(), FACTS, bias="without_humans"),
    "LfF": lambda: LfF(per_channel(), FACTS),
    "RUBi": lambda: RUBi(per_channel(), FACTS, bias="without_humans"),
    "ReBias": lambda: ReBias(per_channel(), FACTS),
    "SDN": lambda: SDN(per_channel(), FACTS, scene_layers=0),
    "Plain": lambda: Plain(per_channel(), FACTS, masked_weight=1.0),
}


def whole() -> Batch:
    """Five clips, of which three have a masked twin: no half has as many as the other."""
    made = random_batch(count=5, twins=3)
    assert made.video is not None
    return replace(made, group=FACTS.group_of_row, second=made.video.flip(0))


def part(batch: Batch, rows: list[int]) -> Batch:
    """Some rows of a batch."""
    assert batch.video is not None
    assert batch.scene is not None
    assert batch.without_humans is not None
    assert batch.group is not None
    assert batch.second is not None
    twins = [row for row in rows if row < len(batch.without_humans)]
    return replace(
        batch,
        video=batch.video[rows],
        action=batch.action[rows],
        row=batch.row[rows],
        scene=batch.scene[rows],
        group=batch.group[rows],
        second=batch.second[rows],
        without_humans=batch.without_humans[twins],
        has={name: there[rows] for name, there in batch.has.items()},
    )


def trained(name: str, batch: Batch) -> tuple[Method, dict[str, list[float]]]:
    """A method after two looks at a batch, with the gradient of the second one by parameter."""
    torch.manual_seed(0)
    method = MAKE[name]()
    for _ in range(2):
        method.zero_grad()
        torch.autograd.backward(torch.stack(list(method(batch).values())).sum())
    return method, {
        key: each.grad.flatten().tolist() for key, each in method.named_parameters() if each.grad is not None
    }


def state(method: Method) -> dict[str, list[float]]:
    return {name: values.float().flatten().tolist() for name, values in method.named_buffers()}


def train_together(rank: int, folder: Path) -> None:
    """One of two processes: writes what it has in the end as FOLDER/RANK.json."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder / 'meet'}", rank=rank, world_size=2)
    results = {}
    for name in MAKE:
        method, gradients = trained(name, part(whole(), [[0, 2, 4], [1, 3]][rank]))
        means = {}
        for key, values in gradients.items():
            total = torch.tensor(values)
            torch.distributed.all_reduce(total)
            means[key] = (total / 2).tolist()
        results[name] = {"gradients": means, "state": state(method)}
    (folder / f"{rank}.json").write_text(json.dumps(results))
    torch.distributed.destroy_process_group()
