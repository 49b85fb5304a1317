"""Code in a copy of the test's process, which has loaded what takes long to load: quicker than a new interpreter."""

import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn


def forked(code: Callable[[], None]) -> None:
    """Runs a function in a process forked from this one, and asserts that it returns."""
    child = os.fork()
    if not child:
        _run(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


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
