"""An audit from an open model to its page: scored, measured, written."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof import locks
from sceneproof.audit.collecting import Answers, collect, for_processes
from sceneproof.audit.measures import Measures, measure
from sceneproof.audit.naming import Naming, class_table
from sceneproof.audit.probes import probe_figures
from sceneproof.audit.remedy import FILE as REMEDY
from sceneproof.audit.remedy import Remedied, remedied
from sceneproof.audit.scoring import ANSWERS
from sceneproof.audit.settings import DataSettings, ModelSettings, default_splits, plain_settings
from sceneproof.audit.subject import Chooser, Subject
from sceneproof.audit.table import COLUMNS, AuditTable, rounded
from sceneproof.contexts.variants import VARIANTS
from sceneproof.data.clips import repeated
from sceneproof.data.manifest import Manifest
from sceneproof.data.plausibility import tell
from sceneproof.data.scenes import SceneTable
from sceneproof.figures import FILE, Figure, named, write_figures
from sceneproof.pages.audit import shown_clips, watched_clips, write_page
from sceneproof.pages.audit_words import headline
from sceneproof.terminal import visible

Among = Literal["all", "audited"]


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        table: what the model said of every variant of every video.
        measures: the figures.
        folder: where audit.html, audit.json, audit.csv, audit.parquet and figures.parquet are.
    """

    table: AuditTable
    measures: Measures
    folder: Path


def matched(data: DataSettings, subject: Subject, mapping: Path | None) -> tuple[DataSettings, Naming]:
    """The settings with their splits and left out actions, and which class is which action.

    Raises:
        InputError: a bad manifest, or names that do not match.
    """
    whole = Manifest.read(data.manifest, data.root)
    chosen = data.splits or default_splits(whole)
    naming = class_table(subject.actions, whole.split(*chosen).actions, mapping)
    return replace(data, splits=chosen, left_out=tuple(naming.left_out)), naming


@locks.alone(locks.out)
def conduct(
    subject: Subject,
    data: DataSettings,
    naming: Naming,
    out: Path,
    *,
    opening: ModelSettings | None = None,
    among: Among = "all",
    title: str | None = None,
    shown: int = 6,
    workers: int = 0,
    time_limit: float = 600.0,
    remedy: bool = True,
    quiet: bool = False,
) -> Audit:
    """Audits a model that is open: scores, measures, writes the page.

    Args:
        subject: the model.
        data: which videos, in which variants; from `matched`.
        naming: which class is which action.
        out: the folder to write.
        opening: how other processes open the model; None: all is done in this one.
        among: which classes the model may name.
        title: what to call it.
        shown: clips on the page.
        workers: processes; 0: this one.
        time_limit: seconds a video may take in a process of its own.
        remedy: also say what can be done without training.
        quiet: no progress and no summary.
    """
    scorer, videos = data.scorer(subject), data.table()
    doubts = [*data.doubts(videos), *repeated(videos, subject.sampling.length)]
    tell(doubts)
    known = {**plain_settings(data), "model": subject.identity, "tables": data.digests()}
    answers = Answers(out / ".answers", _ids(videos), known)
    answers.parts.begin(anew=True)
    tasks = None if opening is None else for_processes(opening, data)
    collect(answers, scorer, tasks, workers=workers, time_limit=time_limit, quiet=quiet)
    facts: dict[str, Any] = {"model": title or subject.title, "settings": {**plain_settings(data), "among": among}}
    facts["identity"] = subject.identity
    if subject.reads:
        facts["reads"] = subject.reads
    if isinstance(subject, Chooser):
        facts["answers"] = min(ANSWERS, len(naming.actions))
    facts |= {"left_out": naming.left_out, "maps_missing": subject.maps_missing, "doubts": doubts}
    facts["unable"] = {name: reason for name in data.variants or VARIANTS if (reason := scorer.variants.unable(name))}
    table = AuditTable(
        _rows(answers.read(), videos, naming, among=among), list(subject.actions), naming.actions, naming.action_of,
        facts,
    )  # fmt: skip
    table.write(out / "audit.parquet")
    labels = None if data.scenes is None else SceneTable.read(data.scenes)
    measures = measure(table, probes=probe_figures(table, labels))
    page = f"How much does {table.model} lean on the scene?"
    of = {"run": table.model, "recipe": f"audit/{table.model}", "seed": "0"}
    correction = remedied(table) if remedy else None
    write_figures(out / FILE, named([*measures.figures.values(), *_keep(correction, out)], **of))
    write_page(
        table, measures, out, clips=shown_clips(table, scorer, videos, shown), title=page,
        watched=watched_clips(table, scorer, videos, shown), remedy=correction,
    )  # fmt: skip
    answers.parts.end()
    if not quiet:
        print(
            "\n".join(
                [*map(visible, headline(table, measures)), f"written: {out / 'audit.html'}, .json, .csv, .parquet"]
            )
        )
    return Audit(table, measures, out)


def _keep(correction: Remedied | str | None, out: Path) -> list[Figure]:
    """Writes a remedy to the audit's folder, in place of an earlier one, and gives its figures."""
    if not isinstance(correction, Remedied):
        (out / REMEDY).unlink(missing_ok=True)
        return []
    correction.remedy.write(out / REMEDY)
    return correction.figures()


def _rows(answered: pd.DataFrame, videos: Manifest, naming: Naming, *, among: Among) -> pd.DataFrame:
    """What was answered, with what the manifest knows of each video and of its backgrounds."""
    known = videos.rows.set_index("video")
    rows = answered.copy()
    for name in ("split", "action", "scene", "group"):
        rows[name] = rows["video"].map(known[name]) if name in known else None
    scenes = known["scene"].to_dict() if "scene" in known else {}
    rows["background_scene"] = [_scene(background, scenes) for background in rows["background"]]
    if among == "audited":
        others = naming.action_of < 0
        kept = [None if scores is None else _among(scores, others) for scores in rows["scores"]]
        rows["scores"] = pd.Series(kept, rows.index, dtype=object)
    return rows[list(COLUMNS)]


def _among(scores: NDArray[np.float32], others: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Probabilities among the classes that may be named; 0 for the others, and for all where none had any."""
    kept = np.where(others, 0, scores.astype(np.float64))
    return rounded(kept / max(kept.sum(), 1e-30))


def _scene(background: str, scenes: Mapping[Any, object]) -> str:
    scene = scenes.get(background)
    return scene if isinstance(scene, str) else ""


def _ids(videos: Manifest) -> list[str]:
    return [str(video) for video in videos.rows["video"]]
