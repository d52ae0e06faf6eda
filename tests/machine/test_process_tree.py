"""A process ends with the one that started it, even when that one is killed."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from benchmark.machine.process_tree import Member, ProcessTree, is_alive

PATIENCE = 300  # seconds, on a busy machine
CHILD = """
import sys, time
from benchmark.machine.process_tree import end_with_parent
sys.platform = "PLATFORM"
end_with_parent()
print("ready", flush=True)
time.sleep(600)
"""
PARENT = f"""
import subprocess, sys
from benchmark.machine.process_tree import child_environment
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}], env=child_environment(),
                         start_new_session=True)
print(child.pid, flush=True)
child.wait()
"""
THREADED = """
import threading, time
thread = threading.Thread(target=time.sleep, args=(600,))
thread.start()
print(thread.native_id, flush=True)
"""
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                         start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("platform", [sys.platform, "one without prctl"])
def test_a_child_ends_when_its_parent_is_killed(platform: str) -> None:
    program = PARENT.replace("PLATFORM", platform)
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    assert parent.stdout.readline() == "ready\n"
    parent.kill()
    assert parent.wait(timeout=PATIENCE) == -signal.SIGKILL
    gone, _ = psutil.wait_procs([child], timeout=PATIENCE)
    assert gone == [child] or child.status() == psutil.STATUS_ZOMBIE


def test_a_child_that_comes_too_late_ends_at_once() -> None:
    environment = {**os.environ, "BENCHMARK_PARENT_PID": "1"}
    child = subprocess.run(
        [sys.executable, "-c", CHILD], env=environment, timeout=PATIENCE, check=False
    )
    assert child.returncode == 1


def sleeper(program: str = "import time; time.sleep(600)") -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)


def test_the_number_of_an_ended_process_that_became_a_threads_ends_nothing() -> None:
    """As where the system gives an ended process's number to a thread of somebody else."""
    tree, other = ProcessTree(sleeper()), sleeper(THREADED)
    assert other.stdout is not None
    thread = int(other.stdout.readline())
    process = psutil.Process(tree.process.pid)
    process._pid = thread
    process._ident = (thread, process.create_time())
    tree.members[process] = tree.members.pop(psutil.Process(tree.process.pid))
    assert tree.end(5) == []
    assert tree.process.returncode == -signal.SIGTERM
    assert is_alive(other.pid)
    late = ProcessTree(other)
    with pytest.raises((OSError, psutil.NoSuchProcess)):
        Member(process)
    assert late.end(5) == []


def test_what_ignores_the_first_signal_is_killed_and_its_descendants_too() -> None:
    started = sleeper(STUBBORN)
    assert started.stdout is not None
    child = int(started.stdout.readline())
    tree = ProcessTree(started)
    assert tree.end(0.5) == []
    assert started.returncode == -signal.SIGKILL
    assert not is_alive(child)
    assert tree.members == {}


def test_whatever_clean_up_meets_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = ProcessTree(sleeper())

    def refuse(member: Member, number: signal.Signals) -> None:
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(Member, "send", refuse)
        problems = tree.end(0.05)
    assert problems == [
        f"process {tree.process.pid} cannot be ended: [Errno 1] Operation not permitted",
        f"process {tree.process.pid} does not end",
    ]
    tree.process.kill()
    assert tree.process.wait(PATIENCE) == -signal.SIGKILL


def test_ending_many_trees_keeps_no_descriptor() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        tree = ProcessTree(subprocess.Popen(["true"]))
        tree.look()
        assert tree.end(5) == []
    assert len(os.listdir("/proc/self/fd")) <= before  # what others left may go meanwhile
    assert [one for one in psutil.Process().children() if one.name() == "true"] == []


def test_a_process_that_ended_and_was_waited_for_by_another_has_no_descendants() -> None:
    """As one that the fork server started, between two looks at it."""

    class Gone:
        returncode = 0

        def __init__(self, pid: int) -> None:
            self.pid = pid

        def poll(self) -> int:
            return 0

        def wait(self, timeout: float | None = None) -> int:
            return 0

    ended = sleeper()
    tree = ProcessTree(ended)
    ended.kill()
    ended.wait(PATIENCE)
    tree.look()
    late = ProcessTree(Gone(ended.pid))
    late.look()
    assert late.members == {}
    assert late.end(1) == tree.end(1) == []
