"""Code in a copy of the test's process, which has loaded what takes long to load: quicker than a new interpreter."""

import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn


def forked(*codes: Callable[[], None]) -> None:
    """Runs each function in a process forked from this one, all at a time, and asserts that they return."""
    children = [started(code) for code in codes]
    assert [ended(child) for child in children] == [0] * len(codes)


def started(code: Callable[[], None]) -> int:
    """The number of a process forked from this one that runs a function; it is to be waited for with `ended`."""
    child = os.fork()
    if not child:
        _run(code)
    return child


def ended(child: int) -> int:
    """The exit code of a process, waited for; negative where a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def without(package: str) -> None:
    """Forgets a package and all below it, as if it had never been imported."""
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]


def _run(code: Callable[[], None]) -> NoReturn:
    done = False
    try:
        code()
        done = True
    finally:
        if not done:
            traceback.print_exc()
        os._exit(not done)
