"""The page of an audit in a real browser, with clips of small made-up videos."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sceneproof.audit import audit
from sceneproof.audit.subject import Answer, Maps, Pixels, Sampling, Subject
from sceneproof.data.manifest import Manifest
from tests.videos import BROKEN, make_boxes, make_manifest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Dialog, Locator, Page

ACTIONS = ("jump", "run", "wave")
NASTY = "<img src=x onerror=alert(1)>.mp4"
CONTRAST = (Path(__file__).parent / "contrast.js").read_text()


class Colours(Subject):
    """Names actions by the colour of the whole frame, as `make_manifest` paints them: all scene."""

    title, actions, sampling, identity = "colours", (*ACTIONS, "cook"), Sampling(4, 2), "1"
    maps_missing = ""

    def answer(self, clips: Pixels) -> Answer:
        red = clips[..., 0].mean((1, 2, 3))
        near = -np.abs(red[:, None] - np.array([70, 130, 190, 255])) / 20
        powers = np.exp(near - near.max(1, keepdims=True)).astype(np.float32)
        return Answer(powers / powers.sum(1, keepdims=True), clips.mean((1, 2)).reshape(len(clips), -1))

    def maps(self, clips: Pixels, classes: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Maps:
        height, width = clips.shape[2:4]
        return Maps(np.ones((*clips.shape[:2], 6, 8), np.float32), 0, 0, height, width, "everywhere alike")


@dataclass
class Watched:
    """A page, and all that it asked for or complained of."""

    page: "Page"
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def refuse(self, dialog: "Dialog") -> None:
        """A page opens none; unanswered, one would stop the test."""
        self.complaints.append(dialog.message)
        dialog.dismiss()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("audited")
    manifest = make_manifest(folder, actions=ACTIONS, splits=("test",), clips=3)
    rows = manifest.rows.copy()
    shutil.move(folder / rows["path"][0], folder / NASTY)
    BROKEN["not a video"](folder / NASTY)
    rows.loc[0, ["video", "path"]] = [NASTY, NASTY]
    rows.loc[4, "video"] = NASTY.replace("mp4", "webm")
    named = Manifest(rows, folder)
    named.write(folder / "manifest.parquet")
    people = make_boxes(named, folder / "boxes.parquet")
    audit(Colours(), folder / "manifest.parquet", folder / "out", humans=people, shown=8)
    return f"file://{folder}/out/audit.html"


@pytest.fixture(scope="module")
def context(browser: "Browser") -> "Iterator[BrowserContext]":
    opened = browser.new_context(viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(0)
    yield opened
    opened.close()


@pytest.fixture
def watched(context: "BrowserContext", address: str) -> Iterator[Watched]:
    found = Watched(context.new_page())
    found.page.on("request", lambda request: found.requests.append(request.url))
    found.page.on("console", lambda line: found.complaints.append(line.text))
    found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
    found.page.on("dialog", found.refuse)
    found.page.goto(address)
    yield found
    found.page.close()


@pytest.fixture
def page(watched: Watched) -> "Page":
    return watched.page


def table(page: "Page", caption: str) -> "Locator":
    found = page.locator("table").filter(has=page.locator("caption", has_text=caption))
    assert found.count() == 1
    return found


def column(rows: "Locator", number: int) -> list[str]:
    """The text of a column's cells without what is in small print."""
    script = """(table, n) => [...table.tBodies[0].rows].map((row) => {
        const copy = row.cells[n].cloneNode(true);
        copy.querySelectorAll("small").forEach((one) => one.remove());
        return copy.textContent.trim(); })"""
    found: list[str] = rows.evaluate(script, number)
    return found


def test_nothing_is_fetched_and_nothing_goes_wrong(watched: Watched, address: str) -> None:
    watched.page.wait_for_timeout(200)
    assert [url for url in watched.requests if not url.startswith("data:image/webp")] == [address]
    assert watched.complaints == []
    assert watched.page.title() == "How much does colours lean on the scene?"


