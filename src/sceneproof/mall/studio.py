"""Work on many files over several processes; Ctrl-C loses only what is under way."""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

import cv2

from sceneproof.errors import InputError
from sceneproof.interrupts import end_all, work_for_parent
from sceneproof.progress import progress

Job = TypeVar("Job")

SECONDS_TO_FINISH = 5.0
"""That what is under way may take after Ctrl-C."""


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def work_through(
    jobs: Sequence[Job], make: Callable[[Job], None], *, workers: int, what: str, quiet: bool, done: int = 0
) -> None:
    """Calls `make` for every job, in this process or over several.

    Args:
        jobs: what to make.
        make: a function of a module, so that a new process can import it.
        workers: processes.
        what: for the progress bar.
        quiet: no progress bar.
        done: jobs that were finished before, for the bar.

    Raises:
        InputError: a worker was killed, by a lack of memory most likely.
    """
    with progress(what, len(jobs) + done, quiet=quiet) as advance:
        if done:
            advance(done)
        if workers <= 1 or len(jobs) <= 1:
            threads = cv2.getNumThreads()
            cv2.setNumThreads(1)
            try:
                for job in jobs:
                    make(job)
                    advance()
            finally:
                cv2.setNumThreads(threads)
            return
        # each process starts anew and not as a copy of this one, whose threads may hold locks
        context = multiprocessing.get_context("spawn")
        others = set(multiprocessing.active_children())
        pool = ProcessPoolExecutor(min(workers, len(jobs)), context, work_for_parent)
        size = max(1, min(8, len(jobs) // (4 * workers)))
        futures = []
        try:
            futures = [pool.submit(_make_all, make, jobs[at : at + size]) for at in range(0, len(jobs), size)]
            for future in as_completed(futures):
                advance(future.result())
        except BrokenProcessPool:
            raise InputError(
                f"{what}: a worker process ended at once: out of memory, or a script that starts this without "
                f'`if __name__ == "__main__":`; run again to continue, with fewer workers (now {workers})'
            ) from None
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            wait(futures, SECONDS_TO_FINISH)
            end_all(set(multiprocessing.active_children()) - others)
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _make_all(make: Callable[[Job], None], jobs: Sequence[Job]) -> int:
    cv2.setNumThreads(1)
    for job in jobs:
        make(job)
    return len(jobs)
