"""A real browser for pages: Debian's chromium, driven by Playwright."""

import importlib.util
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


@pytest.fixture(scope="package")  # not the session's: while Playwright runs, asyncio.run is refused to other tests
def browser() -> "Iterator[Browser]":
    """A headless browser for all tests of this folder.

    Without one they are skipped; with SCENEPROOF_BROWSER=1, which says that there must be one, they fail.
    """
    chromium = shutil.which("chromium")
    missing = [
        what
        for what, there in (
            ("chromium (apt-get install chromium)", chromium),
            ("playwright (pip install playwright)", importlib.util.find_spec("playwright")),
        )
        if not there
    ]
    if missing:
        reason = f"needs a browser, and there is no {' and no '.join(missing)}"
        if os.environ.get("SCENEPROOF_BROWSER") == "1":
            pytest.fail(f"{reason}; SCENEPROOF_BROWSER=1 says that it must be here")
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield opened
        opened.close()