def test_the_policy_lets_no_other_script_run(watched: Watched) -> None:
    watched.page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.ran = true";
        document.body.append(script); }""")
    assert watched.page.evaluate("window.ran") is None
    assert any("Content Security Policy" in line for line in watched.complaints), "and violations are heard here"


def test_markup_in_a_files_name_is_text(watched: Watched) -> None:
    page = watched.page
    missing = table(page, "Clips that have no such variant").inner_text()
    assert NASTY in missing
    assert page.get_by_role("heading", name=NASTY.replace("mp4", "webm")).count() == 1
    assert page.locator("img[src='x'], [onerror]").count() == 0
    assert watched.complaints == []


def test_pictures_load_and_have_texts(page: "Page") -> None:
    pictures = page.locator("img").evaluate_all("all => all.map((one) => [one.naturalWidth, one.alt])")
    assert len(pictures) == 8 * 19 * 2, (
        "eight clips; the map, and all variants but two that need scene labels; moving and held"
    )
    assert all(width > 0 for width, _ in pictures)
    assert all(": " in alt for _, alt in pictures)


def test_the_checkbox_holds_the_pictures_still(page: "Page") -> None:
    moving, held = page.locator("img.moving").first, page.locator("img.held").first
    assert (moving.is_visible(), held.is_visible()) == (True, False)
    page.get_by_label("Hold the pictures still").check()
    assert (moving.is_visible(), held.is_visible()) == (False, True)
    page.get_by_label("Hold the pictures still").uncheck()
    assert moving.is_visible()


def test_whoever_wants_less_motion_gets_still_pictures(browser: "Browser", address: str) -> None:
    still = browser.new_page(reduced_motion="reduce")
    still.set_default_timeout(0)
    still.goto(address)
    assert not still.locator("img.moving").first.is_visible()
    assert still.locator("img.held").first.is_visible()
    still.close()


def test_a_table_sorts_by_click_and_a_third_restores_it(page: "Page") -> None:
    rows = table(page, "What the model names when the clip is changed")
    heading = rows.get_by_role("columnheader", name="Top-1")
    first = column(rows, 0)
    values = [float(text) for text in column(rows, 2)]
    assert len(set(values)) > 2
    assert values not in (sorted(values), sorted(values, reverse=True))
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert [float(text) for text in column(rows, 2)] == sorted(values, reverse=True)
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert [float(text) for text in column(rows, 2)] == sorted(values)
    rows.get_by_role("columnheader", name="Clip").get_by_role("button").click()
    assert heading.get_attribute("aria-sort") is None, "one column at a time"
    assert column(rows, 0) == sorted(first, key=str.lower, reverse=True)
    for _ in range(2):
        rows.get_by_role("columnheader", name="Clip").get_by_role("button").click()
    assert column(rows, 0) == first
    assert rows.locator("[aria-sort]").count() == 0


def test_numbers_are_sorted_as_numbers_with_their_signs_and_what_is_absent_stays_below(page: "Page") -> None:
    rows = table(page, "Figures of the model")
    told = ["100.0", "−3.1", "–", "9.5", "−12.0", "0.0", "62.7\N{NO-BREAK SPACE}%", "1,000"]
    rows.evaluate(
        """(table, told) => told.forEach((text, n) => { table.tBodies[0].rows[n].cells[1].textContent = text; })""",
        told,
    )
    rows.evaluate(
        "(table, kept) => [...table.tBodies[0].rows].slice(kept).forEach((row) => row.hidden = true)", len(told)
    )
    button = rows.get_by_role("columnheader", name="Value").get_by_role("button")
    order = ["1,000", "100.0", "62.7\N{NO-BREAK SPACE}%", "9.5", "0.0", "−3.1", "−12.0"]
    button.click()
    assert [text for text in column(rows, 1) if text in told][:7] == order
    assert column(rows, 1)[-1] == "–"
    button.click()
    assert [text for text in column(rows, 1) if text in told][:7] == order[::-1]
    assert column(rows, 1)[-1] == "–"


def test_a_table_sorts_by_keyboard(page: "Page") -> None:
    rows = table(page, "Action by action")
    rows.locator("xpath=..").focus()  # the box that scrolls
    focused = "document.activeElement.closest('th')?.textContent.trim()"
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "Action"
    page.keyboard.press("Enter")
    assert column(rows, 0) == sorted(ACTIONS, reverse=True)
    page.keyboard.press("Space")
    assert column(rows, 0) == sorted(ACTIONS)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid", "focus can be seen"
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "Videos"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(browser: "Browser", address: str, scheme: str) -> None:
    coloured = browser.new_page(color_scheme=scheme)  # type: ignore[arg-type]
    coloured.set_default_timeout(0)
    coloured.goto(address)
    found = coloured.evaluate(CONTRAST)
    assert len(found) > 300
    faint = [one for one in found if one["ratio"] < 4.5]
    assert faint == []
    background = coloured.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(253, 252, 250)", "dark": "rgb(21, 22, 26)"}[scheme]
    coloured.close()


def test_on_a_phone_nothing_but_tables_scrolls_sideways(browser: "Browser", address: str) -> None:
    phone = browser.new_page(viewport={"width": 390, "height": 800})
    phone.set_default_timeout(0)
    phone.goto(address)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    beyond = phone.evaluate("""() => [...document.body.querySelectorAll("*")]
        .filter((one) => !one.closest(".scroll, svg") && one.getBoundingClientRect().right > 390.5)
        .map((one) => one.outerHTML.slice(0, 80))""")
    assert beyond == []
    boxes = phone.locator(".scroll").evaluate_all(
        "all => all.filter((one) => one.scrollWidth > one.clientWidth).length"
    )
    assert boxes > 0, "wide tables do scroll, in their boxes"
    phone.close()


def test_on_paper_pictures_are_still_and_links_are_gone(page: "Page") -> None:
    page.emulate_media(media="print")
    assert not page.locator("img.moving").first.is_visible()
    assert page.locator("img.held").first.is_visible()
    assert not page.locator("nav").is_visible()


def test_headings_landmarks_tables_and_controls(page: "Page") -> None:
    levels = page.locator("h1, h2, h3, h4").evaluate_all("all => all.map((one) => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for role, name in (("banner", None), ("navigation", "Contents"), ("main", None)):
        found = page.get_by_role(role, name=name) if name else page.get_by_role(role)  # type: ignore[arg-type]
        assert found.count() == 1, role
    for one in page.get_by_role("table").all():
        assert one.locator("caption").inner_text()
        assert one.get_by_role("columnheader").count() > 1
        assert one.get_by_role("rowheader").count() == one.locator("tbody tr").count()
    snapshot = page.locator("body").aria_snapshot().splitlines()
    for role in ("button", "link", "checkbox", "region", "img", "table"):
        lines = [line.strip() for line in snapshot if line.strip().startswith(f"- {role}")]
        assert lines, role
        assert [line for line in lines if f'- {role} "' not in line] == [], "each has a name"
    assert [line for line in snapshot if '- button "' in line and ("▲" in line or "▼" in line)] == []
