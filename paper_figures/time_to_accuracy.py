"""Figure 1: validation MRR over training seconds, and which system reaches a level first."""

from collections.abc import Iterator
from statistics import median

import pandas as pd

from benchmark.records import words
from benchmark.records.series import SYSTEM_ORDER, Runs, column, make_series, ran_apart
from paper_figures import curves, style, tables
from paper_figures.curves import METRIC
from paper_figures.figure import Group, Output, PaperFigure, Rule
from paper_figures.measures import seconds_to
from paper_figures.published import NONE, TGN

TARGETS = (0.7, 0.8)  # of validation MRR
SYSTEMS = {"tgn": "TGN", "tgl": "TGL-TGN", "disttgl": "DistTGL"}  # in the paper


def draw(group: Group) -> Iterator[Output]:
    """Curves over seconds, and the table of seconds to some levels."""
    known, paper = make_series(group.runs), group.published("figure_1")
    gpus = [f"{n} GPU{'s' if n > 1 else ''}" for n in paper["num_gpus"]]
    labels = [f"{SYSTEMS[s]}, {n}" for s, n in zip(paper["system"], gpus, strict=True)]
    paper = paper.assign(label=labels, origin="published", network=TGN)
    ours, named = [], {}
    for one in known:
        network, first = one.first["network"], one.first
        named[one.label] = ", ".join(filter(None, [network, one.name, one.settings]))
        ours.append(curves.mean_curve(
            group, one.runs, label=one.label, system=first["system"],
            parallelism=first["parallelism"], network=network,
        ))  # fmt: skip
    both = pd.concat([*ours, paper], ignore_index=True)
    apart = both["network"].nunique() > 1  # then colours tell networks apart
    found: dict[str, curves.Look] = {}
    for hue, part in both.groupby("network" if apart else "system"):
        found |= curves.looks_of(part["label"], style.color_of(str(hue)))
    looks = {label: found[label] for label in both["label"].unique()}
    size = (style.WIDE if apart else style.COLUMN, 2.6)
    axis = ("training time (s)", "validation MRR")
    picture = curves.draw_panels([("", both, looks)], size, axis, x="seconds")
    handles = curves.handles(looks, named if apart else {})
    for handle in handles[len(known) :]:
        handle.set(ls=style.PUBLISHED_DASHES, marker="", lw=1)
    style.legend_below(picture, handles, 2)
    drawn = {"drawn": curves.how_drawn(both)}
    yield Output(both, picture, facts=drawn)
    seconds = seconds_to_targets(group, paper)
    spec = {"run": "label", "validation MRR": (METRIC, ".2f"), "seconds": "text",
            "seeds": ("num_runs", ".0f"), "by": "origin"}  # fmt: skip
    shown = tables.shown(seconds, spec)
    yield Output(seconds.drop(columns="text"), shown=shown, facts=drawn, suffix="_targets")


def seconds_to_targets(group: Group, paper: pd.DataFrame) -> pd.DataFrame:
    """Seconds to each of ``TARGETS``, of measured and published curves by one rule."""
    sets = [(one.label, "measured", group.curves(one.runs)) for one in make_series(group.runs)]
    sets += [(str(n), "published", [run]) for n, run in paper.groupby("label", sort=False)]
    rows = []
    for label, origin, runs in sets:
        for target in TARGETS:
            seconds = seconds_to(runs, METRIC, target)
            rows.append({
                "label": label, "origin": origin, METRIC: target, "seconds": median(seconds),
                "lowest": min(seconds), "highest": max(seconds), "num_runs": len(runs),
                "text": words.median_and_range(seconds, "{:.3g}"),
            })  # fmt: skip
    return pd.DataFrame(rows)


def _rank(runs: Runs) -> tuple[object, ...]:
    kinds = runs[["system", "parallelism"]].drop_duplicates()
    return (len(set(kinds["system"]) & set(SYSTEM_ORDER)), runs["epochs"].iloc[0], len(kinds))


def _no_static_memory(runs: Runs) -> "pd.Series[bool]":
    return column(runs, "settings.system.static_memory").fillna("off") == "off"


NEEDS = {
    "no validation MRR": curves.has_curve("mrr"),
    "nothing is trained": lambda runs: runs["model"] != NONE,
    "static node memory": _no_static_memory,
    "trainers may have shared a core": ran_apart,
}
FIGURES = [
    PaperFigure("time_to_accuracy", Rule(
            ("time_to_accuracy", "variants", "quick"), rank=_rank, needs=NEEDS,
            varies=("system", "model", "processes"),
        ), draw),
]  # fmt: skip
