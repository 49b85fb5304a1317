"""Whose code may run: a name in a file of somebody else's must not become an import, let alone a call.

A run's config.yaml and a recipe name classes by their import path, and importing a module executes it. So only names of
this package's own classes are taken from files, and what the user names: as a word of the command line, or by --trust.
"""

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sceneproof.errors import InputError

OWN = "sceneproof"
PATH = re.compile(r"[^\W\d]\w*([.:][^\W\d]\w*)*")
"""An import path: 'package.module.Class', or 'package.module:name'."""
Kind = TypeVar("Kind")


def check_prefixes(trust: Sequence[str] | None) -> None:
    """Refuses what --trust cannot mean.

    Raises:
        InputError: a word that is no import path.
    """
    for prefix in trust or ():
        if not PATH.fullmatch(prefix):
            raise InputError(
                f"--trust {prefix}: expected a module or a class, such as mypackage or mypackage.models.Net"
            )


def trusted(path: str, trust: Sequence[str] | None) -> bool:
    """Whether an import path is this package's own, or lies at or below one that is trusted."""
    parts = _parts(path)
    return any(parts[: len(_parts(prefix))] == _parts(prefix) for prefix in (OWN, *(trust or ())))


def refuse_untrusted(path: str, trust: Sequence[str] | None, where: str) -> None:
    """Raises InputError for an import path that is neither this package's own nor trusted; names the cure.

    Args:
        path: the import path.
        trust: prefixes of import paths that the user trusts.
        where: the file and the key that name it.
    """
    if trusted(path, trust):
        return
    if not PATH.fullmatch(path):
        raise InputError(f"{where}: {path!r} is no import path")
    raise InputError(
        f"{where}: {path} is not one of sceneproof's own: to import it executes code. If you know who wrote that code "
        f"and trust it, add --trust {path.replace(':', '.')} (from Python: trust=[{path.replace(':', '.')!r}])"
    )


def class_named(path: str, kind: type[Kind], trust: Sequence[str] | None, where: str) -> type[Kind]:
    """The class that an import path names; nothing is called, and a module that is not trusted is not imported.

    Args:
        path: the import path.
        kind: what the class must be a subclass of.
        trust: prefixes of import paths that the user trusts. None, from Python: also what this program has imported
            by itself, if it is a `kind`.
        where: the file and the key that name it.

    Raises:
        InputError: not trusted, no such class, or a class of another kind.
    """
    target = _loaded(path) if trust is None and not trusted(path, ()) else None
    if target is None or not (inspect.isclass(target) and kind is not object and issubclass(target, kind)):
        refuse_untrusted(path, trust, where)
        target = _imported(path, where)
    if not inspect.isclass(target) or not issubclass(target, kind):
        raise InputError(f"{where}: {path} is no {kind.__name__}, but {_what(target)}")
    if trusted(path, ()) and not trusted(target.__module__, trust):
        raise InputError(f"{where}: {path} is {target.__module__}.{target.__qualname__}, which is not sceneproof's own")
    return target


def named_object(path: str) -> Any:
    """What 'package.module:name' of our own names; for paths that our code holds, never for those of a file."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def named_function(path: str) -> Callable[..., Any]:
    """The same of a function."""
    function: Callable[..., Any] = named_object(path)
    return function


def import_paths(values: Any) -> list[str]:
    """All texts in plain values that read as import paths, with those of mappings and lists inside."""
    return [text for text in _texts(values, set()) if PATH.fullmatch(text)]


def class_paths(values: Any) -> list[str]:
    """What stands under 'class_path', however deep, in plain values."""
    return [
        str(item["class_path"])
        for item in _containers(values, set())
        if isinstance(item, Mapping) and "class_path" in item
    ]


def _parts(path: str) -> list[str]:
    return path.replace(":", ".").split(".")


def _imported(path: str, where: str) -> Any:
    module, _, name = path.replace(":", ".").rpartition(".")
    where = path if where == path else f"{where}: {path}"
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"{where}: cannot be imported: {error}") from None
    except Exception as error:  # noqa: BLE001  # the user's code may raise anything
        raise InputError(f"{where}: failed while it was imported: {type(error).__name__}: {error}") from None


def _loaded(path: str) -> Any:
    """What a module that is imported already holds under a name; None where there is none. Executes nothing."""
    module, _, name = path.replace(":", ".").rpartition(".")
    return vars(sys.modules[module]).get(name) if module in sys.modules else None


def _what(target: Any) -> str:
    if inspect.isclass(target):
        return f"a {' or '.join(base.__name__ for base in target.__bases__)}"
    return f"a {type(target).__name__}"


def _containers(values: Any, seen: set[int]) -> Iterator[Any]:
    """Mappings and lists, each once: YAML's aliases can make a few lines stand for more than memory holds."""
    if not isinstance(values, Mapping | list | tuple) or id(values) in seen:
        return
    seen.add(id(values))
    yield values
    for item in values.values() if isinstance(values, Mapping) else values:
        yield from _containers(item, seen)


def _texts(values: Any, seen: set[int]) -> Iterator[str]:
    if isinstance(values, str):
        yield values
    for container in _containers(values, seen):
        for item in container.values() if isinstance(container, Mapping) else container:
            if isinstance(item, str):
                yield item
