"""Joints by hand."""

import numpy as np
import pytest

from sceneproof.mall.bodies import draw_body
from sceneproof.mall.motions import ACTIONS, TRANSFER_ACTIONS, perform
from sceneproof.mall.skeleton import ANKLE, Pose, StageView, Style, joints

BODY = draw_body(np.random.default_rng(0))


def straight() -> Pose:
    pose = Pose(1)
    pose.spread[:] = pose.elbow[:] = pose.straddle[:] = 0
    return pose


def test_standing_upright() -> None:
    found = joints(BODY, straight())
    leg = BODY.thigh + BODY.shank + ANKLE
    np.testing.assert_allclose(found.pelvis[0], (0, leg, 0), atol=1e-9)
    np.testing.assert_allclose(found.chest[0], (0, leg + BODY.torso, 0), atol=1e-9)
    np.testing.assert_allclose(
        found.hand[0, 1] - found.shoulder[0, 1], (0, -BODY.upper_arm - BODY.forearm, 0), atol=1e-9
    )
    assert found.shoulder[0, 1, 0] == pytest.approx(BODY.shoulders)  # index 1 is the right side, x to the right


def test_arms_go_forwards_outwards_and_up() -> None:
    pose = straight()
    pose.swing[0] = 90
    np.testing.assert_allclose(
        joints(BODY, pose).elbow[0, 1] - joints(BODY, pose).shoulder[0, 1], (0, 0, BODY.upper_arm), atol=1e-9
    )
    pose = straight()
    pose.spread[0], pose.elbow[0], pose.roll[0] = 90, 90, 90
    found = joints(BODY, pose)
    np.testing.assert_allclose(found.elbow[0, 0] - found.shoulder[0, 0], (-BODY.upper_arm, 0, 0), atol=1e-9)
    np.testing.assert_allclose(found.hand[0, 0] - found.elbow[0, 0], (0, BODY.forearm, 0), atol=1e-9)


def test_the_torso_leans_forwards_and_the_knee_bends_backwards() -> None:
    pose = straight()
    pose.lean[0], pose.knee[0, 1] = 90, 90
    found = joints(BODY, pose)
    np.testing.assert_allclose(found.chest[0] - found.pelvis[0], (0, 0, BODY.torso), atol=1e-9)
    np.testing.assert_allclose(found.ankle[0, 1] - found.knee[0, 1], (0, 0, -BODY.shank), atol=1e-9)


@pytest.mark.parametrize(("facing", "right"), [(0, -1.0), (90, 0.0), (180, 1.0)])
def test_where_the_right_hand_is_seen(facing: float, right: float) -> None:
    seen = StageView(facing, 0).project(np.array([1.0, 0.0, 0.0]))
    assert seen[0] == pytest.approx(right, abs=1e-9)
    assert StageView(90, 0).project(np.array([0.0, 0.0, 1.0]))[0] == pytest.approx(1)  # facing 90: towards the right


@pytest.mark.parametrize("action", [*ACTIONS, *TRANSFER_ACTIONS])
def test_feet_never_sink_and_only_some_actions_leave_the_ground(action: str) -> None:
    pose = perform(action, np.arange(60) / 20, Style(), np.random.default_rng(1))
    ankles = joints(BODY, pose).ankle[..., 1].min(1)
    assert ankles.min() > ANKLE - 1e-9
    assert (pose.lift.max() > 0.02) == (action in ("run", "jump", "jumping_jack"))
