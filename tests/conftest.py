"""Fixtures that every test may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# before torch is loaded, and for every process that a test starts: networks of tests are so small that threads which
# wait for each other take more processor time than they save (half of the suite's, with as many workers as cores)
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

# a busy machine is no failure: no example has a deadline, and a test's time limit (pyproject.toml) only ends what hangs
hypothesis.settings.register_profile("sceneproof", deadline=None)
hypothesis.settings.load_profile("sceneproof")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real videos, masks and weights; the test is skipped where it is missing."""
    if not SHARED.is_dir():
        pytest.skip(f"real data is not at hand: {SHARED} is missing")
    return SHARED


@pytest.fixture(scope="session", autouse=True)
def _started() -> Iterator[type]:
    """Files are worked at in the test's own process, but in tests marked `processes`; yields what starts some."""
    from sceneproof.jobs import processes
    from tests.here import Here

    started = processes._Manager
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "_Manager", Here)
        yield started


@pytest.fixture(autouse=True)
def _in_processes(request: pytest.FixtureRequest, _started: type, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("processes") is not None:
        monkeypatch.setattr("sceneproof.jobs.processes._Manager", _started)
