"""Table 1 with what was measured behind its cells."""

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from paper_figures import strategies
from paper_figures.claim import Verdict
from paper_figures.collection import load_records
from tests.paper_figures.conftest import WriteRun

LAYOUTS = {
    "one": {"i": 1, "j": 1, "k": 1},
    "mini-batch": {"i": 2, "j": 1, "k": 1},
    "memory": {"i": 1, "j": 1, "k": 2},
}


@pytest.fixture
def write(write_run: WriteRun) -> WriteRun:
    """``write(layout, node_memory, seed)``: 6,000 events, so 10 batches in all, in 3 s."""
    numbers = count()

    def run(layout: str, node_memory: float, seed: int = 0, **changes: Any) -> Path:
        degrees = LAYOUTS[layout]
        values = {
            "suite": "scaling",
            "dataset": "wikipedia",
            "parallelism": degrees,
            "processes": degrees["i"] * degrees["k"],
            "seed": seed,
            "throughput_events_per_second": 2000.0,
            "seconds": {"train": 3.0, "evaluate": 1.0, "total": 9.0},
            "seconds_by_part": {
                "prepare": 0.002,
                "memory_read": 0.75 * node_memory,
                "memory_write": 0.25 * node_memory,
            },
            "peak_memory_bytes": 2**30,
        }
        return write_run(f"run{next(numbers)}", **(values | changes))

    return run


def values(results: Path, quantity: str) -> dict[str, float]:
    table = strategies.together(strategies.select(load_records(results)[0]))
    rows = table[(table["quantity"] == quantity) & (table["origin"] == "measured")]
    return dict(zip(rows["strategy"], rows["value"], strict=True)) if len(rows) else {}


def test_milliseconds_are_of_a_batch_of_one_trainer(results: Path, write: WriteRun) -> None:
    write("one", 0.02)
    write("mini-batch", 0.03)
    # 10 batches of one trainer, 5 of each of two.
    assert values(results, strategies.SYNCHRONISATION) == pytest.approx(
        {"1x1x1": 2, "mini-batch": 6}
    )
    assert values(results, strategies.OVERHEAD) == pytest.approx({"1x1x1": 0.2, "mini-batch": 0.4})
    assert values(results, strategies.MEMORY) == {"1x1x1": 1, "mini-batch": 1}


def test_two_trainers_of_a_batch_capture_less(results: Path, write_count: WriteRun) -> None:
    write_count(600, [6, 4], dataset="wikipedia")
    assert values(results, strategies.CAPTURED) == {}
    write_count(1200, [5, 2], dataset="wikipedia")
    write_count(2400, [1, 1], dataset="wikipedia")
    expected = {"1x1x1": 100, "mini-batch": 70, "epoch": 100, "memory": 100}
    assert values(results, strategies.CAPTURED) == pytest.approx(expected)
    (claim,) = strategies.claims(load_records(results)[0])
    assert claim.measured == "captured events, %: mini-batch 70, 1x1x1 100"
    assert claim.verdict is Verdict.REPRODUCED


@pytest.mark.parametrize(
    ("memory", "verdict"),
    [
        ((0.010, 0.012), Verdict.REPRODUCED),
        ((0.010, 0.022), Verdict.PARTLY),
        ((0.030, 0.040), Verdict.CONTRADICTED),
    ],
)
def test_memory_parallelism_leaves_node_memory_alone(
    results: Path, write: WriteRun, memory: tuple[float, float], verdict: Verdict
) -> None:
    for seed in (0, 1):
        write("mini-batch", 0.02 + 0.01 * seed, seed)
        write("memory", memory[seed], seed)
    (claim,) = strategies.claims(load_records(results)[0])
    assert claim.verdict is verdict


def test_what_has_no_record_is_said_to_be_unmeasured(results: Path, write: WriteRun) -> None:
    write("one", 0.02)
    table = strategies.together(strategies.select(load_records(results)[0]))
    stated, found = strategies._lines(table, strategies.SYNCHRONISATION)
    assert stated["memory"] == "weights only"
    assert (found["1x1x1"], found["epoch"]) == ("2.00", "not measured")
    _, variance = strategies._lines(table, strategies.VARIANCE)
    assert variance["epoch"] == "not measured"


def test_runs_that_differ_in_more_than_trainers_are_not_compared(
    results: Path, write: WriteRun
) -> None:
    write("one", 0.02, passes=9)
    write("one", 0.04)
    write("memory", 0.04)
    write("mini-batch", 0.04, suite="quick")
    write("mini-batch", 0.04, emulated=True, throughput_events_per_second=None)
    assert values(results, strategies.SYNCHRONISATION) == pytest.approx({"1x1x1": 4, "memory": 8})
