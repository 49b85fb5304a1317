"""Waiting for what another process does, however long that takes: only pytest's own limit ends what hangs."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object]) -> None:
    """Returns as soon as the condition holds."""
    while not condition():
        time.sleep(0.01)
