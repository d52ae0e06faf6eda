"""Verdicts from two numbers: in which band around the paper's a measured one reproduces it."""

from collections.abc import Iterable
from math import isnan

from paper_figures.claim import Verdict

FACTOR = 1.5  # up to which two ratios agree
MRR_NOISE = 0.01  # the paper gives no seeds; its two runs of 1x8x1 end .003 to .011 apart
FROM_BEST = (Verdict.REPRODUCED, Verdict.PARTLY, Verdict.CONTRADICTED)


def of_ratio(measured: float, published: float) -> Verdict:
    """Reproduced within ``FACTOR`` of each other, partly on the same side of 1."""
    if isnan(measured):
        return Verdict.INCOMPARABLE
    if published / FACTOR <= measured <= published * FACTOR:
        return Verdict.REPRODUCED
    same_side = (measured > 1) == (published > 1)
    return Verdict.PARTLY if same_side else Verdict.CONTRADICTED


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


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Of several numbers of one claim; those that do not compare count only if none does."""
    comparable = [verdict for verdict in verdicts if verdict is not Verdict.INCOMPARABLE]
    return max(comparable, key=FROM_BEST.index) if comparable else Verdict.INCOMPARABLE
