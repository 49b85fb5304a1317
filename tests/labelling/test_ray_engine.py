import threading
from functools import partial
from pathlib import Path

import pytest

from sceneproof.labelling.pipeline import label
from sceneproof.labelling.ray_engine import RayEngine
from tests.labelling.counting import Counting, collection
from tests.waiting import wait_until

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")


@pytest.mark.slow
def test_a_node_that_is_lost_midway_costs_nothing_but_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_worker_niceness", "0")  # 15 by default: beside other work they would hardly be run at all
    manifest = collection(tmp_path, 48)
    label(manifest, Counting(), tmp_path / "unbroken.parquet", batch=4, shard=4, workers=1, quiet=True)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        lost = cluster.add_node(num_cpus=1)
        ray.init(address=cluster.address, log_to_driver=False)
        engine = RayEngine(partial(Counting, seconds=0.2, log=tmp_path / "log"), actors=2)
        out = tmp_path / "counts.parquet"
        settings = {"batch": 4, "shard": 4, "workers": 1, "engine": engine, "quiet": True}
        labelling = threading.Thread(target=label, args=(manifest, Counting(), out), kwargs=settings)
        labelling.start()
        wait_until(lambda: not labelling.is_alive() or len(_processes(tmp_path / "log")) == 2)
        assert labelling.is_alive(), "nothing is left to be lost"
        cluster.remove_node(lost, allow_graceful=False)
        labelling.join()
    finally:
        ray.shutdown()
        cluster.shutdown()  # type: ignore[no-untyped-call]
    assert out.read_bytes() == (tmp_path / "unbroken.parquet").read_bytes()
    seen = [line.split()[1] for line in (tmp_path / "log").read_text().splitlines()]
    assert set(seen) == set(manifest.rows["video"])
    assert len(seen) <= 48 + 4, "what was lost is at most the shard in hand"


def _processes(log: Path) -> set[str]:
    return {line.split()[0] for line in log.read_text().splitlines()} if log.exists() else set()
