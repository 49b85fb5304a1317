"""`sceneproof audit`: a model and labelled videos -> how much the model leans on the scene, as a page and as JSON."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from sceneproof.audit.conditions import Condition
from sceneproof.audit.conducting import Among, Audit, conduct, matched
from sceneproof.audit.figures import CATALOG
from sceneproof.audit.models.callable_model import CallableModel
from sceneproof.audit.models.inputs import InputSettings
from sceneproof.audit.models.opening import ASKED
from sceneproof.audit.settings import DataSettings, ModelSettings, default_splits, plan
from sceneproof.audit.subject import Pixels, Subject
from sceneproof.data.humans import COVERAGE
from sceneproof.data.manifest import Manifest
from sceneproof.errors import ConditionMetError
from sceneproof.figures import FILE, Figure, read_figures
from sceneproof.machine import processors
from sceneproof.numerics import environment
from sceneproof.results import add_figures


def audit_command(
    model: str,
    manifest: Path,
    out: Path = Path("audit"),
    *,
    humans: Path | None = None,
    scenes: Path | None = None,
    backgrounds: Path | None = None,
    inpainter: Path | None = None,
    splits: list[str] | None = None,
    names: Path | None = None,
    mapping: Path | None = None,
    inputs: InputSettings = InputSettings(),
    weights: str | None = None,
    prompt: str | None = None,
    among: Among = "all",
    variants: list[str] | None = None,
    clips: int = 1,
    least_share: float = COVERAGE,
    seed: int = 0,
    fail_if: list[str] | None = None,
    title: str | None = None,
    shown: int = 6,
    remedy: bool = True,
    results: Path | None = None,
    root: Path | None = None,
    device: str = "auto",
    batch: int = 8,
    workers: int | None = None,
    time_limit: float = 600.0,
    trust: list[str] | None = None,
    dry_run: bool = False,
    quiet: bool = False,
) -> Audit | None:
    """Says how much of a video model's accuracy is the place: one page and one JSON; no training.

    MODEL is a run of ours, a torchvision video model (torchvision:r3d_18), I3D (i3d:kinetics400), a Hugging Face video
    classifier (a folder or hf:ORG/NAME), a TorchScript (.pt, .ts) or ONNX file, or package.module:callable, which takes
    a clip, uint8 (T, H, W, 3), and gives scores; clip:FOLDER, a model of pictures or videos and texts, asked for the
    manifest's actions; or choices:package.module:callable, which also gets five answers and names one. Each video is
    shown as it is, without its people, without its scene, in other scenes and out of order; all of it is made on the
    fly. Stopped at any moment, the same command goes on where it was.

    Args:
        model: The model: see above.
        manifest: The table of labelled videos, as `sceneproof index` writes it.
        out: The folder for audit.html, audit.json, audit.csv, audit.parquet and figures.parquet.
        humans: Table of person masks or boxes (`sceneproof label humans` makes them); masks give clean cuts. Without it
            nothing that needs people is measured.
        scenes: Table of scene labels (`sceneproof label scenes`): for scene leakage, B_scene, similar and different
            places; without it the manifest's column `scene` is used where it is there.
        backgrounds: Folder of pictures or videos to put people in front of; without one, drawn scenes.
        inpainter: Network in ONNX that fills what no frame shows behind people, such as an export of LaMa; without
            one, smooth colours from around.
        splits: Only videos of these splits; by default those with "test" in their name, or all where none has.
        names: File of the model's class names, one a line or as JSON, where the model does not bring them.
        mapping: File that says which class of the model is which action: CSV (action,class) or YAML.
        inputs: What an exported file or a callable takes: frames, size, layout, mean and deviation.
        weights: File of weights: for a torchvision model, instead of the published ones; for I3D, always; RAFT's, for a
            run that was trained on flow by RAFT.
        prompt: What a model of texts (clip:…) is asked, {} being the action; by default "a video of a person {}".
        among: Which classes the model may name: all of its own, or only those of audited actions.
        variants: Names of variants; by default all that the data allows.
        clips: Clips of each video; their probabilities are averaged.
        least_share: Share of a video's frames in which people must be known, for it to count in what needs people: in
            the others they are still to be seen when they are "removed". Up to five missing frames between two that
            show a person are filled in first.
        seed: Another seed, other backgrounds and orders.
        fail_if: Conditions on the figures; where one holds the command ends with exit code 3, for a pipeline. Quote
            each: --fail-if "scene_error > 0.2" "survives_human_filled > .5".
        title: What to call the model.
        shown: Clips to show on the page, with their variants.
        remedy: Also say what can be done without training, and keep it as remedy.json (see `sceneproof remedy`):
            how much of what the model says of the scene alone can be taken out. Needs clips without their people.
        results: A results.csv to add the figures to, as the recipe audit/TITLE.
        root: The folder that the manifest's paths start from; by default the manifest's own.
        device: 'auto', 'cpu' or 'cuda'.
        batch: Clips that go through the model together; the figures do not depend on it.
        workers: Processes, each with a model of its own; by default one a processor, or one with a GPU; 0: this one.
        time_limit: Seconds that all variants of a video may take in a process of its own.
        trust: Modules or classes (mypackage, mypackage.models.Net) that a run's configuration may name besides
            sceneproof's own. To import them executes their code.
        dry_run: Only say what would be measured, on how many videos, and how long it would take.
        quiet: No progress and no summary.

    Raises:
        InputError: bad input; names the file, row or key.
        ConditionMetError: a condition of `fail_if` holds.
    """
    conditions = [Condition.parse(text, CATALOG) for text in fail_if or ()]
    asked = actions_asked_for(model, names, manifest, root, splits)
    opening = ModelSettings(model, _text(names), inputs, weights, device, batch, _tuple(trust), prompt, asked)
    subject = opening.open()
    data = DataSettings(
        manifest=str(manifest), root=_text(root), splits=tuple(splits or ()), humans=_text(humans),
        scenes=_text(scenes), backgrounds=_text(backgrounds), variants=tuple(variants or ()), seed=seed, clips=clips,
        least_share=least_share, inpainter=_text(inpainter),
    )  # fmt: skip
    data, naming = matched(data, subject, mapping)
    if dry_run:
        print(plan(data, subject))
        return None
    count = workers if workers is not None else 1 if torch.cuda.is_available() and device != "cpu" else processors()
    audit = conduct(
        subject, data, naming, out, opening=opening, among=among, title=title, shown=shown, workers=count,
        time_limit=time_limit, remedy=remedy, quiet=quiet,
    )  # fmt: skip
    if results is not None:
        commit = str(environment()["commit"] or "")
        add_figures(results, read_figures(out / FILE), commit)
    refuse(conditions, audit.measures.figures)
    return audit


def audit(
    model: str | Subject | Callable[[Pixels], Any],
    videos: Path | str,
    out: Path | str = "audit",
    *,
    humans: Path | None = None,
    scenes: Path | None = None,
    backgrounds: Path | None = None,
    inpainter: Path | None = None,
    splits: Sequence[str] = (),
    mapping: Path | None = None,
    among: Among = "all",
    variants: Sequence[str] = (),
    clips: int = 1,
    least_share: float = COVERAGE,
    seed: int = 0,
    title: str | None = None,
    shown: int = 6,
    device: str = "auto",
    trust: Sequence[str] | None = None,
    quiet: bool = True,
) -> Audit:
    """Audits a model from Python, in this process.

    Args:
        model: what `sceneproof audit` takes; or a `Subject`; or a function that takes a clip, uint8 (T, H, W, 3), RGB,
            and gives scores (A,), with an attribute `actions`, the names of its classes.
        videos: the manifest.
        out: the folder to write.
        humans: table of masks or boxes of people.
        scenes: table of scene labels.
        backgrounds: folder of pictures or videos.
        inpainter: network in ONNX that fills what no frame shows behind people; by default smooth colours from around.
        splits: only these; by default those with "test" in their name, or all.
        mapping: file that says which class is which action.
        among: which classes the model may name.
        variants: only these; by default all that the data allows.
        clips: clips of each video.
        least_share: share of a video's frames in which people must be known, for it to count in what needs people.
        seed: of backgrounds and orders.
        title: what to call the model.
        shown: clips on the page.
        device: 'auto', 'cpu' or 'cuda'.
        trust: import paths that a run's configuration may name besides sceneproof's own.
        quiet: no progress and no summary.

    Raises:
        InputError: bad input; names the file, row or key.
    """
    if isinstance(model, str):
        asked = actions_asked_for(model, None, Path(videos), None, splits)
        model = ModelSettings(model, device=device, trust=_tuple(trust), actions=asked).open()
    subject = model if isinstance(model, Subject) else CallableModel(model)
    data = DataSettings(
        manifest=str(videos), splits=tuple(splits), humans=_text(humans), scenes=_text(scenes),
        backgrounds=_text(backgrounds), variants=tuple(variants), seed=seed, clips=clips, least_share=least_share,
        inpainter=_text(inpainter),
    )  # fmt: skip
    data, naming = matched(data, subject, mapping)
    return conduct(subject, data, naming, Path(out), among=among, title=title, shown=shown, quiet=quiet)


def actions_asked_for(
    model: str, names: Path | None, manifest: Path, root: Path | None, splits: Sequence[str] | None
) -> tuple[str, ...]:
    """The audited actions, for a model that has no classes of its own and is given no names; else none.

    Raises:
        InputError: a bad manifest, or an unknown split.
    """
    if names is not None or model.partition(":")[0] not in ASKED:
        return ()
    table = Manifest.read(manifest, root)
    return tuple(table.split(*(splits or default_splits(table))).actions)


def refuse(conditions: list[Condition], figures: Mapping[str, Figure]) -> None:
    """Says which conditions hold.

    Raises:
        ConditionMetError: one does, or more.
        InputError: a figure that one names was not measured: a pipeline must not pass for want of data.
    """
    met = [condition for condition in conditions if condition.met(figures)]
    if met:
        lines = [f"{condition.text}: {condition.measured(figures)}" for condition in met]
        raise ConditionMetError("a condition of --fail-if holds: " + "; ".join(lines))


def _tuple(words: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if words is None else tuple(words)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
