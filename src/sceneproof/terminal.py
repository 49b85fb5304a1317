"""What reaches the terminal: text alone. Names of files and servers may hold what moves a cursor or hides words."""

import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

# what turns the order of the letters behind it; marks and joiners that scripts need are not among them
TURNS = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}
UP = "\x1b[A"


def visible(text: object, *, keep: str = "") -> str:
    r"""A text with every control character, turn of direction and line separator written out, such as `\x1b`.

    Args:
        text: whatever is to be shown.
        keep: control characters that stay.
    """
    said = str(text)
    if said.isprintable():  # which is quick, and false for all that is sought
        return said
    return "".join(letter if letter in keep or not _controls(letter) else _written(letter) for letter in said)


def lines_of(text: object) -> str:
    """A message, its lines after the first indented, so that none passes for another message."""
    return "\n  ".join(visible(line, keep="\t") for line in str(text).split("\n"))


def _controls(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") or ord(letter) in TURNS


def _written(letter: str) -> str:
    return letter.encode("unicode_escape").decode()


class VisibleStream:
    r"""A stream that shows only visible text, tabs and line ends; and the bars of libraries, which begin lines anew.

    A bar is a text that starts with `\r`, or nothing but steps up; colours of libraries are off, since it says that it
    is no terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Writes a text as it may be shown."""
        if text.replace(UP, "") == "":
            shown = text
        else:
            start = "\r" if text.startswith("\r") else ""
            shown = start + visible(text.removeprefix("\r"), keep="\n\t")
        encoding = getattr(self.stream, "encoding", None) or "utf-8"
        self.stream.write(shown.encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def isatty(self) -> bool:
        """False: libraries leave out their colours, which would be written out."""
        return False

    @property
    def rich_proxied_file(self) -> TextIO:
        """The stream itself, which Rich asks for by this name: our own bars, whose texts are made visible before."""
        return self.stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def shown_safely() -> Iterator[None]:
    """While the block lasts, what is printed on standard output and standard error goes through `VisibleStream`."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (VisibleStream(stream) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
