"""Verdicts from two numbers: in which band around the paper's a measured one reproduces it."""

from collections.abc import Iterable
from math import isnan

from paper_figures.claim import Verdict

FACTOR = 1.5  # up to which two ratios agree
MRR_NOISE = 0.01  # the paper gives no seeds; its two runs of 1x8x1 end .003 to .011 apart
SPEEDUP_NOISE = 0.1  # of a published speed-up over one trainer or thread
FROM_BEST = (Verdict.REPRODUCED, Verdict.PARTLY, Verdict.CONTRADICTED)


def of_ratio(measured: float, published: float) -> Verdict:
    """Reproduced within ``FACTOR`` of each other and on the same side of 1, partly if only one."""
    if isnan(measured):
        return Verdict.INCOMPARABLE
    close = published / FACTOR <= measured <= published * FACTOR
    same_side = (measured > 1) == (published > 1)
    return _of_two(close, same_side)


def of_speedup(measured: float, published: float) -> Verdict:
    """Reproduced within ``SPEEDUP_NOISE`` of the published one, partly if there is one at all."""
    faster = measured > 1
    close = abs(measured / published - 1) <= SPEEDUP_NOISE
    return _of_two(close and faster, faster)


def of_gain(measured: float, published: float) -> Verdict:
    """Of MRR: reproduced within ``MRR_NOISE`` of each other, partly on the same side of 0."""
    if abs(measured - published) <= MRR_NOISE:
        return Verdict.REPRODUCED
    same_side = (measured > 0) == (published > 0)
    return Verdict.PARTLY if same_side else Verdict.CONTRADICTED


def of_loss(measured: float, published: float) -> Verdict:
    """Of MRR: reproduced if at most ``MRR_NOISE`` above the published one, partly at most three."""
    excess = measured - published
    if excess <= MRR_NOISE:
        return Verdict.REPRODUCED
    return Verdict.PARTLY if excess <= 3 * MRR_NOISE else Verdict.CONTRADICTED


def _of_two(one: bool, other: bool) -> Verdict:
    if one and other:
        return Verdict.REPRODUCED
    return Verdict.PARTLY if one or other else Verdict.CONTRADICTED


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Of several numbers of one claim; those that do not compare count only if none does."""
    comparable = [verdict for verdict in verdicts if verdict is not Verdict.INCOMPARABLE]
    return max(comparable, key=FROM_BEST.index) if comparable else Verdict.INCOMPARABLE
