"""What the papers claim, as data, and the one function that judges a measurement.

``results/paper/claims.csv`` has a row for each claim. Its columns: figure and measure (which number
of which figure), dataset (empty: any), statement, published (one number, or several with names:
"mooc=0.09;flights=0.06"), printed (the published side for people), rule and tolerance of the rule.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isnan
from typing import Any, NamedTuple

import pandas as pd

from benchmark.records.statistics import Estimate
from paper_figures.published import published

CLAIMS = "claims"


class Verdict(StrEnum):
    """What a measurement says about a claim, in one word."""

    REPRODUCED = "reproduced"
    PARTLY = "partly"
    CONTRADICTED = "contradicted"
    INCOMPARABLE = "incomparable"


class Pair(NamedTuple):
    """A measured and a published number of the same thing."""

    measured: Estimate
    published: float

    @property
    def ours(self) -> float:
        return self.measured.value

    @property
    def excess(self) -> float:
        return self.ours - self.published

    @property
    def relative(self) -> float:
        return self.ours / self.published - 1


@dataclass(frozen=True)
class Measured:
    """What records say about a claim: numbers by name ("" where there is one), and for people.

    ``facts`` are what the figure's text of its conditions names. ``unlike`` says why the
    conditions differ too much to compare; empty where they do not.
    """

    measure: str
    values: Mapping[str, Estimate]
    text: str
    facts: Mapping[str, Any]
    command: str
    dataset: str = ""
    unlike: str = ""


@dataclass(frozen=True)
class Claim:
    """A row of claims.csv."""

    figure: str
    measure: str
    dataset: str
    statement: str
    published: str
    printed: str
    rule: str
    tolerance: str

    def numbers(self) -> list[tuple[str, float]]:
        """The published numbers with their names, empty of a single one."""
        named = (part.rpartition("=") for part in self.published.split(";") if part)
        return [(name, float(number)) for name, _, number in named]


class Judged(NamedTuple):
    """A claim beside its measurement and the conditions of it, and what comes of it."""

    claim: Claim
    measured: Measured
    verdict: Verdict
    conditions: str

    @property
    def statement(self) -> str:
        return self.claim.statement.replace("{dataset}", self.measured.dataset)

    @property
    def published(self) -> str:
        return self.claim.printed or self.claim.published


def claims_of(figure: str) -> list[Claim]:
    """The claims of a figure, in the order of claims.csv."""
    table = published(CLAIMS, figure=figure).drop(columns="origin")
    rows = table.astype(object).fillna("").astype(str).to_dict("records")
    return [Claim(**{str(k): v for k, v in row.items()}) for row in rows]


def judge_all(figure: str, measurements: Iterable[Measured], conditions: str) -> list[Judged]:
    """Every claim of a figure that some measurement says something about.

    ``conditions`` is the figure's text of them, with ``{names}`` of the facts of a measurement.
    """
    known = list(measurements)
    return [
        Judged(claim, one, verdict(claim, one), "; ".join(filter(None, [said, one.unlike])))
        for claim in claims_of(figure)
        for one in known
        if claim.measure == one.measure and claim.dataset in ("", one.dataset)
        for said in [conditions.format_map(one.facts)]
    ]


def verdict(claim: Claim, measured: Measured) -> Verdict:
    """What ``measured`` says about ``claim``, by the claim's rule; KeyError if there is no such."""
    rule = RULES[claim.rule]
    values = measured.values
    pairs = [Pair(values[name], number) for name, number in claim.numbers() if name in values]
    if measured.unlike or not pairs or any(isnan(pair.ours) for pair in pairs):
        return Verdict.INCOMPARABLE
    return rule(pairs, *map(float, claim.tolerance.split(";")))


def _graded(reproduced: bool, partly: bool, otherwise: Verdict = Verdict.CONTRADICTED) -> Verdict:
    if reproduced:
        return Verdict.REPRODUCED
    return Verdict.PARTLY if partly else otherwise


def ratio(pairs: list[Pair], factor: float) -> Verdict:
    """Each within ``factor`` of the published one and on the same side of 1; partly if either."""
    close = [p.published / factor <= p.ours <= p.published * factor for p in pairs]
    side = [(p.ours > 1) == (p.published > 1) for p in pairs]
    either = all(a or b for a, b in zip(close, side, strict=True))
    return _graded(all(close) and all(side), either)


