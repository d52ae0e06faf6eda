"""Figure 1: validation MRR over training seconds, and which system reaches a level first."""

from collections.abc import Iterator
from math import isnan, nan
from statistics import median

import matplotlib.pyplot as plt
import pandas as pd

from benchmark.records.series import SYSTEM_ORDER, Runs, column, make_series, ran_apart
from benchmark.records.statistics import Estimate
from benchmark.records.targets import first_reaching, median_reaching
from benchmark.records.words import commands, conditions, epochs, median_and_range, seeds
from paper_figures import curves, style
from paper_figures.claims import Measured
from paper_figures.curves import METRIC
from paper_figures.figure import Output, PaperFigure
from paper_figures.networks import NONE, network_of
from paper_figures.published import on_features, published
from paper_figures.selection import PAPER_PROTOCOL, Group, Rule
from paper_figures.tables import shown

TARGETS = (0.7, 0.8)  # of validation MRR
NAMES = {"tgn": "TGN", "tgl": "TGL-TGN", "disttgl": "DistTGL"}
MODELS = {"tgn": "tgn_pyg", "tgl": "tgn_attention", "disttgl": "tgn_attention"}
LAYOUTS = {"tgn": "{}x1x1", "tgl": "{}x1x1", "disttgl": "1x1x{}"}
MANY = 8  # trainers in the paper's races of several; here as many as there are
RACES = (
    (("tgl", 1), ("tgn", 1)),
    (("disttgl", MANY), ("tgl", MANY)),
    (("disttgl", MANY), ("tgn", 1)),
)

Entrant = tuple[str, int]  # system, number of trainers


