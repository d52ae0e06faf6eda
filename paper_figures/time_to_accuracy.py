"""Figure 1: validation MRR over training seconds, and which system reaches a level first."""

from collections.abc import Iterator
from statistics import median

import pandas as pd

from benchmark.records.series import SYSTEM_ORDER, Runs, column, make_series, ran_apart
from benchmark.records.words import median_and_range
from paper_figures import curves, style, tables
from paper_figures.curves import METRIC
from paper_figures.figure import Group, Output, Rule, figure
from paper_figures.measures import seconds_to
from paper_figures.published import NONE, TGN
from paper_figures.selection import has

STATIC = "settings.system.static_memory"
TARGETS = (0.7, 0.8)  # of validation MRR
SYSTEMS = {"tgn": "TGN", "tgl": "TGL-TGN", "disttgl": "DistTGL"}  # in the paper


def _rank(runs: Runs) -> tuple[object, ...]:
    kinds = runs[["system", "parallelism"]].drop_duplicates()
    return (len(set(kinds["system"]) & set(SYSTEM_ORDER)), runs["epochs"].iloc[0], len(kinds))


@figure("time_to_accuracy", Rule(
    ("time_to_accuracy", "variants", "quick"), rank=_rank, varies=("system", "model", "processes"),
    needs={"no validation MRR": has("metrics.validation_mrr"),
           "nothing is trained": lambda runs: runs["model"] != NONE,
           "static node memory": lambda runs: column(runs, STATIC).fillna("off") == "off",
           "trainers may have shared a core": ran_apart},
))  # fmt: skip
def draw(group: Group) -> Iterator[Output]:
    """Curves over seconds, and the table of seconds to some levels."""
    known, paper = make_series(group.runs), group.published("figure_1")
    sizes = zip(paper["system"], paper["num_gpus"], strict=True)
    labels = [f"{SYSTEMS[system]}, {n} GPU{'s' if n > 1 else ''}" for system, n in sizes]
    paper = paper.assign(label=labels, network=TGN)
    kept = ["system", "parallelism", "network"]
    sets = [({"label": one.label, **one.first[kept]}, one.runs) for one in known]
    both = pd.concat([curves.mean_curves(group, sets), paper], ignore_index=True)
    apart = both["network"].nunique() > 1  # then colours tell networks apart
    looks = curves.looks_by(both, "network" if apart else "system")
    size = (style.WIDE if apart else style.COLUMN, 2.6)
    picture = curves.draw_panels([("", both, looks)], size, x="seconds")
    parts = {one.label: (one.first["network"], one.name, one.settings) for one in known}
    named = {label: ", ".join(filter(None, words)) for label, words in parts.items()}
    handles = curves.handles(looks, named if apart else {})
    for handle in handles[len(known) :]:
        handle.set(ls=style.PUBLISHED_DASHES, marker="", lw=1)
    style.legend_below(picture, handles, 2)
    yield Output(both, picture)
    seconds = seconds_to_targets(group, paper)
    spec = {"run": "label", "validation MRR": (METRIC, ".2f"), "seconds": "text",
            "seeds": ("num_runs", ".0f"), "by": "origin"}  # fmt: skip
    shown = tables.shown(seconds, spec)
    yield Output(seconds.drop(columns="text"), shown=shown, suffix="_targets")


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
                "text": median_and_range(seconds, "{:.3g}"),
            })  # fmt: skip
    return pd.DataFrame(rows)
