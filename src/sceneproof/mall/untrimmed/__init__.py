"""The untrimmed Mall: long videos in which people do something now and then."""

from sceneproof.mall.untrimmed.making import make_untrimmed_world as make_untrimmed_world
from sceneproof.mall.untrimmed.plan import UntrimmedWorld as UntrimmedWorld
