"""The command `sceneproof index table`."""

from pathlib import Path

import pandas as pd

from sceneproof import locks
from sceneproof.data.human_tables import HumanBoxes
from sceneproof.data.manifest import COLUMNS, Manifest
from sceneproof.data.plausibility import check_plausible, sizes_of
from sceneproof.data.sources.audit import examine
from sceneproof.data.sources.folder import draw
from sceneproof.data.sources.survey import link
from sceneproof.data.tables import write_table
from sceneproof.errors import InputError
from sceneproof.pages.preview import write_preview
from sceneproof.tabular.boxes import BoxForm
from sceneproof.tabular.clips import SegmentForm, TableClips, listed, read_clips, read_labels
from sceneproof.tabular.headings import BOXES, USUAL, Columns, named_columns, text_of
from sceneproof.tabular.matching import VideoFiles
from sceneproof.tabular.people import has_boxes, read_people
from sceneproof.tabular.reading import read_sheet
from sceneproof.wording import counted


@locks.alone(locks.out)
def index_table(
    table: Path,
    out: Path,
    *,
    root: Path,
    columns: Columns = Columns(),
    split: str | None = None,
    validation: float | None = None,
    test: float | None = None,
    segments: SegmentForm = SegmentForm(),
    people: Path | None = None,
    boxes: BoxForm = BoxForm(),
    seed: int = 0,
    workers: int | None = None,
    quiet: bool = False,
) -> Manifest:
    """Lists the videos of your own table in OUT/manifest.parquet, and its boxes of people in OUT/boxes.parquet.

    The table is CSV, TSV or Parquet: a first line with the names of its columns, such as `video,action,split`, and a
    row a clip (`dive_01.mp4,dive,train`), a row a segment of a video (columns start and end: seconds, clock times like
    1:02.5, or frames), or a row a box of a person (columns frame, x1, y1, x2, y2). As Excel saves it is well: UTF-8 or
    UTF-16, semicolons, 0,2 for 0.2. Columns of usual names (filename, label, class, subset, xmin, …) are recognised;
    others are told: `sceneproof index table rows.csv OUT --root VIDEOS --columns.video clip_name --split test`.

    Whatever is inferred is said, and what could be several things is refused with the option that tells it. Every file
    is looked into; those that cannot be read or are missing are named, in OUT/manifest.failures.parquet too.
    OUT/preview.html shows five rows as pictures: look at it. Nothing is copied: OUT/videos becomes a link to VIDEOS.

    Args:
        table: The table (.csv, .tsv, .txt, .parquet).
        out: The folder to write.
        root: The folder of videos, that paths in the table start from; names alone are found in any sub-folder.
        columns: What the table's columns are called, where it is not as here.
        split: All rows are of this split, such as train or test.
        validation: Share of each action's training clips to draw for validation, where the table has no splits.
        test: Share of each action's clips to draw for testing, likewise.
        segments: How segments in frames are written.
        people: A table of boxes of these videos; by default boxes are looked for in TABLE itself.
        boxes: How boxes are written.
        seed: Another seed draws another split.
        workers: Processes that look into files; by default one a core.
        quiet: No progress and no summary.

    Raises:
        InputError: a file that is no table, a column that is missing or may be several, a cell that is no number, time
            or name, rows out of range or that contradict each other, not one video is there; names lines.
    """
    root, out = Path(root), Path(out)
    drawn = validation is not None or test is not None
    if drawn and split is not None:
        raise InputError("--split names the split of all rows: give it, or --validation and --test, not both")
    if not (0 <= (validation or 0) < 1 and 0 <= (test or 0) < 1 and (validation or 0) + (test or 0) < 1):
        raise InputError("--validation and --test are shares from 0 to 1 that leave a part to train on")
    sheet = read_sheet(Path(table))
    of_boxes = sheet if people is None else read_sheet(Path(people))
    named = named_columns(sheet, columns, set(USUAL) if people is None else set(USUAL) - BOXES)
    of_people = (
        named
        if people is None
        else named_columns(of_boxes, _only_there(columns, of_boxes.rows), {"video", "path"} | BOXES)
    )
    if people is not None and not has_boxes(of_people):
        raise InputError(
            f"{people}: no boxes here: expected x1,y1,x2,y2, or x,y,w,h, or cx,cy,w,h, or box; the columns are: "
            f"{', '.join(map(str, of_boxes.rows.columns))}"
        )
    with_boxes = has_boxes(of_people)
    labels, notes = read_labels(sheet, named, split, drawn)
    files = VideoFiles(root)
    clips = read_clips(
        sheet, named, labels, files, segments,
        boxes=with_boxes and people is None, workers=workers, quiet=quiet,
    )  # fmt: skip
    if with_boxes and "start" in clips.rows:
        raise InputError(f"{table}: segments, and boxes of whole videos: index them apart")
    rows = clips.rows
    if drawn:
        draw(rows, validation or 0, test or 0, seed)
    told = [*sheet.notes, f"columns: {text_of(named)}", *notes, *clips.notes]
    humans = None
    if with_boxes:
        humans, said = read_people(of_boxes, of_people, rows, boxes)
        told += [*([f"boxes of {people}: {text_of(of_people)}"] if people is not None else []), *said]
    return _write(Path(table), out, clips, humans, told, workers=workers, quiet=quiet)


