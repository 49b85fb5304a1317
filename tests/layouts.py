"""Small made-up collections in the layouts that the data sets are published in: ROOT/videos and ROOT/lists.

A new source joins the tests by one entry in `LAYOUTS`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.videos import make_video, numbered

FRAMES = 6


@dataclass(frozen=True)
class Layout:
    """One data set's layout.

    Attributes:
        make: writes the collection below a folder.
        splits: rows by split of the manifest, with the default options.
        lists: the lists, relative to ROOT/lists; each is needed.
        bad: what to put at the end of the first list, and what the complaint about it says.
        site: where the lists are said to come from.
        words: further words of the command.
    """

    make: Callable[[Path], None]
    splits: Mapping[str, int]
    lists: Sequence[str]
    bad: tuple[str, str]
    site: str
    words: Sequence[str] = ()


class Studio:
    """Writes videos, no two alike."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._made = 0

    def film(self, name: str, *, frames: int = FRAMES) -> None:
        """Writes ROOT/videos/NAME; the suffix is part of the name."""
        self._made += 1
        codec = "mpeg4" if name.endswith(".avi") else "libx264"
        pictures = numbered(frames, colour=(37 * self._made) % 256, first=self._made % 100)
        make_video(self.root / "videos" / name, pictures, codec=codec, between=0)

    def write(self, name: str, text: str) -> None:
        """Writes ROOT/lists/NAME."""
        path = self.root / "lists" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def make_ucf101(root: Path) -> None:
    """Two classes; groups 1 (test) and 2 to 4 (training) of two clips each."""
    studio = Studio(root)
    train: list[str] = []
    test: list[str] = []
    for label, action in enumerate(("Archery", "YoYo"), start=1):
        for group in range(1, 5):
            for clip in (1, 2):
                name = f"{action}/v_{action}_g{group:02d}_c{clip:02d}.avi"
                studio.film(name)
                (test if group == 1 else train).append(name if group == 1 else f"{name} {label}")
    studio.write("classInd.txt", "1 Archery\r\n2 YoYo\r\n")
    studio.write("trainlist01.txt", "\r\n".join(train) + "\r\n")
    studio.write("testlist01.txt", "\r\n".join(test) + "\r\n")


def make_hmdb51(root: Path) -> None:
    """Two classes; films A (test), B to D (training) and E (neither) of two clips each."""
    studio = Studio(root)
    for action in ("wave", "shoot_bow"):
        lines = []
        for film, tag in zip("ABCDE", "21110", strict=True):
            for clip in (0, 1):
                name = f"Film{film}{action[0]}_{action}_f_cm_np1_fr_med_{clip}.avi"
                studio.film(f"{action}/{name}")
                lines.append(f"{name} {tag} ")
        studio.write(f"{action}_test_split1.txt", "\n".join(lines) + "\n")


KINETICS = {"abseiling": "ab", "playing violin": "pv"}


def _kinetics_lists(studio: Studio, names: Sequence[str]) -> dict[str, list[str]]:
    """Four training, two validation and two test clips a label, cut; ids by split."""
    ids: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    rows: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    for label, short in KINETICS.items():
        for split, count in (("train", 4), ("val", 2), ("test", 2)):
            for clip in range(count):
                video = f"{short}-{split:_<5}_{clip}x"
                ids[split].append(video)
                rows[split].append(f"{label},{video},{clip},{clip + 10},{split}")
                studio.film(f"{split}/{label}/{video}_{clip:06d}_{clip + 10:06d}.mp4")
    for split, name in zip(ids, names, strict=True):
        studio.write(name, "\n".join(["label,youtube_id,time_start,time_end,split", *rows[split]]) + "\n")
    return ids


def make_kinetics(root: Path) -> None:
    """Two labels, all three splits."""
    _kinetics_lists(Studio(root), ("train.csv", "val.csv", "test.csv"))


def make_mini_kinetics(root: Path) -> None:
    """Kinetics' lists, and lists of ids alone that leave one training clip out."""
    studio = Studio(root)
    ids = _kinetics_lists(studio, ("kinetics-400_train.csv", "kinetics-400_val.csv", "kinetics-400_test.csv"))
    studio.write("train_ytid_list.txt", "\n".join(ids["train"][1:]) + "\n")
    studio.write("val_ytid_list.txt", "\n".join(ids["val"]) + "\n")


