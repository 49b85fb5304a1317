"""Video action recognition that does not lean on the scene: the front door.

`train`, `evaluate`, `audit` and `report` are what the commands of these names do; `Run` is what they write and read,
`Manifest` the table of videos; `methods` and `backbones` are what a model is made of. Each is imported when it is first
asked for, so that `import sceneproof` costs nothing.
"""

import importlib
import inspect
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sceneproof import backbones, methods
    from sceneproof.audit.command import audit
    from sceneproof.data.manifest import Manifest
    from sceneproof.evaluate import evaluate
    from sceneproof.report import report
    from sceneproof.run import Run
    from sceneproof.train import train

__version__ = "0.1.0"
__all__ = ["Manifest", "Run", "audit", "backbones", "evaluate", "methods", "report", "train"]

_FUNCTIONS = {
    "audit": "sceneproof.audit.command",
    "evaluate": "sceneproof.evaluate",
    "report": "sceneproof.report",
    "train": "sceneproof.train",
}
"""Where the functions are; each has the name of a module of this package, too."""
_CLASSES = {"Manifest": "sceneproof.data.manifest", "Run": "sceneproof.run"}


if not TYPE_CHECKING:  # else a misspelt name would pass the check of types

    def __getattr__(name: str) -> Any:
        if name in _CLASSES:
            return getattr(importlib.import_module(_CLASSES[name]), name)
        if name in __all__:
            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Command(ModuleType):
    """A module that is called like the function of its name: `sceneproof.train(…)`, whatever was imported before."""

    @property
    def _function(self) -> Any:
        name = self.__name__.rpartition(".")[2]
        return getattr(importlib.import_module(_FUNCTIONS[name]), name)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self._function)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self._function(*arguments, **keywords)

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        """Can be given to another process, as functions can."""
        return importlib.import_module, (self.__name__,)


class _Package(ModuleType):
    """This package: importing a module of it puts the module where the function of its name is looked for."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FUNCTIONS and isinstance(value, ModuleType):
            value.__class__ = _Command
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
