"""The scene labellers, which the command line knows by their bare names."""

from sceneproof.labelling.contracts import SceneLabeller
from sceneproof.labelling.hugging_face_scenes import HuggingFaceScenes
from sceneproof.labelling.onnx_labeller import OnnxSceneLabeller
from sceneproof.labelling.places365_resnet import Places365ResNet
from sceneproof.labelling.scene_network import SceneNetwork

__all__ = ["HuggingFaceScenes", "OnnxSceneLabeller", "Places365ResNet", "SceneLabeller", "SceneNetwork"]
