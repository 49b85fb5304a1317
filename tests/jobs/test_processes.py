"""The one runner of processes: order, limits, and what a worker's end costs."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sceneproof.jobs.processes import Problem, in_processes

pytestmark = pytest.mark.processes

LONG = 600.0
"""Seconds: far more than anything here takes, on any machine."""


class Last:
    """An answer whose worker is killed while it hands it over."""

    def __reduce__(self) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)
        return (Last, ())


def echo(task: Any) -> Any:
    """Answers its task, once it has done what that says."""
    if task == "last":
        return Last()
    if task == "hang":
        hold()
    return task


def hold() -> None:
    """Hangs in C without letting go of the interpreter."""
    import ctypes

    ctypes.PyDLL(None).sleep(3600)


def test_a_worker_that_ends_while_it_hands_over_its_answer_costs_its_own_task_alone() -> None:
    tasks = ["a", "b", "last", *map(str, range(12))]
    answers = [answer for _, answer in in_processes(echo, iter(tasks), workers=2, time_limit=LONG)]
    assert isinstance(answers[2], Problem)
    assert "crashed (exit code -9)" in answers[2].reason
    assert answers[:2] + answers[3:] == tasks[:2] + tasks[3:]


@pytest.mark.skipif(sys.platform != "linux", reason="hangs as Linux does")
def test_what_hangs_without_letting_go_is_ended_by_its_limit_and_the_others_keep_theirs() -> None:
    answers = dict(in_processes(echo, iter(["hang", *map(str, range(6))]), workers=1, time_limit=10))
    assert answers.pop("hang") == Problem("took longer than the limit of 10 s")
    assert answers == {str(number): str(number) for number in range(6)}


def test_at_most_three_tasks_a_worker_are_begun_before_they_are_taken() -> None:
    given = list[int]()

    def tasks() -> Any:
        for number in range(40):
            given.append(number)
            yield number

    taken = 0
    for task, answer in in_processes(echo, tasks(), workers=2, time_limit=LONG):
        assert task == answer == taken
        taken += 1
        assert len(given) <= taken + 6
    assert taken == 40


def test_a_script_without_a_guard_is_not_run_again_by_its_workers(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        f"import sys\nsys.path[:] = {sys.path!r}\n"
        "from pathlib import Path\nfrom sceneproof.jobs.processes import in_processes\n"
        "from tests.jobs.test_processes import echo\n"
        f"open({str(tmp_path / 'runs')!r}, 'a').write('run ')\n"
        "print([answer for _, answer in in_processes(echo, iter('ab'), workers=2, time_limit=600)])\n"
    )
    done = subprocess.run([sys.executable, str(script)], check=True, capture_output=True, text=True)
    assert done.stdout == "['a', 'b']\n"
    assert (tmp_path / "runs").read_text() == "run "
