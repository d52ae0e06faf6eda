"""What runs say about a claim, by the measure that its row of claims.csv names.

A measure takes a column of the runs or of their evaluations (``metric``) and the runs that a claim
is ``of`` and ``against``, in words such as "system=disttgl|tgl parallelism=1x1x8". ``{}`` there is
the name of each published number, up to a comma.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf, isfinite, isinf
from statistics import fmean, median
from typing import Any

import pandas as pd

from benchmark.records import statistics, words
from benchmark.records.series import SINGLE, Runs, column, make_series
from benchmark.records.statistics import Estimate
from paper_figures.selection import Group
from paper_figures.tables import written

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


Measure = Callable[[Any, Group], Measured | None]


def select(group: Group, said: str, name: str = "") -> Runs:
    """A run of each seed of those that ``said`` describes, all of one series."""
    fits = pd.Series(True, group.runs.index)
    for word in said.replace("{}", name.partition(", ")[0]).split():
        key, _, values = word.replace("~", " ").partition("=")
        fits &= column(group.runs, key).map(words.plain).isin(values.split("|"))
    runs = group.runs[fits]
    series = make_series(runs) if group.mixed else []
    return (series[0].runs if series else runs).drop_duplicates("seed")


def by_seed(runs: Runs, metric: str) -> dict[int, float]:
    """The values of the runs that have one, by seed."""
    values = zip(runs["seed"], column(runs, metric), strict=True)
    return {int(seed): float(value) for seed, value in values if pd.notna(value)}


def sides(claim: Any, group: Group) -> Iterator[tuple[str, Runs, Runs]]:
    """Of each published number whose runs there are on both sides: its name, and the runs."""
    for name, _ in claim.numbers():
        of, against = (select(group, said, name) for said in (claim.of, claim.against))
        if len(of) and len(against):
            yield name, of, against


def pairs(
    claim: Any, group: Group
) -> Iterator[tuple[str, dict[int, float], dict[int, float], Runs]]:
    """As ``sides``, with the values by seed where both have some."""
    for name, of, against in sides(claim, group):
        ours, theirs = by_seed(of, claim.metric), by_seed(against, claim.metric)
        if ours and theirs:
            yield name, ours, theirs, pd.concat([of, against])


def level(claim: Any, group: Group, average: Any = statistics.mean_estimate) -> Measured | None:
    """The mean over seeds; ``{}`` in the metric stands for the name too."""
    found: dict[str, Estimate] = {}
    used = []
    for name, _ in claim.numbers():
        runs = select(group, claim.of, name)
        estimate = average(column(runs, claim.metric.replace("{}", name)))
        if estimate is not None:
            found[name] = estimate
            used.append(runs)
    if not found:
        return None
    texts = dict.fromkeys(written(one, claim.form) for one in found.values())
    runs = pd.concat(used).loc[lambda r: ~r.index.duplicated()]
    return Measured(found, ", ".join(texts) + _ending(group, runs, claim.metric), runs)


def _ending(group: Group, runs: Runs, metric: str) -> str:
    """Of a test metric, whether validation was best at the end, so that more epochs might help."""
    if metric != "test_percent" or runs["primary_metric"].isna().any():
        return ""
    name = f"validation_{runs['primary_metric'].iloc[0]}"
    known = [run for run in group.curves(runs) if len(run) > 1 and name in run]
    rising = any(statistics.still_rising(run, name) for run in known)
    return ", best at its last epoch" if rising else ""


def middle(claim: Any, group: Group) -> Measured | None:
    """The median over seeds, for times."""
    return level(claim, group, statistics.median_estimate)


def gain(claim: Any, group: Group) -> Measured | None:
    """How much higher the mean of the one side is than that of the other."""
    found, texts, used = {}, [], []
    for name, ours, theirs, runs in pairs(claim, group):
        found[name] = statistics.mean_difference(ours, theirs)
        means = (format(fmean(side.values()), claim.form) for side in (ours, theirs))
        named = f"{name.partition(', ')[0]}: " if name else ""
        text = f"{named}{' against '.join(means)}, {written(found[name], '+' + claim.form)}"
        texts.append(text)
        used.append(runs)
    if not found:
        return None
    return Measured(found, "; ".join(dict.fromkeys(texts)), _each_once(used))


def loss(claim: Any, group: Group) -> Measured | None:
    """The negative of ``gain``: how much lower the one side is."""
    gained = gain(claim, group)
    if gained is None:
        return None
    lost = {name: Estimate(-one.value, *_turned(one)) for name, one in gained.values.items()}
    return Measured(lost, gained.text, gained.runs)


def _turned(one: Estimate) -> tuple[float | None, float | None]:
    return (None, None) if one.low is None or one.high is None else (-one.high, -one.low)


def ratio(claim: Any, group: Group) -> Measured | None:
    """How many times as much the one side has, by seed; the median, the lowest and the highest."""
    found, used = {}, []
    for name, ours, theirs, runs in pairs(claim, group):
        ratios = [ours[seed] / theirs[seed] for seed in sorted(ours.keys() & theirs.keys())]
        if ratios:
            ends = (min(ratios), max(ratios)) if len(ratios) > 1 else ()
            found[name] = Estimate(median(ratios), *ends)
            used.append(runs)
    if not found:
        return None
    texts = [
        written(one, claim.form) + (f" on {name}" if name else "") for name, one in found.items()
    ]
    return Measured(found, ", ".join(texts), _each_once(used))


def iterations(claim: Any, group: Group) -> Measured | None:
    """How many times fewer iterations to a share ``at`` of the best value of one trainer.

    A target is met somewhere between the validation before and the one that shows it; a run that
    never meets it would need more iterations than it had.
    """
    single = group.curves(select(group, f"parallelism={SINGLE}"))
    for _, of, against in sides(claim, group) if single else ():
        target = statistics.target_of(single, claim.metric, float(claim.at))
        one, other = (reaches(group, runs, claim.metric, target) for runs in (against, of))
        needed = min(other["iterations"], other["last"])
        high = one["highest"] / other["before"] if other["before"] else inf
        times = Estimate(one["iterations"] / needed, one["before"] / other["highest"], high)
        slow, fast = (words.median_and_range(each["seeds"], "{:.0f}") for each in (one, other))
        text = f"{fast} against {slow}"
        if isfinite(other["iterations"]):
            at = f" (validation {other['validation']:.0f})"
            text = f"{fast}{at} against {slow}{words.factor(times.value)}"
        unlike = UNFINISHED if isinf(other["iterations"]) and other["rising"] else ""
        return Measured({"": times}, text, pd.concat([of, against]), unlike)
    return None


def reaches(group: Group, runs: Runs, metric: str, target: float) -> dict[str, Any]:
    """When the seeds first meet ``target``: the median, the ends, and the validation before."""
    curves = group.curves(runs)
    seeds = [statistics.first_reaching(curve, metric, target) for curve in curves]
    earlier = [c.loc[c["iteration"] < n, "iteration"] for c, n in zip(curves, seeds, strict=True)]
    return {
        "iterations": median(seeds), "lowest": min(seeds), "highest": max(seeds), "seeds": seeds,
        "before": float(min(n.max() if len(n) else 0 for n in earlier)),
        "last": max(float(curve["iteration"].max()) for curve in curves),
        "validation": median(len(n) + 1 for n in earlier),
        "rising": any(statistics.still_rising(curve, metric) for curve in curves),
    }  # fmt: skip


def best(claim: Any, group: Group) -> Measured | None:
    """How many times fewer iterations to the best value of a run."""
    for _, of, against in sides(claim, group):
        many, one = (
            median(statistics.first_best(curve, claim.metric) for curve in group.curves(runs))
            for runs in (of, against)
        )
        ends = [median(c["iteration"].max() for c in group.curves(r)) for r in (of, against)]
        rising = many > STILL_RISING * ends[0] or one > STILL_RISING * ends[1]
        text = f"{many:.0f} against {one:.0f}{words.factor(one / many)}"
        used = pd.concat([of, against])
        unlike = "a run was best at its end, which says how long it was" if rising else ""
        return Measured({"": Estimate(one / many)}, text, used, unlike)
    return None


def seconds(claim: Any, group: Group) -> Measured | None:
    """How many times sooner the one side reaches each level that a published number is named by.

    A side that never gets there takes longer than it ran.
    """
    found: dict[str, Estimate] = {}
    texts, used = [], pd.DataFrame()
    for name, of, against in sides(claim, group):
        used, curves = pd.concat([of, against]), [group.curves(runs) for runs in (of, against)]
        longest = max(curve["seconds"].max() for curve in (*curves[0], *curves[1]))
        reached = [seconds_to(side, claim.metric, float(name)) for side in curves]
        first, second = map(median, reached)
        told = (words.median_and_range(side, "{:.3g} s") for side in reached)
        text = f"to {name} {' against '.join(told)}"
        if isfinite(first) or isfinite(second):
            times = min(second, longest) / min(first, longest)
            found[name] = Estimate(float(times))
            bound = {1: ", at least", 0: ",", -1: ", at most"}[isfinite(first) - isfinite(second)]
            text += f"{bound} {times:.1f}x"
        texts.append(text)
    return Measured(found, "; ".join(texts), used) if texts else None


def seconds_to(curves: list[pd.DataFrame], metric: str, target: float) -> list[float]:
    """Training seconds of each seed to ``target``; infinite if it is never reached."""
    return [statistics.first_reaching(curve, metric, target, "seconds") for curve in curves]


def _each_once(parts: list[Runs]) -> Runs:
    runs = pd.concat(parts)
    return runs[~runs.index.duplicated()]


MEASURES: dict[str, Measure] = {
    "level": level, "median": middle, "gain": gain, "loss": loss, "ratio": ratio,
    "iterations": iterations, "best": best, "seconds": seconds,
}  # fmt: skip
