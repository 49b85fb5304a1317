"""Long takes made of real clips, for localization: people of several clips, one after another, in one clip's place."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof import locks
from sceneproof.contexts.backgrounds import covering
from sceneproof.contexts.empty import emptied
from sceneproof.contexts.footage import Footage, Library, lenders
from sceneproof.contexts.matte import Matte, cut_out
from sceneproof.contexts.takes_plan import Performance, Take, TakeSettings, plan_takes
from sceneproof.contexts.writing import PARTS
from sceneproof.data.digests import file_digests
from sceneproof.data.gaps import without_short_gaps
from sceneproof.data.humans import COVERAGE, check_humans, read_humans
from sceneproof.data.manifest import Manifest, refuse_flow
from sceneproof.data.plausibility import tell
from sceneproof.errors import InputError, VideoError
from sceneproof.files import write_json
from sceneproof.jobs.parts import TABLES, claim, clear, recorded
from sceneproof.jobs.processes import Problem
from sceneproof.jobs.working import Failure, told, work_through, write_failures
from sceneproof.machine import processors
from sceneproof.mall.film import Format, write_film
from sceneproof.seals import intact
from sceneproof.wording import counted

DRAWING = 1  # raised whenever the same settings give other files


@locks.alone(locks.out)
def takes(
    manifest: Path,
    out: Path,
    *,
    humans: Path,
    train: int = 120,
    test: int = 40,
    test_out: int = 40,
    frames: int = 256,
    strength: float = 0.75,
    visitors: int = 4,
    root: Path | None = None,
    seed: int = 0,
    crf: int = 12,
    workers: int | None = None,
    time_limit: float = 600.0,
    dry_run: bool = False,
    quiet: bool = False,
) -> Manifest | None:
    """Makes long takes of real clips: people of several, one after another, in the empty place of one of them.

    In a take somebody comes to be seen, stands, does what the clip shows, stands again and is gone; then the next.
    Every place is home to the action of the clip that it is from. In the splits train and test a performance is of the
    home's own action with the probability STRENGTH, else of one of VISITORS others; in test_out it is of an action that
    training never shows there. People and places of train are from the manifest's split train, those of test and
    test_out from its split test.

    Writes OUT/videos/SPLIT/NAME.mp4 and OUT/manifest.parquet, a row a segment, to localize in. Clips that cannot be
    read, or whose people are out of sight, are left out and listed in OUT/manifest.failures.parquet. Stopped at any
    moment, the same command goes on.

    Args:
        manifest: The table of clips: whole files of one rate, with their numbers of frames, in splits train and test.
        out: The folder to write.
        humans: Table of person masks or boxes; masks give clean cuts.
        train: Takes to train on.
        test: Takes to test on in context.
        test_out: Takes to test on out of context.
        frames: Of each take.
        strength: Share of performances that are of the place's own action, 0 to 1, in context.
        visitors: How many other actions are shown in each place in context.
        root: The folder that the manifest's paths start from; by default the manifest's own.
        seed: Another seed, other takes.
        crf: H.264's constant rate factor: 0 is lossless, larger is smaller and worse.
        workers: Processes; by default as many as there are processors. The files do not depend on it.
        time_limit: Seconds that a take may take.
        dry_run: Only say how many takes and segments there will be, and how long.
        quiet: No progress and no summary.

    Returns:
        The manifest of segments; None after a dry run.

    Raises:
        InputError: bad tables or settings, clips that do not fit, a folder with takes of other settings.
    """
    if min(train, test, test_out) < 0 or frames < 1 or not 0 <= strength <= 1 or visitors < 0 or not 0 <= crf <= 51:
        raise InputError(
            f"{train=}, {test=}, {test_out=}, {frames=}, {strength=}, {visitors=}, {crf=}: numbers must be at least 0, "
            f"frames at least 1, the strength from 0 to 1, the crf from 0 to 51"
        )
    settings = TakeSettings(
        str(manifest.resolve()), None if root is None else str(root.resolve()), str(humans.resolve()),
        train, test, test_out, frames, strength, visitors, seed, crf,
    )  # fmt: skip
    table = _opened(settings)[0]
    tell(check_humans(read_humans(settings.humans), table))
    plan = plan_takes(table, lenders(table, without_short_gaps(read_humans(humans)), COVERAGE), settings)
    if dry_run:
        segments, seconds = sum(len(take.performances) for take in plan), frames / float(table.numbers("rate")[0])
        print(f"{counted(len(plan), 'take')} of {seconds:.1f} s with {counted(segments, 'segment')}")
        return None
    plan_of_files = {"drawing": DRAWING, **asdict(settings), TABLES: file_digests(manifest=manifest, humans=humans)}
    claim(out / "takes.json", plan_of_files, "takes")
    clear(out / "videos")
    tasks = [(settings, take, str(out)) for take in plan]
    answers = [
        answer
        for _, answer in work_through(
            _make, tasks, "making takes", workers=processors() if workers is None else workers, time_limit=time_limit,
            quiet=quiet,
        )
    ]  # fmt: skip
    return _tables(table, out, plan, answers, frames, quiet=quiet)


def _tables(
    table: Manifest, out: Path, plan: Sequence[Take], answers: Sequence["Filmed | Problem"], frames: int, *, quiet: bool
) -> Manifest:
    """The manifest, and the table of takes and performances that could not be shown.

    Raises:
        InputError: none could.
    """
    path_of = dict(zip(table.rows["video"].astype(str), table.rows["path"].astype(str), strict=True))
    failures: list[Failure] = []
    rows: list[dict[str, Any]] = []
    for take, answer in zip(plan, answers, strict=True):
        if isinstance(answer, Problem):
            failures.append(Failure(take.place, path_of[take.place], f"{take.name}: {answer.reason}"))
            continue
        failures += [Failure(clip, path_of[clip], f"{take.name}: {reason}") for clip, reason in answer.left_out.items()]
        rows += _segments(take, answer, float(table.numbers("rate")[0]), frames)
    if not rows:
        raise InputError(f"{table.name}: no take can be made; the first: {failures[0].path}: {failures[0].reason}")
    made = Manifest(pd.DataFrame(rows), out, str(out / "manifest.parquet"))
    place = out / "manifest.failures.parquet"
    write_failures(place, failures, "manifest.parquet")
    made.write(out / "manifest.parquet")
    if not quiet:
        takes_made = counted(len({row["group"] for row in rows}), "take")
        print(f"wrote {made.name}: {takes_made} with {counted(len(rows), 'segment')}", *told(failures, place), sep="\n")
    return made


@dataclass(frozen=True, slots=True)
class Filmed:
    """What a take came to be.

    Attributes:
        height: of its frames, in pixels.
        width: of its frames, in pixels.
        left_out: clips whose people could not be shown, and why.
    """

    height: int
    width: int
    left_out: dict[str, str]


@lru_cache(maxsize=1)
def _opened(settings: TakeSettings) -> tuple[Manifest, Library]:
    """The tables, read once in each process."""
    table = Manifest.read(settings.manifest, settings.root)
    refuse_flow(table, "making takes")
    people = read_humans(settings.humans)
    check_humans(people, table)  # what may be wrong is told once, by the command
    return table, Library(table, without_short_gaps(people))


def _make(task: tuple[TakeSettings, Take, str]) -> Filmed:
    """Writes one take and the record of it, unless both are there.

    Raises:
        VideoError: its place cannot be read, or not be emptied.
    """
    settings, take, folder = task
    path, record = Path(folder) / take.path, Path(folder) / PARTS / f"{take.name}.json"
    finished = recorded(record, dict)
    if finished is not None and set(finished) == {"height", "width", "left_out"} and intact(path):
        return Filmed(**finished)
    table, library = _opened(settings)
    footage, left_out = _footage(library, take)
    if take.place in left_out:
        raise VideoError(f"its place {take.place}: {left_out[take.place]}")
    height, width = (size // 2 * 2 for size in footage[take.place].frames.shape[1:3])
    frames, unseen = filmed(take, footage, settings.frames, height, width)
    answer = Filmed(height, width, left_out | unseen)
    if not _segments(take, answer, 1.0, settings.frames):
        return answer  # nobody to film
    write_film(
        path, iter(frames), Format(width, height, settings.frames, float(table.numbers("rate")[0]), settings.crf)
    )
    write_json(record, asdict(answer), sealed=True)
    return answer


def _footage(library: Library, take: Take) -> tuple[dict[str, Footage], dict[str, str]]:
    """A take's clips by their ids, and why others cannot be had."""
    footage: dict[str, Footage] = {}
    reasons: dict[str, str] = {}
    for clip in dict.fromkeys((take.place, *(acted.clip for acted in take.performances))):
        try:
            footage[clip] = library.read(clip)
        except (InputError, VideoError) as error:
            reasons[clip] = str(error)
    return footage, reasons


