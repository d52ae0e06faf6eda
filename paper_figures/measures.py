"""What runs say about a claim, by the measure that its row of claims.csv names.

A measure takes a column of the runs or of their evaluations (``metric``) and the runs that a claim
is ``of`` and ``against``, in words such as "system=disttgl|tgl parallelism=1x1x8". ``{}`` there is
the name of each published number, up to a comma.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import inf, isfinite, isinf
from statistics import fmean, median
from typing import Any, NamedTuple

import pandas as pd

from benchmark.records import statistics, words
from benchmark.records.selection import Group, fits
from benchmark.records.series import SINGLE, Runs, column, make_series
from benchmark.records.statistics import Estimate
from benchmark.records.tables import written
from paper_figures.claims import Claim

STILL_RISING = 0.9  # of a run, after which a best may be one of a curve that rises still
UNFINISHED = "a run was still getting better when it ended"


@dataclass(frozen=True)
class Measured:
    """Numbers by name ("" where there is one), the same for people, and the runs they are of.

    ``unlike`` says why conditions differ too much to compare, empty where they do not; ``facts``
    are named by the figure's text of its conditions.
    """

    values: Mapping[str, Estimate]
    text: str
    runs: Runs
    unlike: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


class Found(NamedTuple):
    """What is measured beside one published number, if it is one, and the same for people."""

    text: str
    value: Estimate | None = None
    unlike: str = ""


Measure = Callable[[Claim, Group], Measured | None]


def of_each(find: Callable[..., Found | None], between: str = "; ", sides: int = 2) -> Measure:
    """The measure that asks ``find`` of each published number that has runs on all ``sides``.

    It is asked with the claim, the group, the name of the number and the runs of each side.
    """

    def measure(claim: Claim, group: Group) -> Measured | None:
        found: dict[str, Found] = {}
        used = []
        for name, _ in claim.numbers():
            runs = [select(group, said, name) for said in (claim.of, claim.against)[:sides]]
            if all(map(len, runs)) and (one := find(claim, group, name, *runs)):
                found[name] = one
                used += runs
        if not found:
            return None
        values = {name: one.value for name, one in found.items() if one.value is not None}
        texts = dict.fromkeys(one.text for one in found.values())
        own = pd.concat(used).loc[lambda rows: ~rows.index.duplicated()]
        return Measured(values, between.join(texts), own, next(iter(found.values())).unlike)

    return measure


def select(group: Group, said: str, name: str = "") -> Runs:
    """A run of each seed of those that ``said`` describes, all of one series."""
    runs = group.runs[fits(said.replace("{}", name.partition(", ")[0]))(group.runs)]
    series = make_series(runs) if group.mixed else []
    return (series[0].runs if series else runs).drop_duplicates("seed")


def level(
    claim: Claim, group: Group, name: str, runs: Runs, average: Any = statistics.mean_estimate
) -> Found | None:
    """The average over seeds; ``{}`` in the metric stands for the name too."""
    value = average(column(runs, claim.metric.replace("{}", name)))
    if value is None:
        return None
    ending = ""
    if claim.metric == "test_percent" and runs["primary_metric"].notna().all():
        metric, known = group.validations(runs)
        rising = any(statistics.still_rising(run, metric) for run in known)
        ending = ", best at its last epoch" if rising else ""  # so that more epochs might help
    return Found(written(value, claim.form) + ending, value)


def gain(claim: Claim, _: Group, name: str, of: Runs, against: Runs, sign: int = 1) -> Found | None:
    """How much higher the mean of the one side is than that of the other, times ``sign``."""
    ours, theirs = sides = statistics.by_seed(claim.metric, of, against)
    if not (ours and theirs):
        return None
    higher = statistics.mean_difference(ours, theirs)
    means = " against ".join(format(fmean(side.values()), claim.form) for side in sides)
    named = f"{name.partition(', ')[0]}: " if name else ""
    value = higher if sign > 0 else statistics.mean_difference(theirs, ours)
    return Found(f"{named}{means}, {written(higher, '+' + claim.form)}", value)


def ratio(claim: Claim, _: Group, name: str, of: Runs, against: Runs) -> Found | None:
    """How many times as much the one side has, by seed; the median, the lowest and the highest."""
    ours, theirs = statistics.by_seed(claim.metric, of, against)
    ratios = [ours[seed] / theirs[seed] for seed in sorted(ours.keys() & theirs.keys())]
    if not ratios:
        return None
    value = Estimate(median(ratios), *((min(ratios), max(ratios)) if len(ratios) > 1 else ()))
    return Found(written(value, claim.form) + (f" on {name}" if name else ""), value)


def iterations(claim: Claim, group: Group, _: str, of: Runs, against: Runs) -> Found | None:
    """How many times fewer iterations to a share ``at`` of the best value of one trainer.

    A target is met somewhere between the validation before and the one that shows it; a run that
    never meets it would need more iterations than it had.
    """
    single = group.curves(select(group, f"parallelism={SINGLE}"))
    if not single:
        return None
    target = statistics.target_of(single, claim.metric, float(claim.at))
    sides = (group.curves(runs) for runs in (against, of))
    one, other = (statistics.arrivals(side, claim.metric, target) for side in sides)
    first, second = one["iterations"].median(), other["iterations"].median()
    high = one["iterations"].max() / other["before"].min() if other["before"].min() else inf
    low = one["before"].min() / other["iterations"].max()
    times = Estimate(first / min(second, other["last"].max()), low, high)
    slow, fast = (words.median_and_range(each["iterations"], "{:.0f}") for each in (one, other))
    if isinf(second):
        return Found(f"{fast} against {slow}", times, UNFINISHED if other["rising"].any() else "")
    at = f"(validation {other['validation'].median():.0f})"
    return Found(f"{fast} {at} against {slow}{words.factor(times.value)}", times)


def best(claim: Claim, group: Group, _: str, of: Runs, against: Runs) -> Found:
    """How many times fewer iterations to the best value of a run."""
    sides = [group.curves(runs) for runs in (of, against)]
    many, one = (median(statistics.first_best(c, claim.metric) for c in side) for side in sides)
    ends = [median(curve["iteration"].max() for curve in side) for side in sides]
    rising = many > STILL_RISING * ends[0] or one > STILL_RISING * ends[1]
    unlike = "a run was best at its end, which says how long it was" if rising else ""
    times = one / many
    return Found(f"{many:.0f} against {one:.0f}{words.factor(times)}", Estimate(times), unlike)


def seconds(claim: Claim, group: Group, name: str, of: Runs, against: Runs) -> Found:
    """How many times sooner the one side reaches each level that a published number is named by.

    A side that never gets there takes longer than it ran.
    """
    sides = [group.curves(runs) for runs in (of, against)]
    longest = max(curve["seconds"].max() for side in sides for curve in side)
    reached = [statistics.reaching(side, claim.metric, float(name), "seconds") for side in sides]
    first, second = map(median, reached)
    told = " against ".join(words.median_and_range(side, "{:.3g} s") for side in reached)
    if isinf(first) and isinf(second):
        return Found(f"to {name} {told}")
    times = float(min(second, longest) / min(first, longest))
    bound = {1: ", at least", 0: ",", -1: ", at most"}[isfinite(first) - isfinite(second)]
    return Found(f"to {name} {told}{bound} {times:.1f}x", Estimate(times))


MEASURES: dict[str, Measure] = {
    "level": of_each(level, ", ", 1),
    "median": of_each(partial(level, average=statistics.median_estimate), ", ", 1),
    "gain": of_each(gain),
    "loss": of_each(partial(gain, sign=-1)),
    "ratio": of_each(ratio, ", "),
    "iterations": of_each(iterations),
    "best": of_each(best),
    "seconds": of_each(seconds),
}
