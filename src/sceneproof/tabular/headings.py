"""Which column of a table is what: as the user says, or by names that are usual."""

import dataclasses
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from sceneproof.errors import InputError
from sceneproof.tabular.reading import Sheet


@dataclass(frozen=True)
class Columns:
    """Names of the table's columns, where they are not called as here or by another usual name.

    Attributes:
        video: the video file, relative to --root: its path or its name; where `path` is given too, the clip's id.
        path: the video file, where `video` is an id.
        action: what is done in it.
        split: train, validation, test, or another name.
        start: start of a segment, in seconds or as a clock time (1:02.5, 00:01:02.5).
        end: its end, likewise.
        start_frame: start of a segment, as a frame's number.
        end_frame: its end, likewise.
        scene: where it takes place.
        context: in or out, where known.
        group: what was cut from one video or film, and must stay on one side of a split.
        frame: of a box: the frame's number.
        box: of a box: its four numbers in one cell.
        x1: of a box: its left edge.
        y1: its upper edge.
        x2: its right edge.
        y2: its lower edge.
        x: its left edge, where the box has a width (or, with --boxes.order cxcywh, its centre).
        y: its upper edge, or its centre.
        w: its width.
        h: its height.
        cx: its centre across.
        cy: its centre down.
        score: how sure a detector is, from 0 to 1.
        track: the number of its person.
    """

    video: str | None = None
    path: str | None = None
    action: str | None = None
    split: str | None = None
    start: str | None = None
    end: str | None = None
    start_frame: str | None = None
    end_frame: str | None = None
    scene: str | None = None
    context: str | None = None
    group: str | None = None
    frame: str | None = None
    box: str | None = None
    x1: str | None = None
    y1: str | None = None
    x2: str | None = None
    y2: str | None = None
    x: str | None = None
    y: str | None = None
    w: str | None = None
    h: str | None = None
    cx: str | None = None
    cy: str | None = None
    score: str | None = None
    track: str | None = None


LEFT = ("left", "bb_left", "xmin", "x_min", "x1")
"""Names of a left edge, which a centre does not have."""
SHARED = {"x": "x1", "y": "y1"}
"""A left or upper edge is called alike where a right or lower one follows and where a width does."""
# fmt: off
USUAL: Mapping[str, tuple[str, ...]] = {
    "video": ("video", "file", "filename", "file_name", "video_name", "video_file", "video_filename", "video_id", "vid",
              "clip", "clip_name", "clip_file", "clip_id", "name", "videoname", "media", "uri", "filenames", "videos"),
    "path": ("path", "filepath", "file_path", "video_path", "videopath", "clip_path", "full_path", "relative_path"),
    "action": ("action", "label", "class", "class_name", "classname", "label_name", "category", "activity",
               "action_name", "action_label", "action_class", "labels", "target", "verb"),
    "split": ("split", "subset", "set", "partition", "phase", "usage", "fold"),
    "start": ("start", "start_time", "time_start", "starttime", "begin", "begin_time", "t_start", "t0", "onset", "from",
              "start_s", "start_sec", "start_secs", "start_seconds", "segment_start", "start_ms"),
    "end": ("end", "end_time", "time_end", "endtime", "stop", "stop_time", "t_end", "t1", "to", "end_s", "end_sec",
            "end_secs", "end_seconds", "segment_end", "end_ms"),
    "start_frame": ("start_frame", "frame_start", "startframe", "first_frame", "begin_frame", "f_start"),
    "end_frame": ("end_frame", "frame_end", "endframe", "last_frame", "stop_frame", "f_end"),
    "scene": ("scene", "place", "location", "environment", "background", "scene_name"),
    "context": ("context",),
    "group": ("group", "source_video", "film", "group_id"),
    "frame": ("frame", "frame_id", "frame_index", "frame_idx", "frame_number", "frame_no", "frame_num", "frameid"),
    "box": ("box", "bbox", "bounding_box", "boundingbox", "rect"),
    "x1": ("x1", "xmin", "x_min", "left", "bbox_x1", "box_x1", "x_left", "x_1"),
    "y1": ("y1", "ymin", "y_min", "top", "bbox_y1", "box_y1", "y_top", "y_1"),
    "x2": ("x2", "xmax", "x_max", "right", "bbox_x2", "box_x2", "x_right", "x_2"),
    "y2": ("y2", "ymax", "y_max", "bottom", "bbox_y2", "box_y2", "y_bottom", "y_2"),
    "x": ("x", "bbox_x", "box_x", *LEFT),
    "y": ("y", "bbox_y", "box_y", "top", "bb_top", "ymin", "y_min", "y1"),
    "w": ("w", "width", "bbox_w", "box_w", "bbox_width", "box_width", "bb_width"),
    "h": ("h", "height", "bbox_h", "box_h", "bbox_height", "box_height", "bb_height"),
    "cx": ("cx", "xc", "x_center", "x_centre", "center_x", "centre_x", "xcenter", "x_c"),
    "cy": ("cy", "yc", "y_center", "y_centre", "center_y", "centre_y", "ycenter", "y_c"),
    "score": ("score", "confidence", "conf", "probability", "prob"),
    "track": ("track", "track_id", "person_id", "object_id", "identity", "person", "trackid", "instance_id"),
}
# fmt: on
CORNERS, SIZED, CENTRED = ("x1", "y1", "x2", "y2"), ("x", "y", "w", "h"), ("cx", "cy", "w", "h")
BOXES = {*CORNERS, *SIZED, *CENTRED, "box", "frame", "score", "track"}


