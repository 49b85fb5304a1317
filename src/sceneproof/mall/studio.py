"""Work on many files over several processes; Ctrl-C loses only what is under way."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

import cv2

from sceneproof.errors import InputError
from sceneproof.interrupts import end_with_parent
from sceneproof.progress import progress

Job = TypeVar("Job")


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
        pool = ProcessPoolExecutor(min(workers, len(jobs)), context, _set_up)
        size = max(1, min(8, len(jobs) // (4 * workers)))
        try:
            futures = [pool.submit(_make_all, make, jobs[at : at + size]) for at in range(0, len(jobs), size)]
            for future in as_completed(futures):
                advance(future.result())
        except BrokenProcessPool:
            raise InputError(
                f"{what}: a worker process ended at once: out of memory, or a script that starts this without "
                f'`if __name__ == "__main__":`; run again to continue, with fewer workers (now {workers})'
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def _make_all(make: Callable[[Job], None], jobs: Sequence[Job]) -> int:
    for job in jobs:
        make(job)
    return len(jobs)


def _set_up() -> None:
    """Prepares a worker: one thread, deaf to Ctrl-C (the parent hears it), and gone when the parent is."""
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
