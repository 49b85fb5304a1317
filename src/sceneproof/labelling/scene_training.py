"""Training of the small scene classifier."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from sceneproof import locks
from sceneproof.errors import InputError
from sceneproof.labelling.pictures import categories, read_pictures
from sceneproof.labelling.scene_network import SceneNetwork, SceneNetworkFacts, build, logits, save, to_tensor
from sceneproof.progress import progress

BATCH = 32
LABEL_SMOOTHING = 0.1
HELD_OUT_SHARE = 0.2
BINS = 15


@locks.alone(locks.beside_out)
def train_scene_network(
    pictures: Path,
    out: Path,
    *,
    held_out: Path | None = None,
    size: int = 64,
    epochs: int = 20,
    learning_rate: float = 3e-3,
    seed: int = 0,
    quiet: bool = False,
) -> SceneNetwork:
    """Trains a small scene classifier on labelled pictures.

    Cross entropy with label smoothing .1 (Szegedy et al. 2016), AdamW, one cycle of the learning rate. The posteriors
    are then softened or sharpened by the one temperature with the lowest cross entropy on held-out pictures (Guo et
    al. 2017), so that a posterior of .7 is right about 7 times in 10. The same seed, pictures and number of threads
    give the same file.

    Args:
        pictures: Folder with one sub-folder a scene category, holding its pictures (*.png, *.jpg).
        out: The file to write (.safetensors).
        held_out: Such a folder of other pictures, to measure accuracy and fit the temperature on. By default a fifth
            of each category is held out.
        size: Pictures and frames are stretched to this height and width, in pixels.
        epochs: Passes over the pictures.
        learning_rate: The highest of the cycle.
        seed: Decides initial weights, order, augmentation and which pictures are held out.
        quiet: Show no progress.

    Returns:
        The trained network, which is a labeller; `facts` holds its held-out accuracy and calibration.

    Raises:
        InputError: a folder without categories, a category with too few pictures, or a picture that cannot be read.
    """
    generator = torch.Generator().manual_seed(seed)
    names = categories(pictures)
    pixels, labels, _ = read_pictures(pictures, names, size=size)
    if held_out is None:
        test = _fifth(labels, names, pictures, generator)
        test_pixels, test_labels = pixels[test], labels[test]
        pixels, labels = np.delete(pixels, test, axis=0), np.delete(labels, test)
    else:
        test_pixels, test_labels, _ = read_pictures(held_out, names, size=size)
    layers = _fit(pixels, labels, len(names), epochs, learning_rate, generator, quiet)
    answers, truth = logits(layers.eval(), test_pixels), torch.from_numpy(test_labels)
    temperature = best_temperature(answers, truth)
    posteriors = torch.softmax(answers / temperature, dim=1)
    facts = SceneNetworkFacts(
        names=names,
        size=size,
        temperature=temperature,
        accuracy=(answers.argmax(1) == truth).double().mean().item(),
        cross_entropy=functional.cross_entropy(answers / temperature, truth).item(),
        calibration_error=calibration_error(posteriors, truth),
        held_out=len(test_labels),
        trained_on=len(labels),
        epochs=epochs,
        seed=seed,
    )
    save(out, layers, facts)
    network = SceneNetwork(out)
    if not quiet:
        print(f"{out}: {network.title}; calibration error {facts.calibration_error:.1%}")
    return network


def best_temperature(logits: Tensor, truth: Tensor) -> float:
    """The temperature, of 201 between 1/8 and 8, with the lowest cross entropy of (N, S) logits (Guo et al. 2017)."""
    choices = torch.logspace(-3, 3, 201, base=2)
    losses = torch.stack([functional.cross_entropy(logits / choice, truth) for choice in choices])
    return choices[losses.argmin()].item()


def calibration_error(posteriors: Tensor, truth: Tensor) -> float:
    """Expected calibration error over 15 equal bins of confidence, 0 to 1 (Guo et al. 2017, equation 3)."""
    confidence, guess = posteriors.max(dim=1)
    bins = (confidence * BINS).long().clamp(max=BINS - 1)
    gaps = torch.zeros(BINS, dtype=torch.float64)
    gaps.index_add_(0, bins, (guess == truth).double() - confidence.double())
    return (gaps.abs().sum() / len(truth)).item()


def _fifth(labels: NDArray[np.int64], names: list[str], root: Path, generator: torch.Generator) -> NDArray[np.int64]:
    chosen = []
    for label, name in enumerate(names):
        rows = np.flatnonzero(labels == label)
        if len(rows) < 2:
            raise InputError(f"{Path(root) / name}: one picture; at least 2 are needed, since some are held out")
        order = torch.randperm(len(rows), generator=generator).numpy()
        chosen.append(rows[order[: max(1, round(HELD_OUT_SHARE * len(rows)))]])
    return np.concatenate(chosen)


def _fit(
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    scenes: int,
    epochs: int,
    learning_rate: float,
    generator: torch.Generator,
    quiet: bool,
) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator.initial_seed())
        layers = build(scenes)
    optimiser = torch.optim.AdamW(layers.parameters(), lr=learning_rate, weight_decay=0.05)
    steps = epochs * -(-len(labels) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, total_steps=steps)
    layers.train()
    with progress("scene network", steps, quiet=quiet) as advance:
        for _ in range(epochs):
            order = torch.randperm(len(labels), generator=generator)
            for rows in np.array_split(order.numpy(), -(-len(labels) // BATCH)):
                batch = augment(to_tensor(pixels[rows]), generator)
                truth = torch.from_numpy(labels[rows])
                loss = functional.cross_entropy(layers(batch), truth, label_smoothing=LABEL_SMOOTHING)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
                optimiser.step()
                schedule.step()
                advance()
    return layers


def augment(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Zooms to 60-100 % of each side, mirrors, changes light and contrast, and covers a box where a person could be.

    Pictures are float (B, 3, H, W), −1 to 1. The box keeps the network from needing the part of the place that people
    hide in the videos it will label.
    """
    count, _, height, width = pictures.shape

    def between(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=generator)

    zoom = between(0.6, 1.0)
    mirror = between(-1.0, 1.0).sign()
    affine = torch.zeros(count, 2, 3)
    affine[:, 0, 0], affine[:, 1, 1] = zoom * mirror, zoom
    affine[:, 0, 2], affine[:, 1, 2] = between(-1, 1) * (1 - zoom), between(-1, 1) * (1 - zoom)
    grid = functional.affine_grid(affine, list(pictures.shape), align_corners=False)
    zoomed = functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    lit = zoomed * between(0.7, 1.3).view(-1, 1, 1, 1) + between(-0.3, 0.3).view(-1, 1, 1, 1)
    x, y = torch.arange(width) / width, torch.arange(height) / height
    columns = (x - between(0, 1)[:, None]).abs() < between(0.05, 0.2)[:, None]
    rows = (y - between(0.3, 0.8)[:, None]).abs() < between(0.1, 0.35)[:, None]
    person = (rows[:, :, None] & columns[:, None, :])[:, None]
    return torch.where(person, between(-1, 1).view(-1, 1, 1, 1), lit)
