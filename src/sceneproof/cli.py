"""The command line: a table of contents. A command is a typed function; its docstring is its help."""

import difflib
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

import sceneproof
from sceneproof.errors import ConditionMetError, InputError, MachineError, TrainingError
from sceneproof.interrupts import GRACE, Terminated, end_with_parent, termination_interrupts
from sceneproof.terminal import lines_of, shown_safely
from sceneproof.trust import named_function
from sceneproof.words import as_typed

COMMANDS = {
    "demo": ("sceneproof.demo:demo", "make a small world, train with and without debiasing, write one page"),
    "index folder": ("sceneproof.data.sources.folder:index_folder", "your videos, a sub-folder an action -> manifest"),
    "index table": ("sceneproof.tabular.command:index_table", "your own table (CSV, TSV, Parquet) -> manifest + boxes"),
    "index jhmdb": ("sceneproof.data.sources.jhmdb:index_jhmdb", "J-HMDB-21 -> manifest + masks + boxes"),
    "index kinetics": ("sceneproof.data.sources.kinetics:index_kinetics", "Kinetics-400, -600, -700 -> manifest"),
    "index mini-kinetics": (
        "sceneproof.data.sources.mini_kinetics:index_mini_kinetics",
        "Mini-Kinetics-200 -> manifest",
    ),
    "index ucf101": ("sceneproof.data.sources.ucf101:index_ucf101", "UCF-101 -> manifest"),
    "index hmdb51": ("sceneproof.data.sources.hmdb51:index_hmdb51", "HMDB-51 -> manifest"),
    "index diving48": ("sceneproof.data.sources.diving48:index_diving48", "Diving48, V1 or V2 -> manifest"),
    "index mimetics": ("sceneproof.data.sources.mimetics:index_mimetics", "Mimetics -> manifest, out of context"),
    "index bar": ("sceneproof.data.sources.bar:index_bar", "BAR, photographs -> manifest, in context and out of it"),
    "index thumos14": ("sceneproof.data.sources.thumos14:index_thumos14", "THUMOS-14 -> manifest of segments"),
    "index check": (
        "sceneproof.data.segments_command:index_check",
        "manifest of segments, or boxes -> what is wrong, a mended copy",
    ),
    "mall untrimmed": ("sceneproof.mall.world:untrimmed", "the same world in long videos, to localize in"),
    "mall": ("sceneproof.mall.world:mall", "the made-up world: videos with known bias"),
    "label scenes": ("sceneproof.labelling.scenes_command:label_scenes_command", "manifest -> soft scene labels"),
    "label humans": ("sceneproof.labelling.humans_command:label_humans", "manifest -> boxes or masks of people"),
    "label check": ("sceneproof.pages.labels:label_check", "labels -> one page to look at them with"),
    "label network": ("sceneproof.labelling.scene_training:train_scene_network", "scene pictures -> scene classifier"),
    "data bias": (
        "sceneproof.data.bias:data_bias",
        "manifest + scene labels -> what the scene alone tells",
    ),
    "prepare": ("sceneproof.prepare:prepare", "manifest -> the same videos, small and quick to cut clips from"),
    "features": (
        "sceneproof.features:features",
        "manifest + pretrained network -> its lower stages' features, kept once",
    ),
    "bank": ("sceneproof.bank:bank", "network of single frames + manifest -> the still frames that StillMix mixes in"),
    "contexts export": ("sceneproof.contexts.export:export", "manifest + people -> the same videos in other places"),
    "contexts takes": ("sceneproof.contexts.takes:takes", "clips + people -> long takes of them, to localize in"),
    "train": ("sceneproof.train:train", "manifest + labels -> run; --task Localization, Detection"),
    "evaluate": ("sceneproof.evaluate:evaluate", "run + manifest -> predictions + metrics"),
    "fuse": ("sceneproof.fuse:fuse", "tested runs -> their answers joined: frames and optical flow, say"),
    "localize": ("sceneproof.localize:localize", "localizer + video -> when what is done"),
    "detect": ("sceneproof.detect:detect", "detector + video -> who does what where, drawn into the video"),
    "report": ("sceneproof.report:report", "runs -> one page"),
    "audit compare": ("sceneproof.pages.comparison:compare", "two audits -> which model leans more, on the same clips"),
    "audit": (
        "sceneproof.audit.command:audit_command",
        "any model + labelled videos -> how much it leans on the scene",
    ),
    "remedy": ("sceneproof.audit.remedy:remedy", "audit -> its model's answers corrected, without training"),
    "app": ("sceneproof.app:app", "any model + one clip of yours -> the audit in the browser"),
    "benchmark": (
        "sceneproof.benchmark.command:benchmark",
        "every method in every world, with the same budget -> one page",
    ),
    "study": ("sceneproof.study:study", "recipes x seeds -> runs, results and one page"),
}

