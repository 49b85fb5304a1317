"""What is trained, tested and audited, in the words of the command line: as the folder was made, and in each test.

All paths start from the folder that these commands run in: a copy of `stored`.
"""

from dataclasses import dataclass
from pathlib import Path

STORED = Path(__file__).parent / "stored"
TABLES = ["--scenes", "classes/scenes.parquet", "--humans", "classes/masks.parquet"]
SPLITS = ["--splits", "test", "test_out"]


@dataclass(frozen=True)
class Model:
    """A recipe and its trained run.

    Attributes:
        run: the run folder.
        manifest: what it is trained and tested on.
        training: more words of `train`.
        testing: more words of `evaluate`.
        tables: what `evaluate` writes beside metrics.json.
    """

    run: str
    manifest: str
    training: tuple[str, ...] = ()
    testing: tuple[str, ...] = ()
    tables: tuple[str, ...] = ("predictions.parquet",)


CLASSES, UNTRIMMED = "classes/manifest.parquet", "untrimmed/manifest.parquet"
CLASSIFIER = (*TABLES, *SPLITS, "--clips", "1", "--probe_split", "train")
BOXES = ("--humans", "classes/boxes.parquet")
SEGMENTS, TUBES = ("predictions.parquet", "truth.parquet"), ("predictions.parquet", "tubes.parquet", "truth.parquet")
MODELS = {
    "plain": Model("study/plain-seed0", CLASSES, tuple(TABLES), CLASSIFIER),
    "sdn": Model("study/sdn-seed0", CLASSES, tuple(TABLES), CLASSIFIER),
    "rc3d": Model("runs/rc3d", UNTRIMMED, tables=SEGMENTS),
    "actionformer": Model("runs/actionformer", UNTRIMMED, tables=SEGMENTS),
    "ssd": Model("runs/ssd", CLASSES, BOXES, (*BOXES, *SPLITS), TUBES),
    "moc": Model("runs/moc", CLASSES, BOXES, (*BOXES, *SPLITS), TUBES),
}
HALF = "half"
"""A run of the recipe "sdn" that was stopped by Ctrl-C."""
RESULTS = "results.csv"


def training(recipe: str, out: str, *more: str) -> list[str]:
    """Trains a recipe."""
    model = MODELS[recipe]
    return ["train", model.manifest, out, "--config", f"recipes/{recipe}.yaml", "--quiet", *model.training, *more]


def testing(recipe: str, *more: str) -> list[str]:
    """Tests the trained run of a recipe."""
    model = MODELS[recipe]
    return ["evaluate", model.run, model.manifest, "--quiet", "--device", "cpu", *model.testing, *more]


def study() -> list[str]:
    """Trains and tests both classifiers, and writes their page and results."""
    recipes = ["recipes/plain.yaml", "recipes/sdn.yaml"]
    return ["study", *recipes, CLASSES, "study", "--seeds", "0", "--results", RESULTS, "--quiet", *CLASSIFIER]


def audit(recipe: str, out: str) -> list[str]:
    """Audits a classifier, in this process."""
    words = ["--title", recipe, "--shown", "0", "--workers", "0", "--device", "cpu", "--quiet"]
    return ["audit", MODELS[recipe].run, CLASSES, "--out", out, *TABLES, *words]


def compare(out: str) -> list[str]:
    """Holds both audits against each other."""
    return ["audit", "compare", "audits/plain", "audits/sdn", "--out", out, "--quiet"]


def localize(out: str) -> list[str]:
    """Localizes in one video."""
    return ["localize", MODELS["rc3d"].run, "untrimmed/videos/test0.mp4", "--out", out, "--device", "cpu", "--quiet"]


def detect(out: str) -> list[str]:
    """Detects in one video."""
    words = ["--least_score", "0.05", "--annotated", "false", "--device", "cpu", "--quiet"]
    return ["detect", MODELS["ssd"].run, "classes/videos/bend_test0.mp4", "--out", out, *words]
