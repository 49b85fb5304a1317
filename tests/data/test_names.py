"""Names of actions, and lists as editors and Excel save them."""

import unicodedata
import warnings
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from sceneproof.data.manifest import Manifest
from sceneproof.data.sources import kinetics
from sceneproof.data.sources.audit import examine
from sceneproof.data.sources.folder import index_folder
from sceneproof.data.sources.hmdb51 import read_splits
from sceneproof.data.sources.lists import header, lines
from sceneproof.errors import InputError
from sceneproof.metrics.representation_bias import probed_labels
from sceneproof.studies.recipes import stem, without_seed
from tests.videos import make_video, numbered

KINETICS = "label,youtube_id,time_start,time_end,split\nBüro,abc,1,11,train\nrun,def,2,12,val\n"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", KINETICS),
        ("utf-8-sig", KINETICS),
        ("utf-16", KINETICS),
        ("utf-16-le", KINETICS),
        ("utf-8-sig", KINETICS.replace(",", ";")),
        ("utf-16", KINETICS.replace(",", "\t")),
        ("utf-8", KINETICS.replace(",", " , ")),
        ("utf-8", "\n" + KINETICS.replace("\n", "\r\n\r\n")),
        ("utf-8", KINETICS.replace(",", ";").replace(";1;", ";1,0;")),
    ],
)
def test_lists_of_kinetics_as_excel_saves_them(encoding: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_bytes(text.encode(encoding))
    assert "youtube_id" in header(path)
    rows, _ = kinetics.read_lists(tmp_path, 400)
    assert rows[["action", "group", "split", "start", "end"]].to_numpy().tolist() == [
        ["Büro", "abc", "train", 1, 11],
        ["run", "def", "validation", 2, 12],
    ]


def test_lines_of_text_in_utf_16_are_read(tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_bytes("a b\r\n\r\n  ü \r\n".encode("utf-16"))
    assert list(lines(tmp_path / "l.txt", "there")) == [(1, "a b"), (3, "ü")]
    (tmp_path / "l.txt").write_bytes(b"\x00\x01\x02" * 11)
    with pytest.raises(InputError, match="not a text file"):
        list(lines(tmp_path / "l.txt", "there"))


def test_splits_of_hmdb_with_tabs_or_semicolons_are_read(tmp_path: Path) -> None:
    (tmp_path / "wave_test_split1.txt").write_text("a_0.avi;1\nb_0.avi\t2 \nc_0.avi 0\n")
    assert read_splits(tmp_path, 1, "there")["split"].tolist() == ["train", "test"]


def test_folders_in_two_unicode_forms_are_one_action(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place, name in enumerate((unicodedata.normalize("NFC", "café"), unicodedata.normalize("NFD", "café"))):
        folder = tmp_path / "videos" / name
        make_video(folder / f"{place}.mp4", numbered(4), between=0)
    table = index_folder(tmp_path / "videos", tmp_path / "out", validation=0, test=0, workers=1)
    assert table.actions == [unicodedata.normalize("NFC", "café")]
    assert "Unicode form alone, taken for one action: café" in capsys.readouterr().out


def test_folders_of_pictures_are_told(tmp_path: Path) -> None:
    (tmp_path / "run" / "clip").mkdir(parents=True)
    for number in range(3):
        cv2.imwrite(str(tmp_path / "run" / "clip" / f"{number}.jpg"), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(InputError, match=r"no videos in sub-folders .*pictures were found \(3 \.jpg\).*ffmpeg"):
        index_folder(tmp_path, tmp_path / "out")


def test_absent_classes_are_listed_once() -> None:
    rows = pd.DataFrame({"video": ["a", "b"], "path": ["a", "b"], "split": ["train", "test"], "action": ["run", "run"]})
    audit = examine(Manifest(rows, Path()), "here", missing={"jump": ["c", "d"]}, compare=False)
    text = audit.text()
    assert "no video at all of: jump" in text
    assert not any(line.startswith(("no train", "no test")) for line in text.splitlines())
    assert "2 clips, 1 action" in text


def test_names_keep_their_numbers_unless_these_are_seeds() -> None:
    assert stem(["plain_set1"]) == "plain_set1"
    assert stem(["plain-seed1"]) == stem(["plain_seed1"]) == stem(["plain-s1"]) == "plain"
    assert stem(["plain_set1-seed0", "plain_set1-seed1"]) == "plain_set1"
    assert stem(["sdn-0", "sdn-1"]) == "sdn"
    assert stem(["resnet18", "resnet50"]) == "resnet"
    assert without_seed("plain-0") == "plain"


def test_probes_of_many_labels_do_not_warn() -> None:
    labels = np.array([f"scene {place % 25}" for place in range(40)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        named = probed_labels(np.random.default_rng(0).normal(size=(40, 4)), labels, np.zeros((2, 4)))
    assert len(named) == 2
    assert set(named) <= set(labels)
