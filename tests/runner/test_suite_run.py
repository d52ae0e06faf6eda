"""The main command, with real processes and a task that trains nothing.

Where a shell and its signals play no part it runs in this process, which has imported everything.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from benchmark.records.run_folder import RunFolder
from benchmark.records.schema import validate_metrics_line, validate_result
from benchmark.run import main

WORDS = [
    "task=captured_events",
    "task._target_=tests.runner.fake_task.FakeTask",
    "system=none",
    "model=none",
    "suite.figures=[]",
    "threads=1",
]
NO_MIRROR = "wandb.mode=disabled"
PATIENCE = 600  # seconds, on a busy machine
Run = Callable[..., tuple[int, str, str]]


def start(results: Path, *words: str, mirror: str = NO_MIRROR) -> subprocess.Popen[str]:
    """The command as a program, whose hashes of strings differ from those of this process."""
    words = (*WORDS, f"results_dir={results}", mirror, *words)
    command = [sys.executable, "-m", "benchmark.run", *words]
    environment = os.environ | {"PYTHONHASHSEED": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=environment, text=True, **pipes)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process: exit code, standard output, standard error."""

    def call(results: Path, *words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([*WORDS, NO_MIRROR, f"results_dir={results}", *words])
        return code, *capsys.readouterr()

    return call


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended may wait for its parent to notice."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def folders_by_seed(results: Path) -> dict[int, RunFolder]:
    found = {}
    for path in (results / "quick").iterdir():
        folder = RunFolder(path)
        found[folder.config()["seed"]] = folder
    return found


def row_of_seed(table: str, seed: int) -> list[str]:
    """All cells of a seed; a table that is too wide goes on below, with its names again."""
    names = [str(seed), "none", "1x1x1"]
    rows = [line.split() for line in table.splitlines()]
    return names + [cell for row in rows if row[:3] == names for cell in row[3:]]


def test_a_failed_experiment_is_isolated_and_a_finished_one_is_not_run_again(
    tmp_path: Path, run: Run
) -> None:
    actions = "+task.actions=[kill,finish]"
    process = start(tmp_path, "seeds=2", actions, mirror="wandb.mode=offline")
    table, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, errors
    assert errors.startswith("Starting: importing packages.\n")
    assert "Traceback" not in errors
    folders = folders_by_seed(tmp_path)
    killed, finished = (folders[seed].result() for seed in (0, 1))
    assert killed is not None
    assert finished is not None
    assert validate_result(killed) == validate_result(finished) == []
    assert killed["reason"].startswith("rank 0 was killed by SIGKILL")
    assert "failed: rank 0 was killed by SIGKILL" in table
    assert finished["metrics"] == {"validation_mrr_best": 0.5, "test_mrr": 0.25}
    assert finished["peak_memory_bytes"] > 50 * 2**20
    assert shlex.split(finished["command"])[:3] == ["python", "-m", "benchmark.run"]
    lines = folders[1].metrics()
    assert [line["iteration"] for line in lines] == [1, 2, 3, 4]
    assert [validate_metrics_line(line) for line in lines] == [[]] * 4
    environment = json.loads((folders[1].path / "environment.json").read_text())
    assert environment["threads_per_process"] == 1
    assert list(folders[1].path.glob("wandb/offline-run-*/*.wandb"))
    # Make the failed one look finished: now there is nothing left to do, also for another process.
    folders[0].finish({**finished, "seed": 0})
    before = (folders[1].path / "result.json").stat().st_mtime_ns
    first, second = (run(tmp_path, "seeds=2", actions) for _ in range(2))
    assert first[0] == second[0] == 0
    assert first[1] == second[1]
    assert row_of_seed(first[1], 1) == row_of_seed(table, 1)
    assert first[2].count("skipped") == 2
    assert (folders[1].path / "result.json").stat().st_mtime_ns == before


def test_ctrl_c_leaves_a_state_from_which_the_same_command_goes_on(
    tmp_path: Path, run: Run
) -> None:
    words = ("parallelism.k=2", "processes=2", "+task.actions=[interrupt]")
    process = start(tmp_path, *words)
    wait_until(lambda: any(tmp_path.glob("quick/*/checkpoint/iteration")))
    (folder,) = folders_by_seed(tmp_path).values()
    wait_until(lambda: len(folder.heartbeats()) == 2)
    refused = run(tmp_path, *words)
    assert refused[0] == 1
    assert f"is being run by process {process.pid}" in refused[1]
    pids = [beat["pid"] for beat in folder.heartbeats().values()]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    (line,) = [line for line in errors.splitlines() if "goes on: " in line]
    assert line.startswith("Interrupted. The same command goes on: ")
    assert "python -m benchmark.run task=captured_events" in line
    assert "Traceback" not in errors
    wait_until(lambda: not any(is_alive(pid) for pid in pids))
    assert folder.result() is None
    code, _, errors = run(tmp_path, *words)
    assert code == 0, errors
    assert "goes on from its checkpoint" in errors
    assert [line["iteration"] for line in folder.metrics()] == [1, 2, 3, 4]
    result = folder.result()
    assert result is not None
    assert result["status"] == "finished"
    assert not result["emulated"]


def events(path: Path, number: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    rows = [f"{i % 3},{i % 5},{i}" for i in range(number)]
    path.write_text("\n".join(["source,destination,time", *rows, ""]))
    return path


def of_table(path: Path, action: str) -> list[str]:
    cache = path.parents[1] / "cache"
    return [
        "dataset=table",
        f"dataset.path={path}",
        f"cache_dir={cache}",
        f"+task.actions=[{action}]",
    ]


def test_an_edited_file_is_another_run_and_a_copy_is_not(tmp_path: Path, run: Run) -> None:
    file = events(tmp_path / "here" / "events.csv", 40)
    copy = events(tmp_path / "there" / "events.csv", 40)
    results = tmp_path / "results"
    for path in (file, copy):
        code, _, errors = run(results, *of_table(path, "finish"))
        assert code == 0, errors
    assert "finished before, skipped" in errors
    assert len(list(results.glob("quick/*/result.json"))) == 1
    events(file, 41)
    code, _, errors = run(results, *of_table(file, "finish"))
    assert code == 0, errors
    assert "skipped" not in errors
    assert len(list(results.glob("quick/*/result.json"))) == 2


def test_no_checkpoint_of_other_data_is_gone_on_from(tmp_path: Path, run: Run) -> None:
    file, results = events(tmp_path / "here" / "events.csv", 40), tmp_path / "results"

    def interrupt(number: int) -> str:
        """Run until so many runs have a checkpoint; what was said."""

        def press() -> None:
            wait_until(lambda: len(list(results.glob("quick/*/checkpoint/iteration"))) == number)
            os.kill(os.getpid(), signal.SIGINT)

        with ThreadPoolExecutor(1) as threads:
            pressed = threads.submit(press)
            code, _, errors = run(results, *of_table(file, "interrupt"))
        pressed.result()
        assert code == 128 + signal.SIGINT
        return errors

    interrupt(1)
    (first,) = results.glob("quick/*/")
    events(file, 41)
    assert "goes on from its checkpoint" not in interrupt(2)
    (second,) = set(results.glob("quick/*/")) - {first}
    events(file, 40)  # as it was: its own run goes on
    code, _, errors = run(results, *of_table(file, "interrupt"))
    assert code == 0, errors
    assert "goes on from its checkpoint" in errors
    assert RunFolder(first).result()
    assert RunFolder(second).result() is None


@pytest.mark.parametrize("word", ["dataset=wikipeda", "batch_size=0"])
def test_a_user_error_is_one_line_and_leaves_nothing(tmp_path: Path, run: Run, word: str) -> None:
    code, output, errors = run(tmp_path / "results", word)
    assert code == 2
    assert output == ""
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert not (tmp_path / "results").exists()


def test_list_shows_the_state_and_runs_nothing(tmp_path: Path, run: Run) -> None:
    code, output, _ = run(tmp_path / "results", "seeds=2", "+task.actions=[]", "--list")
    assert code == 0
    assert row_of_seed(output, 1)[-2:] == ["to", "do"]
    assert not (tmp_path / "results").exists()
