"""Workers are forks of the launcher, which tells them their place and says how each has ended."""

import os
import signal
import socket
import sys
import time
from pathlib import Path

import psutil
import pytest

from benchmark.machine.process_tree import PARENT, child_environment, how_killed, is_alive
from benchmark.records.run_folder import RunFolder
from benchmark.runner.workers import fork_server, launcher
from tests.runner.workers import launched_module

SECONDS = 60.0
KILLED = how_killed(signal.SIGKILL)
PLACES = {
    ("2", "0", "1", "127.0.0.1:0"): [("0", "2", "0", "1"), ("1", "2", "1", "1")],
    ("2", "1", "3", "10.0.0.1:29"): [("2", "6", "0", "3"), ("3", "6", "1", "3")],
}


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def start(folder: RunFolder, action: str) -> fork_server.Forked:
    """The launcher with two workers that act so."""
    words = [sys.executable, "-m", launched_module.__name__, str(folder.path), action]
    with folder.log_path.open("a") as output:
        forked = fork_server.start(words, output, child_environment())
    assert isinstance(forked, fork_server.Forked)
    return forked


def told(folder: RunFolder) -> dict[int, tuple[str, str]]:
    """Reason and cause by rank."""
    return {each["rank"]: (each["reason"], each["cause"]) for each in folder.failures()}


def assert_nothing_is_left(folder: RunFolder) -> None:
    assert not any(is_alive(beat["pid"]) for beat in folder.heartbeats().values())


def test_workers_find_each_other_in_sessions_of_their_own(folder: RunFolder) -> None:
    started = start(folder, "finish")
    assert started.wait(SECONDS) == 0, folder.log_path.read_text()
    beats = folder.heartbeats()
    assert {rank: beat["phase"] for rank, beat in beats.items()} == {0: "sum 3", 1: "sum 3"}
    assert all(beat["done"] == beat["pid"] for beat in beats.values())
    assert {beat["total"] for beat in beats.values()} == {started.pid}
    assert told(folder) == {}


@pytest.mark.parametrize(
    ("action", "failures"),
    [
        (
            "kill",
            {
                0: (
                    f"rank 0 {KILLED}",
                    "ended",
                ),
                1: (
                    f"rank 1 {KILLED}",
                    "killed",
                ),
            },
        ),
        (
            "exit",
            {
                0: ("rank 0 was ended by SIGTERM", "ended"),
                1: ("rank 1 ended with exit code 7", "failed"),
            },
        ),
        (
            "fail slowly",
            {
                0: ("rank 0: no more rows", "failed"),
                1: ("rank 1: closed by peer", "lost a peer"),
            },
        ),
    ],
)
def test_one_that_fails_is_named_and_ends_the_others(
    folder: RunFolder, action: str, failures: dict[int, tuple[str, str]]
) -> None:
    assert start(folder, action).wait(SECONDS) == 1
    assert told(folder) == failures
    assert_nothing_is_left(folder)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_launcher_that_is_ended_takes_its_workers_along(
    folder: RunFolder, number: signal.Signals
) -> None:
    started = start(folder, "work")
    deadline = time.monotonic() + SECONDS
    while len(folder.heartbeats()) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(started.pid, number)
    assert started.wait(SECONDS) == (1 if number == signal.SIGTERM else -number)
    said = {launcher.LAUNCHER: ("the launcher was ended by SIGTERM", "killed")}
    assert told(folder) == (said if number == signal.SIGTERM else {})
    workers = [psutil.Process(b["pid"]) for b in folder.heartbeats().values() if is_alive(b["pid"])]
    assert psutil.wait_procs(workers, timeout=SECONDS)[1] == []


def test_an_address_that_is_taken_is_said(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PARENT, "0")
    with socket.create_server(("127.0.0.1", 0)) as other:
        endpoint = f"127.0.0.1:{other.getsockname()[1]}"
        assert launcher.main(str(folder.path), "2", "0", "2", endpoint) == 1
    ((reason, _),) = told(folder).values()
    assert reason.startswith("the launcher: ")
    assert "already in use" in reason


@pytest.mark.parametrize("arguments", PLACES)
def test_a_worker_is_told_its_place_among_those_of_all_machines(arguments: tuple[str, ...]) -> None:
    number, machine, machines, endpoint = arguments
    host, port, listener = launcher._listen(endpoint, leads=machine == "0")
    assert host == endpoint.partition(":")[0]
    assert (listener is None) == (port == 29)
    if listener is not None:
        with listener, socket.create_connection((host, port), timeout=SECONDS):
            pass
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "GROUP_WORLD_SIZE")
    size = int(number)
    ranks = range(int(machine) * size, int(machine) * size + size)
    places = [launcher._place(rank, size, machine, machines) for rank in ranks]
    assert [tuple(place[name] for name in names) for place in places] == PLACES[arguments]
