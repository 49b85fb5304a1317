"""StillMix: the mix by hand, never a clip's own frame, and the bank."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from sceneproof.data.digests import manifest_digests
from sceneproof.data.manifest import Manifest
from sceneproof.errors import DamagedError, InputError
from sceneproof.methods import Facts, StillMix
from sceneproof.methods.stillmix import StillBank
from tests.methods.batches import batch, per_channel
from tests.methods.mixed import FACTS, check_mixer, check_unmixed, pictures, video_of


def test_a_frame_of_another_clip_is_laid_over_each() -> None:
    # clip b, frame t is 10 b + t: what is mixed in can be read off
    video = (10 * torch.arange(6)[:, None] + torch.arange(4)).float()[:, None, :, None, None].expand(-1, 3, -1, 2, 2)
    whole = batch(video, [row % 5 for row in range(6)])
    method = StillMix(per_channel(), FACTS, probability=1.0, alpha=(1e12, 3e12))  # a share of 1/4, as good as always
    frames = set()
    for seed in range(30):
        mixed = method.augment(whole, np.random.default_rng(seed))
        assert mixed.target is None
        still = (video_of(mixed) - 0.25 * video) / 0.75
        torch.testing.assert_close(still, still[:, :1, :1, :1, :1].expand_as(still), atol=1e-3, rtol=1e-4)
        number = still[:, 0, 0, 0, 0].round().long()
        assert (number // 10 != torch.arange(6)).all()  # never its own
        frames |= set(number.tolist())
    assert frames == {10 * row + frame for row in range(6) for frame in range(4)}


def test_the_share_follows_beta() -> None:
    whole = batch(torch.eye(2).reshape(2, 2, 1, 1, 1)[:, [0, 1, 1]], [0, 1])
    method = StillMix(per_channel(), FACTS, probability=1.0)
    own = torch.stack([video_of(method.augment(whole, np.random.default_rng(seed)))[0, 0] for seed in range(300)])
    assert own.mean().item() == pytest.approx(0.5, abs=0.005)
    assert own.std().item() == pytest.approx((4 * 401) ** -0.5, abs=0.004)


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    frames = torch.stack([torch.full((3, 16, 16), value, dtype=torch.uint8) for value in (51, 102)])
    StillBank(frames, {"seed": 3}).write(tmp_path / "bank.safetensors")
    return tmp_path / "bank.safetensors"


def test_frames_of_a_bank_are_laid_over(bank: Path) -> None:
    whole = pictures()
    method = StillMix(per_channel(), FACTS, probability=1.0, alpha=(1e12, 1e12), bank=bank)
    method.check(4, 16)
    still = 2 * video_of(method.augment(whole, np.random.default_rng(0))) - video_of(whole)
    number = still.flatten(1).mean(dim=1, keepdim=True)
    torch.testing.assert_close(still.flatten(1), number.expand(-1, still[0].numel()), atol=1e-3, rtol=0)
    assert {round(value, 2) for value in number.flatten().tolist()} == {0.2, 0.4}
    check_mixer(StillMix(per_channel(), FACTS, bank=bank), whole)
    check_unmixed(StillMix(per_channel(), FACTS, probability=0.0, bank=bank), whole)


def test_a_bank_is_read_as_it_was_written_and_known_by_its_frames(bank: Path, tmp_path: Path) -> None:
    read = StillBank.read(bank)
    assert read.note == {"seed": 3}
    assert read.frames.float().mean(dim=(1, 2, 3)).tolist() == [51, 102]
    method = StillMix(per_channel(), Facts(actions=5, rows=4, steps=4), bank=bank)  # one clip is enough
    assert method.digests() == {}
    method.check(4, 16)
    assert method.digests() == {"bank": read.digest}
    assert StillBank(read.frames[:1]).digest != read.digest
    assert StillBank(read.frames, {"seed": 4}).digest == read.digest


def test_a_trained_network_needs_no_bank(tmp_path: Path) -> None:
    method = StillMix(per_channel(), FACTS, bank=tmp_path / "gone.safetensors")
    assert method.answer(torch.rand(1, 3, 2, 4, 4)).scores.shape == (1, 5)
    with pytest.raises(InputError, match="no such bank of frames"):
        method.check(4, 16)


def test_what_is_no_bank_is_refused(bank: Path, tmp_path: Path) -> None:
    def read(path: Path, size: int = 16) -> None:
        StillMix(per_channel(), FACTS, bank=path).check(4, size)

    with pytest.raises(InputError, match=r"frames of 16 x 16 pixels, and clips have 32 x 32.*--task.clip.size 32"):
        read(bank, 32)
    other = tmp_path / "weights.safetensors"
    save_file({"frames": torch.zeros(2, 3, 16, 16, dtype=torch.uint8)}, other)
    with pytest.raises(InputError, match="another safetensors file"):
        read(other)
    other.write_bytes(b"no tensors at all")
    with pytest.raises(InputError, match="no bank of frames, or a damaged one"):
        read(other)
    StillBank(torch.zeros(0, 3, 16, 16, dtype=torch.uint8)).write(other)
    with pytest.raises(InputError, match=r"\(N, 3, H, W\) is needed"):
        read(other)
    damaged = bytearray(bank.read_bytes())
    damaged[-1] ^= 1
    bank.write_bytes(damaged)
    with pytest.raises(DamagedError, match=r"bank\.safetensors"):
        read(bank)


@pytest.mark.parametrize("alpha", [(1.0,), (0.0, 1.0)])
def test_bad_settings_are_refused(alpha: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="StillMix: alpha is two numbers above 0"):
        StillMix(per_channel(), FACTS, alpha=alpha)


def test_frames_of_flow_are_not_laid_over_pictures_nor_the_other_way_round(bank: Path, tmp_path: Path) -> None:
    rows = pd.DataFrame({"video": ["a"], "path": ["a.mp4"], "split": ["train"], "action": ["jump"], "shows": ["flow"]})
    flow, facts = tmp_path / "flow.safetensors", replace(FACTS, shows="flow")
    note = {"manifest": manifest_digests(Manifest(rows, tmp_path), ["train"])}
    StillBank(StillBank.read(bank).frames, note).write(flow)
    StillMix(per_channel(), facts, bank=flow).check(4, 16)
    with pytest.raises(InputError, match="a bank of frames of flow, and clips are rgb"):
        StillMix(per_channel(), FACTS, bank=flow).check(4, 16)
    with pytest.raises(InputError, match="a bank of frames of rgb, and clips are flow"):
        StillMix(per_channel(), facts, bank=bank).check(4, 16)
