"""The figures in words: sentences and tables."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from sceneproof.data.humans import COVERAGE
from sceneproof.labelling.check.figures import Figures
from sceneproof.report.cells import ABSENT, Cell, Table, percent

ALL_ACTIONS = 40
"""Up to so many actions the table has them all; else the `LOWEST` and the `HIGHEST`."""
LOWEST, HIGHEST = 25, 10
TOP_SCENES = 20
REASONS = 50
PASS = "Pass the 70\N{NO-BREAK SPACE}% rule"


def headline(found: Figures, scenes: int) -> list[str]:
    """What the labels say, in a sentence or two."""
    sentences = []
    people, places = found.get("people"), found.get("scenes")
    if people and people["videos_that_pass"] is not None:
        sentences.append(
            f"{percent(people['videos_that_pass'])} of the videos pass the 70 % rule: people are seen in at least "
            f"{percent(COVERAGE, 0)} of their frames, so training has a twin of them without people."
        )
    if places and places["entropy_share"] is not None:
        sentences.append(
            f"The scene labels hold {percent(places['entropy_share'], 0)} of the entropy that {scenes} equally likely "
            f"scenes would have; {places['top_scene']} is the likeliest scene most often, in "
            f"{percent(places['top_scene_share'])} of the videos."
        )
    if people and people["videos_that_pass"] is None:
        sentences.append(
            "How often people are seen is not known: the manifest has no frame counts. Make it again with "
            "`sceneproof index`."
        )
    return sentences


def overall(found: Figures, scenes: int, covered: float | None, sampled: int) -> Table:
    """The figures of all videos; `covered` is measured on the `sampled` ones drawn at random."""
    rows = [("Videos", str(found["videos"]), "rows of the manifest that were looked at")]
    if "people" in found:
        rows += _of_people(found["people"], covered, sampled)
    if "scenes" in found:
        rows += _of_scenes(found["scenes"], scenes)
    cells = [[Cell(name), Cell(value), Cell(meaning)] for name, value, meaning in rows if value != ABSENT]
    return Table("All videos", ["Figure", "Value", "Meaning"], cells)


def _of_people(found: Figures, covered: float | None, sampled: int) -> list[tuple[str, str, str]]:
    return [
        ("Videos counted", _count(found["videos_counted"]), "those whose frames are known and that did not fail"),
        (PASS, _share(found["videos_that_pass"]), "of these: a person in at least 70 % of the frames"),
        ("Frames with a person", _share(found["frames_with_a_person"]), "of all frames of these"),
        ("Nobody found", _count(found["videos_without_a_person"]), "videos without anyone in any frame"),
        ("Boxes in a frame", _number(found["boxes_in_a_frame_with_a_person"]), "the mean over frames with a person"),
        ("Tracks in a video", _number(found["tracks_in_a_video"]), "the mean"),
        ("Picture covered by one box", _share(found["picture_covered_by_a_box"]), "the mean over boxes"),
        (
            "Picture covered by all people",
            _share(covered),
            f"the mean over frames with a person, measured only on the {sampled} videos drawn at random below",
        ),
    ]


def _of_scenes(found: Figures, scenes: int) -> list[tuple[str, str, str]]:
    quantiles = found["entropy_quantiles"] or {}
    spread = ", ".join(f"{percent(float(q), 0)} of videos below {value:.2f}" for q, value in quantiles.items())
    return [
        ("With a scene label", _count(found["videos_labelled"]), f"videos; the labels name {scenes} scenes"),
        ("Entropy of the label", _number(found["entropy"]), f"nats, the mean: {spread}"),
        (
            "Entropy as a share",
            _share(found["entropy_share"]),
            f"of ln {scenes} = {math.log(scenes):.2f}, an even label's",
        ),
        ("Indoors", _share(found["indoors"]), "of the videos: indoor scenes have more than half of the probability"),
    ]


def actions(found: Mapping[str, Figures]) -> Table:
    """The figures of each action; those that give most reason to look come first."""
    columns = [name for name in COLUMNS if any(COLUMNS[name](one).text != ABSENT for one in found.values())]
    order = sorted(found, key=lambda name: _worth_a_look(found[name]))
    some = len(order) > ALL_ACTIONS
    rows = [
        [Cell(name), Cell(str(found[name]["videos"])), *(COLUMNS[column](found[name]) for column in columns)]
        for name in ([*order[:LOWEST], *order[-HIGHEST:]] if some else order)
    ]
    first = "Fewest videos that pass" if PASS in columns else "Highest entropy"
    note = f"{first} first." + (f" The first {LOWEST} and the last {HIGHEST} of {len(order)} actions." if some else "")
    return Table("The figures of each action", ["Action", "Videos", *columns], rows, note)


def _people(name: str, text: Callable[[float | None], str]) -> Callable[[Figures], Cell]:
    return lambda found: Cell(text(found.get("people", {}).get(name)))


def _places(name: str, text: Callable[[float | None], str]) -> Callable[[Figures], Cell]:
    return lambda found: Cell(text(found.get("scenes", {}).get(name)))


def _top(found: Figures) -> Cell:
    places = found.get("scenes", {})
    return Cell(places.get("top_scene") or ABSENT, _share(places.get("top_scene_share"), 0))


def _share(value: float | None, digits: int = 1) -> str:
    return ABSENT if value is None else percent(value, digits)


def _number(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.2f}"


def _count(value: float | None) -> str:
    return ABSENT if value is None else str(value)


COLUMNS: dict[str, Callable[[Figures], Cell]] = {
    PASS: _people("videos_that_pass", _share),
    "Frames with a person": _people("frames_with_a_person", _share),
    "Boxes in a frame with a person": _people("boxes_in_a_frame_with_a_person", _number),
    "Tracks in a video": _people("tracks_in_a_video", _number),
    "Picture covered by one box": _people("picture_covered_by_a_box", _share),
    "Nobody found": _people("videos_without_a_person", _count),
    "Entropy of ln S": _places("entropy_share", _share),
    "Indoors": _places("indoors", _share),
    "Top scene": _top,
}
"""The columns of the table by action, and what they say of an action's figures."""


