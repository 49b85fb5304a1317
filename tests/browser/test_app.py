"""The app in a browser that finds nothing but this machine: a clip is dropped, answers come, errors are text."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.training import Small
from tests.videos import BROKEN, make_video, numbered

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow
gradio_missing = "gradio is not installed (pip install 'sceneproof[app]')"
VIEWS = ["original", "map", "human_inpainted", "scene_grey", "scuba_photograph", "scuba_texture"]


@dataclass(frozen=True)
class Running:
    """An app that runs: its address, and the folder of its examples."""

    address: str
    examples: Path


@pytest.fixture(scope="module")
def running(browser: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The app on a tiny run, in a process of its own. It asks for a browser first: without one nothing is trained."""
    try:
        import gradio  # noqa: F401  # slow, but find_spec would not tell of a broken one
    except ImportError:
        if os.environ.get("SCENEPROOF_BROWSER") == "1":
            pytest.fail(gradio_missing)
        pytest.skip(gradio_missing)
    folder = tmp_path_factory.mktemp("app")
    run = Small.make(folder / "small").train(folder / "run", optimisation={"epochs": 1})
    make_video(folder / "examples" / "square.mp4", numbered(20))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["app", str(run.path), "--examples", str(folder / "examples"), "--port", str(port), "--seconds", "1"]
    with (folder / "log").open("w") as log:
        (folder / "tmp").mkdir()
        process = subprocess.Popen(
            [sys.executable, "-m", "sceneproof", *words], stdout=log, stderr=log,
            env={**os.environ, "TMPDIR": str(folder / "tmp"), "GRADIO_ANALYTICS_ENABLED": "True"},
        )  # fmt: skip
        try:
            address = f"http://127.0.0.1:{port}/"
            _wait(process, address, folder / "log")
            yield Running(address, folder / "examples")
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait()
    assert code == 128 + signal.SIGTERM, (folder / "log").read_text()
    assert list((folder / "tmp").glob("sceneproof-app-*")) == []  # nobody's videos stay behind
    assert "Traceback" not in (folder / "log").read_text()


def _wait(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    local = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        assert process.poll() is None, log.read_text()
        try:
            local.open(address).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.25)


@dataclass
class Visit:
    """An open page, what it asked other machines for, and what broke in it."""

    page: "Page"
    elsewhere: list[str]
    errors: list[str]


@pytest.fixture
def visit(browser: "Browser", running: Running) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1100, "height": 900})
    context.set_default_timeout(0)
    found = Visit(context.new_page(), [], [])
    found.page.on("request", lambda request: _note(request.url, running.address, found.elsewhere))
    found.page.on("pageerror", lambda error: found.errors.append(str(error)))
    found.page.on("dialog", lambda dialog: found.errors.append(dialog.message))
    found.page.goto(running.address)
    found.page.wait_for_selector("input[type=file]", state="attached")
    yield found
    context.close()
    assert found.elsewhere == []
    assert found.errors == []


def _note(url: str, address: str, elsewhere: list[str]) -> None:
    if not url.startswith((address, "data:", "blob:")):
        elsewhere.append(url)


def test_a_clip_is_dropped_and_answered(visit: Visit, running: Running) -> None:
    page = visit.page
    assert "by motion alone" in page.inner_text("body")
    assert "No video yet" in page.inner_text("#answer")
    page.set_input_files("input[type=file]", str(make_video(running.examples.parent / "mine.mp4", numbered(40))))
    page.wait_for_selector(".looked")
    views = page.query_selector_all(".looked-view")
    assert [view.get_attribute("data-view") for view in views] == VIEWS
    for view in views:
        picture = view.query_selector("img")
        assert picture is not None
        assert picture.evaluate("image => image.decode().then(() => [image.naturalWidth, image.naturalHeight])") == [
            64, 48,
        ]  # fmt: skip
        if view.get_attribute("data-view") != "map":
            assert sorted(view.eval_on_selector_all(".looked-name", "all => all.map(one => one.innerText)")) == [
                "jump", "run",
            ]  # fmt: skip
    assert [*running.examples.parent.glob("tmp/sceneproof-app-*/*/mine.mp4")]  # while the app runs
    text = page.inner_text(".looked")
    assert re.search(r"The model says (jump|run), at \d+\s%\. Without the person it (still )?says (jump|run)", text)
    assert "mine.mp4" in text
    assert "The file is 1.6 s long: only its first 1.0 s (25 frames) are looked at." in text
    assert "found by motion alone" in text


def test_an_example_is_chosen_and_answered(visit: Visit) -> None:
    page = visit.page
    page.get_by_label("Or an example").click()
    page.get_by_role("option", name="square.mp4").click()
    page.wait_for_selector(".looked")
    assert "square.mp4" in page.inner_text(".looked-facts")
    assert page.locator(".looked-view").count() == len(VIEWS)


def test_a_name_with_markup_and_a_broken_file_are_text(visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    name = "<img src=x onerror=alert(1)>{{value}}${alert(2)}.mp4"
    page.set_input_files("input[type=file]", str(BROKEN["not a video"](tmp_path / name)))
    page.wait_for_selector(".looked-problem")
    assert "cannot be read as a video" in page.inner_text(".looked-problem")
    assert "Traceback" not in page.inner_text("body")
    assert page.locator("#answer img").count() == 0
    assert page.locator("[onerror]").count() == 0
    page.click("[aria-label='Clear']")
    page.wait_for_selector(".looked-hint")
    good = make_video(tmp_path / name.replace(".mp4", " 2.mp4"), numbered(12))
    page.set_input_files("input[type=file]", str(good))
    page.wait_for_selector(".looked")
    assert page.locator(".looked-view img").count() == len(VIEWS)
    assert "<img src=x onerror=alert(1)>" in page.inner_text("body")  # Gradio shows the name as it was typed
    assert page.locator("[onerror]").count() == 0
