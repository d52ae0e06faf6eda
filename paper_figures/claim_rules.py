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


def _side(number: float, of: float) -> Range:
    """All on the side of ``of`` that ``number`` is on."""
    return Range(low=of) if number > of else Range(high=of)


def _around(number: float, far: float) -> Range:
    return Range(number - far, number + far)


RULES: dict[str, Callable[..., Bounds]] = {  # of the paper's number and tolerances
    # on the same side of 1, and near within a factor
    "ratio": lambda paper, factor: Bounds(_side(paper, 1), Range(paper / factor, paper * factor)),
    # of ratios: above 1, and near from the published one by a factor on
    "at_least": lambda paper, factor: Bounds(Range(low=1), Range(low=paper / factor)),
    # on the same side of 0, and near within a tolerance
    "difference": lambda paper, near: Bounds(_side(paper, 0), _around(paper, near)),
    # of differences: on the same side of a threshold, however far
    "order": lambda paper, threshold: Bounds(_side(paper, threshold), Range()),
    # no more than far above the published number; near up to near above it
    "at_most": lambda paper, near, far: Bounds(Range(high=paper + far), Range(high=paper + near)),
    # the same by a factor
    "at_most_times": lambda paper, near, far: RULES["at_most"](0, paper * near, paper * far),
    # above a floor; near from a share of the published number on
    "at_least_share": lambda paper, share, floor: Bounds(Range(floor), Range(share * paper)),
    # off by no more than far, from the nearest of several; near up to near
    "level": lambda paper, near, far: Bounds(_around(paper, far), _around(paper, near)),
    # the same by shares of the published number
    "equal": lambda paper, near, far: RULES["level"](paper, near * abs(paper), far * abs(paper)),
}
LEVEL = "level"
