"""Runs over machines that are network namespaces: equal bits, and failures that end on all.

``pytest -m slow tests/runner/workers/test_machines.py`` has the long ones.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmark.records.run_folder import RunFolder
from tests.runner.workers.namespaces import ROOT, Namespaces, namespaces

SECONDS = 400  # until a test gives up waiting
SMALL = [
    "suite=quick",
    "system=disttgl",
    "dataset=synthetic",
    "dataset.num_events=1000",
    "dataset.num_nodes=100",
    "batch_size=50",
    "epochs=4",
    "threads=1",
    "system.gradient_sum=ordered",
    "wandb.mode=disabled",
    "suite.figures=[]",
]
ENDLESS = [*SMALL, "parallelism.k=2", "processes=2", "epochs=100000", "heartbeat_seconds=60"]


@pytest.fixture
def two() -> Iterator[Namespaces]:
    with namespaces(2) as made:
        yield made


def wait(process: "subprocess.Popen[str]", log: Path) -> str:
    """What the command has printed; its exit code must be 0."""
    assert process.wait(SECONDS) == 0, log.read_text()
    return log.read_text()


def record(results: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Result and metrics, without seconds, of the only run in a folder."""
    (path,) = results.rglob("result.json")
    run = RunFolder(path.parent)
    result = run.result()
    assert result is not None
    return result, [{k: v for k, v in line.items() if k != "seconds"} for line in run.metrics()]


