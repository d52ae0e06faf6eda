"""Every recorded run beside those it compares with, in four formats."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from benchmark.runner.tables.comparison import compare, print_comparison, recorded_runs
from benchmark.table import main
from tests.experiments import MakeExperiment

VALUES = {"better": (0.60, 0.64), "worse": (0.50, 0.52)}


@pytest.fixture
def results(tmp_path: Path, make_experiment: MakeExperiment) -> Path:
    """Two systems with two seeds on one data set, in two suites; one of them on another too."""

    def record(system: str, seed: int, value: float, **changes: Any) -> None:
        experiment = make_experiment(
            seed=seed, system={"name": system}, suite={"name": system}, **changes
        )
        folder = experiment.folder
        folder.prepare(experiment.config())
        metrics = {"validation_mrr_best": 0.7, "test_mrr": value}
        seconds = {"train": 1.0, "evaluate": 1.0, "total": 2.0}
        known = {**experiment.describe(), "visibility": "event", "primary_metric": "mrr"}
        folder.log({"iteration": 1, "epoch": 1, "seconds": 1.0, "validation_mrr": 0.7})
        folder.finish(known | {"status": "finished", "metrics": metrics, "seconds": seconds})

    for system, values in VALUES.items():
        for seed, value in enumerate(values):
            record(system, seed, value)
    record("better", 0, 0.9, dataset={"name": "another"})
    return tmp_path


def test_text(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (results / "worse" / "cut").mkdir()
    (results / "worse" / "cut" / "config.yaml").write_text("{}")
    assert main([str(results)]) == 0
    shown = capsys.readouterr()
    unfinished = "the run is unfinished (it has no result.json)"
    assert shown.err == f"left out: {results}/worse/cut: {unfinished}\n"
    lines = [" ".join(line.split()) for line in shown.out.splitlines()]
    common = (
        "task a task, protocol a_protocol, batch size 100: test mrr, mean [95% interval] over seeds"
    )
    assert [line for line in lines if ":" in line] == [f"a_dataset, {common}", f"another, {common}"]
    assert "a_model better 1x1x1 0-1 0.6200 [0.3659, 0.8741]" in lines
    assert "a_model worse 1x1x1 0-1 0.5100 [0.3829, 0.6371] 0.1100 [-0.0171, 0.2371]" in lines
    assert "a_model better 1x1x1 0 0.9000" in lines


def test_csv_has_the_numbers_in_full(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(results), "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["dataset"], row["system"], row["seeds"]) for row in rows] == [
        ("a_dataset", "better", "0-1"), ("a_dataset", "worse", "0-1"), ("another", "better", "0"),
    ]  # fmt: skip
    assert float(rows[1]["mean"]) == pytest.approx(0.51)
    assert float(rows[1]["behind"]) == pytest.approx(0.11)
    assert float(rows[1]["behind_interval_low"]) == pytest.approx(-0.017062, abs=1e-6)
    assert rows[2]["interval_low"] == ""


def test_markdown_and_latex(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(results / "better"), "--format", "markdown"]) == 0
    question, _, head, rule, row, *rest = capsys.readouterr().out.splitlines()
    assert question == "**a_dataset, task a task, protocol a_protocol, batch size 100: test mrr**"
    assert head == "| model | system | i x j x k | seeds | mean | behind the best |"
    assert rule.count("---") == head.count("|") - 1
    assert row == "| a_model | better | 1x1x1 | 0-1 | 0.6200 [0.3659, 0.8741] |  |"
    assert rest[1].startswith("**another, ")
    assert main([str(results / "better"), "--format", "latex"]) == 0
    assert "a\\_model" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("absent", "There is no folder {}."), ("", "{}: no finished run there has a metric")],
)
def test_nothing_to_compare(
    tmp_path: Path, name: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / name
    assert main([str(folder)]) == 2
    assert sentence.format(folder) in capsys.readouterr().err


def test_where_all_is_damaged_the_table_says_what(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "result.json").write_text("{")
    assert main([str(tmp_path)]) == 2
    assert "result.json: not readable as JSON" in capsys.readouterr().err


def test_a_command_shows_what_was_recorded_beside_it(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded, unreadable = recorded_runs(results)
    assert unreadable == []
    own = [folder for folder in recorded if folder.path.parent.name == "worse"]
    told = compare(own, recorded)
    rows = {row["system"]: (row["before"], len(row["seeds"])) for row in told[0].rows}
    assert rows == {"better": (True, 2), "worse": (False, 2)}
    assert len(told) == 1  # nothing of the command is of the other data set
    print_comparison(told)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    shown = [line for line in lines if line.startswith("a_model")]
    assert [line.rpartition(" ")[2] for line in shown] == ["before", "now"]
