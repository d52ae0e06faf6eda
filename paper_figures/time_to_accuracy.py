"""Figure 1: validation MRR over training seconds, and which system reaches a level first."""

from collections.abc import Iterator
from math import isfinite, isnan, nan
from statistics import median
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from benchmark.records import words
from benchmark.records.series import SYSTEM_ORDER, Runs, column, make_series, ran_apart
from benchmark.records.statistics import Estimate
from benchmark.records.targets import first_reaching, median_reaching
from paper_figures import curves, style, tables
from paper_figures.claims import Measured
from paper_figures.curves import METRIC
from paper_figures.figure import Output, PaperFigure, measured
from paper_figures.networks import network_of
from paper_figures.published import on_features, published
from paper_figures.published_networks import NONE, TGN
from paper_figures.selection import PAPER_PROTOCOL, Group, Rule

TARGETS = (0.7, 0.8)  # of validation MRR
NAMES = {"tgn": "TGN", "tgl": "TGL-TGN", "disttgl": "DistTGL"}
MODELS = {"tgn": "tgn_pyg", "tgl": "tgn_attention", "disttgl": "tgn_attention"}
LAYOUTS = {"tgn": "{}x1x1", "tgl": "{}x1x1", "disttgl": "1x1x{}"}
MANY = 8  # trainers in the paper's races of several; here as many as there are
RACES = (  # faster, slower
    (("tgl", 1), ("tgn", 1)), (("disttgl", MANY), ("tgl", MANY)), (("disttgl", MANY), ("tgn", 1)),
)  # fmt: skip


def published_curves(group: Group) -> pd.DataFrame:
    """Figure 1 where it shows this data set under this protocol, otherwise no rows."""
    table = published("figure_1", dataset=group.dataset)
    known = zip(table["system"], table["num_gpus"], strict=True)
    label = [f"{NAMES[system]}, {n} GPU{'s' if n > 1 else ''}" for system, n in known]
    table = table.assign(label=label, origin="published", network=TGN)
    return table if group.protocol == PAPER_PROTOCOL else table[:0]


def draw(group: Group) -> Iterator[Output]:
    """Curves over seconds, and the table of seconds to some levels."""
    known, paper = make_series(group.runs), published_curves(group)
    ours = [
        curves.mean_curve(
            group, one.runs, label=one.label, system=one.first["system"],
            parallelism=one.first["parallelism"], network=network_of(one.first),
        )
        for one in known
    ]  # fmt: skip
    both = pd.concat([*ours, paper], ignore_index=True)
    apart = both["network"].nunique() > 1  # then colours tell networks apart
    looks: dict[str, curves.Look] = {}
    for hue, part in both.groupby("network" if apart else "system"):
        looks |= curves.looks_of(part["label"], style.color_of(str(hue)))
    looks = {label: looks[label] for label in both["label"].unique()}
    figure, axes = plt.subplots(figsize=(style.WIDE if apart else style.COLUMN, 2.6))
    curves.draw_lines(axes, both, looks, "seconds")
    axes.set(xlabel="training time (s)", ylabel="validation MRR")
    named = {
        one.label: ", ".join(filter(None, [network_of(one.first), one.name, one.settings]))
        for one in known
    }
    handles = curves.handles(looks, named if apart else {})
    for handle in handles[len(known) :]:
        handle.set(ls=style.PUBLISHED_DASHES, marker="", lw=1)
    style.legend_below(figure, handles, 2)
    caption = f"{words.conditions(group.runs)} {words.epochs(group.runs)}, summed over trainers."
    caption += on_features(group) + curves.how_drawn(both)
    if len(paper):
        caption += " Dashed: published, DistTGL Figure 1, NVIDIA T4 GPUs, with static node memory."
    name = f"time_to_accuracy_{group.dataset}_{group.protocol}"
    yield Output(name, both, caption, figure)
    seconds = seconds_to_targets(group, paper)
    spec = {"run": "label", "validation MRR": (METRIC, ".2f"), "seconds": "text",
            "seeds": ("num_runs", ".0f"), "by": "origin"}  # fmt: skip
    numbers = seconds.drop(columns="text")
    yield Output(f"{name}_targets", numbers, caption, shown=tables.shown(seconds, spec))


