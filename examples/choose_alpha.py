"""How much of the counterfactual answer a trained CDN is to take out, by its validation videos, which are in context.

    python examples/choose_alpha.py RUN MANIFEST

Says the accuracy for each alpha and writes the best one, the smallest of equals, into the run's weights: `evaluate`,
`audit` and the app ask it with that alpha from then on. Nothing is trained.
"""

import sys
from pathlib import Path

import torch

from sceneproof.data.dataset import Labelled, TestClips
from sceneproof.data.manifest import Manifest, refuse_out_of_context
from sceneproof.errors import InputError
from sceneproof.methods import CDN, Method
from sceneproof.metrics.accuracy import top_k
from sceneproof.run import Run
from sceneproof.tasks.classification.predicting import predict
from sceneproof.tasks.classification.task import clip_of

STRENGTHS = [step / 10 for step in range(11)]
"""Those that the authors try, on their test set."""


def choose(folder: Path, manifest: Path, *, split: str = "validation", clips: int = 3) -> dict[float, float]:
    """Top-1 accuracy on the split by alpha; the run's weights have the best alpha afterwards.

    Raises:
        InputError: a run of another method, or a split out of context.
    """
    run, part = Run.open(folder), Manifest.read(manifest).split(split)
    refuse_out_of_context(part)
    method = run.trained(Method)
    if not isinstance(method, CDN) or method.bias != "still":
        raise InputError(f"{folder}: only a CDN with bias still has an alpha in its answer")
    asked = TestClips(Labelled.gather(part, run.actions), clip_of(run), clips)
    actions, accuracy = part.action_numbers(run.actions), {}
    for alpha in STRENGTHS:
        method.alpha.fill_(alpha)
        scores = predict(method, asked, torch.device("cpu"), quiet=True).scores
        accuracy[alpha] = top_k(scores, actions, 1)
    method.alpha.fill_(max(accuracy, key=accuracy.__getitem__))
    run.save_weights(method)
    return accuracy


if __name__ == "__main__":
    figures = choose(Path(sys.argv[1]), Path(sys.argv[2]))
    for alpha, top1 in figures.items():
        print(f"alpha {alpha:.1f}: {top1:.1%}")
    print(f"taken: {max(figures, key=figures.__getitem__)}")
