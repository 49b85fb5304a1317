"""The demonstration: a small world, four models, one page."""

from functools import partial
from pathlib import Path

from sceneproof.backbones.resnet3d import ResNet3D
from sceneproof.data.dataset import ClipSettings
from sceneproof.engine import Optimisation
from sceneproof.labelling.scene_network import SceneNetwork
from sceneproof.labelling.scene_training import train_scene_network
from sceneproof.labelling.scenes import label_scenes
from sceneproof.mall.world import World, make_world
from sceneproof.methods.plain import Plain
from sceneproof.methods.sdn import SDN
from sceneproof.report import report
from sceneproof.study import Row, execute

METHODS = {
    "plain": Plain,
    "L_Ent": partial(SDN, scene_weight=0.0),
    "L_Adv": partial(SDN, scene_weight=1.0, confusion_weight=0.0),
    "L_Adv-and-L_Ent": SDN,
}