def _worth_a_look(found: Figures) -> tuple[float, float]:
    passing, entropy = (
        found.get(kind, {}).get(name) for kind, name in (("people", "videos_that_pass"), ("scenes", "entropy_share"))
    )
    return (1.0 if passing is None else passing, -(entropy or 0.0))


def top_scenes(found: Sequence[Figures]) -> Table:
    """The scenes that are likeliest most often."""
    rows = [
        [Cell(one["scene"]), Cell(str(one["videos"])), Cell(percent(one["share"])), Cell(percent(one["mean"]))]
        for one in found[:TOP_SCENES]
    ]
    header = ["Scene", "Likeliest in", "Share of videos", "Mean probability over all"]
    some = len(found) > TOP_SCENES
    note = f"The first {TOP_SCENES} of the {len(found)} scenes that are some video's likeliest." if some else ""
    return Table("Likeliest scenes", header, rows, note)


def without_labels(what: str, videos: Sequence[str], reasons: Mapping[str, str]) -> Table | None:
    """The videos that have no `what`, with their reasons by id, where they are told; None where all have it."""
    if not len(videos):
        return None
    order = sorted(videos, key=lambda video: video not in reasons)
    rows = [[Cell(video), Cell(reasons.get(video, "not told"))] for video in order[:REASONS]]
    told = Counter(reasons[video] for video in videos if video in reasons)
    often = "; ".join(f"{count} x {reason}" for reason, count in told.most_common(5))
    note = f"The first {REASONS}. " if len(order) > REASONS else ""
    note += f"Most frequent reasons: {often}." if often else ""
    return Table(
        f"{len(videos)} {'video' if len(videos) == 1 else 'videos'} without {what}", ["Video", "Reason"], rows, note
    )
