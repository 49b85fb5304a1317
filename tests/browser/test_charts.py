"""Charts and tables with 2 and 20 long names in a real browser, in its own font: no label is cut."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sceneproof.metrics.bootstrap import Interval
from sceneproof.pages import charts
from sceneproof.pages.kit import Cell, Chart, Charts, Page, Section, Table
from tests.pages.test_charts import ENDED, MIXED

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BEYOND = """() => [...document.querySelectorAll("svg[role=img]")].flatMap((drawing) => {
    const whole = drawing.getBoundingClientRect();
    return [...drawing.querySelectorAll("text")].filter((text) => {
        const box = text.getBoundingClientRect();
        return box.left < whole.left - 1 || box.right > whole.right + 1 || box.top < whole.top - 1 ||
            box.bottom > whole.bottom + 1;
    }).map((text) => text.textContent); })"""
CUT = """() => [...document.querySelectorAll("th span")].filter((one) => one.scrollHeight > one.clientHeight + 1 ||
    getComputedStyle(one).textOverflow === "ellipsis").map((one) => one.textContent)"""


def gallery(names: list[str], folder: Path) -> str:
    intervals = [Interval(0.5, 0.4, 0.6)] * len(names)
    series = {name: (np.arange(5), np.arange(5) * number) for number, name in enumerate(names)}
    drawings = [
        charts.points(names, {"in context": intervals}, line=0, label=f"above {names[0]}", name="a", text="points"),
        charts.bars(
            names, {"right": [0.5] * len(names), "wrong": [0.5] * len(names)}, label="%", name="b", text="bars"
        ),
        charts.lines(series, label="epoch", name="c", text="lines"),
    ]
    heat = Table("Heat", ["Action", *names], [[Cell("run"), *[Cell("5", shade=0.5)] * len(names)]], narrow=True)
    section = Section("all", "All", Charts([Chart(drawing) for drawing in drawings]), heat)
    Page("Gallery", ["A page."], [section]).write(folder / "gallery.html")
    return f"file://{folder}/gallery.html"


@pytest.mark.parametrize("names", [ENDED[:2], MIXED[-2:], ENDED, MIXED], ids=["2 alike", "2", "20 alike", "20"])
@pytest.mark.parametrize("width", [390, 1280])
def test_no_label_is_cut(browser: "Browser", names: list[str], width: int, tmp_path: Path) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.set_default_timeout(0)
    page.goto(gallery(names, tmp_path))
    assert page.locator("svg[role=img] text").count() > 3 * len(names)
    assert page.evaluate(BEYOND) == []
    assert page.evaluate(CUT) == []
    page.close()
