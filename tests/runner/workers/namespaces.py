"""Machines made of network namespaces: each has an address of its own and one bridge between.

And what tests run on them: a small experiment, to its end or without one.
"""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from benchmark.records.run_folder import RunFolder
from benchmark.run import main

ROOT = Path(__file__).parents[3]
PORT = 4100
NUMBERS = itertools.count()
SECONDS = 400  # until a test gives up waiting
SMALL = [
    "suite=quick",
    "system=disttgl",
    "dataset=synthetic",
    "dataset.num_events=1000",
    "dataset.num_nodes=100",
    "batch_size=50",
    "epochs=4",
    "threads=1",
    "system.gradient_sum=ordered",
    "wandb.mode=disabled",
    "suite.figures=[]",
]


def small(*words: str) -> list[str]:
    """The small experiment with these words, each in place of one that sets the same key."""
    keys = {word.partition("=")[0] for word in words}
    return [*(word for word in SMALL if word.partition("=")[0] not in keys), *words]


ENDLESS = small("parallelism.k=2", "processes=2", "epochs=100000", "heartbeat_seconds=60")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


class Namespaces:
    """``number`` machines; machine m has the address 10.77.0.(m+1)."""

    def __init__(self, number: int) -> None:
        prefix = f"test{os.getpid()}n{next(NUMBERS)}"
        self.bridge = f"{prefix}bridge"
        self.names = [f"{prefix}m{machine}" for machine in range(number)]

    def make(self) -> None:
        """Skips the test where the system refuses."""
        try:
            _ip("netns", "add", self.bridge)
            _ip("-n", self.bridge, "link", "add", "bridge", "type", "bridge")
            _ip("-n", self.bridge, "link", "set", "bridge", "up")
            for machine, name in enumerate(self.names):
                _ip("netns", "add", name)
                ends = ("type", "veth", "peer", "name", f"port{machine}", "netns", self.bridge)
                _ip("link", "add", "wire", "netns", name, *ends)
                _ip("-n", self.bridge, "link", "set", f"port{machine}", "master", "bridge", "up")
                _ip("-n", name, "addr", "add", f"10.77.0.{machine + 1}/24", "dev", "wire")
                for device in ("wire", "lo"):
                    _ip("-n", name, "link", "set", device, "up")
        except (OSError, subprocess.CalledProcessError) as error:
            self.remove()
            reason = getattr(error, "stderr", None) or error
            pytest.skip(f"network namespaces are refused here: {str(reason).strip()}")

    def remove(self) -> None:
        for name in (*self.names, self.bridge):
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)

    def start(
        self, machine: int, words: Sequence[str], log: Path, folder: Path = ROOT
    ) -> "subprocess.Popen[str]":
        """The command on one machine, with the code in ``folder``."""
        meet = [
            f"machines.number={len(self.names)}",
            f"machines.here={machine}",
            f"machines.meet_at=10.77.0.1:{PORT}",
        ]
        run = [sys.executable, "-m", "benchmark.run", *words, *meet]
        with open(log, "w") as file:
            return subprocess.Popen(
                ["ip", "netns", "exec", self.names[machine], *run],
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(folder)},
                text=True,
            )

    def processes(self, machine: int) -> list[int]:
        """What runs on a machine."""
        found = subprocess.run(
            ["ip", "netns", "pids", self.names[machine]], check=True, capture_output=True, text=True
        )
        return [int(line) for line in found.stdout.split()]

    def shape(self, machine: int, rate: str) -> None:
        """Let a machine send no more than ``rate``, such as 20mbit."""
        shape = ("root", "tbf", "rate", rate, "burst", "64kb", "latency", "400ms")
        words = ["tc", "-n", self.names[machine], "qdisc", "replace", "dev", "wire", *shape]
        subprocess.run(words, check=True, capture_output=True)

    def sent(self, machine: int) -> int:
        """Bytes that a machine's interface has sent, headers and all."""
        show = ["ip", "-n", self.names[machine], "-s", "-j", "link", "show", "wire"]
        found = subprocess.run(show, check=True, capture_output=True, text=True)
        return int(json.loads(found.stdout)[0]["stats64"]["tx"]["bytes"])

    def cut(self, machine: int) -> None:
        """Take the wire out of the bridge: packets vanish, nobody is told."""
        _ip("-n", self.bridge, "link", "set", f"port{machine}", "nomaster")

    def join(self, machine: int) -> None:
        """Put the wire back."""
        _ip("-n", self.bridge, "link", "set", f"port{machine}", "master", "bridge")

    def kill(self, machine: int) -> None:
        """End all that runs on a machine at once, without a chance to say so."""
        for pid in self.processes(machine):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextmanager
def namespaces(number: int) -> Iterator[Namespaces]:
    """Machines for a test, gone after it with all that runs on them."""
    made = Namespaces(number)
    made.make()
    try:
        yield made
    finally:
        for machine in range(number):
            made.kill(machine)
        made.remove()


def wait(process: "subprocess.Popen[str]", log: Path) -> str:
    """What the command has printed; its exit code must be 0."""
    assert process.wait(SECONDS) == 0, log.read_text()
    return log.read_text()


def without_seconds(folder: RunFolder) -> list[dict[str, Any]]:
    """The lines of a run that are the same wherever it ran."""
    return [{k: v for k, v in line.items() if k != "seconds"} for line in folder.metrics()]


def record(results: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Result and metrics, without seconds, of the only run in a folder."""
    (path,) = results.rglob("result.json")
    folder = RunFolder(path.parent)
    result = folder.result()
    assert result is not None
    return result, without_seconds(folder)


def run(machines: Namespaces, words: list[str], folder: Path) -> None:
    """Run to the end on all machines, with a folder that they share."""
    words = [*words, f"results_dir={folder}"]
    logs = [folder.with_name(f"{folder.name}-{m}.log") for m in range(len(machines.names))]
    started = [machines.start(machine, words, log) for machine, log in enumerate(logs)]
    for process, log in zip(started, logs, strict=True):
        wait(process, log)


def run_alone(words: list[str], folder: Path) -> None:
    """The same on this machine, in one process where the words name no number."""
    assert main([*words, f"results_dir={folder}"]) == 0


def on_machines(
    machines: Namespaces, words: list[str], folder: Path
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The record of the only experiment, run on all machines."""
    run(machines, words, folder)
    return record(folder)


def alone(words: list[str], folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The record of the only experiment, run on this machine."""
    run_alone(words, folder)
    return record(folder)


def best(result: dict[str, Any]) -> dict[str, float]:
    return dict(result["metrics"])


def training(results: Path) -> None:
    """Wait for a checkpoint."""
    until(lambda: list(results.rglob("checkpoint/round-*/rank1.pt")))


def until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def reason(results: Path) -> str:
    result, _ = record(results)
    assert result["status"] == "failed"
    return str(result["reason"])


def gone(machines: Namespaces, *numbers: int) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if not any(machines.processes(number) for number in numbers):
            return True
        time.sleep(0.2)
    return False
