"""Which process is said to hang, and when."""

from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest

from benchmark.records.run_folder import RunFolder
from benchmark.runner.workers import watchdog as watch
from benchmark.runner.workers.watchdog import STARTING, Watchdog
from tests.experiments import MakeExperiment


class Clock:
    """Time that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(watch, "time", clock)
    return clock


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return RunFolder(tmp_path_factory.mktemp("run"))


def let_pass(clock: Clock, watching: Watchdog, seconds: int) -> None:
    """Look every second, but not at the last one."""
    for _ in range(seconds - 1):
        clock.now += 1
        assert watching.complaint() is None
    clock.now += 1


def beat(folder: RunFolder, rank: int, done: int) -> None:
    RunFolder(folder.path).heartbeat(rank, "train", done, 10)  # as another process would


@pytest.fixture
def two(make_experiment: MakeExperiment) -> object:
    return make_experiment(
        parallelism={"k": 2}, processes=2, heartbeat_seconds=60.0, time_limit_minutes=10
    )


def test_the_silent_process_is_named(clock: Clock, folder: RunFolder, two: object) -> None:
    watching = Watchdog(two, folder)  # type: ignore[arg-type]
    assert watching.position() == ("starting: importing packages", 0, 0)
    folder.heartbeat(0, STARTING, 0, 0)
    watching.complaint()
    assert watching.position() == ("starting: loading the data set, compiling", 0, 0)
    for second in range(0, 100, 10):
        clock.now = 1000.0 + second
        beat(folder, 0, second // 10)
        if second <= 20:
            beat(folder, 1, second // 10)
        complaint = watching.complaint()
        assert complaint is None if second <= 80 else complaint
    assert complaint == "rank 1 has not reported for 70 s (last at train 2/10)"
    assert watching.position() == ("train", 9, 10)


def test_a_process_that_never_reported_is_named(
    clock: Clock, folder: RunFolder, two: object
) -> None:
    watching = Watchdog(two, folder)  # type: ignore[arg-type]
    beat(folder, 0, 1)
    assert watching.complaint() is None
    let_pass(clock, watching, 61)
    assert watching.complaint() == "rank 1 has not reported since the start 61 s ago"


def test_a_stopped_process_is_named_before_those_that_wait_for_it(
    clock: Clock, folder: RunFolder, two: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    watching = Watchdog(two, folder)  # type: ignore[arg-type]
    beat(folder, 0, 1)
    watching.complaint()
    clock.now += 1
    beat(folder, 1, 1)
    watching.complaint()
    monkeypatch.setattr(watching, "_is_stopped", lambda rank: rank == 1)
    let_pass(clock, watching, 60)
    assert str(watching.complaint()).startswith("rank 1 has not reported for 60 s")


class Member:
    """A process of the experiment, as a test wants it to be."""

    process = SimpleNamespace(pid=-1)

    def __init__(self, name: str) -> None:
        self.called = name
        self.done = 0.0
        self.held = False

    def name(self) -> str:
        return self.called

    def spent(self) -> float:
        return self.done

    def is_stopped(self) -> bool:
        return self.held


class Tree:
    def __init__(self, *names: str) -> None:
        self.members = {name: Member(name) for name in ("launcher", *names)}


def test_silence_from_the_start_on_is_noticed_after_a_heartbeat(
    clock: Clock, folder: RunFolder, make_experiment: MakeExperiment
) -> None:
    experiment = make_experiment(heartbeat_seconds=60.0)
    watching = Watchdog(experiment, folder, Tree("rank 0"))  # type: ignore[arg-type]
    let_pass(clock, watching, 59)
    assert watching.complaint() is None
    let_pass(clock, watching, 2)
    assert watching.complaint() == "no process has reported in the first 61 s"


def test_processes_that_work_before_their_first_report_are_given_time_but_not_for_ever(
    clock: Clock, folder: RunFolder, two: object
) -> None:
    tree = Tree("rank 0", "rank 1")
    watching = Watchdog(replace(two, time_limit_minutes=None), folder, tree)  # type: ignore
    RunFolder(folder.path).heartbeat(1, "start", 0, 0)
    for _ in range(119):
        clock.now += 30
        tree.members["rank 0"].done += 0.1
        assert watching.complaint() is None
    let_pass(clock, watching, 31)
    tree.members["rank 0"].done += 0.1
    let_pass(clock, watching, 30)
    assert watching.complaint() == "rank 0 has not reported since the start 3631 s ago"


@pytest.mark.parametrize("name", ["launcher", "rank 1", "memory.server (pid 7)"])
def test_a_process_that_is_stopped_before_the_first_report_is_named(
    clock: Clock, folder: RunFolder, two: object, name: str
) -> None:
    tree = Tree("rank 0", "rank 1", "memory.server (pid 7)")
    watching = Watchdog(two, folder, tree)  # type: ignore[arg-type]
    tree.members[name].held = True
    for second in range(0, 60, 10):
        assert watching.complaint() is None, second
        clock.now += 10
        tree.members["rank 0"].done += 1.0  # whoever still works
    clock.now += 10
    called = "the launcher" if name == "launcher" else name
    assert watching.complaint() == f"{called} is stopped"


def test_who_is_stopped_and_goes_on_is_not_held_against_him(
    clock: Clock, folder: RunFolder, two: object
) -> None:
    tree = Tree("rank 0", "rank 1")
    watching = Watchdog(two, folder, tree)  # type: ignore[arg-type]
    for second in range(200):
        tree.members["rank 1"].held = second % 50 < 45
        clock.now += 1
        beat(folder, 0, second)
        beat(folder, 1, second)
        assert watching.complaint() is None


def test_a_watch_that_was_stopped_itself_does_not_blame_others(
    clock: Clock, folder: RunFolder, two: object
) -> None:
    tree = Tree("rank 0", "rank 1")
    watching = Watchdog(two, folder, tree)  # type: ignore[arg-type]
    tree.members["rank 1"].held = True
    watching.complaint()
    clock.now += 10_000  # all of them were stopped, and this one is the first to go on
    for rank in (0, 1):
        beat(folder, rank, 1)
    watching.time_limit_minutes = None
    assert watching.complaint() is None


def test_all_that_were_stopped_for_long_have_not_been_silent(
    clock: Clock, folder: RunFolder, two: object
) -> None:
    """As by Ctrl-Z, or by a machine that takes its processor away."""
    watching = Watchdog(replace(two, time_limit_minutes=None), folder)  # type: ignore
    for rank in (0, 1):
        beat(folder, rank, 1)
    assert watching.complaint() is None
    clock.now += 10_000
    assert watching.complaint() is None
    beat(folder, 0, 2)
    let_pass(clock, watching, 31)
    assert str(watching.complaint()).startswith("rank 1 has not reported for ")


def test_the_time_limit(clock: Clock, folder: RunFolder, two: object) -> None:
    watching = Watchdog(two, folder)  # type: ignore[arg-type]
    clock.now += 601
    assert watching.complaint() == "stopped after time_limit_minutes=10"


def test_a_process_that_is_gone_is_not_stopped(
    clock: Clock, folder: RunFolder, two: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(pid: int) -> psutil.Process:
        raise psutil.NoSuchProcess(pid)

    watching = Watchdog(two, folder)  # type: ignore[arg-type]
    for rank in (0, 1):
        beat(folder, rank, 1)
    watching.complaint()
    monkeypatch.setattr(psutil, "Process", gone)
    let_pass(clock, watching, 61)
    assert watching.complaint() == "rank 0 has not reported for 61 s (last at train 1/10)"


def test_a_tree_whose_first_process_had_ended_already_is_watched_by_its_reports(
    clock: Clock, folder: RunFolder, two: object
) -> None:
    tree = Tree()
    tree.members.clear()
    watching = Watchdog(two, folder, tree)  # type: ignore[arg-type]
    beat(folder, 0, 1)
    assert watching.complaint() is None
    let_pass(clock, watching, 61)
    assert watching.complaint() == "rank 1 has not reported since the start 61 s ago"
