"""What the end table shows."""

import re
from typing import Any

import pytest

from benchmark.runner.tables.columns import print_table, render, settings_of
from benchmark.runner.tables.speedup import print_speedups
from tests.experiments import MakeExperiment


@pytest.fixture
def row(make_experiment: MakeExperiment) -> dict[str, Any]:
    experiment = make_experiment(parallelism={"j": 2}, processes=2)
    return {
        **experiment.describe(),
        "settings": settings_of(experiment),
        "status": "finished",
        "visibility": "event",
        "primary_metric": "mrr",
        "metrics": {"validation_mrr_best": 0.71234, "validation_ap": 0.9, "test_mrr": 0.6},
        "throughput_events_per_second": 12345.6,
        "seconds": {"train": 1.25, "evaluate": 2.0, "total": 3.5},
        "peak_memory_bytes": 3 * 2**30,
    }


def shown(capsys: pytest.CaptureFixture[str], *rows: dict[str, Any]) -> str:
    print_table(rows)
    return capsys.readouterr().out


def cells(table: str) -> list[str]:
    lines = [" ".join(line.split()) for line in table.splitlines() if "─" not in line]
    return [line for line in lines if line]


def test_a_row_holds_the_numbers(row: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    shared, heading, numbers = cells(shown(capsys, row))
    assert shared == (
        "dataset a_dataset, protocol a_protocol, model a_model, processes 2, epochs 2, "
        "batch size 100, seed 0"
    )
    metrics = "validation mrr test mrr events/s"
    assert heading == f"system i x j x k {metrics} train s evaluate s total s peak GiB status"
    assert numbers == "a_system 1x2x1 0.7123 0.6000 12,346 1.2 2.0 3.5 3.00 finished"


def test_settings_that_differ_become_columns(
    row: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    shared, *_, heading, first, second = cells(shown(capsys, row, {**row, "seed": 7, "epochs": 3}))
    assert "seed" not in shared
    assert heading.startswith("epochs seed system i x j x k")
    assert (first[:12], second[:12]) == ("2 0 a_system", "3 7 a_system")


def test_every_setting_that_tells_rows_apart_is_a_column(
    make_experiment: MakeExperiment, row: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    def with_model(learning_rate: float = 1e-4, **options: Any) -> dict[str, Any]:
        experiment = make_experiment(
            parallelism={"j": 2}, processes=2, model=options, learning_rate=learning_rate
        )
        return {**row, **experiment.describe(), "settings": settings_of(experiment)}

    small, large = with_model(memory_dim=32), with_model(memory_dim=64)
    *_, heading, first, second = cells(shown(capsys, small, large))
    assert heading.startswith("model.memory_dim system i x j x k")
    assert (first[:11], second[:11]) == ("32 a_system", "64 a_system")
    *_, heading, first, second = cells(shown(capsys, with_model(1e-3), with_model()))
    assert heading.startswith("learning_rate system")
    assert (first.split()[0], second.split()[0]) == ("0.001", "0.0001")
    other = {**with_model(name="other", num_layers=2), "status": "failed"}
    *_, heading, _, _ = cells(shown(capsys, small, other))  # the other has options of its own
    assert heading.startswith("model system i x j x k")


def test_other_tasks_show_all_their_metrics_and_no_empty_column(
    row: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = {"train": None, "evaluate": None, "total": 1.0}
    row |= {"metrics": {"largest_bar": 1606}, "throughput_events_per_second": None}
    table = shown(capsys, {**row, "seconds": seconds})
    assert "largest bar" in table
    assert "1,606" in table
    assert "events/s" not in table
    assert "train s" not in table


def test_a_failed_row_gives_its_reason(
    row: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    row |= {"status": "failed", "reason": "rank 0 [x] was killed", "metrics": {}}
    assert "failed: rank 0 [x] was killed" in shown(capsys, row)


def test_mixed_visibilities_are_pointed_out(
    row: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "Note" not in shown(capsys, row, row)
    assert "(batch, event)" in shown(capsys, row, {**row, "visibility": "batch"})


def test_speedups_name_what_was_not_reached(capsys: pytest.CaptureFixture[str]) -> None:
    one: dict[str, Any] = {"system": "disttgl", "seeds": 3, "processes": 1, "settings": {}}
    one |= {"degrees": "1x1x1", "target": 0.7, "iterations": 2000}
    one |= {"seconds": 30.0, "speedup_iterations": 1.0, "speedup_seconds": 1.0}
    nothing = dict.fromkeys(("iterations", "seconds", "speedup_iterations", "speedup_seconds"))
    print_speedups([one | {"speedup_throughput": 1.0}])
    assert capsys.readouterr().out == ""
    two = one | nothing | {"degrees": "1x1x2", "speedup_throughput": 1.9}
    print_speedups([one | {"speedup_throughput": 1.0}, two])
    printed = capsys.readouterr().out
    assert "95% of its best" in printed
    assert "2,000" in printed
    assert re.search(r"1x1x2 +0\.7000 +not reached +1\.90", printed)


def test_a_long_path_in_a_reason_is_broken_and_not_cut() -> None:
    path = "/results/" + "deep/" * 40 + "result.json"
    table = render([{"status": f"unreadable: {path}"}], {"status": lambda row: row["status"]})
    assert f"unreadable:{path}" in "".join(table.split())


def test_no_table_is_wider_than_a_page_and_none_loses_a_value(
    make_experiment: MakeExperiment, row: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    options = {f"an_option_{number}": 10**number for number in range(12)}
    rows = []
    for factor in (1, 2):
        changed = {name: factor * value for name, value in options.items()}
        experiment = make_experiment(parallelism={"j": 2}, processes=2, model=changed)
        rows.append({**row, "settings": settings_of(experiment)})
    rows[1] |= {"status": "failed", "reason": "why " * 40}
    table = shown(capsys, *rows)
    assert max(map(len, table.splitlines()[2:])) <= 120
    words = " ".join(table.split()).split()
    for value in (*options.values(), *(2 * value for value in options.values())):
        assert str(value) in words
    assert words.count("why") == 40
    assert words.count("row") > 2  # what does not fit goes below, with what tells rows apart
