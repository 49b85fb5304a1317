"""From which batch on HSIC is more than noise: its mean and spread where features depend on each other, or do not.

    python -m benchmarks.hsic

Two networks' features of clips of ten actions in ten scenes: 64 numbers each, the action's (the scene's) own centre and
noise of the same size. A share of the clips is in its action's scene, the others anywhere. 300 batches of each size.
"""

import torch

from sceneproof.methods.rebias import hsic

CLASSES, FEATURES, BATCHES = 10, 64, 300
SHARES = (0.0, 0.5, 0.9)
SIZES = (4, 8, 12, 16, 32, 64, 128)


def estimates(size: int, share: float, generator: torch.Generator) -> torch.Tensor:
    """HSIC of batches of `size` clips, (BATCHES,), with kernels as wide as the median distance."""
    centres = [torch.randn(CLASSES, FEATURES, generator=generator) for _ in range(2)]
    values = []
    for _ in range(BATCHES):
        action, elsewhere = torch.randint(CLASSES, (2, size), generator=generator)
        scene = torch.where(torch.rand(size, generator=generator) < share, action, elsewhere)
        x, y = (
            own[classes] + torch.randn(size, FEATURES, generator=generator)
            for own, classes in zip(centres, (action, scene), strict=True)
        )
        values.append(hsic(x, y, "median"))
    return torch.stack(values)


def main() -> None:
    """Prints a line a batch: the spread at independence, and the mean and its ratio to the spread otherwise."""
    torch.set_num_threads(1)
    print("batch  share in its action's scene: mean / standard deviation, times 1000")
    for size in SIZES:
        generator = torch.Generator().manual_seed(0)
        parts = []
        for share in SHARES:
            values = 1000 * estimates(size, share, generator)
            parts.append(f"{share:.0%}: {values.mean():6.3f} / {values.std():6.3f}")
        print(f"{size:5d}  {'   '.join(parts)}", flush=True)


if __name__ == "__main__":
    main()
