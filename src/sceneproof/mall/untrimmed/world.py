"""The command that makes an untrimmed world."""

from pathlib import Path

from sceneproof.errors import InputError
from sceneproof.mall.untrimmed.making import make_untrimmed_world, scene_accuracy
from sceneproof.mall.untrimmed.plan import BACKGROUND, UntrimmedWorld


def untrimmed(
    out: Path,
    *,
    seed: int = 0,
    strength: float = UntrimmedWorld.strength,
    videos: float = 1.0,
    seconds: float = UntrimmedWorld.seconds,
    shortest: float = UntrimmedWorld.shortest,
    longest: float = UntrimmedWorld.longest,
    activity: float = UntrimmedWorld.activity,
    idle: float = UntrimmedWorld.idle,
    height: int = UntrimmedWorld.height,
    width: int = UntrimmedWorld.width,
    rate: float = UntrimmedWorld.rate,
    crf: int = UntrimmedWorld.crf,
    workers: int | None = None,
    quiet: bool = False,
) -> None:
    """Makes the untrimmed Mall: long videos in which drawn people come, stand about, do things now and then, and go.

    Each video is one take of one scene, with several of the Mall's eight actions. In context all of them belong to the
    scene; in the splits validation_out and test_out none of them does, by what training shows. Writes
    OUT/manifest.parquet (one row a segment; a row of "background" for a video without any), videos/, masks.parquet
    and boxes.parquet (exactly where the person is, by the videos' names, the manifest's column "group") and
    world.json. Run it again after an interruption to continue.

    Args:
        out: Folder to make.
        seed: Another seed makes another world; the same one the same files.
        strength: How much the scene tells of the actions, from 0 to 1.
        videos: Factor on the number of videos: 1 makes 440 (200 to train on), 0.1 makes 44.
        seconds: Of a video.
        shortest: Seconds of the shortest action.
        longest: Seconds of the longest action.
        activity: Share of the time in which something is done, about.
        idle: Share of the videos in which nothing is done.
        height: Of a video, in pixels; even.
        width: Of a video, in pixels; even.
        rate: Frames a second.
        crf: H.264's constant rate factor: 0 is lossless, larger is smaller and worse.
        workers: Processes; by default as many as there are processors.
        quiet: Show no progress.
    """
    if videos <= 0:
        raise InputError(f"videos: {videos}: must be above 0")
    world = UntrimmedWorld(
        seed=seed, strength=strength, seconds=seconds, shortest=shortest, longest=longest, activity=activity,
        idle=idle, height=height, width=width, rate=rate, crf=crf,
    ).scaled(videos)  # fmt: skip
    manifest = make_untrimmed_world(out, world, workers=workers, quiet=quiet)
    if not quiet:
        segments = int((manifest.rows["action"] != BACKGROUND).sum())
        accuracies = ", ".join(f"{split} {share:.1%}" for split, share in scene_accuracy(manifest.rows, world).items())
        print(
            f"{out}: {manifest.rows['group'].nunique()} videos with {segments} segments; the true scene names a "
            f"segment's action {world.bayes_accuracy():.1%} of the time in context; here: {accuracies}"
        )
