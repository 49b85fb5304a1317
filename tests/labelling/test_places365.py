from pathlib import Path

from sceneproof.labelling.places365 import scene_is_indoor, scene_names


def test_names_and_flags_of_known_places() -> None:
    place = {name: number for number, name in enumerate(scene_names())}
    assert len(place) == 365
    assert (place["airfield"], place["arena/hockey"], place["zen_garden"]) == (0, 15, 364)
    indoor = scene_is_indoor()
    assert len(indoor) == 365
    assert not indoor[place["airfield"]]
    assert indoor[place["kitchen"]]


def test_the_order_is_that_of_the_authors_list(shared_data: Path) -> None:
    lines = (shared_data / "places" / "categories_places365.txt").read_text().split("\n")
    order = {int(line.split()[1]): line.split()[0] for line in lines if line.strip()}
    assert [order[number].split("/", 2)[2] for number in range(365)] == scene_names()