def make_diving48(root: Path, version: str = "V1") -> None:
    """Two dives; source videos 0 (test) and 1 to 3 (training) of two clips each."""
    studio = Studio(root)
    entries: dict[str, list[dict[str, object]]] = {"train": [], "test": []}
    for source in range(4):
        for clip in range(4):
            name = f"_8Vy-dlHg{source}w_{clip:05d}"
            studio.film(f"rgb/{name}.mp4")
            entry = {"vid_name": name, "label": clip % 2, "start_frame": 0, "end_frame": FRAMES}
            entries["train" if source else "test"].append(entry)
    middle = "" if version == "V1" else "V2_"
    for part, listed in entries.items():
        studio.write(f"Diving48_{middle}{part}.json", json.dumps(listed))
    words = [["Back", "15som", "05Twis", "FREE"], ["Forward", "25som", "NoTwis", "PIKE"]]
    studio.write("Diving48_vocab.json", json.dumps(words))


def make_mimetics(root: Path) -> None:
    """Two labels of two clips; six columns."""
    studio = Studio(root)
    rows = ["label,youtube_id,time_start,time_end,split,is_cc"]
    for label, short in KINETICS.items():
        for clip in range(2):
            video = f"{short}-mimed__{clip}"
            rows.append(f"{label},{video},{clip},{clip + 5},test,0")
            studio.film(f"data/{label}/{video}_{clip}_{clip + 5}.mp4")
    studio.write("mimetics_v1.0.csv", "\n".join(rows) + "\n")


def make_thumos14(root: Path) -> None:
    """Four validation videos and one test video of 50 frames (2 s), with segments of two classes and of none."""
    studio = Studio(root)
    videos = {"val": [f"video_validation_{number:07d}" for number in (51, 52, 53, 54)], "test": ["video_test_0001292"]}
    for part, names in videos.items():
        for name in names:
            studio.film(f"{part}/{name}.mp4", frames=50)
        for place, action in enumerate(("Billiards", "Diving")):
            lines = [f"{name}  {0.1 + place:.1f} {0.9 + place:.1f}" for name in names]
            studio.write(f"annotations_{part}/{action}_{part}.txt", "\n".join(lines) + "\n")
        studio.write(f"annotations_{part}/Ambiguous_{part}.txt", f"{names[0]}  0.9 1.1\n")


LAYOUTS = {
    "ucf101": Layout(
        make_ucf101,
        {"train": 8, "validation": 4, "test": 4},
        ("trainlist01.txt", "testlist01.txt", "classInd.txt"),
        ("Archery/other.avi 1", r"trainlist01\.txt: line 13: 'Archery/other.avi 1' is no video of a class"),
        "crcv.ucf.edu",
    ),
    "hmdb51": Layout(
        make_hmdb51,
        {"train": 8, "validation": 4, "test": 4},
        ("wave_test_split1.txt",),
        ("odd line here", r"wave_test_split1\.txt: line 11: 'odd line here' is not a file name and 1"),
        "serre-lab.clps.brown.edu",
    ),
    "kinetics": Layout(
        make_kinetics,
        {"train": 8, "validation": 4, "test": 4},
        ("train.csv",),
        ("abseiling,abcdefghijk,ten,20,train", r"train\.csv: line 10: time_start: 'ten' is not a number"),
        "cvdfoundation/kinetics-dataset",
    ),
    "mini-kinetics": Layout(
        make_mini_kinetics,
        {"train": 7, "validation": 4},
        ("train_ytid_list.txt", "val_ytid_list.txt"),
        ("not an id", r"train_ytid_list\.txt: line 8: 'not an id' is no YouTube id"),
        "s9xie/Mini-Kinetics-200",
    ),
    "diving48": Layout(
        make_diving48,
        {"train": 8, "validation": 4, "test": 4},
        ("Diving48_train.json", "Diving48_test.json", "Diving48_vocab.json"),
        (
            '{"vid_name": "a_00001", "label": 48}',
            r'Diving48_train\.json: entry 12: .*"label": 48.* has no label from 0',
        ),
        "svcl.ucsd.edu",
        ("--version", "V1"),
    ),
    "mimetics": Layout(
        make_mimetics,
        {"test": 4},
        ("mimetics_v1.0.csv",),
        ("abseiling,abcdefghijk,7", r"mimetics_v1\.0\.csv: line 6: no time_end"),
        "europe.naverlabs.com",
    ),
    "thumos14": Layout(
        make_thumos14,
        {"train": 6, "validation": 2, "test": 2},
        ("annotations_val/Billiards_val.txt",),
        ("video_validation_0000051 3.0", r"Billiards_val\.txt: line 5: .* is not a video, a start and an end"),
        "crcv.ucf.edu/THUMOS14",
    ),
}


def spoil(layout: Layout, root: Path) -> None:
    """Puts a malformed line, or entry, at the end of the first list."""
    path = root / "lists" / layout.lists[0]
    if path.suffix == ".json":
        path.write_text(json.dumps([*json.loads(path.read_text()), json.loads(layout.bad[0])]))
    else:
        path.write_text(path.read_text() + layout.bad[0] + "\n")
