"""TGL on several trainers beside what two papers report of it."""

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from paper_figures import tgl_scaling
from paper_figures.claim import Verdict
from paper_figures.collection import load_records
from tests.paper_figures.conftest import WriteRun


@pytest.fixture
def write(write_run: WriteRun) -> WriteRun:
    """``write(trainers, rate, seed, **changes)``: a run of TGL over 4 passes."""
    numbers = count()

    def run(trainers: int, rate: float, seed: int = 0, **changes: Any) -> Path:
        values = {
            "suite": "scaling",
            "system": "tgl",
            "dataset": "wikipedia",
            "parallelism": {"i": trainers, "j": 1, "k": 1},
            "processes": trainers,
            "seed": seed,
            "passes": 4,
            "throughput_events_per_second": rate,
            "seconds": {"train": 400_000 / rate, "evaluate": 1.0, "total": 99.0},
            "metrics": {"validation_mrr_best": 0.8, "test_mrr": 0.75},
        }
        return write_run(f"run{next(numbers)}", **(values | changes))

    return run


def test_speedups_are_those_of_each_seed(results: Path, write: WriteRun) -> None:
    for seed, (one, two) in enumerate([(10_000, 15_000), (10_000, 16_000), (8_000, 16_000)]):
        write(1, one, seed)
        write(2, two, seed)
    records = tgl_scaling.select(load_records(results)[0])
    single, double = tgl_scaling.measured(records)
    assert (single["trainers"], double["trainers"]) == (1, 2)
    assert (single["seconds"], single["rate"], single["speedup"]) == (10, 10, 1)
    values = [double[name] for name in ("speedup", "speedup_low", "speedup_high")]
    assert values == pytest.approx([1.6, 1.5, 2.0])
    assert double["test"] == 75
    (claim,) = tgl_scaling.claims(records)
    assert claim.published == "1.47 (DistTGL Figure 12(b)), 1.62 on GDELT (TGL Figure 7)"
    assert claim.measured == "1.60 [1.50, 2.00]"
    assert claim.verdict is Verdict.REPRODUCED


@pytest.mark.parametrize(
    ("rate", "verdict"), [(12_000, Verdict.PARTLY), (9_000, Verdict.CONTRADICTED)]
)
def test_verdicts(results: Path, write: WriteRun, rate: float, verdict: Verdict) -> None:
    write(1, 10_000)
    write(2, rate)
    (claim,) = tgl_scaling.claims(tgl_scaling.select(load_records(results)[0]))
    assert claim.verdict is verdict


def test_runs_that_differ_in_more_than_trainers_do_not_share_a_table(
    results: Path, write: WriteRun
) -> None:
    write(1, 10_000, passes=100, command="long")
    write(1, 10_000)
    write(2, 15_000)
    write(2, 15_000, system="disttgl")
    write(4, 9_000, processes=1, emulated=True, throughput_events_per_second=None)
    records = tgl_scaling.select(load_records(results)[0])
    assert [(record.num_trainers, record.passes) for record in records] == [(1, 4), (2, 4)]


def test_published_speedups(results: Path, write: WriteRun) -> None:
    write(1, 10_000)
    table = tgl_scaling.together(tgl_scaling.select(load_records(results)[0]))
    disttgl = table[table["by"] == "DistTGL Figure 12(b)"].set_index("trainers")["speedup"]
    assert disttgl.round(2).to_dict() == {1: 1, 2: 1.47, 4: 2.22, 8: 2.77}
    tgl = table[table["by"] == "TGL Figure 7"].set_index("trainers")["speedup"]
    assert tgl.round(2).to_dict() == {1: 1, 2: 1.62, 4: 2.29, 8: 2.27}
    (row,) = table[table["by"] == "TGL Table 7"].to_dict("records")
    assert (row["seconds"], row["test"], row["metric"]) == (915.9, 99.39, "ap")
