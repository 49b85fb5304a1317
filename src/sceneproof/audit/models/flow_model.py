"""A network of optical flow as a model under audit: it is asked about the flow of the very clips that are shown to it.

An audit changes what a camera saw: people are cut out, taken out, put elsewhere. The flow of each changed clip is
computed anew, so that the answers are those of a two-stream network's motion half to a video that looked like this.
"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from sceneproof.audit.subject import Answer, Maps, Pixels, Subject
from sceneproof.data.transforms import centre_crop
from sceneproof.flow_methods import FlowMethod, even
from sceneproof.optical_flow import picture_of_flow


class FlowModel(Subject):
    """A model of flow that takes clips as a camera sees them: each frame with the one behind it.

    For a clip that nobody changed the answers are those to the same frames of its flow as `prepare` writes it, up to
    the coding of the files.
    """

    def __init__(self, network: Subject, method: FlowMethod, short_side: int = 0) -> None:
        """Takes the network and what its flow is.

        Args:
            network: what takes pictures of flow.
            method: what computes it.
            short_side: of the frames that moves are counted in, in pixels: others are shrunk to it; 0: none are.
        """
        self._network, self._side, self._moves = network, short_side, method.moves()
        self.title, self.actions = network.title, network.actions
        self.sampling = replace(network.sampling, neighbours=True)
        self.maps_missing = network.maps_missing
        size = f" of frames with a short side of {short_side}" if short_side else ""
        self.identity = f"{network.identity} flow by {method.by}{size}"
        self.reads = f"optical flow (by {method.by}{size}), computed anew of each variant of a clip"

    def answer(self, clips: Pixels) -> Answer:
        """Probabilities, and features where there are any, of the flow of clips uint8 (B, 2 T, H, W, 3)."""
        return self._network.answer(self._flow(clips))

    def maps(self, clips: Pixels, classes: NDArray[np.int64]) -> Maps:
        """Where the evidence in the flow lies: T maps a clip."""
        crop = centre_crop(*clips.shape[2:4])
        maps = self._network.maps(self._flow(clips), classes)
        return replace(maps, top=crop.top, left=crop.left, height=crop.height, width=crop.width)

    def _flow(self, clips: Pixels) -> Pixels:
        """Pictures of the flow from each frame to its neighbour, uint8 (B, T, h, w, 3)."""
        height, width = even(clips.shape[2], clips.shape[3], self._side) if self._side else clips.shape[2:4]

        def small(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
            if frame.shape[:2] == (height, width):
                return frame
            return np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA), np.uint8)

        flow = [
            picture_of_flow(self._moves(small(frame), small(following)))
            for clip in clips
            for frame, following in zip(clip[::2], clip[1::2], strict=True)
        ]
        return np.stack(flow).reshape(len(clips), -1, height, width, 3)
