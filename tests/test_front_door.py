"""`import sceneproof`: what it gives, and that it costs nothing until it is asked for."""

import importlib
import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import sceneproof
from sceneproof.data.manifest import Manifest
from sceneproof.errors import InputError
from sceneproof.run import Run
from tests.forked import forked, without
from tests.videos import make_manifest

SLOW = ("torch", "pandas", "numpy", "jsonargparse", "yaml", "sceneproof.run")
NAMES = {"Manifest", "Run", "audit", "backbones", "evaluate", "methods", "report", "train"}
FUNCTIONS = {
    "audit": "sceneproof.audit.command",
    "evaluate": "sceneproof.evaluate",
    "report": "sceneproof.report",
    "train": "sceneproof.train",
}


@pytest.mark.parametrize(
    "code", ["import sceneproof; dir(sceneproof)", "from sceneproof import cli; cli.main(['--help'])"]
)
def test_what_is_imported_before_anything_is_asked_for(code: str) -> None:
    check = f"import sys\ntry:\n    {code}\nexcept SystemExit: pass\nassert not sys.modules.keys() & {{*{SLOW!r}}}"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_names() -> None:
    assert set(sceneproof.__all__) == NAMES
    assert set(dir(sceneproof)) >= NAMES
    assert sceneproof.Run is Run
    assert sceneproof.Manifest is Manifest
    assert sceneproof.methods.SDN.__name__ == "SDN"
    assert sceneproof.backbones.ResNet3D.__name__ == "ResNet3D"
    with pytest.raises(AttributeError, match="no attribute 'dance'"):
        sceneproof.dance  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("first", ["", "import sceneproof.report", "from sceneproof.report import *"])
def test_a_function_has_its_name_whatever_was_imported_before(first: str) -> None:
    def imports() -> None:
        without("sceneproof")
        exec(f"{first}\nimport sceneproof\nfrom sceneproof import report\nassert callable(report)", {})

    forked(imports)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_have_their_signature_and_go_to_other_processes(name: str) -> None:
    function = getattr(importlib.import_module(FUNCTIONS[name]), name)
    given = getattr(sceneproof, name)
    assert inspect.signature(given) == inspect.signature(function)
    assert pickle.loads(pickle.dumps(given)) is given  # noqa: S301  # ours


def test_a_function_is_called(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: not a run folder"):
        sceneproof.evaluate(tmp_path / "nowhere", make_manifest(tmp_path).name)