def filmed(
    take: Take, footage: Mapping[str, Footage], frames: int, height: int, width: int
) -> tuple[NDArray[np.uint8], dict[str, str]]:
    """The frames of a take, uint8 (T, H, W, 3), and which clips' people are not shown in it, and why.

    The place's own frames, without people, run to and fro, so that its camera goes on moving.

    Args:
        take: what to show.
        footage: of its place, and of the clips in it that can be read, by their ids.
        frames: T.
        height: H.
        width: W.

    Raises:
        VideoError: nobody is known in the place's clip, so that it cannot be emptied.
    """
    place = footage[take.place]
    if place.people is None:
        raise VideoError(f"{take.place}: nobody is known in its frames")
    total = len(place.frames)
    empty = emptied(place.frames, place.people, np.arange(total)).frames
    swing = np.abs((np.arange(frames) + total - 1) % max(2 * total - 2, 1) - (total - 1))
    film = np.stack([covering(frame, height, width) for frame in empty])[swing]
    unseen: dict[str, str] = {}
    for acted in take.performances:
        if acted.clip not in footage:
            continue
        matte = _matte(acted, footage[acted.clip], height, width)
        if isinstance(matte, str):
            unseen[acted.clip] = matte
        else:
            window = slice(acted.begin, acted.acting[1] + acted.after)
            film[window] = matte.over(film[window])
    return film, unseen


