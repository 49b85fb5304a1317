"""What a manifest says of optical flow: whether its videos are flow, how that was computed, and of how large frames."""

from dataclasses import dataclass

import numpy as np

from sceneproof.data.manifest import Manifest
from sceneproof.errors import InputError
from sceneproof.optical_flow import DIS


@dataclass(frozen=True)
class FlowFacts:
    """Of which flow videos are.

    Attributes:
        by: what computed it, as `flow_methods.FlowMethod.by` says it.
        short_side: that frames were shrunk to before moves were counted in their pixels; smaller frames kept their
            size. Of manifests that do not tell, that of the largest video; 0: not known.
    """

    by: str = DIS
    short_side: int = 0

    @classmethod
    def of(cls, table: Manifest) -> "FlowFacts | None":
        """Of a manifest's videos; None where they are as a camera sees them.

        Raises:
            InputError: some are flow and some are not, or their flow was computed in several ways or sizes.
        """
        if table.shows != "flow":
            return None
        ways = table.rows["flow_by"].fillna(DIS).unique() if "flow_by" in table.rows else [DIS]
        if len(ways) > 1:
            raise InputError(
                f"{table.name}: the flow of some videos was computed by {ways[0]}, that of others by {ways[1]}: "
                f"prepare all in one way"
            )
        told = table.numbers("flow_side")
        sides = told if np.isfinite(told).any() else np.fmin(table.numbers("width"), table.numbers("height"))
        known = np.unique(sides[np.isfinite(sides)]).astype(int).tolist()
        if sides is told and (len(known) > 1 or not np.isfinite(told).all()):
            raise InputError(
                f"{table.name}: the flow of some videos was computed of frames with a short side of {known[0]} pixels, "
                f"that of others with {known[1] if len(known) > 1 else 'an unknown one'}: prepare all with one"
            )
        return cls(str(ways[0]), max(known, default=0))
