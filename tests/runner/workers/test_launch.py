"""However an experiment ends, there is a result that says so and no process."""

import sys
from pathlib import Path

import psutil
import pytest

from benchmark.records.run_folder import RunFolder
from benchmark.records.schema import validate_result
from benchmark.runner.progress import SuiteProgress
from benchmark.runner.suite_run import Interrupted
from benchmark.runner.workers import launch
from benchmark.runner.workers.launch import run_experiment
from benchmark.runner.workers.watchdog import Watchdog
from tests.experiments import MakeExperiment

STUB = str(Path(__file__).with_name("stub_launcher.py"))


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "run")


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Stub processes, looked after without much patience."""
    monkeypatch.setattr(launch, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(launch, "GRACE_SECONDS", 0.2)
    return monkeypatch


def run(
    folder: RunFolder,
    make_experiment: MakeExperiment,
    stub: pytest.MonkeyPatch,
    action: str,
    heartbeat: float = 600.0,
) -> None:
    """Two processes, of which rank 0 acts."""
    experiment = make_experiment(parallelism={"k": 2}, processes=2, heartbeat_seconds=heartbeat)
    command = [sys.executable, STUB, str(folder.path), "2", action]
    stub.setattr(launch, "launcher_command", lambda *_: command)
    folder.prepare(experiment.config())
    run_experiment(experiment, folder, SuiteProgress(1))


def assert_nothing_is_left(folder: RunFolder) -> None:
    pids = [beat["pid"] for beat in folder.heartbeats().values()]
    assert len(pids) == 2
    processes = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert [one for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []


def test_a_result_of_the_processes_is_kept(
    folder: RunFolder, make_experiment: MakeExperiment, stub: pytest.MonkeyPatch
) -> None:
    run(folder, make_experiment, stub, "finish")
    assert folder.result() == {"status": "finished", "primary_metric": None}
    assert_nothing_is_left(folder)


def test_a_stopped_process_is_named_and_ended(
    folder: RunFolder, make_experiment: MakeExperiment, stub: pytest.MonkeyPatch
) -> None:
    real = Watchdog.complaint

    def complaint(watch: Watchdog) -> str | None:
        """Asked once rank 0 is stopped and rank 1 at work, however long they take to start."""
        beats = folder.heartbeats()
        if len(beats) < 2 or psutil.Process(beats[0]["pid"]).status() != psutil.STATUS_STOPPED:
            return None
        return real(watch)

    stub.setattr(Watchdog, "complaint", complaint)
    run(folder, make_experiment, stub, "stop", heartbeat=0.5)
    result = folder.result()
    assert result is not None
    assert validate_result(result) == []
    assert result["reason"].startswith("rank 0 has not reported for ")
    assert result["reason"].endswith("(last at train 1/2, its process is stopped)")
    assert_nothing_is_left(folder)


def test_a_failure_explains_the_silence_after_it(
    folder: RunFolder, make_experiment: MakeExperiment, stub: pytest.MonkeyPatch
) -> None:
    def complaint(watch: Watchdog) -> str | None:
        done = folder.failures() and len(folder.heartbeats()) == 2
        return "rank 1 has not reported" if done else None

    stub.setattr(Watchdog, "complaint", complaint)
    run(folder, make_experiment, stub, "fail")
    result = folder.result()
    assert result is not None
    assert result["reason"] == "rank 0: no more rows"
    assert_nothing_is_left(folder)


def test_a_killed_launcher_takes_its_processes_with_it(
    folder: RunFolder, make_experiment: MakeExperiment, stub: pytest.MonkeyPatch
) -> None:
    run(folder, make_experiment, stub, "kill launcher")
    result = folder.result()
    assert result is not None
    assert (result["status"], result["reason"]) == (
        "failed",
        "the launcher was killed by SIGKILL (perhaps the machine ran out of memory)",
    )
    assert_nothing_is_left(folder)


def test_an_interruption_ends_the_processes_and_leaves_no_result(
    folder: RunFolder, make_experiment: MakeExperiment, stub: pytest.MonkeyPatch
) -> None:
    def complaint(watch: Watchdog) -> str | None:
        if len(folder.heartbeats()) == 2:
            raise Interrupted(2)
        return None

    stub.setattr(Watchdog, "complaint", complaint)
    with pytest.raises(Interrupted):
        run(folder, make_experiment, stub, "work")
    assert folder.result() is None
    assert_nothing_is_left(folder)


def test_the_reason_points_to_the_log_where_nothing_better_is_known(
    folder: RunFolder, make_experiment: MakeExperiment, stub: pytest.MonkeyPatch
) -> None:
    experiment = make_experiment()
    program = "import sys; print('what happened'); sys.exit(3)"
    stub.setattr(launch, "launcher_command", lambda *_: [sys.executable, "-c", program])
    folder.prepare(experiment.config())
    run_experiment(experiment, folder, SuiteProgress(1))
    result = folder.result()
    assert result is not None
    reason = f"the processes ended with exit code 3 (what happened); see {folder.log_path}"
    assert result["reason"] == reason
    assert folder.log_path.read_text() == "what happened\n"
