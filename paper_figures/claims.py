"""What the papers claim, as data, and the rules by which a measurement is judged.

``results/paper/claims.csv`` has a row for each claim. Its columns: figure, and the claim's name in
it, dataset (empty: any), statement; measure, metric, of, against, at and form: how it is measured
(``measures``); published (one number, or several with names: "mooc=0.09;flights=0.06"), printed
(the published side for people), rule and tolerance of the rule, noise (what one run may be off by,
"5%" or "0.01"), kind, epochs (with fewer, runs do not compare), unlike (why none do), and of a
claim that is named also where nothing was measured: the command that would, and what it needs.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf, isnan

import pandas as pd

from benchmark.records.statistics import Estimate
from paper_figures.published import published

Range = tuple[float, float]  # both ends belong to it
Bounds = tuple[Range, Range]  # what is on the right side, and what is near enough


def _side(number: float, of: float) -> Range:
    """All on the side of ``of`` that ``number`` is on."""
    return (of, inf) if number > of else (-inf, of)


def _around(number: float, far: float) -> Range:
    return number - far, number + far


RULES: dict[str, Callable[..., Bounds]] = {  # of the paper's number and tolerances
    # on the same side of 1, and near within a factor
    "ratio": lambda paper, factor: (_side(paper, 1), (paper / factor, paper * factor)),
    # of ratios: above 1, and near from the published one by a factor on
    "at_least": lambda paper, factor: ((1, inf), (paper / factor, inf)),
    # on the same side of 0, and near within a tolerance
    "difference": lambda paper, near: (_side(paper, 0), _around(paper, near)),
    # of differences: on the same side of a threshold, however far
    "order": lambda paper, threshold: (_side(paper, threshold), (-inf, inf)),
    # no more than far above the published number; near up to near above it
    "at_most": lambda paper, near, far: ((-inf, paper + far), (-inf, paper + near)),
    # the same by a factor
    "at_most_times": lambda paper, near, far: RULES["at_most"](0, paper * near, paper * far),
    # above a floor; near from a share of the published number on
    "at_least_share": lambda paper, share, floor: ((floor, inf), (share * paper, inf)),
    # off by no more than far, from the nearest of several; near up to near
    "level": lambda paper, near, far: (_around(paper, far), _around(paper, near)),
    # the same by shares of the published number
    "equal": lambda paper, near, far: RULES["level"](paper, near * abs(paper), far * abs(paper)),
}


class Verdict(StrEnum):
    """What a measurement says about a claim, in one or two words."""

    REPRODUCED = "reproduced"  # on the right side beyond the noise, and as near as the rule asks
    PARTLY = "partly"  # on the right side, not so near; or of several numbers only some
    NO_EFFECT = "no effect"  # within the noise of what would be no effect at all
    CONTRADICTED = "contradicted"  # on the wrong side beyond the noise
    INCOMPARABLE = "incomparable"  # the conditions differ too much to tell
    NOT_ATTEMPTED = "not attempted"  # nothing measured


COUNTED = {  # by kind; what is in no paper ("ours") is no claim
    "result": "claims of DistTGL", "other": "claims of other papers",
    "input": "counts of the data, which need no training",
}  # fmt: skip


@dataclass(frozen=True)
class Claim:
    """A row of claims.csv."""

    figure: str
    name: str
    statement: str
    published: str
    rule: str
    tolerance: str
    dataset: str = ""
    measure: str = ""
    metric: str = ""
    of: str = ""
    against: str = ""
    at: str = ""
    form: str = ""
    printed: str = ""
    noise: str = ""
    kind: str = "result"
    epochs: str = ""
    unlike: str = ""
    command: str = ""
    needs: str = ""

    def numbers(self) -> list[tuple[str, float]]:
        """The published numbers with their names, empty of a single one."""
        named = (part.rpartition("=") for part in self.published.split(";") if part)
        return [(name, float(number)) for name, _, number in named]

    def interval(self, measured: Estimate) -> tuple[float, float]:
        """Where a measured number may lie: by its seeds, or, of one run, by ``noise``."""
        if measured.low is not None:
            return measured.ends
        share = self.noise.endswith("%")
        noise = float(self.noise.removesuffix("%") or 0)
        width = noise / 100 * abs(measured.value) if share else noise
        return measured.value - width, measured.value + width


@dataclass(frozen=True)
class Judged:
    """A claim beside what was measured, under which conditions, and what comes of it."""

    claim: Claim
    verdict: Verdict
    conditions: str
    command: str
    dataset: str
    measured: str = ""
    values: Mapping[str, Estimate] = field(default_factory=dict)

    @property
    def statement(self) -> str:
        return self.claim.statement.replace("{dataset}", self.dataset)

    @property
    def published(self) -> str:
        return self.claim.printed or self.claim.published

    @property
    def way(self) -> str:
        """How it was measured, in Markdown."""
        return f"{self.conditions.rstrip('.')}: `{self.command}`"


def claims_of(figure: str) -> list[Claim]:
    """The claims of a figure, in the order of claims.csv."""
    table = published("claims", figure=figure).drop(columns="origin")
    rows = table.astype(object).fillna("").astype(str).to_dict("records")
    return [Claim(**{str(k): v for k, v in row.items()}) for row in rows]


def verdict(claim: Claim, values: Mapping[str, Estimate], unlike: str = "") -> Verdict:
    """What measured ``values`` say about ``claim``; KeyError if there is no such rule.

    Of several numbers one that contradicts is enough, and all must be near.
    """
    named = [(values[name], number) for name, number in claim.numbers() if name in values]
    if unlike or not named or any(isnan(estimate.value) for estimate, _ in named):
        return Verdict.INCOMPARABLE
    if claim.rule == "level":  # the same number, stated by several
        named = [min(named, key=lambda pair: abs(pair[0].value - pair[1]))]
    rule, tolerances = RULES[claim.rule], list(map(float, claim.tolerance.split(";")))
    found = [
        _compare(estimate.value, claim.interval(estimate), rule(number, *tolerances))
        for estimate, number in named
    ]
    for one in (Verdict.CONTRADICTED, Verdict.PARTLY):
        if one in found:
            return one
    return found[0] if len(set(found)) == 1 else Verdict.PARTLY


def _compare(value: float, interval: Range, bounds: Bounds) -> Verdict:
    """The rule of all rules; without effect is what may lie beyond every end of the right side."""
    (low, high), (right, near) = interval, bounds
    if high < right[0] or low > right[1]:
        return Verdict.CONTRADICTED
    met = [low <= end <= high for end in right if abs(end) < inf]
    if right[0] <= low and high <= right[1] and met != [True]:  # inside, and not on an only end
        return Verdict.REPRODUCED if near[0] <= value <= near[1] else Verdict.PARTLY
    return Verdict.NO_EFFECT if all(met) else Verdict.PARTLY


def totals(judged: Iterable[Judged]) -> "pd.Series[int]":
    """How many claims have each verdict."""
    found = pd.Series([one.verdict for one in judged], dtype=object)
    return found.value_counts().reindex(list(Verdict), fill_value=0)


def totals_by_kind(judged: Iterable[Judged]) -> dict[str, "pd.Series[int]"]:
    """``totals`` of each kind that is ``COUNTED``, by what it is called."""
    known = list(judged)
    return {name: totals(one for one in known if one.claim.kind == kind)
            for kind, name in COUNTED.items()}  # fmt: skip
