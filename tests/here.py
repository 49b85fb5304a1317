"""Files worked at in the test's own process, where `sceneproof.jobs.processes` would start some, each for a second.

What processes are for (limits of time, crashes, one task beside another) is the matter of tests marked `processes`.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

from sceneproof import machine
from sceneproof.errors import MachineError, VideoError
from sceneproof.jobs import processes
from sceneproof.jobs.processes import Problem, named

CACHES = (("sceneproof.audit.settings", "opened"), ("sceneproof.contexts.writing", "opened"))
"""What a process opens once: a new one would open it anew, and tests change what lies at a path."""


class Here:
    """Stands for the manager of processes: gives the same answers, in the same order."""

    def __init__(
        self,
        work: Callable[[Any], Any],
        tasks: Iterator[Any],
        reply: Callable[[Any, Any], Any],
        workers: int,
        time_limit: float,
    ) -> None:
        self.work, self.tasks, self.reply = work, tasks, reply
        for module, name in CACHES:
            if module in sys.modules:
                getattr(sys.modules[module], name).cache_clear()

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        for task in self.tasks:
            before, processes._asked[:] = [*processes._asked], [_Asked(self.reply, task)]  # type: ignore[list-item]
            try:
                answer = self.work(task)
            except VideoError as error:
                answer = Problem(str(error))
            except (MemoryError, OSError) as error:
                raise MachineError(machine.told(error, named(task))) from None
            finally:
                processes._asked[:] = before
            yield task, answer

    def close(self) -> None:
        """Nothing is left to be ended."""


class _Asked:
    """The worker's end of a pipe whose other end answers at once."""

    def __init__(self, reply: Callable[[Any, Any], Any], task: Any) -> None:
        self.reply, self.task, self.answer = reply, task, None

    def send(self, said: tuple[str, Any]) -> None:
        self.answer = self.reply(self.task, said[1])

    def recv(self) -> Any:
        return self.answer