def seconds_to_targets(group: Group, paper: pd.DataFrame) -> pd.DataFrame:
    """Seconds to each of ``TARGETS``, of measured and published curves by one rule."""
    ours = [(one.label, "measured", group.curves(one.runs)) for one in make_series(group.runs)]
    theirs: list[Any] = [(n, "published", [run]) for n, run in paper.groupby("label", sort=False)]
    rows = []
    for label, origin, runs in ours + theirs:
        for target in TARGETS:
            seconds = [first_reaching(run, METRIC, target, "seconds") for run in runs]
            rows.append({
                "label": label, "origin": origin, METRIC: target, "seconds": median(seconds),
                "lowest": min(seconds), "highest": max(seconds), "num_runs": len(runs),
                "text": words.median_and_range(map(_rounded, seconds), "{:g}"),
            })  # fmt: skip
    return pd.DataFrame(rows)


def measure(group: Group) -> Iterator[Measured]:
    """Of the paper's pairs of systems, those that the runs have, under the paper's protocol."""
    if group.protocol != PAPER_PROTOCOL:
        return
    sizes = group.runs.groupby("system")["num_trainers"].agg(set)
    common = sizes.get("tgl", set()) & sizes.get("disttgl", set()) - {1}
    many = max(common, default=0)
    for race in RACES:
        entrants = [(system, many if number == MANY else number) for system, number in race]
        used = [_of(group.runs, *entrant) for entrant in entrants]
        if any(runs.empty for runs in used):
            continue
        ratios: dict[str, Estimate] = {}
        runs, texts = pd.concat(used), []
        for target in TARGETS:
            ratio = _ratio([group.curves(part) for part in used], target)
            ratios |= {} if isnan(ratio) else {f"{target:.2f}": Estimate(ratio)}
            sides = " against ".join(_seconds(group.curves(part), target) for part in used)
            texts.append(f"to {target:.2f} {sides}{words.factor(ratio)}")
        peer = ", TGN is PyG's" if "tgn" in dict(entrants) else ""
        yield measured(
            group, " by ".join(f"{system} {number}" for system, number in race)
            + ("" if list(race) == entrants else ", fewer trainers"), ratios,
            f"{' against '.join(map(_title, entrants))}: {'; '.join(texts)}",
            f"{group.dataset}, {words.epochs(runs)}, on {group.first['hardware']}{peer}, "
            f"{words.seeds(runs)}", words.commands(runs),
        )  # fmt: skip


def _ratio(pair: list[list[pd.DataFrame]], target: float) -> float:
    """0 if the faster alone never gets there, NaN if neither does."""
    faster, slower = (median_reaching(runs, METRIC, target, "seconds") for runs in pair)
    return slower / faster if isfinite(faster) or isfinite(slower) else nan


def _seconds(runs: list[pd.DataFrame], target: float) -> str:
    values = (_rounded(first_reaching(run, METRIC, target, "seconds")) for run in runs)
    return words.median_and_range(values, "{:g} s")


def _rounded(seconds: float) -> float:
    return float(f"{seconds:.3g}")


def _title(entrant: tuple[str, int]) -> str:
    system, number = entrant
    return f"{NAMES[system]} on {number} trainer{'s' if number > 1 else ''}"


def _of(runs: Runs, system: str, number: int) -> Runs:
    same = (runs["system"] == system) & (runs["model"] == MODELS[system])
    found = make_series(runs[same & (runs["parallelism"] == LAYOUTS[system].format(number))])
    return found[0].runs if found else runs[:0]


def _rank(runs: Runs) -> tuple[object, ...]:
    kinds = runs[["system", "parallelism"]].drop_duplicates()
    return (len(set(kinds["system"]) & set(SYSTEM_ORDER)), runs["epochs"].iloc[0], len(kinds))


def _no_static_memory(runs: Runs) -> "pd.Series[bool]":
    return column(runs, "settings.system.static_memory").fillna("off") == "off"


FIGURES = [
    PaperFigure(
        "time_to_accuracy",
        Rule(
            ("time_to_accuracy", "variants", "quick"), rank=_rank,
            varies=("system", "model", "processes"),
            needs={
                "no validation MRR": curves.has_curve("mrr"),
                "nothing is trained": lambda runs: runs["model"] != NONE,
                "static node memory": _no_static_memory,
                "trainers may have shared a core": ran_apart,
            },
        ),
        draw, measure,
    )
]  # fmt: skip
