"""The figures of labels in words: sentences and tables."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from sceneproof.data.humans import COVERAGE
from sceneproof.labelling.check.figures import Figures
from sceneproof.pages.kit import ABSENT, Cell, Table, percent
from sceneproof.wording import counted

ALL_ACTIONS = 40
"""Up to so many actions the table has them all; else the `LOWEST` and the `HIGHEST`."""
LOWEST, HIGHEST = 25, 10
TOP_SCENES = 20
REASONS = 50
PASS = "Pass the 70\N{NO-BREAK SPACE}% rule"
COVERED = "covered"
Written = Callable[[float], str]
FIGURES: tuple[tuple[str, str, str, Written, str], ...] = (
    ("Videos counted", "people", "videos_counted", str, "those whose frames are known and that did not fail"),
    (PASS, "people", "videos_that_pass", percent, "of these: a person in at least 70 % of the frames"),
    ("Frames with a person", "people", "frames_with_a_person", percent, "of all frames of these"),
    ("Nobody found", "people", "videos_without_a_person", str, "videos without anyone in any frame"),
    ("Boxes in a frame", "people", "boxes_in_a_frame_with_a_person", "{:.2f}".format,
     "the mean over frames with a person"),
    ("Tracks in a video", "people", "tracks_in_a_video", "{:.2f}".format, "the mean"),
    ("Picture covered by one box", "people", "picture_covered_by_a_box", percent, "the mean over boxes"),
    ("Picture covered by all people", "people", COVERED, percent,
     "the mean over frames with a person, measured only on the {sampled} videos drawn at random below"),
    ("With a scene label", "scenes", "videos_labelled", str, "videos; the labels name {scenes} scenes"),
    ("Entropy of the label", "scenes", "entropy", "{:.2f}".format, "nats, the mean: {spread}"),
    ("Entropy as a share", "scenes", "entropy_share", percent, "of ln {scenes} = {most}, an even label's"),
    ("Indoors", "scenes", "indoors", percent,
     "of the videos: indoor scenes have more than half of the probability"),
)  # fmt: skip
"""Of the table of all videos: title, kind of label, name among the figures, how it is written, and what it means."""
COLUMNS: dict[str, tuple[str, str, Written]] = {
    PASS: ("people", "videos_that_pass", percent),
    "Frames with a person": ("people", "frames_with_a_person", percent),
    "Boxes in a frame with a person": ("people", "boxes_in_a_frame_with_a_person", "{:.2f}".format),
    "Tracks in a video": ("people", "tracks_in_a_video", "{:.2f}".format),
    "Picture covered by one box": ("people", "picture_covered_by_a_box", percent),
    "Nobody found": ("people", "videos_without_a_person", str),
    "Entropy of ln S": ("scenes", "entropy_share", percent),
    "Indoors": ("scenes", "indoors", percent),
    "Top scene": ("scenes", "top_scene_share", lambda value: percent(value, 0)),
}
"""The columns of the table by action: which of its figures, and how it is written."""


def headline(figures: Figures, scenes: int) -> list[str]:
    """What the labels say, in a sentence or two."""
    sentences = []
    people, places = figures.get("people"), figures.get("scenes")
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


def overall(figures: Figures, scenes: int, covered: float | None, sampled: int) -> Table:
    """The figures of all videos; `covered` is measured on the `sampled` ones drawn at random."""
    rows = [[Cell("Videos"), Cell(str(figures["videos"])), Cell("rows of the manifest that were looked at")]]
    for title, kind, name, written, meaning in FIGURES:
        if kind not in figures:
            continue
        value = covered if name == COVERED else figures[kind][name]
        spread = figures[kind].get("entropy_quantiles") or {}
        words = {
            "scenes": scenes,
            "sampled": sampled,
            "most": f"{math.log(scenes or 1):.2f}",
            "spread": ", ".join(f"{percent(float(q), 0)} of videos below {end:.2f}" for q, end in spread.items()),
        }
        if value is not None:
            rows.append([Cell(title), Cell(written(value)), Cell(meaning.format(**words))])
    return Table("All videos", ["Figure", "Value", "Meaning"], rows)


def actions(by_action: Mapping[str, Figures]) -> Table:
    """The figures of each action; those that give most reason to look come first."""
    columns = [name for name in COLUMNS if any(_cell(figures, name).text != ABSENT for figures in by_action.values())]
    order = sorted(by_action, key=lambda name: _worth_a_look(by_action[name]))
    some = len(order) > ALL_ACTIONS
    rows = [
        [Cell(name), Cell(str(by_action[name]["videos"])), *(_cell(by_action[name], column) for column in columns)]
        for name in ([*order[:LOWEST], *order[-HIGHEST:]] if some else order)
    ]
    first = "Fewest videos that pass" if PASS in columns else "Highest entropy"
    note = f"{first} first." + (f" The first {LOWEST} and the last {HIGHEST} of {len(order)} actions." if some else "")
    return Table("The figures of each action", ["Action", "Videos", *columns], rows, note)


def _cell(figures: Figures, column: str) -> Cell:
    kind, name, written = COLUMNS[column]
    own = figures.get(kind, {})
    value = own.get(name)
    if name == "top_scene_share":
        return Cell(own.get("top_scene") or ABSENT, ABSENT if value is None else written(value))
    return Cell(ABSENT if value is None else written(value))


def _worth_a_look(figures: Figures) -> tuple[float, float]:
    passing, entropy = (
        figures.get(kind, {}).get(name) for kind, name in (("people", "videos_that_pass"), ("scenes", "entropy_share"))
    )
    return (1.0 if passing is None else passing, -(entropy or 0.0))


def top_scenes(scenes: Sequence[Figures]) -> Table:
    """The scenes that are likeliest most often."""
    rows = [
        [Cell(scene["scene"]), Cell(str(scene["videos"])), Cell(percent(scene["share"])), Cell(percent(scene["mean"]))]
        for scene in scenes[:TOP_SCENES]
    ]
    header = ["Scene", "Likeliest in", "Share of videos", "Mean probability over all"]
    some = len(scenes) > TOP_SCENES
    note = f"The first {TOP_SCENES} of the {len(scenes)} scenes that are some video's likeliest." if some else ""
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
    return Table(f"{counted(len(videos), 'video')} without {what}", ["Video", "Reason"], rows, note)
