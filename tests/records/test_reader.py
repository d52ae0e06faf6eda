"""Records of today and of earlier versions in the same columns; damaged ones named."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from benchmark.records.reader import read_records, read_run, read_table
from benchmark.records.series import ran_apart

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
RESULT = {
    "status": "finished", "suite": "s", "system": "disttgl", "model": "m", "dataset": "d",
    "task": "link_prediction", "protocol": "disttgl", "parallelism": {"i": 2, "j": 1, "k": 4},
    "processes": 1, "emulated": True, "seed": 3, "epochs": 5, "seconds": {"train": 7.5},
    "metrics": {"validation_mrr_best": 0.5}, "command": "c", "primary_metric": "mrr",
}  # fmt: skip
LINE = {"iteration": 10, "epoch": 1, "seconds": 2.0, "validation_mrr": 0.5}


def write(folder: Path, result: object, lines: str | None = None, config: str = "") -> Path:
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps(result))
    (folder / "metrics.jsonl").write_text(json.dumps(LINE) if lines is None else lines)
    (folder / "config.yaml").write_text(config or "epochs: 5\nsystem: {precision: float32}\n")
    return folder


def test_all_kept_records_are_read() -> None:
    records = read_records(REFERENCE)
    folders = list(REFERENCE.glob("*/*/result.json"))
    assert records.unreadable == []
    assert len(records.runs) == len(folders) >= 270
    assert records.runs["epochs"].notna().all()
    assert records.evaluations["epoch"].notna().all()
    assert "settings.epochs" in records.runs and "settings.passes" not in records.runs
    assert not records.runs["command"].str.contains("passes=").any()
    trained = records.runs["system"].isin(["disttgl", "tgl", "tgn"])
    assert records.runs.loc[trained, "settings.system.precision"].notna().all()


def test_a_run_is_one_row_with_dotted_columns(tmp_path: Path) -> None:
    row = read_run(write(tmp_path / "run", RESULT))
    assert row["parallelism"] == "2x1x4" and row["num_trainers"] == 8
    assert row["metrics.validation_mrr_best"] == 0.5 and row["seconds.train"] == 7.5
    assert row["settings.system.precision"] == "float32"
    assert row["hardware"] is None


def test_processes_share_cores_and_not_devices(tmp_path: Path) -> None:
    machine = {"cpu": "A processor", "gpus": [], "threads_per_process": 1}
    told = {
        "A processor, 1 core": machine | {"cores": 1},
        "A processor, 2 cores": machine | {"cores": 2},
        "a GPU": machine | {"cores": 2, "gpus": ["a GPU"]},
    }
    for number, environment in enumerate(told.values()):
        folder = write(tmp_path / str(number), RESULT | {"processes": 8, "emulated": False})
        (folder / "environment.json").write_text(json.dumps(environment))
    runs = read_records(tmp_path).runs
    assert list(runs["hardware"]) == [*told]
    assert list(ran_apart(runs)) == [False, False, True]


def test_an_earlier_record_has_the_columns_of_one_of_today(tmp_path: Path) -> None:
    earlier = {k: v for k, v in RESULT.items() if k not in ("epochs", "primary_metric")}
    line = {k: v for k, v in LINE.items() if k != "epoch"} | {"pass": 1}
    write(tmp_path / "a" / "today", RESULT)
    write(tmp_path / "b" / "earlier", earlier | {"passes": 5}, json.dumps(line), "passes: 5\n")
    today, before = (read_records(tmp_path / name) for name in "ab")
    for name in ("epochs", "primary_metric", "settings.epochs"):
        assert today.runs[name].iloc[0] == before.runs[name].iloc[0]
    left, right = (r.evaluations.drop(columns="run") for r in (today, before))
    pd.testing.assert_frame_equal(left, right, check_like=True)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": "failed", "reason": "no memory"}, "the run failed: no memory"),
        ({"status": "running"}, "status is 'running', not 'finished'"),
        ({"seed": "zero"}, "the field 'seed' has the unusable value 'zero'"),
        ({"seed": True}, "the field 'seed' has the unusable value True"),
        ({"metrics": {"test_mrr": float("nan")}}, "the metric 'test_mrr' is nan"),
        ({"parallelism": {"i": 0, "j": 1, "k": 1}}, "parallelism.i is 0, not a positive number"),
    ],
)
def test_a_damaged_result_is_named(tmp_path: Path, change: dict[str, object], reason: str) -> None:
    write(tmp_path / "run", RESULT | change)
    records = read_records(tmp_path)
    (one,) = records.unreadable
    assert records.runs.empty and reason in str(one) and str(tmp_path / "run") in str(one)


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    write(tmp_path / "run", {k: v for k, v in RESULT.items() if k != "dataset"})
    assert read_records(tmp_path).unreadable[0].reason == "the field 'dataset' is missing"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("{", "line 1 is not a JSON object"),
        (json.dumps(LINE) + "\n7", "line 2 is not a JSON object"),
        ('{"validation_mrr": 1}', "line 1: the field 'iteration' is missing"),
        ('{"loss": 1}', "holds no line with a validation value"),
    ],
)
def test_damaged_lines_are_named(tmp_path: Path, lines: str, reason: str) -> None:
    path = write(tmp_path / "run", RESULT, lines) / "metrics.jsonl"
    assert read_records(tmp_path).unreadable == [(path, reason)]


def test_other_files_are_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "run", RESULT)
    (folder / "config.yaml").write_text("a: [")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "config.yaml").write_text("a: 1")
    reasons = [one.reason for one in read_records(tmp_path).unreadable]
    assert reasons[0] == "notes.txt belong to no run; ignored"
    assert reasons[1] == "the run is unfinished (it has no result.json)"
    assert reasons[2].startswith("not readable as YAML")


def test_no_folder_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no results folder .*--results"):
        read_records(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="there is no results folder"):
        read_records(tmp_path / ("n" * 300))


def test_a_folder_that_cannot_be_listed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a", RESULT)
    (tmp_path / "b").mkdir()
    listed = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("b"):
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)
    records = read_records(tmp_path)
    assert len(records.runs) == 1
    assert records.unreadable == [(tmp_path / "b", "not readable (Permission denied)")]


@pytest.mark.parametrize("content", ["a\n1\n", "a,b\n1,\n", "a,b\nx,2\n", "a,b\n"])
def test_a_table_beside_runs_is_whole_or_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n")
    assert read_table(path, {"a": int, "b": float}).to_dict("records") == [{"a": 1, "b": 2.0}]
    path.write_text(content)
    with pytest.raises(ValueError, match=r"t\.csv: not readable as a, b .* make it again"):
        read_table(path, {"a": int, "b": float})
