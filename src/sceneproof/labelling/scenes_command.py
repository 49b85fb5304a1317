"""The command `sceneproof label scenes`."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any

from sceneproof.addresses import Address
from sceneproof.data.manifest import Manifest, refuse_flow
from sceneproof.errors import InputError
from sceneproof.labelling.contracts import SceneLabeller
from sceneproof.labelling.hugging_face_scenes import HuggingFaceScenes
from sceneproof.labelling.onnx_labeller import OnnxSceneLabeller
from sceneproof.labelling.places365_resnet import Places365ResNet
from sceneproof.labelling.ray_engine import Resources
from sceneproof.labelling.scene_network import SceneNetwork
from sceneproof.labelling.scenes import SceneLabelling
from sceneproof.spec import Spec
from sceneproof.wording import counted

# the labellers that the command line knows by their bare names
__all__ = ["HuggingFaceScenes", "OnnxSceneLabeller", "Places365ResNet", "SceneNetwork", "label_scenes_command"]


def label_scenes_command(
    manifest: Address,
    out: Address,
    *,
    labeller: Callable[[], SceneLabeller] = Places365ResNet,
    root: Address | None = None,
    frames_per_video: int = 8,
    trust: Sequence[str] | None = None,
    **options: Annotated[Any, Resources],
) -> None:
    """Labels every video of a manifest with soft scene probabilities: the mean over its frames.

    Stopped at any moment, the same command goes on: finished parts wait in OUT.parts. Videos that cannot be read are
    listed on standard error and in NAME.failures.parquet beside OUT.

    Args:
        manifest: The manifest (.parquet) that names the videos; a path or an address (s3://, gs://, hf://).
        out: The scene table to write (.parquet); a path or an address.
        labeller: What looks at the frames. Places365ResNet, the authors' ResNet-18 or -50; OnnxSceneLabeller, any image
            classifier in an ONNX file; HuggingFaceScenes, a CLIP or SigLIP that is told the scenes' names;
            SceneNetwork, a small one trained by `sceneproof label network`; or the import path of your own
            SceneLabeller. Its options are --labeller.NAME; --labeller.help CLASS lists them.
        root: The folder or address that the manifest's paths start from; by default the manifest's own.
        frames_per_video: Frames looked at in each clip, evenly spaced; all of them where a clip has no more.
        trust: Modules or classes (mypackage, mypackage.Labeller) that a file given with --config may name besides
            sceneproof's own. To import them executes their code.
        options: What labelling may take: see `Resources`.
    """
    rows = Manifest.read(manifest, root)
    refuse_flow(rows, "a classifier of scenes")
    make = partial(scene_labelling, Spec.of(labeller), frames_per_video)
    labelling, failures = Resources(**options).label(rows, make, out)
    names, by = labelling.metadata["names"], labelling.metadata["labeller"]
    print(
        f"{out}: {len(rows) - len(failures)} of {counted(len(rows), 'video')}, {counted(len(names), 'scene')}, by {by}"
    )


def scene_labelling(labeller: Spec, frames_per_video: int) -> SceneLabelling:
    """The labelling by a labeller that is made here.

    Raises:
        InputError: it cannot be made, or is no labeller; says what it lacks.
    """
    instance = labeller()
    for name in ("names", "title", "short_side"):
        if not hasattr(instance, name):
            raise InputError(f"{labeller.class_path}: has no {name}: a SceneLabeller's __init__ sets names and title")
    return SceneLabelling(instance, frames_per_video=frames_per_video)