BY_TASK = ("train", "evaluate", "report", "study")
"""Commands whose options depend on the task: see `sceneproof.commands`."""
GOING_ON = frozenset({
    "demo", "mall untrimmed", "mall", "label scenes", "label humans", "prepare", "features", "contexts export",
    "contexts takes", "train", "audit", "benchmark", "study",
})  # fmt: skip
"""Commands that keep what they have finished when they are stopped; the others begin anew."""
CODES = {InputError: 2, TrainingError: 1, MachineError: 1, ConditionMetError: 3}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command.

    Exits with 0; 1 where training or the machine cannot go on, 2 for bad input, 3 where a condition on an audit holds,
    130 after Ctrl-C, 143 after a termination request (SIGTERM).
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = next((name for name in COMMANDS if words[: len(name.split())] == name.split()), None)
    if name is None:
        _overview(words)
    if "TORCHELASTIC_RUN_ID" in os.environ:
        end_with_parent(grace=GRACE)
    with shown_safely(), termination_interrupts():
        _run(name, words[len(name.split()) :])


def _run(name: str, rest: Sequence[str]) -> None:
    """Runs a command; says what was wrong, in the words of its error."""
    hint = "The same command goes on from what is finished." if name in GOING_ON else ""
    try:
        from sceneproof.arguments import parse  # slow to import, and the overview needs none of it

        if name not in BY_TASK:
            command = named_function(COMMANDS[name][0])
            command(**parse(command, rest, f"sceneproof {name}"))
            return
        from sceneproof.commands import options_of, task_of_words  # which knows all tasks, so loads torch

        task, command = task_of_words(rest), named_function(COMMANDS[name][0])
        command(**parse(command, rest, f"sceneproof {name}", task=task, more=options_of(name, task)))
    except (InputError, TrainingError, MachineError, ConditionMetError) as error:
        _fail(as_typed(str(error), rest), CODES[next(kind for kind in CODES if isinstance(error, kind))])
    except MemoryError as error:
        _fail(f"the machine has too little memory left: {error}".rstrip(": "), 1)
    except OSError as error:  # a full disk, a folder that may not be written
        _fail(str(error) or type(error).__name__, 1)
    except Terminated as error:
        _fail(f"terminated. {str(error) or hint}".strip(), 128 + signal.SIGTERM)
    except KeyboardInterrupt as error:
        _fail(f"interrupted. {str(error) or hint}".strip(), 130)


def _overview(words: Sequence[str]) -> NoReturn:
    """The list of commands: on request, or with what was wrong."""
    if words[:1] == ["--version"]:
        print(sceneproof.__version__)
        sys.exit(0)
    group = {name: about for name, about in COMMANDS.items() if words and name.startswith(f"{words[0]} ")}
    lines = [f"  {name:<20} {about}" for name, (_, about) in (group or COMMANDS).items()]
    text = "\n".join(
        [
            "usage: sceneproof COMMAND …      sceneproof COMMAND --help tells more",
            "",
            "Video action recognition that does not lean on the scene: measure the reliance, train without it.",
            "",
            *lines,
        ]
    )
    if not words or words[int(bool(group)) :][:1] in (["-h"], ["--help"]):
        print(text)
        sys.exit(0)
    print(text, file=sys.stderr)
    said = " ".join(words[: 2 if group else 1])
    near = difflib.get_close_matches(said, group or COMMANDS, 1)
    _fail(f"no command {said!r}" + (f"; nearest: {near[0]}" if near else ""), 2)


def _fail(message: str, code: int) -> NoReturn:
    print(f"sceneproof: {lines_of(message)}", file=sys.stderr)
    sys.exit(code)