def at_least_ratio(pairs: list[Pair], factor: float) -> Verdict:
    """As ``ratio``, where more than the published one is as good."""
    return ratio([Pair(Estimate(min(p.ours, p.published)), p.published) for p in pairs], factor)


def speedup(pairs: list[Pair], share: float) -> Verdict:
    """A gain within ``share`` of the published one; partly if there is a gain at all."""
    faster = all(p.ours > 1 for p in pairs)
    return _graded(faster and all(abs(p.relative) <= share for p in pairs), faster)


def difference(pairs: list[Pair], noise: float) -> Verdict:
    """Within ``noise`` of the published difference; partly on the same side of 0."""
    same_side = all((p.ours > 0) == (p.published > 0) for p in pairs)
    return _graded(all(abs(p.excess) <= noise for p in pairs), same_side)


def at_most(pairs: list[Pair], near: float, far: float) -> Verdict:
    """No more than ``near`` above the published number; partly no more than ``far``."""
    excess = max(p.excess for p in pairs)
    return _graded(excess <= near, excess <= far)


def at_least_share(pairs: list[Pair], share: float, floor: float) -> Verdict:
    """At least ``share`` of the published number; partly if above ``floor``."""
    enough = all(p.ours >= share * p.published for p in pairs)
    return _graded(enough, all(p.ours > floor for p in pairs))


def equal(pairs: list[Pair], near: float, far: float) -> Verdict:
    """All within the share ``near`` of the published numbers; partly all within ``far``."""
    apart = max(abs(p.relative) for p in pairs)
    return _graded(apart <= near, apart <= far)


def rounded(pairs: list[Pair], digits: float) -> Verdict:
    """All equal to ``digits`` significant digits; partly if some are."""
    form = f".{digits - 1:.0f}e"
    same = [format(p.ours, form) == format(p.published, form) for p in pairs]
    return _graded(all(same), any(same))


def level(pairs: list[Pair], near: float, far: float) -> Verdict:
    """At most ``near`` from the nearest published level, the interval's ends ``far`` at most."""
    stated, measured = [pair.published for pair in pairs], pairs[0].measured
    off = min(abs(measured.value - number) for number in stated)
    spread = max(min(abs(end - number) for number in stated) for end in measured.ends)
    return _graded(off <= near and spread <= far, off <= far)


def order(pairs: list[Pair], threshold: float) -> Verdict:
    """Of differences: every interval on the published side of ``threshold``.

    Contradicted where every interval lies on the other side, partly between.
    """
    agree = []
    for pair in pairs:
        low, high = pair.measured.ends
        above = True if low > threshold else False if high < threshold else None
        agree.append(None if above is None else above == (pair.published > threshold))
    return _graded(all(agree), any(one is not False for one in agree))


def same_order(pairs: list[Pair], factor: float) -> Verdict:
    """Of another number of trainers than the paper's: partly if all ratios are above ``factor``."""
    return _graded(False, all(p.ours > factor for p in pairs), Verdict.INCOMPARABLE)


def no_slower(pairs: list[Pair], factor: float) -> Verdict:
    """Of seconds on another machine: partly up to ``factor`` times as long, no number says more."""
    fast = all(p.ours <= factor * p.published for p in pairs)
    return _graded(False, fast, Verdict.INCOMPARABLE)


def predicted(pairs: list[Pair], error: float) -> Verdict:
    """Of a prediction's error: partly up to ``error``; a prediction measures nothing."""
    return _graded(False, all(p.ours <= error for p in pairs), Verdict.INCOMPARABLE)


RULES: dict[str, Callable[..., Verdict]] = {
    rule.__name__: rule
    for rule in (
        ratio, at_least_ratio, same_order, speedup, difference, at_most, at_least_share, equal,
        rounded, level, order, no_slower, predicted,
    )
}  # fmt: skip


def totals(judged: Iterable[Judged]) -> "pd.Series[int]":
    """How many claims have each verdict."""
    counts = pd.Series([one.verdict.value for one in judged], dtype=object).value_counts()
    return counts.reindex([each.value for each in Verdict], fill_value=0)
