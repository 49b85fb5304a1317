"""Networks that turn a video into features. A new family is its file and a line here."""

from sceneproof.backbones.base import Backbone
from sceneproof.backbones.bn_inception import BNInception
from sceneproof.backbones.c3d import C3D
from sceneproof.backbones.i3d import I3D
from sceneproof.backbones.image_network import ImageNetwork
from sceneproof.backbones.inception_v3 import InceptionV3
from sceneproof.backbones.resnet3d import ResNet3D
from sceneproof.backbones.s3dg import S3DG
from sceneproof.backbones.torchvision_video import TorchvisionVideo
from sceneproof.backbones.vgg16 import VGG16
from sceneproof.backbones.wrapped import Wrapped

__all__ = [
    "C3D",
    "I3D",
    "S3DG",
    "VGG16",
    "BNInception",
    "Backbone",
    "ImageNetwork",
    "InceptionV3",
    "ResNet3D",
    "TorchvisionVideo",
    "Wrapped",
]
