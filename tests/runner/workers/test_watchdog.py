"""Which process is said to hang, and when."""

import psutil
import pytest

from benchmark.records.run_folder import RunFolder
from benchmark.runner.workers import watchdog as watch
from benchmark.runner.workers.watchdog import Watchdog
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


def beat(folder: RunFolder, rank: int, done: int) -> None:
    RunFolder(folder.path).heartbeat(rank, "train", done, 10)  # as another process would


@pytest.fixture
def two(make_experiment: MakeExperiment) -> object:
    return make_experiment(
        parallelism={"k": 2}, processes=2, heartbeat_seconds=60.0, time_limit_minutes=10
    )


def test_the_silent_process_is_named(clock: Clock, folder: RunFolder, two: object) -> None:
    watching = Watchdog(two, folder, range(2))  # type: ignore[arg-type]
    assert watching.position() == ("starting", 0, 0)
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
    watching = Watchdog(two, folder, range(2))  # type: ignore[arg-type]
    beat(folder, 0, 1)
    assert watching.complaint() is None
    clock.now += 61
    assert watching.complaint() == "rank 1 has not reported since the start 61 s ago"


def test_a_stopped_process_is_named_before_those_that_wait_for_it(
    clock: Clock, folder: RunFolder, two: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    watching = Watchdog(two, folder, range(2))  # type: ignore[arg-type]
    beat(folder, 0, 1)
    watching.complaint()
    clock.now += 1
    beat(folder, 1, 1)
    watching.complaint()
    monkeypatch.setattr(watching, "_is_stopped", lambda rank: rank == 1)
    clock.now += 61
    assert str(watching.complaint()).startswith("rank 1 has not reported for 61 s")


def test_start_up_may_take_longer_than_a_heartbeat(
    clock: Clock, folder: RunFolder, make_experiment: MakeExperiment
) -> None:
    watching = Watchdog(make_experiment(heartbeat_seconds=60.0), folder, range(1))
    clock.now += 3000
    assert watching.complaint() is None
    clock.now += 3000
    assert watching.complaint() == "no process has reported in the first 6000 s"


def test_the_time_limit(clock: Clock, folder: RunFolder, two: object) -> None:
    watching = Watchdog(two, folder, range(2))  # type: ignore[arg-type]
    clock.now += 601
    assert watching.complaint() == "stopped after time_limit_minutes=10"


def test_a_process_that_is_gone_is_not_stopped(
    clock: Clock, folder: RunFolder, two: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(pid: int) -> psutil.Process:
        raise psutil.NoSuchProcess(pid)

    watching = Watchdog(two, folder, range(2))  # type: ignore[arg-type]
    for rank in (0, 1):
        beat(folder, rank, 1)
    watching.complaint()
    monkeypatch.setattr(psutil, "Process", gone)
    clock.now += 61
    assert watching.complaint() == "rank 0 has not reported for 61 s (last at train 1/10)"
