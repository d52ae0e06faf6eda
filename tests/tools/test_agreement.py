"""How far runs agree."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark import evaluate, keep, predict, table
from benchmark.agreement import main
from benchmark.records.run_folder import RunFolder
from benchmark.tools.agreement import agreement, largest_difference
from tests.experiments import MakeExperiment

LINES = [{"iteration": 1, "loss": 0.5}, {"iteration": 1, "validation_mrr": 0.8}]


def test_largest_relative_difference() -> None:
    other = [{"iteration": 1, "loss": 0.5}, {"iteration": 1, "validation_mrr": 0.4}]
    assert largest_difference(LINES, other, ["loss"]) == 0.0
    assert largest_difference(LINES, other, ["validation_mrr"]) == pytest.approx(0.5)


def test_runs_of_other_shape_do_not_compare() -> None:
    with pytest.raises(ValueError, match="same iterations"):
        largest_difference(LINES, LINES[:1], ["loss"])
    assert largest_difference(LINES, [{"iteration": 1}, LINES[1]], ["loss"]) == math.inf


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_does_not_agree(value: float) -> None:
    diverged = [{"iteration": 1, "loss": value}, LINES[1]]
    for one, other in ((LINES, diverged), (diverged, LINES), (diverged, diverged)):
        assert largest_difference(one, other, ["loss"]) == math.inf
        assert largest_difference(one, other, ["validation_mrr"]) == 0.0


def write_run(folder: RunFolder, experiment: Any, loss: float) -> None:
    folder.prepare(experiment.config())
    folder.log({"iteration": 1, "epoch": 1, "seconds": 1.0, "loss": loss})
    folder.log({"iteration": 1, "epoch": 1, "seconds": 1.0, "validation_mrr": 0.8})
    folder.finish({"status": "finished"})


def test_runs_are_compared_with_the_fewest_processes(
    tmp_path: Path, make_experiment: MakeExperiment, capsys: pytest.CaptureFixture[str]
) -> None:
    system = {"precision": "float64", "node_memory": "replica"}
    for processes, loss in ((1, 0.5), (2, 0.25)):
        changes = {"processes": processes, "parallelism": {"j": 2}, "system": system}
        write_run(RunFolder(tmp_path / str(processes)), make_experiment(**changes), loss)
    rows = agreement(tmp_path)
    assert [(row["processes"], row["loss"], row["metric"]) for row in rows] == [
        (1, "0.0e+00", "0.0e+00"),
        (2, "5.0e-01", "0.0e+00"),
    ]
    assert main([str(tmp_path)]) == 0
    assert "1x2x1,float64,replica,2,1,5.0e-01,0.0e+00" in capsys.readouterr().out


def test_a_run_alone_agrees_with_nothing(tmp_path: Path, make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(system={"precision": "float64", "node_memory": "replica"})
    write_run(RunFolder(tmp_path / "alone"), experiment, 0.5)
    assert agreement(tmp_path) == []


@pytest.mark.parametrize("command", [main, keep.main, table.main, evaluate.main, predict.main])
def test_commands_say_what_they_take(
    command: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command(["--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("usage: python -m benchmark.")
