"""Machine 0 knows how the others are, and they how it is; both in one process here."""

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmark.errors import UserError
from benchmark.records.run_folder import RunFolder
from benchmark.runner.workers import board
from benchmark.runner.workers.fleet import Fleet
from benchmark.runner.workers.follower import Follower, LostHeadError
from benchmark.runner.workers.meeting import Meeting
from tests.experiments import MakeExperiment

PATIENCE = 1.0
HOST = socket.gethostname()


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def soon(true: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def meetings(monkeypatch: pytest.MonkeyPatch) -> list[Meeting]:
    """Two machines that take each other for another one, and look often."""
    for module in ("board", "fleet", "follower"):
        monkeypatch.setattr(f"benchmark.runner.workers.{module}.EXCHANGE_SECONDS", 0.1)
    names = itertools.cycle(["head", "follower"])  # as they come, and before machine 0 compares
    monkeypatch.setattr(board, "machine_identity", lambda: next(names))
    port = _port()
    return [Meeting(2, here, "127.0.0.1", port, "127.0.0.1") for here in range(2)]


@pytest.fixture
def two(meetings: list[Meeting]) -> Iterator[tuple[Fleet, Follower]]:
    """Machine 0 and machine 1, which have met."""
    head = Fleet(meetings[0], 60)
    follower = Follower(meetings[1], 60)
    head.gather()
    yield head, follower
    follower.board.close()
    head.board.close()


def folder_of(tmp_path: Path, make_experiment: MakeExperiment) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.prepare(make_experiment().config())
    return folder


def test_an_experiment_is_announced_and_settled(
    two: tuple[Fleet, Follower], tmp_path: Path, make_experiment: MakeExperiment
) -> None:
    head, follower = two
    folder = folder_of(tmp_path, make_experiment)
    rendezvous = head.announce(make_experiment(), folder)
    tasks = follower.tasks()
    task = next(tasks)
    assert (task["number"], task["folder"]) == (1, "run")
    assert task["endpoint"] == rendezvous.endpoint
    assert (folder.path / task["mark"]).exists()  # so the folder is shared
    assert head.complaint() is follower.complaint() is None
    follower.board.write(ended={"number": 1, "reason": None, "failures": [], "log": None})
    assert head.settle(None, [], 0) is None
    assert not (folder.path / task["mark"]).exists()
    follower.board.write(bye="the suite has ended")
    head.end(3)
    assert list(tasks) == []
    assert follower.exit_code() == 3


def test_a_failure_elsewhere_is_named_with_its_machine(
    two: tuple[Fleet, Follower], tmp_path: Path, make_experiment: MakeExperiment
) -> None:
    head, follower = two
    folder = folder_of(tmp_path, make_experiment)
    head.announce(make_experiment(), folder)
    next(follower.tasks())
    mine = {"rank": 0, "reason": "rank 0: connection closed", "cause": "lost a peer", "time": 0.0}
    failure = {"rank": 1, "reason": "rank 1: no more rows", "cause": "failed", "time": 9.0}
    ended = {"number": 1, "reason": failure["reason"], "failures": [failure], "log": "Traceback"}
    follower.board.write(ended=ended)
    soon(head.complaint)
    assert head.complaint() == f"machine 1 ({HOST}): rank 1: no more rows"
    assert head.settle("any", [mine], 1) == f"machine 1 ({HOST}), rank 1: no more rows"
    assert (folder.path / "log-machine1.txt").read_text() == "Traceback"
    assert [(each["rank"], each["reason"]) for each in folder.failures()] == [
        (1, failure["reason"])
    ]
    soon(follower.complaint)
    assert follower.complaint() == "stopped by machine 0"


def test_a_silent_machine_is_lost_on_both_sides(
    two: tuple[Fleet, Follower], tmp_path: Path, make_experiment: MakeExperiment
) -> None:
    head, follower = two
    head.lost_seconds = follower.lost_seconds = PATIENCE
    folder = folder_of(tmp_path, make_experiment)
    head.announce(make_experiment(), folder)
    follower.board.close()
    soon(head.complaint)
    silent = f"machine 1 ({HOST}) has not been heard of for 1 s"
    assert head.complaint() == silent
    assert str(head.settle("any", [], 1)).startswith(silent[:-3])
    address = f"127.0.0.1:{head.meeting.port}"
    assert follower.lost() == f"machine 0 ({address}) has not been heard of for 1 s"
    with pytest.raises(LostHeadError, match="this machine has ended its processes"):
        next(follower.tasks())


def test_a_machine_that_leaves_says_why(two: tuple[Fleet, Follower]) -> None:
    head, follower = two
    follower.leave("interrupted")
    soon(head.complaint)
    assert head.complaint() == f"machine 1 ({HOST}) has ended: interrupted"


def test_a_machine_that_never_comes(meetings: list[Meeting]) -> None:
    head, port = Fleet(meetings[0], PATIENCE), meetings[0].port
    with pytest.raises(UserError) as refused:
        head.gather()
    assert str(refused.value) == (
        f"machine 1 of 2 has not come to 127.0.0.1:{port} within 1 s; start the same command on it."
    )
    head.board.close()


def test_machine_0_never_comes(meetings: list[Meeting]) -> None:
    with pytest.raises(UserError) as refused:
        Follower(meetings[1], PATIENCE)
    assert str(refused.value) == (
        f"machine 1 has not found machine 0 at 127.0.0.1:{meetings[1].port} within 1 s; start the "
        "same command there."
    )


def test_a_port_that_is_taken(meetings: list[Meeting]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", meetings[0].port))
        taken.listen()
        with pytest.raises(UserError, match="cannot listen at") as refused:
            Fleet(meetings[0], PATIENCE)
    assert str(refused.value).endswith("give another port in machines.meet_at.")


def refusal(meetings: list[Meeting]) -> str:
    """What machine 0 says of the other."""
    head, follower = Fleet(meetings[0], 60), Follower(meetings[1], 60)
    with pytest.raises(UserError) as refused:
        head.gather()
    follower.board.close()
    head.board.close()
    return str(refused.value)


def test_other_code_is_refused(meetings: list[Meeting], monkeypatch: pytest.MonkeyPatch) -> None:
    code = iter(["as committed", "edited", "as committed"])
    monkeypatch.setattr(board, "source_checksum", lambda: next(code))
    monkeypatch.setattr(board, "commit", lambda: "0123456789abcdef")
    assert refusal(meetings) == (
        f"machine 1 ({HOST}) has other code (commit 0123456789ab) than machine 0 (commit "
        "0123456789ab): bring all to the same commit, without changes."
    )


def test_other_versions_are_refused(
    meetings: list[Meeting], monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = iter(["3.12.1", "3.11.7", "3.12.1"])
    monkeypatch.setattr(board.platform, "python_version", lambda: next(versions))
    assert refusal(meetings) == (
        f"machine 1 ({HOST}) has Python 3.11.7 and machine 0 has 3.12.1: install the same on all."
    )


def test_one_machine_is_not_two(meetings: list[Meeting], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "machine_identity", lambda: "head")
    assert refusal(meetings).startswith(f"machines 0 and 1 are one and the same ({HOST})")


def test_a_lost_machine_comes_again(
    two: tuple[Fleet, Follower], tmp_path: Path, make_experiment: MakeExperiment
) -> None:
    """Also before machine 0 has missed it; what its first command still writes is not read."""
    head, first = two
    folder, said = folder_of(tmp_path, make_experiment), list[str]()
    head.announce(make_experiment(), folder)
    assert next(first.tasks())["number"] == 1
    first.board.close()
    second = Follower(first.meeting, 60)
    soon(head.complaint)
    again = f"machine 1 ({HOST}) was started again"
    assert head.settle(head.complaint(), [], 1) == again
    assert not head.gather_again(said.append)  # restarts=0
    head.restarts = 1
    assert head.gather_again(said.append)
    assert said == [f"{again}; waiting up to 60 s for it to come back"]
    head.announce(make_experiment(), folder)
    assert next(second.tasks())["number"] == 2
    first.board._exchange(10**6)
    soon(lambda: head.board._beats[1] < 10**6)
    assert head.complaint() is None
    assert head.restarts == 0
    second.board.close()


def test_a_number_belongs_to_one_machine(two: tuple[Fleet, Follower]) -> None:
    head, follower = two
    with pytest.raises(UserError) as refused:
        Follower(follower.meeting, 60)
    assert str(refused.value) == (
        f"machines.here=1 is already at work on {HOST}; give each machine a number of its own, "
        "from 0 to 1."
    )
    assert head.complaint() is None


def test_no_thread_is_left_in_a_call_of_the_store(
    two: tuple[Fleet, Follower], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would abort the process when Python is taken down."""
    slow = threading.Event()

    def exchange(beat: int) -> None:
        slow.set()
        time.sleep(0.7)

    monkeypatch.setattr(two[1].board, "_exchange", exchange)
    assert slow.wait(60)
    two[1].board.close()
    assert not two[1].board._thread.is_alive()
