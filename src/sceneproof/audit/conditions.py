"""Conditions on the figures of an audit, for a pipeline: `scene_error > 0.2 or survives_human_filled > .5`."""

import ast
import difflib
import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from sceneproof.errors import InputError
from sceneproof.figures import Figure

COMPARE: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip
FORM = "give comparisons of figures with numbers, joined by and, or, not: --fail-if 'scene_error > 0.2'"


@dataclass(frozen=True)
class Condition:
    """A condition, parsed and checked.

    Attributes:
        text: as it was written.
        names: the figures that it is about.
    """

    text: str
    names: tuple[str, ...]
    _tree: ast.expr

    @classmethod
    def parse(cls, text: str, known: Collection[str]) -> "Condition":
        """Reads a condition; nothing but comparisons, numbers and names of figures is understood.

        Args:
            text: what the user wrote.
            known: the names of all figures that there can be.

        Raises:
            InputError: no such condition, or an unknown figure; names those that are near.
        """
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise InputError(f"--fail-if {text!r}: cannot be read: {FORM}") from None
        names = _names(tree, text)
        for name in names:
            if name not in known:
                near = difflib.get_close_matches(name, sorted(known), 3, 0.4) or sorted(known)
                raise InputError(f"--fail-if {text!r}: there is no figure {name!r}; there are: {', '.join(near)}")
        return cls(text, tuple(dict.fromkeys(names)), tree)

    def holds(self, figures: Mapping[str, float]) -> bool:
        """Whether it holds for these figures; all that it names must be there."""
        return _value(self._tree, figures)

    def met(self, figures: Mapping[str, Figure]) -> bool:
        """Whether it holds for an audit.

        Raises:
            InputError: a figure that it names was not measured: a pipeline must not pass for want of data.
        """
        values = {name: figures[name].value for name in self.names}
        for name, value in values.items():
            if value is None:
                raise InputError(f"--fail-if {self.text!r}: {name} was not measured: {figures[name].detail}")
        return self.holds({name: value for name, value in values.items() if value is not None})

    def measured(self, figures: Mapping[str, Figure]) -> str:
        """What was measured of the figures that it names."""
        return ", ".join(f"{name} is {figures[name].value:.3f}" for name in self.names)


def _names(tree: ast.expr, text: str) -> list[str]:
    """The figures that are named, in order.

    Raises:
        InputError: anything else than comparisons of figures with numbers.
    """
    match tree:
        case ast.BoolOp(values=parts):
            return [name for part in parts for name in _names(part, text)]
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return _names(inner, text)
        case ast.Compare(left=left, ops=ways, comparators=others) if all(type(way) in COMPARE for way in ways):
            sides = [left, *others]
            names = [side.id for side in sides if isinstance(side, ast.Name)]
            if names and all(isinstance(side, ast.Name) or _number(side) is not None for side in sides):
                return names
    raise InputError(f"--fail-if {text!r}: cannot be read: {FORM}")


def _number(tree: ast.expr) -> float | None:
    match tree:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return float(value)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            number = _number(inner)
            return None if number is None else -number
    return None


def _value(tree: ast.expr, figures: Mapping[str, float]) -> bool:
    match tree:
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_value(part, figures) for part in parts)
        case ast.BoolOp(values=parts):
            return any(_value(part, figures) for part in parts)
        case ast.UnaryOp(operand=inner):
            return not _value(inner, figures)
        case ast.Compare(left=left, ops=ways, comparators=others):
            sides = [_side(side, figures) for side in (left, *others)]
            pairs = zip(sides, ways, sides[1:], strict=False)
            return all(COMPARE[type(way)](first, second) for first, way, second in pairs)
    raise AssertionError("parsed and checked")


def _side(tree: ast.expr, figures: Mapping[str, float]) -> float:
    if isinstance(tree, ast.Name):
        return figures[tree.id]
    number = _number(tree)
    assert number is not None
    return number