def _write(
    table: Path,
    out: Path,
    clips: TableClips,
    humans: HumanBoxes | None,
    told: list[str],
    *,
    workers: int | None,
    quiet: bool,
) -> Manifest:
    root, matched = clips.root, clips.matched
    prefix = link(root, out)
    kept = [name for name in clips.rows if name not in ("label", "id")]
    rows = clips.rows[[*COLUMNS, *(name for name in kept if name not in COLUMNS)]]
    manifest = Manifest(rows.assign(path=prefix + rows["path"]), out, str(out / "manifest.parquet"))
    warnings = manifest.check()
    notes = [*told, *warnings]
    if humans is not None:
        notes += check_plausible(humans, sizes_of(manifest, humans.videos))
    if matched.elsewhere:
        notes.append(f"videos found by their names, in other folders than the table says: {matched.elsewhere}")
    page = write_preview(out / "preview.html", rows, root, humans, notes, title=f"{table.name}: rows as pictures")
    manifest.write(out / "manifest.parquet", source=table.name)
    written = ["manifest.parquet", "audit.json", "preview.html"]
    if humans is not None:
        humans.write(out / "boxes.parquet")
        written.append("boxes.parquet")
        shown = f"people in {len(humans.videos)} of {counted(len(rows), 'clip')}"
        notes.append(f"{shown}, {counted(len(humans.rows), 'box', 'boxes')}")
    failures = [
        (video, video, f"no such file{f' (nearest: {near})' if near else ''}") for video, _, near in clips.missing
    ]
    by_path = dict(zip(rows["path"], rows["video"], strict=True))
    failures += [(by_path[path], path, reason) for path, reason in clips.problems.items()]
    if failures:
        frame = pd.DataFrame(failures, columns=["video", "path", "reason"])
        write_table(out / "manifest.failures.parquet", frame, "failures", table=str(out / "manifest.parquet"))
        written.append("manifest.failures.parquet")
    audit = examine(
        manifest, str(table), listed=len(rows) + len(clips.missing), missing=listed(clips.missing),
        listed_twice=clips.twice, unreadable=clips.problems, notes=notes, workers=workers, quiet=quiet,
    )  # fmt: skip
    audit.write(out / "audit.json")
    if not quiet:
        print(audit.text())
        print(f"wrote {', '.join(str(out / name) if name == 'manifest.parquet' else name for name in written)}")
        if page:
            print(f"look at {out / 'preview.html'}: {counted(len(page), 'row')} as pictures")
    return manifest


def _only_there(columns: Columns, rows: pd.DataFrame) -> Columns:
    """The user's names of columns that a second table has."""
    return Columns(**{name: value if value in rows else None for name, value in vars(columns).items()})
