"""YAML of plain values that nobody vouches for: no code, and no more than fits in memory."""

from typing import Any

import yaml

from sceneproof.addresses import Address, Place
from sceneproof.errors import InputError
from sceneproof.files import decoded, read_bounded

MOST_YAML = 2**20
"""Bytes of a recipe, a configuration or a mapping: they have some thousands."""
DEEPEST, MOST_NODES = 50, 100_000
"""Levels and values of YAML, each alias counted as all that it stands for."""
SafeLoader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Address | Place) -> Any:
    """Reads YAML of plain values.

    Raises:
        InputError: the file is missing, cannot be reached, is larger or nested deeper than such files are, names more
            than it holds by its aliases, or is not YAML.
    """
    text = decoded(read_bounded(path, MOST_YAML), str(path))
    try:
        return build_yaml(text)
    except yaml.YAMLError as error:
        raise InputError(f"{path}: cannot be read: not YAML: {error}") from None


class TooMuchError(yaml.YAMLError):
    """YAML that is too much to build, or breaks down in building."""


def build_yaml(text: str) -> Any:
    """YAML as plain values.

    Raises:
        yaml.YAMLError: it is not YAML; a TooMuchError where its values cannot be built.
    """
    refuse_unbounded(text)
    try:
        return yaml.load(text, Loader=SafeLoader)  # in C where there is one
    # PyYAML's constructors have no error of their own for a date with a 13th month, or a number that is empty
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        raise TooMuchError(f"{type(error).__name__}: {error}") from None


def refuse_unbounded(text: str) -> None:
    """Raises TooMuchError for YAML that is too much to build: by its events, before anything is built.

    An alias counts as all that it stands for: ten lines can stand for more than any memory holds.
    """
    nodes, begun, sizes = 0, list[tuple[str | None, int]](), dict[str, int]()
    for event in yaml.parse(text, Loader=SafeLoader):  # a YAMLError where it is none
        if isinstance(event, yaml.CollectionStartEvent):
            begun.append((event.anchor, nodes))
            nodes += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = begun.pop()
            if anchor is not None:
                sizes[anchor] = nodes - before
        elif isinstance(event, yaml.ScalarEvent):
            nodes += 1
            if event.anchor is not None:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise TooMuchError(f"the alias *{event.anchor} stands for nothing, or for what it is a part of")
            nodes += sizes[event.anchor]
        if len(begun) > DEEPEST or nodes > MOST_NODES:
            raise TooMuchError(
                f"more than {DEEPEST} levels deep, or than {MOST_NODES} values with what its aliases stand for"
            )
