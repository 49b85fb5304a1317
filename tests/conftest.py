"""Fixtures that every test may use."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real videos, masks and weights; the test is skipped where it is missing."""
    if not SHARED.is_dir():
        pytest.skip(f"real data is not at hand: {SHARED} is missing")
    return SHARED