def named_columns(sheet: Sheet, columns: Columns, wanted: set[str], flag: str = "columns") -> dict[str, str]:
    """The table's column for each field that it has: the user's word, else our own name, else a usual one.

    Args:
        sheet: the table.
        columns: what the user says.
        wanted: the fields that matter.
        flag: what the user says it with.

    Raises:
        InputError: a column that is not there, or a field that several columns may be.
    """
    headings = {plain(name): name for name in sheet.rows.columns}
    chosen: dict[str, str] = {}
    said = {name: value for name, value in dataclasses.asdict(columns).items() if name in wanted}
    for name, value in said.items():
        if value is not None:
            if value not in sheet.rows and plain(value) not in headings:
                raise InputError(
                    f"{sheet.name}: no column {value!r} (--{flag}.{name}); the columns here are: "
                    f"{', '.join(map(str, sheet.rows.columns))}"
                )
            chosen[name] = value if value in sheet.rows else headings[plain(value)]
    taken = set(chosen.values())
    if {"x0", "y0", "x1", "y1"} <= set(headings) and not {"x2", "y2"} & set(headings) and not chosen.keys() & BOXES:
        chosen |= {"x1": headings["x0"], "y1": headings["y0"], "x2": headings["x1"], "y2": headings["y1"]}
        taken = set(chosen.values())
    for name in said:
        if name in chosen:
            continue
        others = taken - {chosen.get(SHARED.get(name, ""), "")}
        usual = [headings[word] for word in USUAL[name] if word in headings and headings[word] not in others]
        if len(usual) > 1 and plain(usual[0]) != name and name not in ("x", "y", "w", "h"):
            raise InputError(
                f"{sheet.name}: {' and '.join(map(repr, usual))} may each be the {name}: say which with "
                f"--{flag}.{name} {usual[0]!r}"
            )
        if usual:
            chosen[name] = usual[0]
            taken.add(usual[0])
    return _of_boxes(chosen, {name for name, value in said.items() if value is not None})


def _of_boxes(chosen: dict[str, str], said: set[str]) -> dict[str, str]:
    """Without half of another form of boxes: a picture's width and height are usual names of a box's, too."""
    forms = [("box",), CORNERS, CENTRED, SIZED]
    forms.sort(key=lambda form: not said & set(form))  # what the user named goes first
    whole = next((form for form in forms if all(name in chosen for name in form)), ())
    others = {name for form in forms for name in form} - set(whole)
    return {name: column for name, column in chosen.items() if name not in others or name in said}


def text_of(columns: Mapping[str, str]) -> str:
    """Which columns are what, in a line."""
    return ", ".join(f"{name} = {column!r}" if name != column else name for name, column in columns.items())


def plain(name: str) -> str:
    """A heading without capitals, blanks and dashes."""
    return re.sub(r"[\s\-./]+", "_", unicodedata.normalize("NFC", str(name)).strip().casefold()).strip("_")