def measured(group: Group) -> pd.DataFrame:
    """The mean curve of each series."""
    parts = [
        curves.mean_curve(
            group, one.runs, label=one.label, system=one.first["system"],
            parallelism=one.first["parallelism"], network=network_of(one.first),
        )
        for one in make_series(group.runs)
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def published_curves(group: Group) -> pd.DataFrame:
    """Figure 1 where it shows this data set under this protocol, otherwise no rows."""
    table = published("figure_1", dataset=group.dataset)
    known = zip(table["system"], table["num_gpus"], strict=True)
    label = [f"{NAMES[system]}, {n} GPU{'s' if n > 1 else ''}" for system, n in known]
    table = table.assign(label=label, origin="published", network="TGN-attn")
    return table if group.protocol == PAPER_PROTOCOL else table[:0]


def draw(group: Group) -> Iterator[Output]:
    """Curves over seconds, and the table of seconds to some levels."""
    table, paper = measured(group), published_curves(group)
    both, looks = pd.concat([table, paper]), {}
    networks = both["network"].nunique() > 1  # then colours tell them apart
    for hue, part in both.groupby("network" if networks else "system"):
        looks |= curves.looks_of(part["label"], style.color_of(str(hue)))
    looks = {label: looks[label] for label in dict.fromkeys(both["label"])}
    figure, axes = plt.subplots(figsize=(style.COLUMN if not networks else 5, 2.6))
    curves.draw_lines(axes, both, looks, "seconds")
    axes.set(xlabel="training time (s)", ylabel="validation MRR")
    said = {
        one.label: ", ".join(filter(None, [network_of(one.first), one.name, one.settings]))
        for one in make_series(group.runs)
    }
    handles = curves.handles(looks, said if networks else {})
    for handle, name in zip(handles, looks, strict=True):
        if name in set(paper["label"]):
            handle.set(ls=style.PUBLISHED_DASHES, marker="", lw=1)
    style.legend_below(figure, handles, 2)
    caption = f"{conditions(group.runs)} {epochs(group.runs)}, summed over trainers."
    caption += on_features(group) + curves.how_drawn(table)
    if len(paper):
        caption += " Dashed: published, DistTGL Figure 1, NVIDIA T4 GPUs, with static node memory."
    name = f"time_to_accuracy_{group.dataset}_{group.protocol}"
    yield Output(name, both, caption, figure)
    rows = seconds_to_targets(group, paper)
    yield Output(
        f"{name}_targets", rows, caption, shown=shown(map(_cells, rows.to_dict("records")))
    )


def seconds_to_targets(group: Group, paper: pd.DataFrame) -> pd.DataFrame:
    """Seconds to each of ``TARGETS``, of measured and published curves by one rule."""
    ours = [(one.label, "measured", group.curves(one.runs)) for one in make_series(group.runs)]
    theirs = [(label, "published", [run]) for label, run in paper.groupby("label", sort=False)]
    rows = [
        {
            "label": label, "origin": origin, METRIC: target, "seconds": median(seconds),
            "lowest": min(seconds), "highest": max(seconds), "num_runs": len(runs),
        }
        for label, origin, runs in ours + theirs
        for target in TARGETS
        for seconds in [[first_reaching(run, METRIC, target, "seconds") for run in runs]]
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _cells(row: dict) -> dict[str, str]:  # type: ignore[type-arg]
    known = [row["lowest"], row["seconds"], row["highest"]]
    seconds = known if row["num_runs"] > 1 else known[1:2]
    return {
        "run": row["label"], "validation MRR": f"{row[METRIC]:.2f}",
        "seconds": median_and_range(map(_rounded, seconds), "{:g}"),
        "seeds": str(row["num_runs"]), "by": row["origin"], "origin": row["origin"],
    }  # fmt: skip


def measure(group: Group) -> Iterator[Measured]:
    """Of the paper's pairs of systems, those that the runs have, under the paper's protocol."""
    if group.protocol != PAPER_PROTOCOL:
        return
    tgl, disttgl = (
        set(group.runs.loc[group.runs["system"] == name, "num_trainers"])
        for name in ("tgl", "disttgl")
    )
    many = max((number for number in tgl & disttgl if number > 1), default=0)
    for race in RACES:
        entrants = [(system, many if number == MANY else number) for system, number in race]
        used = [_of(group.runs, *entrant) for entrant in entrants]
        if any(runs.empty for runs in used):
            continue
        levels = {
            f"{target:.2f}": _ratio([group.curves(runs) for runs in used], target)
            for target in TARGETS
        }
        runs, texts = pd.concat(used), []
        for target, ratio in zip(TARGETS, levels.values(), strict=True):
            sides = " against ".join(_seconds(group.curves(part), target) for part in used)
            shown_ratio = f", {ratio:.1f}x" if 0 < ratio < float("inf") else ""
            texts.append(f"to {target:.2f} {sides}{shown_ratio}")
        peer = ", TGN is PyG's" if "tgn" in dict(entrants) else ""
        as_many = list(race) == entrants
        yield Measured(
            " by ".join(f"{system} {number}" for system, number in race)
            + ("" if as_many else ", fewer trainers"),
            {name: Estimate(value) for name, value in levels.items() if not isnan(value)},
            f"{' against '.join(map(_title, entrants))}: {'; '.join(texts)}",
            f"{group.dataset}, {epochs(runs)}, on {group.first['hardware']}{peer}, {seeds(runs)}",
            commands(runs), group.dataset,
        )  # fmt: skip


def _ratio(pair: list[list[pd.DataFrame]], target: float) -> float:
    """0 if the faster alone never gets there, NaN if neither does."""
    faster, slower = (median_reaching(runs, METRIC, target, "seconds") for runs in pair)
    return slower / faster if min(faster, slower) < float("inf") else nan


def _seconds(runs: list[pd.DataFrame], target: float) -> str:
    values = (_rounded(first_reaching(run, METRIC, target, "seconds")) for run in runs)
    return median_and_range(values, "{:g} s")


def _rounded(seconds: float) -> float:
    return float(f"{seconds:.3g}")


def _title(entrant: Entrant) -> str:
    system, number = entrant
    return f"{NAMES[system]} on {number} trainer{'s' if number > 1 else ''}"


def _of(runs: Runs, system: str, number: int) -> Runs:
    same = (runs["system"] == system) & (runs["model"] == MODELS[system])
    found = make_series(runs[same & (runs["parallelism"] == LAYOUTS[system].format(number))])
    return found[0].runs if found else runs[:0]


def _rank(runs: Runs) -> tuple[object, ...]:
    kinds = runs[["system", "parallelism"]].drop_duplicates()
    return (len(set(kinds["system"]) & set(SYSTEM_ORDER)), runs["epochs"].iloc[0], len(kinds))


FIGURES = [
    PaperFigure(
        "time_to_accuracy", "Figure 1", "validation MRR over training seconds",
        "python -m benchmark.run suite=time_to_accuracy",
        "Each trainer has a CPU core in place of a GPU, so there are one or two in place of up to "
        "16.",
        Rule(
            ("time_to_accuracy", "variants", "quick"), varies=("system", "model", "processes"),
            rank=_rank,
            needs={
                "no validation MRR": curves.has_curve("mrr"),
                "nothing is trained": lambda runs: runs["model"] != NONE,
                "static node memory": lambda runs: column(runs, "settings.system.static_memory")
                .fillna("off") == "off",
                "trainers may have shared a core": ran_apart,
            },
        ),
        draw, measure, "disttgl 8 by tgl 8, fewer trainers",
    )
]  # fmt: skip
