"""What is read from a results folder, and what is reported instead."""

import json
from pathlib import Path

import pytest

from paper_figures.collection import load_records
from paper_figures.records import commands
from tests.paper_figures.conftest import WriteRun


def test_a_run_folder_becomes_a_record(results: Path, write_run: WriteRun) -> None:
    folder = write_run(
        parallelism={"i": 1, "j": 2, "k": 4},
        emulated=True,
        throughput_events_per_second=None,
        mrr=[0.4, 0.7, 0.6],
        config={"model": {"dim": 100}, "system": {"sampler": "strict"}, "wandb": {"mode": "auto"}},
    )
    (record,), problems = load_records(results)
    assert problems == []
    assert record.folder == folder
    assert (record.parallelism, record.num_trainers, record.emulated) == ("1x2x4", 8, True)
    assert record.throughput is None
    assert record.hardware == "a processor, 2 cores"
    assert record.evaluations["validation_mrr"].tolist() == [0.4, 0.7, 0.6]
    assert record.evaluations["iteration"].tolist() == [10, 20, 30]
    assert record.settings == {
        "passes": 2, "batch_size": 600, "seed": 0, "pin_cores": True, "model.dim": 100,
        "system.sampler": "strict",
    }  # fmt: skip


def test_a_count_becomes_a_record(results: Path, write_count: WriteRun) -> None:
    write_count(200, [1, 5, 3])
    (record,), problems = load_records(results)
    assert problems == []
    assert (record.batch_size, record.bars) == (200, (5, 3, 1))


@pytest.mark.parametrize(
    "field", ["seed", "parallelism", "suite", "metrics", "emulated", "command"]
)
def test_a_missing_field_is_named(results: Path, write_run: WriteRun, field: str) -> None:
    write_run("good")
    folder = write_run("bad")
    result = json.loads((folder / "result.json").read_text())
    del result[field]
    (folder / "result.json").write_text(json.dumps(result))
    records, (problem,) = load_records(results)
    assert [record.folder.name for record in records] == ["good"]
    assert str(folder / "result.json") in problem
    assert f"'{field}' is missing" in problem


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": "failed", "reason": "loss became NaN"}, "the run failed: loss became NaN"),
        ({"status": "running"}, "status is 'running'"),
        ({"seed": "three"}, "'seed' has the unusable value 'three'"),
        ({"passes": True}, "'passes' has the unusable value True"),
        ({"parallelism": {"i": 1, "j": 0, "k": 1}}, "parallelism.j is 0"),
        ({"metrics": {"test_mrr": float("nan")}}, "'test_mrr' is nan"),
        ({"metrics": {"test_mrr": None}}, "'test_mrr' is None"),
    ],
)
def test_an_unusable_result_is_reported(
    results: Path, write_run: WriteRun, changes: dict[str, object], words: str
) -> None:
    write_run(**changes)
    records, (problem,) = load_records(results)
    assert records == []
    assert words in problem


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("result.json", "{", "not readable as JSON"),
        ("result.json", "[]", "holds a list"),
        ("metrics.jsonl", '{"iteration": 1, "pa', "line 1 is not a JSON object"),
        ("metrics.jsonl", '{"pass": 1, "seconds": 1, "validation_mrr": 0.5}\n', "'iteration'"),
        ("metrics.jsonl", '{"iteration": 1, "loss": 0.5}\n', "no line with a validation value"),
        ("config.yaml", "a: [", "not readable as YAML"),
    ],
)
def test_a_damaged_file_is_reported(
    results: Path, write_run: WriteRun, name: str, content: str, words: str
) -> None:
    folder = write_run()
    (folder / name).write_text(content)
    records, (problem,) = load_records(results)
    assert records == []
    assert str(folder / name) in problem
    assert words in problem


def test_missing_metrics_and_missing_bars(
    results: Path, write_run: WriteRun, write_count: WriteRun
) -> None:
    (write_run() / "metrics.jsonl").unlink()
    (write_count(200, [1]) / "bars.csv").write_text("something_else\n1\n")
    records, problems = load_records(results)
    assert records == []
    assert [("metrics.jsonl" in p, "'captured_events'" in p) for p in problems] == [
        (False, True),
        (True, False),
    ]


def test_an_unfinished_run_and_foreign_files_are_reported(
    results: Path, write_run: WriteRun
) -> None:
    write_run("good")
    (write_run("unfinished", seed=1) / "result.json").unlink()
    for name in ("a.csv", "b.png", "c.pdf", "d.txt"):
        (results / name).touch()
    (results / "README.md").touch()
    (results / "figures").mkdir()
    (results / "figures" / "throughput.png").touch()
    records, (foreign, unfinished) = load_records(results)
    assert [record.folder.name for record in records] == ["good"]
    assert "a.csv, b.png, c.pdf and 1 more belong to no run" in foreign
    assert "unfinished" in unfinished


def test_records_that_disagree_are_both_left_out(results: Path, write_run: WriteRun) -> None:
    one = write_run("one", metrics={"test_mrr": 0.50, "test_ap": 0.9})
    two = write_run("two", metrics={"test_mrr": 0.51, "test_ap": 0.9})
    write_run("other_seed", seed=1, metrics={"test_mrr": 0.51})
    records, (problem,) = load_records(results)
    assert [record.folder.name for record in records] == ["other_seed"]
    assert f"disagree in test_mrr: 0.5 in {one}, 0.51 in {two}" in problem


def test_counts_that_disagree_are_left_out(results: Path, write_count: WriteRun) -> None:
    write_count(200, [5, 3], name="one")
    write_count(200, [5, 4], name="two", seed=1)
    records, (problem,) = load_records(results)
    assert records == []
    assert "sum_of_3000_largest" in problem


def test_repeats_with_the_same_numbers_agree(results: Path, write_run: WriteRun) -> None:
    write_run("one", suite="quick", throughput_events_per_second=1000.0)
    write_run("two", suite="scaling", throughput_events_per_second=1100.0)
    records, problems = load_records(results)
    assert (len(records), problems) == (2, [])


def test_other_settings_are_another_experiment(results: Path, write_run: WriteRun) -> None:
    write_run("one", metrics={"test_mrr": 0.5}, config={"system": {"sampler": "strict"}})
    write_run("two", metrics={"test_mrr": 0.6}, config={"system": {"sampler": "paper"}})
    records, problems = load_records(results)
    assert (len(records), problems) == (2, [])


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="--results"):
        load_records(tmp_path / "nowhere")


def test_commands_of_a_suite_are_told_as_one(results: Path, write_run: WriteRun) -> None:
    run = "python -m benchmark.run suite="
    told = [
        ("one", "convergence", f"{run}convergence parallelism.j=1 passes=9"),
        ("two", "convergence", f"{run}convergence parallelism.j=4 passes=9 seed=1"),
        ("three", "convergence", f"{run}convergence parallelism.j=1 passes=9 seed=1"),
        ("four", "quick", f"{run}quick passes=9"),
    ]
    for seed, (name, suite, command) in enumerate(told):
        write_run(name, suite=suite, command=command, seed=seed)
    records = sorted(load_records(results)[0], key=lambda record: record.seed)
    assert commands(records) == (
        f"{run}convergence parallelism.j=1|4 passes=9 seed=1, {run}quick passes=9"
    )
    assert commands(records[:1]) == told[0][2]
