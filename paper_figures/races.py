"""Which system reaches a validation MRR first, and after how many seconds (Figure 1)."""

from statistics import median
from typing import Any

import pandas as pd

from paper_figures import claim_text, curves, verdicts
from paper_figures.claim import Claim, Verdict
from paper_figures.records import Record, commands
from paper_figures.series import make_series

TARGETS = (0.7, 0.8)  # of validation MRR
NAMES = {"tgn": "TGN", "tgl": "TGL-TGN", "disttgl": "DistTGL"}
MODELS = {"tgn": "tgn_pyg", "tgl": "tgn_attention", "disttgl": "tgn_attention"}
LAYOUTS = {"tgn": "{}x1x1", "tgl": "{}x1x1", "disttgl": "1x1x{}"}

Entrant = tuple[str, int]  # system, number of trainers
Runs = list[pd.DataFrame]  # evaluations, of each seed

MANY = 8  # trainers in the paper's races of several; here as many as there are
RACES: tuple[tuple[Entrant, Entrant], ...] = (  # faster, slower
    (("tgl", 1), ("tgn", 1)),
    (("disttgl", MANY), ("tgl", MANY)),
    (("disttgl", MANY), ("tgn", 1)),
)


def seconds_to_targets(records: list[Record], paper: pd.DataFrame) -> pd.DataFrame:
    """Seconds to each of ``TARGETS``, of measured and published curves (Figure 1) by one rule.

    Columns: label, origin, validation_mrr, seconds (the median over seeds), lowest, highest,
    num_runs; infinite where the MRR is never reached.
    """
    ours = {series.label: _runs(series.records) for series in make_series(records)}
    theirs = {str(label): [run] for label, run in paper.groupby("label", sort=False)}
    rows = [
        {"label": label, "origin": origin, "validation_mrr": target, **_summary(runs, target)}
        for origin, known in (("measured", ours), ("published", theirs))
        for label, runs in known.items()
        for target in TARGETS
    ]
    return pd.DataFrame(rows)


def claims(records: list[Record], paper: pd.DataFrame) -> list[Claim]:
    """Of the paper's pairs of systems, those that ``records`` of one data set have."""
    found = [_claim(records, paper, *race) for race in RACES]
    return [Claim(**parts) for parts in found if parts]


def _claim(
    records: list[Record], paper: pd.DataFrame, faster: Entrant, slower: Entrant
) -> dict[str, Any]:
    many = _most_trainers(records)
    entrants = [(system, many if number == MANY else number) for system, number in (faster, slower)]
    chosen = [_of(records, *entrant) for entrant in entrants]
    if not all(chosen):
        return {}
    ours, used = [_runs(group) for group in chosen], [*chosen[0], *chosen[1]]
    peer = ", TGN is PyG's" if "tgn" in dict(entrants) else ""
    theirs = [_published(paper, *entrant) for entrant in (faster, slower)]
    as_many = entrants == [faster, slower]
    return {
        "statement": f"{_title(faster)} reaches validation MRR .70 and .80 before {_title(slower)}",
        "published": _text(theirs),
        "measured": f"{' against '.join(_title(entrant) for entrant in entrants)}: {_text(ours)}",
        "conditions": f"{used[0].dataset}, {used[0].passes:g} passes, "
        f"on {used[0].hardware}{peer}, {claim_text.seeds(used)}",
        "verdict": verdicts.worst(
            _verdict(_ratio(ours, target), _ratio(theirs, target), as_many) for target in TARGETS
        ),
        "command": commands(used),
    }


def _verdict(measured: float, published: float, as_many: bool) -> Verdict:
    """With another number of trainers than the paper's, the same order is part of the claim."""
    if as_many:
        return verdicts.of_ratio(measured, published)
    return Verdict.PARTLY if measured > 1 else Verdict.INCOMPARABLE


def _title(entrant: Entrant) -> str:
    system, number = entrant
    return f"{NAMES[system]} on {number} trainer{'s' if number > 1 else ''}"


def _text(pair: list[Runs]) -> str:
    parts = []
    for target in TARGETS:
        seconds = " against ".join(
            claim_text.median_and_range(map(_rounded, _seconds(runs, target)), "{:g} s")
            for runs in pair
        )
        parts.append(f"to {target:.2f} {seconds}{claim_text.factor(_ratio(pair, target))}")
    return "; ".join(parts)


def _rounded(seconds: float) -> float:
    return float(f"{seconds:.3g}")


def _most_trainers(records: list[Record]) -> int:
    """The largest number of trainers above 1 that both TGL and DistTGL have; 0 if none."""
    tgl, disttgl = (
        {record.num_trainers for record in records if record.system == system}
        for system in ("tgl", "disttgl")
    )
    return max((number for number in tgl & disttgl if number > 1), default=0)


def _of(records: list[Record], system: str, number: int) -> list[Record]:
    wanted = (system, LAYOUTS[system].format(number), MODELS[system])
    series = make_series(r for r in records if (r.system, r.parallelism, r.model) == wanted)
    return series[0].records if series else []


def _published(paper: pd.DataFrame, system: str, number: int) -> Runs:
    return [paper[(paper["system"] == system) & (paper["num_gpus"] == number)]]


def _runs(records: list[Record]) -> Runs:
    return [record.evaluations for record in records]


def _seconds(runs: Runs, target: float) -> list[float]:
    return [curves.first_reaching(run, "seconds", target) for run in runs]


def _ratio(pair: list[Runs], target: float) -> float:
    """Of the medians over seeds; 0 if the faster alone never gets there, NaN if neither does."""
    faster, slower = pair
    return median(_seconds(slower, target)) / median(_seconds(faster, target))


def _summary(runs: Runs, target: float) -> dict[str, float]:
    seconds = _seconds(runs, target)
    ends = {"lowest": min(seconds), "highest": max(seconds), "num_runs": len(seconds)}
    return {"seconds": median(seconds), **ends}
