"""How the demonstration's page begins."""

from pathlib import Path

import pytest

from sceneproof.data.manifest import Manifest
from sceneproof.figures import FILE, Figure, write_figures
from sceneproof.metrics.bootstrap import Interval
from sceneproof.pages.kit import ABSENT, Table
from sceneproof.pages.opening import audit_section, clip_pair, demonstration, sentences
from sceneproof.studies.classification import ClassificationStudy, measure
from tests.pages.fake import ACTIONS, KINDS, Kind, make_study
from tests.videos import make_boxes, make_manifest

PLAIN, SDN = KINDS["plain"], KINDS["sdn"]


def told(folder: Path, plain: Kind, debiased: Kind) -> list[str]:
    study = ClassificationStudy.of(make_study(folder, seeds=1, kinds={"plain": plain, "SDN": debiased}))
    return sentences(study, measure(study))


def test_the_first_sentence_says_what_was_found_with_its_interval(tmp_path: Path) -> None:
    lead, *rest = told(tmp_path, PLAIN, SDN)
    assert lead.startswith("A video model trained in the plain way recognises ")
    assert "of actions in their usual places" in lead
    assert "trained not to lean on the place, it recognises " in lead
    assert "points more (95 % interval " in lead
    assert "Guessing is right on 16.7\N{NO-BREAK SPACE}%." in rest[-1]
    assert "1 training seed" in rest[-1]


def test_it_claims_no_difference_whose_interval_includes_zero(tmp_path: Path) -> None:
    lead, *rest = told(tmp_path, PLAIN, Kind(SDN.class_path, {}, PLAIN.inside, PLAIN.outside))
    assert "points" not in lead
    assert "trained not to" not in lead
    assert "show no difference" in rest[0]
    assert not any("costs" in sentence for sentence in rest)


def test_what_debiasing_costs_in_the_usual_places_is_told(tmp_path: Path) -> None:
    _, cost, *_ = told(tmp_path, PLAIN, Kind(SDN.class_path, {}, 0.7, 0.8))
    assert cost.startswith("In the usual places that costs ")
    assert "−" not in cost  # points that are lost, from the fewest to the most


def test_a_worse_model_is_said_to_be_worse(tmp_path: Path) -> None:
    lead, *_ = told(tmp_path, PLAIN, Kind(SDN.class_path, {}, PLAIN.inside, PLAIN.outside - 0.3))
    assert "points less (95 % interval " in lead


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Videos of two actions in both contexts."""
    folder = tmp_path_factory.mktemp("world")
    manifest = make_manifest(folder, actions=("jump", "run"), splits=("test", "test_out"), clips=3)
    manifest.rows.loc[manifest.rows["split"] == "test_out", "context"] = "out"
    manifest.write(folder / "manifest.parquet")
    make_boxes(manifest, folder / "boxes.parquet")
    return folder


def runs_on(
    world: Path, folder: Path, *, weights: bool = False, plain: float = 0.0, debiased: float = 1.0
) -> list[Path]:
    """A plain model that is right elsewhere as often as said, and a debiased one; both are right in usual places."""
    rows = Manifest.read(world / "manifest.parquet").rows
    rows = rows[["video", "split", "action", "scene", "context"]].assign(group=None)
    kinds = {"plain": Kind(PLAIN.class_path, {}, 1.1, plain), "SDN": Kind(SDN.class_path, {}, 1.1, debiased)}
    return make_study(folder, seeds=1, kinds=kinds, rows=rows, weights=weights)


def test_the_pair_is_one_action_in_a_usual_place_and_elsewhere(world: Path, tmp_path: Path) -> None:
    study = ClassificationStudy.of(runs_on(world, tmp_path, debiased=1.1))
    (usual, elsewhere), text = clip_pair(study, Manifest.read(world / "manifest.parquet"))
    action = usual.title.split(",")[0]
    assert action in ACTIONS
    assert usual.title == f"{action}, in a usual place: {action} place"
    assert elsewhere.title == f"{action}, elsewhere: {action} place"
    assert [line.right for line in usual.pictures[0].lines] == [True, True]
    assert [line.right for line in elsewhere.pictures[0].lines] == [False, True]
    assert "that show the difference" in text
    assert "the debiased model alone is right on 6, the plain one alone on 0, both on 0." in text


def test_where_no_pair_shows_the_difference_one_is_drawn_and_the_page_says_so(world: Path, tmp_path: Path) -> None:
    study = ClassificationStudy.of(runs_on(world, tmp_path, debiased=0.0))
    clips, text = clip_pair(study, Manifest.read(world / "manifest.parquet"))
    assert [line.right for line in clips[1].pictures[0].lines] == [False, False]
    assert text.startswith("Drawn at random among the pairs of one action.")


def test_videos_that_are_gone_leave_the_page_without_a_pair(world: Path, tmp_path: Path) -> None:
    study = ClassificationStudy.of(runs_on(world, tmp_path))
    rows = Manifest.read(world / "manifest.parquet").rows
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "notes.txt").write_text("the videos were here")  # an empty folder is a drive that is gone
    assert clip_pair(study, Manifest(rows, tmp_path / "elsewhere")) == ([], "")


def test_the_page_begins_with_it_all(world: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    begin = demonstration(
        runs_on(world, tmp_path / "runs", weights=True, debiased=1.1), out, manifest=world / "manifest.parquet",
        humans=world / "boxes.parquet",
    )  # fmt: skip
    page = out.read_text()
    assert f'<p class="lead">{begin.sentences[0]}</p>' in page
    places = [page.index(part) for part in ('class="lead"', 'id="at-a-glance"', "<svg", 'class="clip"')]
    places += [page.index(part) for part in ('id="your-own-videos"', "sceneproof audit MODEL", 'id="comparison"')]
    assert places == sorted(places)
    assert page.count("Top-1 accuracy with 95 % intervals over seeds and videos.") == 1  # the chart is not there twice
    assert out.with_suffix(".json").exists()


def test_audits_stand_side_by_side_with_links_to_their_pages(tmp_path: Path) -> None:
    for name, survives in (("plain", 0.6), ("Better", 0.1)):
        (tmp_path / f"audit-{name}").mkdir()
        told = [
            Figure("top1", Interval(0.8, 0.7, 0.9)),
            Figure("survives_human_inpainted", Interval(survives, survives, survives)),
            Figure("scene_error", None, detail="no swaps"),
            Figure("top1", Interval(0.1, 0.0, 0.2), slice="corrected less as it is"),
        ]
        write_figures(tmp_path / f"audit-{name}" / FILE, told)
    section = audit_section({name: tmp_path / f"audit-{name}" for name in ("plain", "Better")}, tmp_path)
    table = next(block for block in section.blocks if isinstance(block, Table))
    assert [[cell.text for cell in row[1:]] for row in table.rows] == [
        ["80.0", "80.0"], ["60.0", "10.0"], [ABSENT, ABSENT], [ABSENT, ABSENT],
    ]  # fmt: skip
    assert any('href="audit-Better/audit.html"' in str(block) for block in section.blocks)
