"""What an audit found, in sentences that need no other word of the page, and what every reader must know of it."""

import numpy as np

from sceneproof.audit.measures import Measures
from sceneproof.audit.table import AuditTable
from sceneproof.metrics.bootstrap import Interval
from sceneproof.pages.kit import between, percent
from sceneproof.wording import counted

LITTLE, MUCH = 0.01, 0.6
"""Shares of the picture: J-HMDB's people cover 23 % as boxes, and half of that as masks."""


def headline(table: AuditTable, measures: Measures) -> list[str]:
    """Sentences, the most important first."""
    said = [
        _without_person(table, measures),
        _people(table, measures),
        _swapped(table, measures),
        _cost(measures),
        _person_alone(measures),
        _time(measures),
    ]
    told = [sentence for sentence in said if sentence]
    return told if told and told[0] != said[1] else [_alone(table, measures), *told]


def points(share: float) -> str:
    """A share as whole points of a hundred."""
    return f"{100 * share:.0f}"


def _interval(measures: Measures, name: str) -> Interval | None:
    return measures.figures[name].interval


def _alone(table: AuditTable, measures: Measures) -> str:
    top1 = _interval(measures, "top1")
    assert top1 is not None  # an audit has videos
    reason = measures.figures["top1_human_filled"].detail
    return f"{table.model} names the action of {percent(top1.value)} of the videos; more was not measured: {reason}."


def _survives(kept: Interval) -> str:
    """A share of the accuracy in words: by luck, or since a clip became easier, it can be more than all."""
    return f"all of its accuracy ({percent(kept.value, 0)})" if kept.value >= 1 else percent(kept.value, 0)


def _without_person(table: AuditTable, measures: Measures) -> str:
    """The sentence for whoever reads one only."""
    for variant, how in (("human_inpainted", "removed"), ("human_filled", "painted over")):
        after, kept = (_interval(measures, f"{figure}_{variant}") for figure in ("top1", "survives"))
        if after is None:
            continue
        if kept is None:
            return f"{table.model} is never right on the clips as they are: nothing can survive a change of them."
        if kept.value == 0:
            return f"Nothing of {table.model}’s accuracy survives when the person is {how}."
        share = f"{percent(kept.value, 0)}, 95 % interval {between(kept)}"
        if kept.value >= 1:
            return f"All of {table.model}’s accuracy survives when the person is {how} ({share}): it needs no person."
        guessing = f"guessing gives {100 * table.chance:.1f} points"
        return (
            f"{points(after.value)} of {table.model}’s {points(after.value / kept.value)} points survive when the "
            f"person is {how}: so much of its accuracy needs no person ({share}; {guessing})."
        )
    return ""


def _people(table: AuditTable, measures: Measures) -> str:
    """What the figures that need people stand on, and whether these look like people."""
    known, cover, left = (_interval(measures, name) for name in ("people_known", "people_cover", "people_left_out"))
    if left is None:
        return ""
    out, all_videos = round(left.value * measures.figures["people_left_out"].n), len(table.original)
    few = f"people are known in less than {percent(table.least_share, 0)} of their frames"
    if known is None or cover is None:
        return f"What needs people was not measured: in {out} of {all_videos} videos {few}." if out else ""
    counted = measures.figures["people_known"].n
    text = (
        f"What needs people stands on {counted} of {all_videos} videos, with known people in {percent(known.value, 0)} "
        f"of the frames, who cover {_cover(cover.value)} of the picture{_unusual(cover.value)}"
    )
    return f"{text}; {out} {'is' if out == 1 else 'are'} left out, where {few}." if out else f"{text}."


def _cover(share: float) -> str:
    return percent(share, 0 if share >= 0.095 else 1 if share >= 0.0095 else 2)


def _unusual(cover: float) -> str:
    """A warning where people cover more or less of the picture than they do in usual videos."""
    if cover < LITTLE:
        return ", which is unusually little: look at the clips below, whether that is where they are"
    if cover > MUCH:
        return ", which is unusually much: with them most of the scene is taken out, and pasted"
    return ""


