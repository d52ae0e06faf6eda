"""What a suite says over seeds, from records made by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.records.identity import GROUPS
from benchmark.records.run_folder import RunFolder
from benchmark.records.statistics import mean_interval
from benchmark.runner.tables.columns import Row
from benchmark.runner.tables.comparison import answers, compare, print_comparison, ranges
from tests.experiments import MakeExperiment

LOW = [0.50, 0.54, 0.58, 0.62, 0.66]
HIGH = [value + gain for value, gain in zip(LOW, (0.052, 0.041, 0.048, 0.062, 0.047), strict=True)]


@pytest.fixture
def runs(tmp_path: Path, make_experiment: MakeExperiment) -> Any:
    """A function that makes one finished run for each test value, with seeds 0, 1, ..."""

    def make(values: list[float], visibility: str = "event", **changes: Any) -> list[RunFolder]:
        folders = []
        for seed, value in enumerate(values):
            folder = RunFolder(tmp_path / str(len(list(tmp_path.iterdir()))))
            experiment = make_experiment(seed=seed, **changes)
            folder.prepare(experiment.config())
            names = {key: experiment.name_of(key) for key in GROUPS}
            metrics = {"validation_mrr_best": value + 0.1, "validation_ap": 0.9, "test_mrr": value}
            folder.finish(
                {
                    **names,
                    "status": "finished",
                    "visibility": visibility,
                    "processes": 1,
                    "epochs": 2,
                    "batch_size": experiment.batch_size,
                    "seed": seed,
                    "parallelism": {"i": 1, "j": 1, "k": 1},
                    "metrics": metrics,
                }
            )
            folders.append(folder)
        return folders

    return make


def rows_of(folders: list[RunFolder]) -> list[Row]:
    return [row for answer in compare(folders) for row in answer.rows]


def test_means_and_paired_differences(runs: Any) -> None:
    better = runs(HIGH, system={"name": "better"})
    worse = runs(LOW[::-1], system={"name": "worse"})
    rows = {row["system"]: row for row in rows_of(better + worse[::-1])}
    assert rows["better"]["metric"] == "test_mrr"
    assert rows["better"]["mean"] == pytest.approx(0.63)
    assert rows["better"]["interval"] == pytest.approx(mean_interval(HIGH))
    assert rows["better"]["behind"] is None
    differences = [high - low for high, low in zip(HIGH, LOW[::-1], strict=True)]
    assert rows["worse"]["behind"] == pytest.approx(0.05)
    assert rows["worse"]["behind_interval"] == pytest.approx(mean_interval(differences))
    assert not rows["better"]["ahead"]  # seed by seed the two cross


def test_the_best_is_ahead_where_every_seed_agrees(runs: Any) -> None:
    better, worse = runs(HIGH, system={"name": "better"}), runs(LOW, system={"name": "worse"})
    ahead = {row["system"]: row["ahead"] for row in rows_of(better + worse)}
    assert ahead == {"better": True, "worse": False}
    assert not any(row["ahead"] for row in rows_of(better[:1] + worse[:2]))
    assert not any(row["ahead"] for row in rows_of(better))
    assert not any(row["ahead"] for row in rows_of(better + worse + runs(HIGH)))


def test_other_questions_are_not_compared(runs: Any) -> None:
    here = runs(HIGH, system={"name": "better"})
    others: dict[str, dict[str, Any]] = {
        "another, task a task, protocol a_protocol, batch size 100": {
            "dataset": {"name": "another"}
        },
        "a_dataset, task a task, protocol a_protocol, batch size 50": {"batch_size": 50},
        "a_dataset, task a task, protocol a_protocol, batch size 100, max_events 9": {
            "max_events": 9
        },
        "a_dataset, task a task, protocol a_protocol, batch size 100, files a.csv 01234567": {
            "content": {"data": {"a.csv": "0123456789"}}
        },
    }
    for heading, other in others.items():
        told = compare(here + runs(LOW, **other))
        assert told[1].heading == f"{heading}: test mrr"
        assert [row["behind"] for answer in told for row in answer.rows] == [None, None]
        assert not any(row["ahead"] for answer in told for row in answer.rows)


def test_what_a_batch_sees_of_itself_is_a_column_and_a_note(
    runs: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    blind = runs(LOW, visibility="batch", system={"name": "blind"})
    print_comparison(compare(blind + runs(HIGH, system={"name": "better"})))
    printed = capsys.readouterr().out
    assert "visibility  model    system" in printed
    assert "Note: the rows mix what a query may see of its own batch (batch, event)" in printed
    assert printed.index("better") < printed.index("blind")  # the best first


def test_what_older_records_do_not_say_is_as_in_the_others(runs: Any) -> None:
    """An option, and a key of a data set, that were not there yet; threads are no difference."""
    old = runs(LOW[:2], threads=2)
    new = runs(LOW, system={"window": 1}, dataset={"columns": None})
    assert [row["seeds"] for row in rows_of(old + new)] == [[0, 1, 2, 3, 4]]
    both = runs(LOW, system={"window": 2})
    windows = [row["settings"].get("system.window") for row in rows_of(old + new + both)]
    assert sorted(map(str, windows)) == ["1", "2", "None"]  # which it was, nobody knows
    own = {"_target_": "mine.System"}
    assert len(rows_of(runs(LOW, system=own) + runs(LOW, system=own | {"width": 3}))) == 2


def test_only_shared_seeds_are_paired(runs: Any) -> None:
    better = runs(HIGH, system={"name": "better"})
    worse = runs(LOW, system={"name": "worse"})
    rows = {row["system"]: row for row in rows_of(better[1:] + worse[:-1])}
    assert (rows["worse"]["seeds"], rows["worse"]["paired"]) == ([0, 1, 2, 3], [1, 2, 3])
    assert rows["worse"]["behind"] == pytest.approx(np.mean([0.041, 0.048, 0.062]))
    shared = [0.041, 0.048, 0.062]
    assert rows["worse"]["behind_interval"] == pytest.approx(mean_interval(shared))


def test_the_best_may_share_a_single_seed(runs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    print_comparison(compare(runs([0.9], system={"name": "better"}) + runs(LOW)))
    assert "0.4000 (seed 0)" in capsys.readouterr().out
    assert ranges([0, 1, 2, 5, 7, 8]) == "0-2, 5, 7-8"


def test_one_seed_and_unfinished_runs_make_no_rows(runs: Any, tmp_path: Path) -> None:
    assert compare(runs([0.5], system={"name": "a"}) + runs([0.6], system={"name": "b"})) == []
    assert compare([RunFolder(tmp_path / "absent")]) == []
    assert answers([RunFolder(tmp_path / "absent")]) == []


def test_the_table(runs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    better, worse = (
        runs(values, system={"name": "one", "size": size}) for values, size in ((HIGH, 2), (LOW, 1))
    )
    print_comparison(compare(better + worse))
    printed = " ".join(capsys.readouterr().out.split())
    low, high = mean_interval(HIGH)
    common = "a_dataset, task a task, protocol a_protocol, batch size 100: test mrr"
    assert printed.startswith(f"{common}, mean [95% interval] over seeds system.size model")
    assert f"2 a_model one 1x1x1 0-4 0.6300 [{low:.4f}, {high:.4f}] *" in printed
    assert "1 a_model one 1x1x1 0-4 0.5800 [" in printed
    assert "0.0500 [" in printed
    assert "* above every other configuration" in printed
    print_comparison(compare(better[:2] + worse[:1]))
    printed = " ".join(capsys.readouterr().out.split())
    assert "1x1x1 0 0.5000" in printed
    assert "One seed gives no interval, and nothing is significant." in printed
    assert "*" not in printed
    print_comparison([])
    assert capsys.readouterr().out == ""
