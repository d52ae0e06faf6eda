"""The rules that claims are judged by: what of a published number is right, and what is near."""

from collections.abc import Callable
from math import inf
from typing import NamedTuple


class Range(NamedTuple):
    """Numbers from ``low`` to ``high``."""

    low: float = -inf
    high: float = inf

    def __contains__(self, number: object) -> bool:
        return isinstance(number, float | int) and self.low <= number <= self.high


class Bounds(NamedTuple):
    """What a rule makes of a published number: the right side, and what is near enough."""

    right: Range
    near: Range


def side(number: float, of: float) -> Range:
    """All on the side of ``of`` that ``number`` is on."""
    return Range(low=of) if number > of else Range(high=of)


def ratio(number: float, factor: float) -> Bounds:
    """On the same side of 1, and near within ``factor``."""
    return Bounds(side(number, 1), Range(number / factor, number * factor))


def at_least(number: float, factor: float) -> Bounds:
    """Of ratios: above 1, and near from the published one by ``factor`` on."""
    return Bounds(Range(low=1), Range(low=number / factor))


def difference(number: float, tolerance: float) -> Bounds:
    """On the same side of 0, and near within ``tolerance``."""
    return Bounds(side(number, 0), Range(number - tolerance, number + tolerance))


def order(number: float, threshold: float) -> Bounds:
    """Of differences: on the same side of ``threshold``, however far."""
    return Bounds(side(number, threshold), Range())


def at_most(number: float, near: float, far: float) -> Bounds:
    """No more than ``far`` above the published number; near up to ``near`` above it."""
    return Bounds(Range(high=number + far), Range(high=number + near))


def at_most_times(number: float, near: float, far: float) -> Bounds:
    """No more than ``far`` times the published number; near up to ``near`` times it."""
    return at_most(0, number * near, number * far)


def at_least_share(number: float, share: float, floor: float) -> Bounds:
    """Above ``floor``; near from ``share`` of the published number on."""
    return Bounds(Range(low=floor), Range(low=share * number))


def equal(number: float, near: float, far: float) -> Bounds:
    """Off by no more than the share ``far`` of the published number; near up to ``near`` of it."""
    return level(number, near * abs(number), far * abs(number))


def level(number: float, near: float, far: float) -> Bounds:
    """Off by no more than ``far``, from the nearest of several; near up to ``near``."""
    return Bounds(Range(number - far, number + far), Range(number - near, number + near))


RULES: dict[str, Callable[..., Bounds]] = {
    rule.__name__: rule
    for rule in (
        ratio, at_least, difference, order, at_most, at_most_times, at_least_share, equal, level,
    )
}  # fmt: skip