def _matte(acted: Performance, clip: Footage, height: int, width: int) -> Matte | str:
    """The people of a clip, cut out frame by frame of their performance; or why nobody is to be seen."""
    if clip.people is None or len(clip.frames) != acted.frames:
        return f"nobody is known in its frames, or it has other than {acted.frames}"
    masks = np.repeat(clip.people[..., None].astype(np.uint8), 3, 3)
    pictures = np.stack([covering(frame, height, width) for frame in clip.frames])
    people = np.stack([covering(mask, height, width)[..., 0] > 0 for mask in masks])
    shown = np.r_[np.zeros(acted.before, int), np.arange(acted.frames), np.full(acted.after, acted.frames - 1)]
    matte = cut_out(pictures, people, shown)
    return "its people are not in sight" if matte is None else matte


def _segments(take: Take, filmed: Filmed, rate: float, frames: int) -> list[dict[str, Any]]:
    """Rows of the manifest: one a performance that is shown."""
    return [
        {
            "video": f"{take.name}_{number}", "path": take.path, "split": take.split, "action": acted.action,
            "start": acted.acting[0] / rate, "end": acted.acting[1] / rate, "scene": take.home,
            "context": "out" if take.split == "test_out" else "in", "group": take.name, "source": acted.clip,
            "background": take.place, "width": filmed.width, "height": filmed.height, "rate": rate, "frames": frames,
        }
        for number, acted in enumerate(take.performances)
        if acted.clip not in filmed.left_out
    ]  # fmt: skip