def on_machines(
    machines: Namespaces, words: list[str], folder: Path
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run to the end on all machines, with a folder that they share."""
    words = [*words, f"results_dir={folder}"]
    logs = [folder.with_name(f"{folder.name}-{m}.log") for m in range(len(machines.names))]
    started = [machines.start(machine, words, log) for machine, log in enumerate(logs)]
    for process, log in zip(started, logs, strict=True):
        wait(process, log)
    return record(folder)


def alone(words: list[str], folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The same experiment in one process of this machine."""
    run = [sys.executable, "-m", "benchmark.run", *words, "processes=1", f"results_dir={folder}"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(run, capture_output=True, text=True, check=False, cwd=ROOT, env=env)
    assert found.returncode == 0, found.stderr
    return record(folder)


def best(result: dict[str, Any]) -> dict[str, float]:
    return dict(result["metrics"])


def test_two_machines_compute_what_one_does(two: Namespaces, tmp_path: Path) -> None:
    """2x1x2: two processes share a copy on each machine, and only weights cross."""
    words = [*SMALL, "parallelism.i=2", "parallelism.k=2", "processes=4"]
    result, metrics = on_machines(two, words, tmp_path / "two")
    assert (result["status"], result["machines"], result["processes"]) == ("finished", 2, 4)
    expected, lines = alone(words[:-1], tmp_path / "one")
    assert "machines" not in expected or expected["machines"] == 1
    assert (best(result), metrics) == (best(expected), lines)
    assert result["bytes_sent"]["node_memory"] > 0  # between the processes of a machine


@pytest.mark.slow
@pytest.mark.parametrize("degrees", [["i=2", "k=2"], ["j=2", "k=2"]])
@pytest.mark.parametrize("node_memory", ["replica", "daemon", "sharded"])
@pytest.mark.parametrize("task", [[], ["suite=node_classification", "dataset=sessions"]])
def test_every_node_memory_and_task(
    two: Namespaces, tmp_path: Path, degrees: list[str], node_memory: str, task: list[str]
) -> None:
    degrees = [f"parallelism.{degree}" for degree in degrees]
    words = [*SMALL, *degrees, f"system.node_memory={node_memory}"]
    if task:
        words = [word for word in words if word.partition("=")[0] not in ("suite", "dataset")]
        words = [*task, *(w for w in words if w != "dataset.num_nodes=100")]
    result, metrics = on_machines(two, [*words, "processes=4"], tmp_path / "two")
    expected, lines = alone(words, tmp_path / "one")
    assert (best(result), metrics) == (best(expected), lines)


@pytest.mark.slow
def test_four_machines(tmp_path: Path) -> None:
    words = [*SMALL, "parallelism.k=4", "processes=4"]
    with namespaces(4) as machines:
        result, metrics = on_machines(machines, words, tmp_path / "four")
    expected, lines = alone(words[:-1], tmp_path / "one")
    assert (best(result), metrics) == (best(expected), lines)


def training(results: Path) -> None:
    """Wait for a checkpoint."""
    deadline = time.monotonic() + SECONDS
    while not list(results.rglob("checkpoint/round-*/rank1.pt")):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def reason(results: Path) -> str:
    result, _ = record(results)
    assert result["status"] == "failed"
    return str(result["reason"])


def gone(machines: Namespaces, *numbers: int) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if not any(machines.processes(number) for number in numbers):
            return True
        time.sleep(0.2)
    return False


@pytest.mark.slow
def test_a_machine_that_is_killed(two: Namespaces, tmp_path: Path) -> None:
    results, log = tmp_path / "results", tmp_path / "0.log"
    words = [*ENDLESS, f"results_dir={results}"]
    head = two.start(0, words, log)
    two.start(1, words, tmp_path / "1.log")
    training(results)
    killed = time.monotonic()
    for pid in two.processes(1):
        subprocess.run(["kill", "-9", str(pid)], check=False)
    assert head.wait(SECONDS) == 1
    assert time.monotonic() - killed < 60
    assert gone(two, 0, 1)
    assert reason(results).startswith("machine 1 (")
    assert " has not been heard of for 2" in reason(results)


@pytest.mark.slow
def test_a_wire_that_is_cut(two: Namespaces, tmp_path: Path) -> None:
    results = tmp_path / "results"
    words = [*ENDLESS, f"results_dir={results}"]
    head = two.start(0, words, tmp_path / "0.log")
    follower = two.start(1, words, tmp_path / "1.log")
    training(results)
    two.cut(1)
    assert head.wait(SECONDS) == 1
    assert follower.wait(SECONDS) == 2
    assert gone(two, 0, 1)
    assert " has not been heard of for 2" in reason(results)
    assert (
        "machine 0 (10.77.0.1:4100) has not been heard of for" in (tmp_path / "1.log").read_text()
    )


@pytest.mark.slow
def test_a_rank_that_is_killed_ends_all_machines(two: Namespaces, tmp_path: Path) -> None:
    results = tmp_path / "results"
    words = [*ENDLESS, f"results_dir={results}"]
    head = two.start(0, words, tmp_path / "0.log")
    follower = two.start(1, words, tmp_path / "1.log")
    training(results)
    (folder,) = results.glob("*/*")
    subprocess.run(["kill", "-9", str(RunFolder(folder).heartbeats()[1]["pid"])], check=True)
    killed = time.monotonic()
    assert head.wait(SECONDS) == 1
    assert follower.wait(SECONDS) == 1
    assert time.monotonic() - killed < 30
    assert gone(two, 0, 1)
    assert reason(results).startswith("machine 1 (")
    assert "rank 1 was killed by SIGKILL" in reason(results)


@pytest.mark.slow
def test_other_code_on_the_second_machine(two: Namespaces, tmp_path: Path) -> None:
    other = tmp_path / "other"
    for part in ("benchmark", "datasets", "baselines", "paper_figures"):
        shutil.copytree(ROOT / part, other / part, symlinks=True)
    with open(other / "benchmark" / "errors.py", "a") as file:
        file.write("EDITED = True\n")
    words = [*ENDLESS, f"results_dir={tmp_path / 'results'}"]
    head = two.start(0, words, tmp_path / "0.log")
    follower = two.start(1, words, tmp_path / "1.log", folder=other)
    assert head.wait(SECONDS) == 2
    assert follower.wait(SECONDS) == 1
    for log in ("0.log", "1.log"):
        assert "has other code (commit" in (tmp_path / log).read_text()
    assert gone(two, 0, 1)


@pytest.mark.slow
def test_an_interruption_goes_on_with_a_folder_on_each_machine(
    two: Namespaces, tmp_path: Path
) -> None:
    """No folder is shared: machine 1 keeps its part of the checkpoint in its own."""
    words = [*SMALL, "parallelism.k=2", "processes=2", "epochs=200"]
    folders = [tmp_path / "0", tmp_path / "1"]
    logs = [tmp_path / "0.log", tmp_path / "1.log"]

    def start() -> list["subprocess.Popen[str]"]:
        return [two.start(m, [*words, f"results_dir={folders[m]}"], logs[m]) for m in range(2)]

    head, follower = start()
    training(folders[1])
    head.send_signal(signal.SIGINT)
    assert head.wait(SECONDS) == 130
    assert follower.wait(SECONDS) == 1
    assert gone(two, 0, 1)
    assert not list(folders[0].rglob("result.json"))
    for process, log in zip(start(), logs, strict=True):
        wait(process, log)
    result, metrics = record(folders[0])
    expected, lines = alone([*words[:-2], "epochs=200"], tmp_path / "one")
    assert (best(result), metrics) == (best(expected), lines)
