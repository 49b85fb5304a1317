"""The Mall as a whole: the commands that make a world, of clips or of long videos."""

from pathlib import Path
from typing import Annotated, Any, TypeVar

from sceneproof.errors import InputError
from sceneproof.mall.making import make_world
from sceneproof.mall.plan import World
from sceneproof.mall.untrimmed.making import make_untrimmed_world, scene_accuracy
from sceneproof.mall.untrimmed.plan import BACKGROUND, UntrimmedWorld

__all__ = ["World", "make_world", "mall", "untrimmed"]

AnyWorld = TypeVar("AnyWorld", World, UntrimmedWorld)


def mall(
    out: Path,
    *,
    videos: float = 1.0,
    workers: int | None = None,
    quiet: bool = False,
    **options: Annotated[Any, World],
) -> None:
    """Makes the Mall: videos of drawn people who do things in places, where places and actions go together.

    Eight actions are shown in sixteen kinds of scene. In training each action has scenes where it is at home, which
    it shares with others, and scenes where it is never seen; the split test_out shows it just there. Four further
    actions serve to test transfer. Writes OUT/manifest.parquet, videos/, masks.parquet and boxes.parquet (exactly
    where the person is), scenes/train and scenes/test (pictures of empty scenes, to train a scene classifier on) and
    world.json. Run it again after an interruption to continue.

    Args:
        out: Folder to make.
        videos: Factor on the number of videos: 1 makes 5,000 (2,000 to train on), 0.1 makes 500.
        workers: Processes; by default as many as there are processors.
        quiet: Show no progress.
        options: The world's settings: see `World`.
    """
    world = _scaled(World(**options), videos)
    manifest = make_world(out, world, workers=workers, quiet=quiet)
    if not quiet:
        print(
            f"{out}: {len(manifest)} videos; the true scene names the action {world.bayes_accuracy():.1%} of the time"
        )


def untrimmed(
    out: Path,
    *,
    videos: float = 1.0,
    workers: int | None = None,
    quiet: bool = False,
    **options: Annotated[Any, UntrimmedWorld],
) -> None:
    """Makes the untrimmed Mall: long videos in which drawn people come, stand about, do things now and then, and go.

    Each video is one take of one scene, with several of the Mall's eight actions. In context all of them belong to the
    scene; in the splits validation_out and test_out none of them does, by what training shows. Writes
    OUT/manifest.parquet (one row a segment; a row of "background" for a video without any), videos/, masks.parquet
    and boxes.parquet (exactly where the person is, by the videos' names, the manifest's column "group") and
    world.json. Run it again after an interruption to continue.

    Args:
        out: Folder to make.
        videos: Factor on the number of videos: 1 makes 440 (200 to train on), 0.1 makes 44.
        workers: Processes; by default as many as there are processors.
        quiet: Show no progress.
        options: The world's settings: see `UntrimmedWorld`.
    """
    world = _scaled(UntrimmedWorld(**options), videos)
    manifest = make_untrimmed_world(out, world, workers=workers, quiet=quiet)
    if not quiet:
        segments = int((manifest.rows["action"] != BACKGROUND).sum())
        accuracies = ", ".join(f"{split} {share:.1%}" for split, share in scene_accuracy(manifest.rows, world).items())
        print(
            f"{out}: {manifest.rows['group'].nunique()} videos with {segments} segments; the true scene names a "
            f"segment's action {world.bayes_accuracy():.1%} of the time in context; here: {accuracies}"
        )


def _scaled(world: AnyWorld, videos: float) -> AnyWorld:
    if videos <= 0:
        raise InputError(f"videos: {videos}: must be above 0")
    return world.scaled(videos)
