"""What the paper claims with Figure 9: iterations saved, and the price of it in test MRR."""

from typing import Any

import pandas as pd

from paper_figures import claim_text, curves, run_sets, verdicts
from paper_figures.claim import Claim, Verdict
from paper_figures.curves import TEST_METRIC
from paper_figures.records import Record, commands
from paper_figures.run_sets import SINGLE

FRACTION = 0.95  # of the best validation MRR of one trainer
SPEEDUPS = (  # layout and panel
    ("1x2x1", "a"),
    ("1x4x1", "a"),
    ("1x8x1", "b"),
    ("1x4x2", "b"),
    ("1x2x4", "b"),
    ("1x1x8", "b"),
)
LOSING = "1x1x8"

Parts = dict[str, Any]  # fields of a claim


def claims(records: list[Record], paper: pd.DataFrame, table: pd.DataFrame) -> list[Claim]:
    """Of ``records`` of one data set; they compare only if they trained as long as the paper's."""
    found = [_iterations(table, paper, layout, panel) for layout, panel in SPEEDUPS]
    found.append(_loss(run_sets.by_parallelism(records), paper))
    shared: Parts = {"conditions": claim_text.conditions(records), "command": commands(records)}
    if not claim_text.long_enough(records):
        shared["verdict"] = Verdict.INCOMPARABLE
    return [Claim(**parts | shared) for parts in found if parts]


def _iterations(table: pd.DataFrame, paper: pd.DataFrame, layout: str, panel: str) -> Parts:
    rows = table[(table["panel"] == panel) & (table["fraction"] == FRACTION)]
    known = {(row["origin"], row["parallelism"]): row for row in rows.to_dict("records")}
    if ("measured", layout) not in known:
        return {}
    texts = {
        origin: f"{_text(known[origin, layout])} against {_text(known[origin, SINGLE])}"
        f"{claim_text.factor(known[origin, layout]['speedup'])}"
        for origin in ("measured", "published")
    }
    single, many = (known["published", name]["iterations"] for name in (SINGLE, layout))
    texts["published"] += f" ({_as_drawn(single, many, paper):.1f}x as drawn, a pass earlier)"
    ratios = [known[origin, layout]["speedup"] for origin in ("measured", "published")]
    return texts | {
        "statement": f"iterations of {layout} to {FRACTION:.0%} of the best MRR of {SINGLE}",
        "verdict": verdicts.of_ratio(*ratios),
    }


def _as_drawn(single: float, many: float, paper: pd.DataFrame) -> float:
    """The speed-up that a reader of the figure finds, whose curves begin at iteration 0."""
    one_pass = float(paper["iteration"].min())
    return (single - one_pass) / (many - one_pass)


def _text(row: dict[Any, Any]) -> str:
    names = ("lowest", "iterations", "highest") if row["num_runs"] > 1 else ("iterations",)
    return claim_text.median_and_range([row[name] for name in names], "{:.0f}")


def _loss(runs: dict[str, list[Record]], paper: pd.DataFrame) -> Parts:
    ours = [
        value
        for layout in (SINGLE, LOSING)
        if (value := curves.mean_metric(runs.get(layout, []), TEST_METRIC)) is not None
    ]
    if len(ours) < 2:
        return {}
    tests = paper.groupby("parallelism")[TEST_METRIC].first()
    theirs = [float(tests[layout]) for layout in (SINGLE, LOSING)]
    texts = {
        origin: f"{single:.4f} to {losing:.4f}, {losing - single:+.4f}"
        for origin, (single, losing) in (("measured", ours), ("published", theirs))
    }
    return texts | {
        "statement": f"test MRR of {LOSING} is little below that of {SINGLE}",
        "verdict": verdicts.of_loss(ours[0] - ours[1], theirs[0] - theirs[1]),
    }