def _swapped(table: AuditTable, measures: Measures) -> str:
    right, error, reliance = (_interval(measures, name) for name in ("human_accuracy", "scene_error", "scene_reliance"))
    if right is None or error is None:
        return _no_swap(table, measures)
    text = (
        f"With the person in the place of another action, it names the person’s action on {percent(right.value, 0)} of "
        f"the clips and the place’s on {percent(error.value, 0)}"
    )
    if reliance is not None:
        text += (
            f": a scene reliance of {reliance.value:.2f} ({reliance.low:.2f} to {reliance.high:.2f}; 1 is all scene)"
        )
    control = _interval(measures, "scene_error_control")
    if control is not None:
        text += f". Without that place it names the same wrong action on {percent(control.value, 0)}"
    return f"{text}."


def _no_swap(table: AuditTable, measures: Measures) -> str:
    """Why nobody could be put in another action's place, where that was asked for and there are people."""
    asked = "swap_random" in set(table.rows["variant"]) or "swap_random" in table.facts.get("unable", {})
    if not asked or all(_interval(measures, f"top1_{name}") is None for name in ("human_inpainted", "human_filled")):
        return ""
    reason = measures.figures["human_accuracy"].detail
    return f"Nobody could be put in the place of another action, so scene reliance was not measured: {reason}."


def _cost(measures: Measures) -> str:
    cost, cut = _interval(measures, "scene_cost"), _interval(measures, "cutting_cost")
    if cost is None:
        return ""
    clear = "" if cost.excludes_zero else ", which may be chance"
    text = (
        f"Another action’s place {_costs(cost.value)} points more than another place of the same action "
        f"({between(cost)}){clear}"
    )
    if cut is not None:
        chance = "" if cut.excludes_zero else ", which may be chance"
        text += f"; cutting and pasting alone {_costs(cut.value)} ({between(cut)}){chance}"
    return f"{text}."


def _costs(share: float) -> str:
    tenths = f"{100 * abs(share):.1f}"
    return "costs 0" if tenths == "0.0" else f"{'costs' if share > 0 else 'brings'} {tenths}"


def _person_alone(measures: Measures) -> str:
    grey = _interval(measures, "survives_scene_grey")
    if grey is None:
        return ""
    share = _survives(grey) if grey.value >= 1 else f"{_survives(grey)} of its accuracy"
    return f"On plain grey, without any scene, {share} survives."


def _time(measures: Measures) -> str:
    still, mixed = (_interval(measures, f"survives_{name}") for name in ("frozen", "shuffled"))
    told = []
    if still is not None:
        told.append(f"with one frame repeated {_survives(still)} survives, which needs no motion")
    if mixed is not None:
        told.append(f"with the frames shuffled {_survives(mixed)} survives, which needs no order")
    text = "; ".join(told)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def notes(table: AuditTable) -> list[str]:
    """What every reader must know before the figures."""
    original = table.original
    unread = int((original["problem"] != "").sum())
    guessing = f"guessing among {'the answers' if table.asked else 'these'} gives {100 * table.chance:.1f} %"
    said = [f"{counted(len(original), 'video')} of {counted(len(table.actions), 'action')}; {guessing}."]
    if reads := table.facts.get("reads"):
        said.append(f"The model reads {reads}.")
    if unread:
        said.append(f"{counted(unread, 'video')} could not be read: missed in top-1, and left out elsewhere.")
    nobody, few = known_in_part(table)
    if few:
        why = f"with people known in less than {percent(table.least_share, 0)} of the frames"
        said.append(f"{counted(few, 'video')} {why}: left out of all that needs them.")
    if nobody == len(original) - unread > 0:
        said.append("Nobody is known to be in any video: nothing that needs people was measured.")
    elif nobody:
        said.append(f"{counted(nobody, 'video')} with no known people: left out of all that needs them.")
    said += [f"May be wrong: {doubt}." for doubt in table.facts.get("doubts") or []]
    left = table.facts.get("left_out") or []
    if left:
        said.append(f"Left out, as the mapping says: {', '.join(map(str, left))}.")
    return said


def known_in_part(table: AuditTable) -> tuple[int, int]:
    """How many videos that can be read have no known people, and how many have them in too few frames."""
    original = table.original
    share = original["people_share"].astype(np.float64)
    if share.notna().any():
        return int((share == 0).sum()), int(((share > 0) & (share < table.least_share)).sum())
    filled = table.rows[(table.rows["variant"] == "human_filled") & (table.rows["problem"] != "")]  # an older audit
    return int(filled["video"].isin(original["video"][original["problem"] == ""]).sum()), 0
