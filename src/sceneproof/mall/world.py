"""The Mall as a whole: the command that makes a world."""

from pathlib import Path

from sceneproof.errors import InputError
from sceneproof.mall.making import make_world
from sceneproof.mall.plan import World

__all__ = ["World", "make_world", "mall"]


def mall(
    out: Path,
    *,
    seed: int = 0,
    strength: float = World.strength,
    videos: float = 1.0,
    height: int = World.height,
    width: int = World.width,
    frames: int = World.frames,
    rate: float = World.rate,
    pictures: int = World.pictures,
    test_pictures: int = World.test_pictures,
    crf: int = World.crf,
    people: bool = World.people,
    unbiased: bool = World.unbiased,
    workers: int | None = None,
    quiet: bool = False,
) -> None:
    """Makes the Mall: videos of drawn people who do things in places, where places and actions go together.

    Eight actions are shown in sixteen kinds of scene. In training each action has scenes where it is at home, which
    it shares with others, and scenes where it is never seen; the split test_out shows it just there. Four further
    actions serve to test transfer. Writes OUT/manifest.parquet, videos/, masks.parquet and boxes.parquet (exactly
    where the person is), scenes/train and scenes/test (pictures of empty scenes, to train a scene classifier on) and
    world.json. Run it again after an interruption to continue.

    Args:
        out: Folder to make.
        seed: Another seed makes another world; the same one the same files.
        strength: How much the scene tells of the action, from 0 to 1.
        videos: Factor on the number of videos: 1 makes 5,000 (2,000 to train on), 0.1 makes 500.
        height: Of a video, in pixels; even.
        width: Of a video, in pixels; even.
        frames: Of a video.
        rate: Frames a second.
        pictures: Pictures of each empty scene, to train a scene classifier on.
        test_pictures: Pictures of each empty scene, to test it on.
        crf: H.264's constant rate factor: 0 is lossless, larger is smaller and worse.
        people: False draws the same videos with nobody in them, to see how far the place alone gets.
        unbiased: True shows every action equally often in all scenes of the split train, to see what could be
            reached; all other splits stay the same.
        workers: Processes; by default as many as there are processors.
        quiet: Show no progress.
    """
    if videos <= 0:
        raise InputError(f"videos: {videos}: must be above 0")
    world = World(
        seed=seed, strength=strength, height=height, width=width, frames=frames, rate=rate,
        pictures=pictures, test_pictures=test_pictures, crf=crf, people=people, unbiased=unbiased,
    ).scaled(videos)  # fmt: skip
    manifest = make_world(out, world, workers=workers, quiet=quiet)
    if not quiet:
        print(
            f"{out}: {len(manifest)} videos; the true scene names the action {world.bayes_accuracy():.1%} of the time"
        )
