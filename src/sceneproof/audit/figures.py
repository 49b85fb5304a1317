"""The figures of an audit: their names, as conditions and tables use them, and what they mean."""

from dataclasses import dataclass
from typing import Literal

from sceneproof.contexts.variants import STILLS, VARIANTS

Unit = Literal["share", "difference", "nats"]

WORDS = {
    "original": "the clip as it is",
    "human_filled": "person painted over",
    "human_inpainted": "person taken out",
    "scene_grey": "person on grey",
    "scene_noise": "person on noise",
    "swap_random": "person in another action’s place",
    "swap_close": "person in a similar place",
    "swap_far": "person in a very different place",
    "swap_same": "person in the same action’s place",
    "self_paste": "person cut out and pasted back",
    "scuba_photograph": "person on a photograph",
    "scuba_texture": "person on a texture",
    "scuba_sinusoid": "person on stripes",
    "scufo_photograph": "frozen person on a photograph",
    "scufo_texture": "frozen person on a texture",
    "scufo_sinusoid": "frozen person on stripes",
    "conflict_sinusoid": "person on stripes beside a frozen person of another action",
    "shuffled": "frames shuffled",
    "reversed": "frames reversed",
    "frozen": "one frame repeated",
}
"""What each variant is, in plain words."""
NOTES = {
    "median": "The gap shows what other frames see there.",
    "median and spatial": "The gap shows what other frames see there; what no frame sees is guessed from around it.",
    "aligned": "The camera moves: the gap shows what other frames see there.",
    "aligned and spatial": (
        "The camera moves: the gap shows what other frames see there; what none sees is guessed from around it."
    ),
    "spatial": "What is behind the person is guessed from around: the camera’s motion cannot be told.",
    "no folder of backgrounds: a drawn scene of the Mall": "A drawn place.",
}
"""Notes of variants, in words for those who do not know how they are made."""
SWAPPED = {"": "swap_random", "_close": "swap_close", "_far": "swap_far"}
"""Ends of the names of figures, by the swap that they are taken from."""


def note_in_words(note: str) -> str:
    """How a variant was made, in plain sentences."""
    return " ".join(NOTES.get(part, f"{part[0].upper()}{part[1:]}.") for part in note.split("; ") if part)


@dataclass(frozen=True)
class About:
    """What a figure is: a title for tables, a sentence on what it means, and its unit."""

    title: str
    meaning: str
    unit: Unit = "share"


def _catalog() -> dict[str, About]:
    catalog = {
        "top1": About("Top-1", "Share of videos whose action is named."),
        "mean_class": About("Mean class accuracy", "Top-1 of each action, averaged with equal weight."),
    }
    for variant in VARIANTS[1:]:
        words = WORDS[variant]
        catalog[f"top1_{variant}"] = About(f"Top-1, {words}", f"Share of these clips whose action is named: {words}.")
    for variant in VARIANTS[1:]:
        catalog[f"survives_{variant}"] = About(
            f"Survives: {WORDS[variant]}", "Top-1 on the variant over top-1 on the same clips as they are."
        )
    for end, variant in SWAPPED.items():
        kind = variant.removeprefix("swap_")
        catalog |= {
            f"human_accuracy{end}": About(
                f"SHAcc, {kind} swap", "Share of swapped clips where the model names the person’s action (HAT)."
            ),
            f"scene_error{end}": About(
                f"SBErr, {kind} swap", "Share of swapped clips where the model names the background’s action (HAT)."
            ),
            f"names_neither{end}": About(f"Neither, {kind} swap", "Share of swapped clips where it names neither."),
            f"scene_reliance{end}": About(
                f"Scene reliance, {kind} swap", "SBErr / (SHAcc + SBErr): 0 the person decides, 1 the scene does."
            ),
            f"scene_error_control{end}": About(
                f"SBErr by confusion, {kind} swap",
                "How often it names that same other action on the clip pasted back on its own background.",
            ),
        }
    catalog |= {
        "scene_cost": About(
            "Cost of another scene", "Top-1 in the same action’s place less top-1 in another’s: cutting cancels.",
            "difference",
        ),
        "cutting_cost": About(
            "Cost of cutting", "Top-1 as it is less top-1 of the person pasted back on its own background.",
            "difference",
        ),
    }  # fmt: skip
    for still in STILLS:
        catalog[f"contrasted_{still}"] = About(
            f"Contrasted accuracy, {still}", "Right on SCUBA, and no longer so on its frozen twin (Li et al. 2023)."
        )
    return catalog | {
        "worst_group": About("Worst group", "Lowest top-1 of an action in a scene."),
        "scene_leakage": About("Scene leakage", "How well a linear probe on the features names the scene."),
        "scene_bias": About("B_scene", "ln of how well the scene labels alone name the action, over chance.", "nats"),
        "on_person": About("Evidence on the person", "Share of the activation map that lies on people."),
        "person_area": About("Area of the person", "Share of what the model sees that is people: an even map."),
        "people_known": About(
            "Frames with known people", "Share of the frames shown: mean over the videos that count."
        ),
        "people_cover": About(
            "Picture covered by people", "Share of the picture in frames with known people: median over videos."
        ),
        "people_left_out": About(
            "Videos left out", "Share of videos that show people in some frames, and in too few to count."
        ),
        "static_share": About("Static channels", "Share of feature dimensions that encode what stands still."),
        "dynamic_share": About("Dynamic channels", "Share of feature dimensions that encode what moves."),
        "outline_leak": About("Outline’s leak", "How well a probe names the action by the people’s outlines alone."),
        "hole_leak": About(
            "Hole’s leak", "How well a probe names the action by where people taken out were filled in from around."
        ),
        "outline_chance": About("… without a look", "Always naming the commonest action: what the outline must beat."),
    }


CATALOG = _catalog()
"""All figures that an audit can have, by name."""
