"""A browser for tests of pages: Debian's Chromium, driven by Playwright.

Where either is missing these tests are skipped with the reason; with SCENEPROOF_BROWSER=1, as CI sets it, they fail.
"""

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    # no page may need the web: nothing but this machine is found
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """Chromium, once for all tests."""
    path = shutil.which("chromium")
    if path is None:
        _missing("no program named chromium (Debian: apt-get install chromium)")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("playwright is not installed (pip install playwright)")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield opened
        opened.close()


def _missing(reason: str) -> None:
    if os.environ.get("SCENEPROOF_BROWSER") == "1":
        pytest.fail(f"SCENEPROOF_BROWSER=1 wants tests in a browser: {reason}")
    pytest.skip(f"no browser: {reason}")
