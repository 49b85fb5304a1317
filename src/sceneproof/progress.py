"""Progress with time left: a bar on a terminal, a line now and then in a log."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from sceneproof.terminal import visible

T = TypeVar("T")

SECONDS_BETWEEN_LINES = 15.0
_shared = False


def share_terminal() -> None:
    """Lines instead of bars from now on, where several processes write to one terminal."""
    global _shared
    _shared = True


class Advance(Protocol):
    """Call it when items are done; `note` is shown beside the bar."""

    def __call__(self, items: int = 1, note: str = "") -> None:
        """Counts `items` as done."""


@contextmanager
def progress(what: str, total: int, *, done: int = 0, quiet: bool = False) -> Iterator[Advance]:
    """Shows how far a long job is, on standard error; `done` items were done before, which took no time now."""
    console, what = Console(stderr=True), visible(what)
    if quiet:
        yield lambda items=1, note="": None
    elif console.is_terminal and not _shared:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
        )
        with Progress(*columns, console=console) as bar:
            task = bar.add_task(what, total=total, completed=done, note="")

            def advance(items: int = 1, note: str = "") -> None:
                bar.update(task, advance=items, note=visible(note))

            yield advance
    else:
        yield _lines(what, total, done)


def _lines(what: str, total: int, first: int = 0) -> Advance:
    started = shown = time.monotonic()
    done = first

    def advance(items: int = 1, note: str = "") -> None:
        nonlocal done, shown
        done += items
        now = time.monotonic()
        if done < total and now - shown < SECONDS_BETWEEN_LINES:
            return
        shown = now
        left = (now - started) / max(done - first, 1) * (total - done)
        print(
            f"{what}: {done}/{total}, {now - started:.0f} s, {left:.0f} s left {visible(note)}".rstrip(),
            file=sys.stderr,
        )

    return advance


def track(items: Iterable[T], what: str, total: int, *, quiet: bool = False) -> Iterator[T]:
    """Yields the items, showing progress."""
    with progress(what, total, quiet=quiet) as advance:
        for item in items:
            yield item
            advance()
