import resource
import subprocess
import sys
from pathlib import Path

from tests.hostile import make_hostile

READ = """
import sys
from sceneproof.data.video import VideoError, decode, probe
for path in sys.argv[1:]:
    for read in (probe, decode, lambda path: decode(path, [0, 5])):
        try:
            read(path)
        except VideoError as error:
            assert str(error) and len(str(error)) < 300, (path, error)
    print(path)
"""


def test_sixty_hostile_files_give_their_frames_or_a_reason_within_bounds(tmp_path: Path) -> None:
    files = [str(path) for path in make_hostile(tmp_path)]
    assert len(files) >= 60
    done = subprocess.run(
        [sys.executable, "-c", READ, *files],
        capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30, 6 * 2**30)),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == files
