"""Forks of a server stand for programs: their output, environment, end and death."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from benchmark.machine.process_tree import child_environment
from benchmark.run import INSTEAD
from benchmark.runner.help import HELP
from benchmark.runner.workers import fork_server
from tests.runner.workers import forked_module

MODULE = [sys.executable, "-m", forked_module.__name__]
SECONDS = 60.0
ROOT = Path(__file__).parents[3]
# As if torch were built for CUDA, which no process may have asked for anything before it forks.
IMPORT_AS_A_SERVER = """
import importlib, traceback
import torch
from benchmark.runner.workers.fork_server import IMPORTED
def asked(*arguments, **named):
    traceback.print_stack()
    raise SystemExit(1)
torch._C._cuda_getDeviceCount = torch._C._cuda_getCurrentRawStream = asked
for name in ("_lazy_init", "is_available", "device_count", "get_device_properties"):
    setattr(torch.cuda, name, asked)
for module in (*IMPORTED, "benchmark.runner.workers.launcher"):
    importlib.import_module(module)
"""


def start(tmp_path: Path, *words: str, **environment: str) -> tuple[fork_server.Forked, Path]:
    log = tmp_path / "log"
    known = child_environment() | {"PYTHONPATH": str(ROOT)} | environment
    with log.open("a") as output:
        forked = fork_server.start([*MODULE, *words], output, known)
    assert isinstance(forked, fork_server.Forked)
    return forked, log


def test_a_fork_has_its_own_output_environment_folder_session_and_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    forked, log = start(tmp_path, "tell", "3", A_WORD="here", TMPDIR=str(tmp_path))
    assert forked.wait(SECONDS) == 3
    assert log.read_text().split() == [
        "here", str(tmp_path), str(tmp_path), str(forked.pid), "torch", "1",
    ]  # fmt: skip
    assert "A_WORD" not in os.environ


def test_one_server_forks_one_after_the_other_and_knows_nothing_of_the_one_before(
    tmp_path: Path,
) -> None:
    first, _ = start(tmp_path, "tell", "0", A_WORD="first")
    server = first.server
    assert first.wait(SECONDS) == 0
    second, log = start(tmp_path, "tell", "0", ANOTHER="word")
    assert second.server is server
    assert second.wait(SECONDS) == 0
    assert log.read_text().split()[6] == "nothing"


def test_a_failure_is_told_in_the_output_and_a_signal_by_its_number(tmp_path: Path) -> None:
    failed, log = start(tmp_path, "fail")
    assert failed.wait(SECONDS) == 1
    assert "ValueError: as asked" in log.read_text()
    sleeping, _ = start(tmp_path, "sleep")
    with pytest.raises(subprocess.TimeoutExpired):
        sleeping.wait(0.1)
    assert sleeping.poll() is None
    os.kill(sleeping.pid, signal.SIGKILL)
    assert sleeping.wait(SECONDS) == -signal.SIGKILL
    assert sleeping.returncode == -signal.SIGKILL


def test_a_fork_ends_with_its_server_and_the_next_one_has_another(tmp_path: Path) -> None:
    forked, _ = start(tmp_path, "sleep")
    fork = psutil.Process(forked.pid)
    parent = fork.parent()
    assert parent is not None
    while fork.is_running() and "ready" not in (tmp_path / "log").read_text():
        time.sleep(0.01)
    parent.kill()
    assert forked.wait(SECONDS) == -signal.SIGKILL
    psutil.wait_procs([fork], SECONDS)
    assert not fork.is_running() or fork.status() == psutil.STATUS_ZOMBIE
    again, _ = start(tmp_path, "tell", "0")
    assert again.server is not forked.server
    assert again.wait(SECONDS) == 0


def test_what_is_no_module_of_python_is_a_program(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as output:
        words = [sys.executable, "-c", "print('said')"]
        process = fork_server.start(words, output, child_environment())
    assert process.wait(SECONDS) == 0
    assert (tmp_path / "log").read_text() == "said\n"


def test_no_server_is_forked_for_words_with_which_nothing_is_run() -> None:
    assert {*INSTEAD, *HELP} == fork_server.LOOKING


def test_nothing_asks_for_a_gpu_before_the_forks_are_made() -> None:
    """CUDA refuses to begin in a fork of a process that has so much as counted the GPUs."""
    command = [sys.executable, "-c", IMPORT_AS_A_SERVER]
    told = subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert told.returncode == 0, told.stderr
