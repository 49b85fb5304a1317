"""The command `sceneproof label scenes`."""

from pathlib import Path
from typing import Literal

from sceneproof.addresses import Address
from sceneproof.data.manifest import Manifest
from sceneproof.data.scenes import SceneTable
from sceneproof.labelling.onnx_labeller import OnnxSceneLabeller, Triple
from sceneproof.labelling.scene_network import SceneNetwork
from sceneproof.labelling.scenes import SceneLabeller, label_scenes


def label_scenes_command(
    manifest: Address,
    out: Address,
    *,
    labeller: Literal["onnx", "network"],
    weights: Path,
    root: Address | None = None,
    names: Path | None = None,
    size: int | None = None,
    channels: Literal["rgb", "bgr"] = "rgb",
    mean: Triple = (0.0, 0.0, 0.0),
    std: Triple = (1.0, 1.0, 1.0),
    output: Literal["auto", "probabilities", "logits"] = "auto",
    frames_per_video: int = 8,
    batch: int = 64,
    workers: int | None = None,
    shard: int = 64,
    time_limit: float = 60.0,
    quiet: bool = False,
) -> SceneTable:
    """Labels every video of a manifest with soft scene probabilities: the mean over its frames.

    Stopped at any moment, the same command goes on: finished parts wait in OUT.parts. Videos that cannot be read are
    listed on standard error and in NAME.failures.parquet beside OUT.

    Args:
        manifest: The manifest (.parquet) that names the videos; a path or an address (s3://, gs://, hf://).
        out: The scene table to write (.parquet); a path or an address.
        labeller: What looks at the frames: "onnx", an image classifier in an ONNX file, such as a Places365 network;
            or "network", a small scene network that you trained on pictures with this tool.
        weights: Its file: .onnx, or the .safetensors that training wrote.
        root: The folder or address that the manifest's paths start from; by default the manifest's own.
        names: For onnx: text file with the scene names, one a line, in the order of the model's outputs. By default the
            365 of Places365.
        size: For onnx: height and width of the model's picture, needed only where the model leaves them open.
        channels: For onnx: the channel order that the model was trained with.
        mean: For onnx: subtracted from the pixels (0 to 255), in the model's channel order.
        std: For onnx: what the pixels are then divided by, in the model's channel order.
        output: For onnx: whether the model ends in a softmax; "auto" tries it on noise and applies a softmax unless all
            its answers are at least 0 and sum to 1.
        frames_per_video: Frames looked at in each clip, evenly spaced; all of them where a clip has no more.
        batch: About how many frames go through the network at once.
        workers: Processes that decode, ahead of the network; by default one a core.
        shard: Videos that are written together; what a crash can cost.
        time_limit: Seconds that decoding a video may take.
        quiet: Show no progress.
    """
    rows = Manifest.read(manifest, root)
    made: SceneLabeller = (
        OnnxSceneLabeller(weights, names, size=size, channels=channels, mean=mean, std=std, output=output)
        if labeller == "onnx"
        else SceneNetwork.load(weights)
    )
    table = label_scenes(
        rows,
        made,
        out,
        frames_per_video=frames_per_video,
        batch=batch,
        workers=workers,
        shard=shard,
        time_limit=time_limit,
        quiet=quiet,
    )
    print(f"{out}: {len(table.videos)} of {len(rows)} videos, {len(table.names)} scenes, by {table.labeller}")
    return table
