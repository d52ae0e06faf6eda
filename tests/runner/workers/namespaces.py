"""Machines made of network namespaces: each has an address of its own and one bridge between."""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PORT = 4100
NUMBERS = itertools.count()


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


@contextmanager
def namespaces(number: int) -> Iterator[Namespaces]:
    """Machines for a test, gone after it with all that runs on them."""
    made = Namespaces(number)
    made.make()
    try:
        yield made
    finally:
        for machine in range(number):
            for pid in made.processes(machine):
                os.kill(pid, 9)
        made.remove()
