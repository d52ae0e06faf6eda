"""What a record must hold, and that all that are kept are read under today's names."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmark.experiment import Experiment
from benchmark.records.identity import identifying
from benchmark.records.run_folder import RunFolder
from benchmark.records.schema import OPTIONAL, validate_metrics_line, validate_result
from tests.experiments import MakeExperiment

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
FOLDERS = sorted(path.parent for path in REFERENCE.glob("*/*/result.json"))


@pytest.fixture
def result(make_experiment: MakeExperiment) -> dict[str, Any]:
    return {
        "status": "finished",
        **make_experiment().describe(),
        "visibility": "event",
        "metrics": {"validation_mrr_best": 0.7, "test_mrr": 0.6},
        "throughput_events_per_second": 1000.0,
        "seconds": {"train": 1.0, "evaluate": None, "total": 2},
        "peak_memory_bytes": 10**9,
    }


def test_a_whole_result_has_no_problem(result: dict[str, Any]) -> None:
    assert validate_result(result) == []


def test_a_failed_result_needs_a_reason(result: dict[str, Any]) -> None:
    result |= {"status": "failed", "throughput_events_per_second": None, "metrics": {}}
    assert validate_result(result) == ["a failed result has no reason"]
    assert validate_result({**result, "reason": "no luck"}) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"status": "running"}, "status is 'running', not one of finished, failed"),
        ({"processes": True}, "processes is True"),
        ({"parallelism": {"i": 1, "j": 1}}, "parallelism.k is missing"),
        ({"seconds": {"train": 1, "evaluate": 1}}, "seconds.total is missing"),
        ({"metrics": {"test_mrr": "high"}}, "metrics.test_mrr is 'high', not a number"),
        ({"seconds_by_part": {"step": "long"}}, "seconds_by_part.step is 'long', not a number"),
        ({"seconds_by_part": [1.0]}, "seconds_by_part is [1.0]"),
        ({"cpu_seconds": {"train": None}}, "cpu_seconds.train is None, not a number"),
        ({"operation_floor": {"edges": "3"}}, "operation_floor.edges is '3', not a number"),
        ({"emulated": True}, "an emulated result has a throughput"),
    ],
)
def test_problems_are_named(result: dict[str, Any], changes: dict[str, Any], problem: str) -> None:
    assert validate_result({**result, **changes}) == [problem]


def test_every_field_is_asked_for(result: dict[str, Any]) -> None:
    for name in result.keys() - OPTIONAL:
        rest = {key: value for key, value in result.items() if key != name}
        assert validate_result(rest) == [f"{name} is missing"]


def test_metrics_lines() -> None:
    line = {"iteration": 3, "epoch": 0.5, "seconds": 1, "loss": 0.3}
    assert validate_metrics_line(line) == []
    assert validate_metrics_line({**line, "iteration": 0.5}) == ["iteration is 0.5"]
    assert (
        validate_metrics_line({"iteration": 3, "epoch": 1, "seconds": None})[0] == "seconds is None"
    )
    assert validate_metrics_line({**line, "loss": None}) == ["loss is None, not a number"]


@pytest.mark.parametrize("path", FOLDERS, ids=lambda path: path.name)
def test_a_kept_run_is_an_experiment_of_today(path: Path) -> None:
    folder = RunFolder(path)
    experiment = Experiment.from_config(folder.config())
    result = folder.result()
    assert result is not None
    assert experiment.epochs == result["epochs"]
    if path.name.endswith(experiment.fingerprint):  # found again, whatever it was called
        here = replace(experiment, results_dir=str(path.parents[1]))
        assert here.folder.path == path
    assert Experiment.from_config(experiment.config()) == experiment
    named = identifying(folder.config())
    assert "." not in str(named["task"]["_target_"])
    assert "url" not in named["dataset"]
    if (primary := result["primary_metric"]) is not None:
        assert f"validation_{primary}_best" in result["metrics"]
    assert all("pass" not in line and "epoch" in line for line in folder.metrics())
