import pytest

from sceneproof.wording import counted


@pytest.mark.parametrize(("count", "text"), [(0, "0 boxes"), (1, "1 box"), (1200, "1,200 boxes")])
def test_one_is_one(count: int, text: str) -> None:
    assert counted(count, "box", "boxes") == text
    assert counted(count, "row") == text.replace("boxes", "rows").replace("box", "row")
