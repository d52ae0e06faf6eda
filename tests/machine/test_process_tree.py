"""A process ends with the one that started it, even when that one is killed."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

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
