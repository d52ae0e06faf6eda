"""Speed-ups computed by hand."""

from pathlib import Path
from typing import Any

import pytest

from benchmark.records.run_folder import RunFolder
from benchmark.records.statistics import FRACTION
from benchmark.runner.tables.speedup import speedups

EVALUATIONS = [
    {"iteration": 10, "seconds": 2.0, "validation_mrr": 0.5},
    {"iteration": 15, "seconds": 2.5, "loss": 0.1},
    {"iteration": 20, "seconds": 4.0, "validation_mrr": 0.7},
    {"iteration": 30, "seconds": 6.0, "validation_mrr": 0.6},
]


def make_run(path: Path, k: int, lines: list[dict[str, Any]], **changes: Any) -> RunFolder:
    folder = RunFolder(path)
    degrees = {"i": 1, "j": 1, "k": k}
    static_memory = changes.pop("static_memory", "off")
    config = {"seed": changes.get("seed", 0), "system": {"static_memory": static_memory}}
    folder.prepare({**config, "parallelism": degrees, "processes": k})
    for line in lines:
        folder.log(line)
    result = {
        "system": "x",
        "seed": 0,
        "status": "finished",
        "parallelism": degrees,
        "emulated": False,
        "processes": k,
        "metrics": {"validation_mrr_best": max(line.get("validation_mrr", 0.0) for line in lines)},
        "throughput_events_per_second": 100.0 * k,
    }
    folder.finish(result | changes)
    return folder


def test_two_trainers_against_one(tmp_path: Path) -> None:
    one = make_run(tmp_path / "one", 1, EVALUATIONS)
    fast = [{"iteration": 5, "seconds": 1.0, "validation_mrr": FRACTION * 0.7}]
    two = make_run(tmp_path / "two", 2, fast)
    rows = {row["degrees"]: row for row in speedups([two, one])}
    assert rows["1x1x1"]["speedup_iterations"] == 1.0
    assert rows["1x1x2"]["target"] == pytest.approx(0.665)
    assert rows["1x1x2"]["speedup_iterations"] == 4.0
    assert rows["1x1x2"]["speedup_seconds"] == 4.0
    assert rows["1x1x2"]["speedup_throughput"] == 2.0


def test_emulated_trainers_have_no_speed(tmp_path: Path) -> None:
    one = make_run(tmp_path / "one", 1, EVALUATIONS)
    changes = {"emulated": True, "throughput_events_per_second": None}
    many = make_run(tmp_path / "many", 8, EVALUATIONS[:1], **changes)
    row = speedups([one, many])[1]
    assert row["speedup_iterations"] is None  # never reached
    assert row["speedup_seconds"] is None
    assert row["speedup_throughput"] is None


def test_seeds_share_the_target_of_the_figures_and_give_a_median(tmp_path: Path) -> None:
    slow = [{"iteration": 40, "seconds": 8.0, "validation_mrr": 0.9}]
    ones = [make_run(tmp_path / "a", 1, EVALUATIONS), make_run(tmp_path / "b", 1, slow, seed=1)]
    many = [
        make_run(tmp_path / f"many{seed}", 2, lines, seed=seed)
        for seed, lines in enumerate(([{**slow[0], "iteration": 10}], slow, slow))
    ]
    one, two = speedups([*ones, *many])
    assert one["target"] == two["target"] == pytest.approx(0.95 * 0.8)
    assert one["iterations"] is None  # seed 0 does not get there, and so does no median
    assert (two["seeds"], two["iterations"], two["speedup_iterations"]) == (3, 40, None)


def test_nothing_is_compared_across_experiments(tmp_path: Path) -> None:
    one = make_run(tmp_path / "one", 1, EVALUATIONS, seed=1)
    two = make_run(tmp_path / "two", 2, EVALUATIONS, static_memory="pretrained")
    failed = make_run(tmp_path / "failed", 1, EVALUATIONS, status="failed", metrics={})
    assert [row["degrees"] for row in speedups([one, two, failed])] == ["1x1x1"]
