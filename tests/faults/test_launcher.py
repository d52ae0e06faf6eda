"""The same with the command as a program, where a fork stands in for it elsewhere."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from benchmark.records.run_folder import RunFolder
from tests.faults.forked import all_words
from tests.faults.scene import PATIENCE, Scene, record, wait_until

pytestmark = pytest.mark.faults
TWO = ("parallelism.k=2", "processes=2", "system.node_memory=daemon", "epochs=12",
       "heartbeat_seconds=5")  # fmt: skip
CASES = [
    ("rank 1", signal.SIGTERM, "rank 1 was ended by SIGTERM"),
    ("rank 0", signal.SIGKILL, "rank 0 was killed by SIGKILL"),
    ("rank 1", signal.SIGSTOP, "rank 1 "),
    ("launcher", signal.SIGTERM, "the launcher was ended by SIGTERM"),
    ("launcher", signal.SIGKILL, "the launcher was killed by SIGKILL"),
    ("launcher", signal.SIGSTOP, "the launcher is stopped"),
]


def start(scene: Scene) -> "subprocess.Popen[bytes]":
    environment = os.environ | scene.environment()
    words = [sys.executable, "-m", "benchmark.run", *all_words(scene.words)]
    with scene.output.open("wb") as output:
        return subprocess.Popen(words, stdout=output, stderr=output, env=environment)


def find(runner: int, name: str, scene: Scene) -> int | None:
    """The process of that name, once ranks have been started."""
    try:
        (server,) = psutil.Process(runner).children()
        (launcher,) = server.children()
        reported = {child.pid for child in launcher.children()} & scene.forks()
        if name == "launcher" or not scene.folder:
            return launcher.pid if reported else None
        beat = RunFolder(scene.folder).heartbeats().get(int(name[-1]), {})
        return beat["pid"] if beat.get("pid") in reported else None
    except (psutil.Error, ValueError, OSError):
        return None


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    scene = Scene(tmp_path_factory.mktemp("undisturbed"), *TWO)
    assert start(scene).wait(PATIENCE) == 0, scene.said()
    return scene


@pytest.mark.parametrize(("target", "number", "reason"), CASES)
def test_what_died_first_is_named_and_the_rest_goes(
    target: str, number: signal.Signals, reason: str, undisturbed: Scene, tmp_path: Path
) -> None:
    scene = Scene(tmp_path, *TWO)
    runner = start(scene)
    assert wait_until(lambda: find(runner.pid, target, scene) or runner.poll() is not None)
    pid = find(runner.pid, target, scene)
    assert pid is not None, scene.said()
    os.kill(pid, number)
    assert runner.wait(PATIENCE) == 1, scene.said()
    said = " ".join(scene.said().split())
    assert reason in said, said
    assert "Traceback" not in said
    assert scene.left() == []
    assert start(scene).wait(PATIENCE) == 0, scene.said()
    assert scene.folder is not None
    assert undisturbed.folder is not None
    assert record(scene.folder) == record(undisturbed.folder)
    assert scene.left() == []
