"""Many runs, two commands at once, a server that never answers: nothing grows and nothing waits."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from benchmark.records.run_folder import RunFolder
from benchmark.runner import suite_run
from benchmark.runner.mirrors import mirrors as mirrors_module
from benchmark.runner.progress import SuiteProgress
from benchmark.runner.suites import Suite
from benchmark.runner.workers import launch
from tests.experiments import MakeExperiment, finish
from tests.faults.forked import Forked
from tests.faults.scene import PATIENCE, Scene, record, wait_until

pytestmark = pytest.mark.faults
MANY = 300


class Usage:
    """What this process and its children hold, each time that a run has ended."""

    def __init__(self, temporary: Path) -> None:
        self.temporary = temporary
        self.seen: list[tuple[int, int, int, int]] = []
        self.memory: list[int] = []

    def look(self) -> None:
        process = psutil.Process()
        descriptors, threads = process.num_fds(), process.num_threads()
        children, files = len(process.children(recursive=True)), len(os.listdir(self.temporary))
        self.seen.append((descriptors, threads, children, files))
        self.memory.append(process.memory_info().rss)


def test_300_runs_in_one_command_hold_no_more_than_one(
    tmp_path: Path, make_experiment: MakeExperiment
) -> None:
    """With a mirror beside them."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    experiments = [
        make_experiment(seed=seed, wandb={"mode": "offline"}, cache_dir=str(tmp_path / "cache"))
        for seed in range(MANY)
    ]

    def work() -> int:
        import tempfile  # noqa: PLC0415

        tempfile.tempdir = str(temporary)
        usage = Usage(temporary)
        stub = Path(__file__).with_name("stub.py")
        # Not the programs themselves: 300 of each would take an hour to import what they need.
        launch.launcher_command = lambda path, *_: [sys.executable, "-S", str(stub), str(path)]
        cast(Any, mirrors_module).subprocess = _without_wandb()
        real = SuiteProgress.end

        def end(progress: SuiteProgress, outcome: str) -> None:
            real(progress, outcome)
            usage.look()

        cast(Any, SuiteProgress).end = end
        code = suite_run.run_suite(Suite("trial", [], str(tmp_path), "the command", experiments))
        (tmp_path / "usage.json").write_text(json.dumps([usage.seen, usage.memory, code]))
        return 0

    assert Forked(work).wait(PATIENCE) == 0
    seen, memory, code = json.loads((tmp_path / "usage.json").read_text())
    assert code == 0
    assert len(seen) == MANY
    early, late = seen[10:60], seen[-50:]
    for kind, name in enumerate(("descriptors", "threads", "children", "files in TMPDIR")):
        most, before = max(each[kind] for each in late), max(each[kind] for each in early)
        assert most <= before, name
    assert max(memory[-50:]) < max(memory[10:60]) + 8 * 2**20
    assert list(temporary.iterdir()) == []
    statuses = [
        json.loads(path.read_text())["status"] for path in tmp_path.glob("trial/*/result.json")
    ]
    assert statuses == ["finished"] * MANY


def _without_wandb() -> Any:
    """``subprocess`` whose programs only read what they are told."""

    class Quick:
        PIPE, STDOUT = subprocess.PIPE, subprocess.STDOUT

        @staticmethod
        def Popen(words: list[str], **options: Any) -> Any:  # noqa: N802
            return subprocess.Popen(["cat"], **options)

    return Quick


def test_two_commands_share_their_folders(tmp_path: Path) -> None:
    words = ("seeds=3", "epochs=2", "system.static_memory=pretrained",
             "system.static_memory_epochs=2")  # fmt: skip
    alone, shared = Scene(tmp_path / "alone", *words), Scene(tmp_path / "shared", *words)
    assert alone.run()[0] == 0
    first, second = shared.start(), shared.start()
    codes = {first.wait(PATIENCE), second.wait(PATIENCE)}
    assert codes <= {0, 1}  # 1 where the other was about a run, which its row says
    code, said = shared.run()
    assert code == 0, said
    assert [record(folder) for folder in shared.folders] == [
        record(folder) for folder in alone.folders
    ]
    assert len(shared.folders) == 3
    assert shared.left() == []
    tables = list((shared.cache / "static_memory").glob("*/manifest.json"))
    assert len(tables) == 3  # one for each seed, none of them twice or half


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Accepts every connection and never answers."""
    held = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    held.append(server.accept())
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_wandb_server_that_never_answers_costs_seconds_at_the_end(
    tmp_path: Path, silent_server: str, make_experiment: MakeExperiment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("WANDB_BASE_URL", silent_server)
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    folder = RunFolder(tmp_path / "run")
    folder.prepare(make_experiment().config())
    mirrors = mirrors_module.Mirrors("online")
    start = time.monotonic()
    mirrors.begin(folder)
    assert time.monotonic() - start < 1.0
    (mirror,) = mirrors.started
    time.sleep(3.0)
    finish(folder)
    mirrors.end(folder)
    start = time.monotonic()
    assert mirrors.close() == ["not done after 2 s"]
    mirrors.stop()
    assert time.monotonic() - start < 5.0
    assert mirror.tree.process.poll() is not None
    mirrors.begin(folder)  # it is asked no more
    assert mirrors.started == []


def test_a_suite_beside_a_wandb_server_that_never_answers_is_as_without(
    tmp_path: Path, silent_server: str
) -> None:
    alone, mirrored = Scene(tmp_path / "a"), Scene(tmp_path / "b", "wandb.mode=online")
    account = {"WANDB_BASE_URL": silent_server, "WANDB_API_KEY": "0" * 40}
    assert alone.run()[0] == 0
    code, said = mirrored.run(prepare=lambda: os.environ.update(account))
    assert code == 0, said
    assert "W&B mirror: not done after 2 s. The record is complete without it." in said
    assert alone.folder is not None
    assert mirrored.folder is not None
    assert record(mirrored.folder) == record(alone.folder)
    assert mirrored.left() == []


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_was_ignored_before_stays_ignored(
    tmp_path: Path, number: signal.Signals
) -> None:
    """As under nohup, and in the background of a shell."""
    scene = Scene(tmp_path)
    runner = scene.start(prepare=lambda: signal.signal(number, signal.SIG_IGN))
    while not scene.folder and runner.poll() is None:
        time.sleep(0.02)
    for _ in range(5):
        if runner.poll() is None:
            os.kill(runner.pid, number)
        time.sleep(0.1)
    assert runner.wait(PATIENCE) == 0, scene.said()
    assert scene.left() == []


def test_a_figure_that_is_being_drawn_ends_with_a_runner_that_is_killed(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "epochs=1")
    runner = scene.start("suite.figures=[convergence]")

    def drawing() -> list[psutil.Process]:
        found = []
        for one in scene.processes():
            with contextlib.suppress(psutil.NoSuchProcess):  # it has ended meanwhile
                found += [one] if "paper_figures" in one.cmdline() else []
        return found

    assert wait_until(drawing), scene.said()
    os.kill(runner.pid, signal.SIGKILL)
    runner.wait(PATIENCE)
    assert [each for each in scene.left() if each.isdigit()] == []
    assert list(scene.results.glob("*/figures/*")) == []  # nor has it drawn to its end
    assert scene.run()[0] == 0
    assert scene.left() == []


def test_a_mirror_whose_folder_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    mirrors = mirrors_module.Mirrors("offline")
    mirrors.end(RunFolder(tmp_path / "run"))
    (warning,) = mirrors.close()
    assert "set results_dir to a folder that can" in warning
