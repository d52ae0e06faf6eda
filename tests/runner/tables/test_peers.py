"""What the records of suite ``peers`` say about speed."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmark.records.run_folder import RunFolder
from benchmark.records.schema import validate_result
from benchmark.runner.tables.peers import machines, peer_speeds, print_peers
from tests.experiments import MakeExperiment

FLOOR = {"events": 100.0, "candidates": 200.0, "nodes": 250.0, "root_nodes": 150.0}
FLOOR |= {"roots": 300.0, "edges": 2500.0, "gflop_per_batch": 0.5}
FLOOR |= {"gflop_per_second": 50.0, "events_per_second": 10_000.0}


@pytest.fixture
def folders(make_experiment: MakeExperiment) -> list[RunFolder]:
    """Two systems on three repeats; the baseline of the last one is missing."""
    runs = [
        ("tgn", 0, 1000.0, 20.0),
        ("disttgl", 0, 4000.0, 4.0),
        ("tgn", 1, 1600.0, 10.0),
        ("disttgl", 1, 4800.0, 4.0),
        ("disttgl", 2, 6000.0, 4.0),
    ]
    return [_run(make_experiment, *run) for run in runs]


def _run(
    make_experiment: MakeExperiment, system: str, seed: int, rate: float, cpu: float, **options: Any
) -> RunFolder:
    """A finished run that trained on 10,000 events in ``cpu`` CPU seconds."""
    experiment = make_experiment(
        system={"name": system, **options},
        seed=seed,
        task={"name": "link_speed"},
        choices={"system": system},
    )
    folder = experiment.folder
    folder.prepare(experiment.config())
    result: dict[str, Any] = {
        "status": "finished",
        **experiment.describe(),
        "metrics": {},
        "throughput_events_per_second": rate,
        "seconds": {"train": 10_000 / rate, "evaluate": 3.0 + seed, "total": 30.0},
        "cpu_seconds": {"train": cpu, "evaluate": 5.0 + seed},
        "peak_memory_bytes": 1,
        "source": {"files": {}, "moved_rows": 0, "random_edge_features": 172},
        **({"operation_floor": FLOOR} if system == "disttgl" else {}),
    }
    assert validate_result(result) == []
    folder.finish(result)
    environment = {"cpu": "A processor", "cores": 2, "gpus": [], "threads_per_process": 1 + seed}
    (folder.path / "environment.json").write_text(json.dumps(environment))
    return folder


def test_medians_and_ratios_by_repeat(folders: list[RunFolder]) -> None:
    tgn, disttgl = peer_speeds(folders)
    assert (tgn["system"], disttgl["system"]) == ("tgn", "disttgl")
    assert (tgn["repeats"], disttgl["repeats"]) == (2, 3)
    assert tgn["events_per_second"] == (1300.0, 1000.0, 1600.0)
    assert disttgl["events_per_second"] == (4800.0, 4000.0, 6000.0)
    assert tgn["events_per_cpu_second"] == (750.0, 500.0, 1000.0)
    assert disttgl["times_baseline"] == (3.5, 3.0, 4.0)
    assert disttgl["times_baseline_cpu"] == (3.75, 2.5, 5.0)
    assert tgn["times_baseline"] == (1.0, 1.0, 1.0)
    assert disttgl["evaluate_seconds"] == (4.0, 3.0, 5.0)
    assert disttgl["evaluate_cpu_seconds"] == (6.0, 5.0, 7.0)
    assert disttgl["share_of_floor"] == (0.48, 0.4, 0.6)
    assert disttgl["gflop_per_second"] == (50.0, 50.0, 50.0)
    assert disttgl["batch"]["edges"] == 2500.0
    assert tgn["batch"] == {}
    assert tgn["share_of_floor"] is None


@pytest.mark.parametrize("faster", ["float32", "bfloat16"])
def test_of_several_baselines_the_fastest_counts(
    make_experiment: MakeExperiment, faster: str
) -> None:
    """In whichever order they ran: no system is faster for a baseline that is slow."""
    rates = {"float32": 500.0, "bfloat16": 500.0, faster: 1000.0}
    runs = [("tgn", precision, rate) for precision, rate in rates.items()]
    runs += [("disttgl", precision, 3000.0) for precision in rates]
    rows = peer_speeds(
        [_run(make_experiment, name, 0, rate, 5.0, precision=kind) for name, kind, rate in runs]
    )
    ratios = [row["times_baseline"].median for row in rows]
    assert ratios == [rate / 1000.0 for _, _, rate in runs]
    assert [row["times_baseline_cpu"].median for row in rows] == [1.0] * 4


def test_cases_are_kept_apart(make_experiment: MakeExperiment, folders: list[RunFolder]) -> None:
    folder = folders[0]
    other = make_experiment(
        **{"system": {"name": "tgn"}, "task": {"name": "link_speed"}, "batch_size": 7}
    )
    moved = other.folder
    moved.prepare(other.config())
    moved.finish((folder.result() or {}) | {"batch_size": 7})
    rows = peer_speeds([*folders[1:], moved])
    assert [(row["batch_size"], row["system"]) for row in rows] == [
        (100, "disttgl"),
        (100, "tgn"),
        (7, "tgn"),
    ]
    assert rows[0]["times_baseline"] == (3.0, 3.0, 3.0)  # seed 1 only


def test_other_tasks_and_failures_are_left_out(folders: list[RunFolder]) -> None:
    first, second = folders[:2]
    first.finish((first.result() or {}) | {"task": "link_prediction"})
    second.finish((second.result() or {}) | {"status": "failed", "reason": "none"})
    assert peer_speeds([first, second]) == []


def test_the_tables(folders: list[RunFolder], capsys: pytest.CaptureFixture[str]) -> None:
    print_peers([], [])
    assert capsys.readouterr().out == ""
    print_peers(peer_speeds(folders), machines(folders))
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    case = "a_dataset 172 random 100 disttgl 1x1x1"
    assert [line.removeprefix(f"{case} ") for line in lines if line.startswith(case)] == [
        "3 4,800 [4,000, 6,000] 2,500 [2,500, 2,500]",
        "3.50 [3.00, 4.00] 3.75 [2.50, 5.00] 4.0 [3.0, 5.0]",
        "6.0 [5.0, 7.0]",
        "250 150 300 2,500 0.50 50.0 [50.0, 50.0]",
        "10,000 [10,000, 10,000] 0.48 [0.40, 0.60]",
    ]
    assert "Measured on A processor, 2 cores; threads per process: 1" in lines
    assert "Measured on A processor, 2 cores; threads per process: 3" in lines


def test_runs_of_other_settings_are_no_repeats(
    make_experiment: MakeExperiment, folders: list[RunFolder]
) -> None:
    changes: list[dict[str, Any]] = [
        {"processes": 2},
        {"system": {"name": "disttgl", "gradient_sum": "ordered"}},
        {"model": {"name": "another"}},
    ]
    base = {"system": {"name": "disttgl"}, "task": {"name": "link_speed"}, "seed": 1}
    for change in changes:
        experiment = make_experiment(**base | change, choices={"system": "disttgl"})
        other = experiment.folder
        other.prepare(experiment.config())
        other.finish((folders[3].result() or {}) | {"throughput_events_per_second": 1.0})
        folders.append(other)
    tgn, disttgl, *others = peer_speeds(folders)
    assert (tgn["repeats"], disttgl["repeats"]) == (2, 3)
    assert disttgl["events_per_second"] == (4800.0, 4000.0, 6000.0)
    assert [row["repeats"] for row in others] == [1, 1, 1]
    assert all(row["times_baseline"] == (1 / 1600,) * 3 for row in others)


def test_the_floor_is_at_the_largest_rate(folders: list[RunFolder]) -> None:
    disturbed = folders[1].result() or {}
    slow = FLOOR | {"gflop_per_second": 25.0, "events_per_second": 5000.0}
    folders[1].finish(disturbed | {"operation_floor": slow})
    _, disttgl = peer_speeds(folders)
    assert disttgl["gflop_per_second"] == (50.0, 25.0, 50.0)
    assert disttgl["floor"] == (10_000.0, 10_000.0, 10_000.0)
    assert disttgl["share_of_floor"] == (0.48, 0.4, 0.6)


def test_only_finished_runs_are_asked_for_their_machine(
    folders: list[RunFolder], tmp_path: Path
) -> None:
    for folder, change in zip(folders, ({"status": "failed"}, {"task": "another"}), strict=False):
        folder.finish((folder.result() or {}) | change)
        (folder.path / "environment.json").unlink()
    assert machines([RunFolder(tmp_path), *folders[:2]]) == []
    assert machines(folders[:3]) == ["A processor, 2 cores; threads per process: 2"]


def test_a_setting_that_differs_is_a_column(
    make_experiment: MakeExperiment, folders: list[RunFolder], capsys: pytest.CaptureFixture[str]
) -> None:
    for order in ("ordered", "overlapped"):
        experiment = make_experiment(
            system={"name": "disttgl", "gradient_sum": order},
            task={"name": "link_speed"},
            choices={"system": "disttgl"},
        )
        experiment.folder.prepare(experiment.config())
        experiment.folder.finish(folders[3].result() or {})
        folders.append(experiment.folder)
    print_peers(peer_speeds(folders[-2:]), [])
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert any("system.gradient_sum" in line for line in lines)
    assert sum(line.startswith("ordered a_dataset") for line in lines) > 0
    assert sum(line.startswith("overlapped a_dataset") for line in lines) > 0
