"""`sceneproof bank`: still frames that a network of single frames is sure of, for StillMix to lay over clips."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sceneproof import locks
from sceneproof.addresses import Address
from sceneproof.data.dataset import Labelled, TestClips
from sceneproof.data.digests import manifest_digests, weights_digests
from sceneproof.data.manifest import Manifest
from sceneproof.data.transforms import resize
from sceneproof.errors import InputError
from sceneproof.methods import Method
from sceneproof.methods.stillmix import StillBank
from sceneproof.numerics import device_named
from sceneproof.run import Run, refuse_not_finite
from sceneproof.tasks.classification.predicting import predict
from sceneproof.tasks.classification.task import clip_of
from sceneproof.wording import counted


@locks.alone(locks.beside_out)
def bank(
    run: Path,
    manifest: Address,
    out: Path,
    *,
    split: str = "train",
    keep: int = 1024,
    quantile: float = 0.5,
    root: Address | None = None,
    seed: int = 0,
    workers: int = 0,
    device: str = "auto",
    trust: Sequence[str] | None = None,
    quiet: bool = False,
) -> StillBank:
    """Chooses the still frames that give an action away, for `--method StillMix --method.bank OUT`.

    RUN is a network of single frames, of `sceneproof train MANIFEST RUN --task.clip.length 1`, with clips of the size
    that StillMix will train on. It is asked about the middle frame of each training video. The frames are sorted by how
    probable it finds the action that it takes for the most probable, right or wrong; of the surer ones, from `quantile`
    on, `keep` are drawn.

    Source: Li et al., ICCV 2023, section 3.2.

    Args:
        run: the run folder of the network of single frames.
        manifest: the table of videos.
        out: the file to write (.safetensors).
        split: the split that frames are of: the one that StillMix trains on.
        keep: how many frames to draw; all that are sure enough where there are fewer.
        quantile: the share of the frames, from the least sure one on, that is left out.
        root: folder or address that the manifest's paths start from, where it is not the manifest's own.
        seed: of the draw.
        workers: loader processes.
        device: 'auto', 'cpu' or 'cuda'.
        trust: modules or classes that the run's configuration may name besides sceneproof's own.
        quiet: show no progress.

    Raises:
        InputError: bad input; names the file, row or key.
    """
    if keep < 1 or not 0 <= quantile < 1 or seed < 0:
        raise InputError(
            f"--keep is at least 1, --quantile from 0 to below 1, --seed from 0 on: {keep=}, {quantile=}, {seed=}"
        )
    trained = Run.open(run, trust=trust)
    clip = clip_of(trained)
    if clip.length != 1:
        raise InputError(
            f"{trained.path}: a network of clips of {clip.length} frames, where one of single frames is needed: train "
            f"it with --task.clip.length 1"
        )
    table = Manifest.read(manifest, root)
    trained.refuse_other_videos(table)
    part = table.split(split)
    clips = TestClips(Labelled.gather(part, trained.actions), clip, 1)
    where = device_named(device)
    numerics = trained.tested_in(where)
    network = numerics.arrange(trained.trained(Method).to(where))
    said = predict(network, clips, where, workers=workers, autocast=numerics.dtype, quiet=quiet, what="asking frames")
    if said.not_finite:
        refuse_not_finite(trained, str(part.rows["video"].iat[said.not_finite[0]]))
    sure = said.scores.max(axis=1)
    rows = surest(sure, keep, quantile, seed)
    if not len(rows):
        raise InputError(f"{part.name}: no video can be read: {next(filter(None, said.problems), '')}")
    frames = [resize(torch.from_numpy(clips[row][0].clip.frames)[None], clip.size)[0, 0] for row in rows.tolist()]
    note = {
        "run": trained.name,
        **weights_digests(trained.path),
        "manifest": manifest_digests(table, [split]),
        **{"split": split, "keep": keep, "quantile": quantile, "seed": seed},
    }
    chosen = StillBank(torch.stack(frames), note)
    chosen.write(Path(out))
    asked = counted(int(np.isfinite(sure).sum()), "frame")
    least = f"the least sure at {sure[rows].min():.2f}"
    print(f"{out}: {counted(len(rows), 'frame')} of {clip.size} x {clip.size} pixels, of {asked} asked; {least}")
    return chosen


def surest(sure: NDArray[np.float32], keep: int, quantile: float, seed: int) -> NDArray[np.int64]:
    """Rows drawn from those that a network is surest of, in order.

    Args:
        sure: (N,), how sure it is; NaN where nothing is known, which is never drawn.
        keep: how many to draw; all where there are fewer.
        quantile: the share, from the least sure one on, that is left out.
        seed: of the draw.
    """
    known = np.flatnonzero(np.isfinite(sure))
    upper = known[np.argsort(-sure[known], kind="stable")][: ceil((1 - quantile) * len(known))]
    drawn = np.random.default_rng(seed).choice(upper, min(keep, len(upper)), replace=False) if len(upper) else upper
    return np.sort(drawn).astype(np.int64)
