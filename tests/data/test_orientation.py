"""Display matrices, by what ffmpeg 5.1 shows of such files (its transpose, hflip and vflip filters)."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sceneproof.data.video import VideoError, decode, decode_each, probe
from tests.videos import make_video, numbered

ONE = 2**16
Turned = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
# a, b, c, d of the matrix, and what becomes of (T, H, W, 3)
MATRICES: dict[str, tuple[tuple[int, int, int, int], Turned]] = {
    "as it is": ((ONE, 0, 0, ONE), lambda frames: frames),
    "hflip": ((-ONE, 0, 0, ONE), lambda frames: frames[:, :, ::-1]),
    "vflip": ((ONE, 0, 0, -ONE), lambda frames: frames[:, ::-1]),
    "half turn": ((-ONE, 0, 0, -ONE), lambda frames: frames[:, ::-1, ::-1]),
    "clock": ((0, ONE, -ONE, 0), lambda frames: np.rot90(frames, -1, (1, 2))),
    "cclock": ((0, -ONE, ONE, 0), lambda frames: np.rot90(frames, 1, (1, 2))),
    "cclock_flip": ((0, ONE, ONE, 0), lambda frames: frames.swapaxes(1, 2)),
    "clock_flip": ((0, -ONE, -ONE, 0), lambda frames: np.rot90(frames, 2, (1, 2)).swapaxes(1, 2)),
    "no area": ((0, 0, 0, 0), lambda frames: frames),
}


def with_matrix(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Writes an MP4 file whose track header has this display matrix."""
    make_video(path, numbered(4))
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    a, b, c, d = matrix
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 2**30)
    path.write_bytes(bytes(data))
    return path


@pytest.mark.parametrize("name", MATRICES)
def test_a_file_is_read_as_it_is_shown(name: str, tmp_path: Path) -> None:
    matrix, shown = MATRICES[name]
    plain = decode(with_matrix(tmp_path / "plain.mp4", (ONE, 0, 0, ONE)))
    path = with_matrix(tmp_path / "turned.mp4", matrix)
    frames = decode(path)
    np.testing.assert_array_equal(frames, shown(plain))
    info = probe(path)
    assert (info.height, info.width) == frames.shape[1:3]
    each = np.stack(list(decode_each(path, range(4), lambda height, width: (height, width))))
    np.testing.assert_array_equal(each, frames)


def test_another_angle_is_refused(tmp_path: Path) -> None:
    path = with_matrix(tmp_path / "tilted.mp4", (56756, 32768, -32768, 56756))
    for read in (probe, decode):
        with pytest.raises(VideoError, match="turned by 30 degrees clockwise"):
            read(path)


def test_a_real_mirrored_file(shared_data: Path) -> None:
    path = shared_data / "faults" / "hflip.mp4"
    left, right = decode(path)[0, :, :80].mean(), decode(path)[0, :, 80:].mean()
    # ffmpeg -i hflip.mp4 -frames:v 1 -f rawvideo -pix_fmt rgb24: its means of the same halves
    assert (left, right) == pytest.approx((65.25, 66.49), abs=0.05)
