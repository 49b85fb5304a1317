"""Networks that turn a video into features. A new family is its file and a line here."""

from sceneproof.backbones.base import Backbone
from sceneproof.backbones.i3d import I3D
from sceneproof.backbones.image_network import ImageNetwork
from sceneproof.backbones.resnet3d import ResNet3D
from sceneproof.backbones.torchvision_video import TorchvisionVideo
from sceneproof.backbones.vgg16 import VGG16
from sceneproof.backbones.wrapped import Wrapped

__all__ = ["I3D", "VGG16", "Backbone", "ImageNetwork", "ResNet3D", "TorchvisionVideo", "Wrapped"]
