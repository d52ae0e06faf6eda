"""Machines that fail, vanish, come back or do not fit, on network namespaces.

``pytest -m slow tests/runner/workers/test_lost_machines.py``.
"""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark.records.run_folder import RunFolder
from benchmark.runner.suites import expand
from tests.runner.workers.namespaces import (
    ENDLESS,
    ROOT,
    SECONDS,
    Namespaces,
    alone,
    best,
    gone,
    namespaces,
    reason,
    record,
    small,
    training,
    until,
    wait,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def two() -> Iterator[Namespaces]:
    with namespaces(2) as made:
        yield made


def test_a_machine_that_is_killed(two: Namespaces, tmp_path: Path) -> None:
    results, log = tmp_path / "results", tmp_path / "0.log"
    words = [*ENDLESS, f"results_dir={results}"]
    head = two.start(0, words, log)
    two.start(1, words, tmp_path / "1.log")
    training(results)
    killed = time.monotonic()
    two.kill(1)
    assert head.wait(SECONDS) == 1
    assert time.monotonic() - killed < 60
    assert gone(two, 0, 1)
    assert reason(results).startswith("machine 1 (")
    assert " has not been heard of for 2" in reason(results)


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


def test_a_rank_that_is_killed_ends_all_machines(two: Namespaces, tmp_path: Path) -> None:
    """No folder is shared: reason and log of machine 1 are in the record of machine 0 too."""
    folders = [tmp_path / "0", tmp_path / "1"]
    words = [[*ENDLESS, f"results_dir={folder}"] for folder in folders]
    head = two.start(0, words[0], tmp_path / "0.log")
    follower = two.start(1, words[1], tmp_path / "1.log")
    training(folders[1])
    (folder,) = folders[1].glob("*/*")
    subprocess.run(["kill", "-9", str(RunFolder(folder).heartbeats()[1]["pid"])], check=True)
    killed = time.monotonic()
    assert head.wait(SECONDS) == 1
    assert follower.wait(SECONDS) == 1
    assert time.monotonic() - killed < 30
    assert gone(two, 0, 1)
    assert reason(folders[0]).startswith("machine 1 (")
    assert "rank 1 was killed by SIGKILL" in reason(folders[0])
    (log,) = folders[0].rglob("log-machine1.txt")
    assert "SIGKILL" in log.read_text()
    assert (log.parent / "failure-rank1.json").exists()


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


def test_an_interruption_goes_on_with_a_folder_on_each_machine(
    two: Namespaces, tmp_path: Path
) -> None:
    """No folder is shared: machine 1 keeps its part of the checkpoint in its own."""
    words = small("parallelism.k=2", "processes=2", "epochs=40")
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
    expected, lines = alone(small("parallelism.k=2", "epochs=40"), tmp_path / "one")
    assert (best(result), metrics) == (best(expected), lines)


def test_a_machine_that_never_comes(two: Namespaces, tmp_path: Path) -> None:
    words = [*ENDLESS[:-1], "heartbeat_seconds=5", f"results_dir={tmp_path / 'results'}"]
    head = two.start(0, words, tmp_path / "0.log")
    assert head.wait(SECONDS) == 2
    expected = "error: machine 1 of 2 has not come to 10.77.0.1:4100 within 5 s"
    assert expected in (tmp_path / "0.log").read_text()
    assert gone(two, 0)


def test_a_machine_that_comes_back(two: Namespaces, tmp_path: Path) -> None:
    """Its wire is cut and mended, then all of it is killed and started: one command, equal bits."""
    words = small("parallelism.k=2", "processes=2", "epochs=40", "machines.restarts=2")
    folders = [tmp_path / "0", tmp_path / "1"]
    logs = [tmp_path / "0.log", tmp_path / "1.log", tmp_path / "2.log"]

    def start(machine: int, log: Path) -> "subprocess.Popen[str]":
        return two.start(machine, [*words, f"results_dir={folders[machine]}"], log)

    def newest() -> str:
        return max(path.name for path in folders[1].rglob("checkpoint/round-*"))

    head = start(0, logs[0])
    start(1, logs[1])
    training(folders[1])
    two.cut(1)
    until(lambda: "s for it to come back" in logs[0].read_text())
    until(lambda: "It looks for machine 0" in logs[1].read_text())
    before = newest()
    two.join(1)
    until(lambda: newest() > before)
    two.kill(1)
    second = start(1, logs[2])
    wait(head, logs[0])
    wait(second, logs[2])
    assert gone(two, 0, 1)
    result, metrics = record(folders[0])
    expected, lines = alone(small("parallelism.k=2", "epochs=40"), tmp_path / "one")
    assert (best(result), metrics) == (best(expected), lines)


def test_a_run_of_two_machines_goes_on_on_one(two: Namespaces, tmp_path: Path) -> None:
    words = small("parallelism.k=2", "processes=2", "epochs=40")
    results, other = tmp_path / "two", tmp_path / "one"
    shared = [*words, f"results_dir={results}"]
    head, follower = (two.start(m, shared, tmp_path / f"{m}.log") for m in range(2))
    training(results)
    head.send_signal(signal.SIGINT)
    assert (head.wait(SECONDS), follower.wait(SECONDS)) == (130, 1)
    folder = expand([*words, f"results_dir={other}"]).experiments[0].folder.path
    (from_two,) = results.glob("*/*")
    shutil.copytree(from_two / "checkpoint", folder / "checkpoint")
    shutil.copy(from_two / "metrics.jsonl", folder)
    first = (folder / "metrics.jsonl").read_text().splitlines()[0]  # with its seconds
    result, metrics = alone(words, other)
    assert (folder / "metrics.jsonl").read_text().startswith(first)
    expected, lines = alone(small("parallelism.k=2", "epochs=40"), tmp_path / "whole")
    assert (best(result), metrics) == (best(expected), lines)
