"""Several machines run the experiments of one suite: machine 0 leads, the others follow."""

import secrets
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.errors import UserError
from benchmark.experiment import Experiment
from benchmark.machine.place import machine_identity
from benchmark.records.run_folder import CAUSES, RunFolder
from benchmark.runner.workers.board import EXCHANGE_SECONDS, hello, join
from benchmark.runner.workers.meeting import Meeting, network_environment

LOST_SECONDS = 20.0  # a machine that has not been heard of for so long is lost
STOP_SECONDS = 15.0  # a machine that is heard of ends its processes sooner
END_SECONDS = 5.0
Failure = dict[str, Any]  # as RunFolder.failures gives it


class Rendezvous(NamedTuple):
    """Where the launchers of all machines meet for one experiment."""

    machine: int
    machines: int
    endpoint: str
    address: str  # of this machine


class Fleet:
    """All machines, as machine 0 sees them; ``patience`` in seconds is for those yet to come."""

    def __init__(self, meeting: Meeting, patience: float) -> None:
        self.meeting = meeting
        self.lost_seconds = min(LOST_SECONDS, patience)
        self.others = range(1, meeting.number)
        self.network = network_environment(meeting)
        self.number = 0  # of the experiment
        self.mark: Path | None = None
        self.board = join(meeting, self.others, patience)

    def gather(self, patience: float) -> None:
        """Wait until every machine has come; raises UserError if one does not, or does not fit."""
        deadline = time.monotonic() + patience
        while waiting := [each for each in self.others if "host" not in self.board.read(each)]:
            if time.monotonic() > deadline:
                raise UserError(
                    f"machine {waiting[0]} of {self.meeting.number} has not come to "
                    f"{self.meeting.host}:{self.meeting.port} within {patience:g} s; start the "
                    "same command on it."
                )
            time.sleep(EXCHANGE_SECONDS)
        mine, identities = hello(self.meeting), {machine_identity(): 0}
        for machine in self.others:
            page = self.board.read(machine)
            first = identities.setdefault(page["identity"], machine)
            if first != machine:
                raise UserError(
                    f"machines {first} and {machine} are one and the same ({page['host']}): start "
                    "the command once on each machine."
                )
            if page["code"] != mine["code"]:
                raise UserError(
                    f"{self._name(machine)} has other code (commit {page['commit']}) than machine "
                    f"0 (commit {mine['commit']}): bring all to the same commit, without changes."
                )

    def announce(self, experiment: Experiment, folder: RunFolder) -> Rendezvous:
        """Have the others start their processes of an experiment whose folder is prepared."""
        self.number += 1
        self.mark = folder.path / f".mark-{secrets.token_hex(8)}"
        self.mark.touch()
        endpoint = f"{self.meeting.host}:{_free_port(self.meeting.host)}"
        self.board.write(
            task={
                "number": self.number,
                "config": experiment.config(),
                "folder": str(folder.path.relative_to(experiment.results_dir)),
                "mark": self.mark.name,
                "endpoint": endpoint,
            }
        )
        return Rendezvous(0, self.meeting.number, endpoint, self.meeting.address)

    def complaint(self) -> str | None:
        """Why the experiment must be stopped on all machines, or None."""
        for machine in self.others:
            if self._is_lost(machine):
                return self._lost(machine)
            ended = self._ended(machine)
            if ended and ended["reason"]:
                return f"{self._name(machine)}: {ended['reason']}"
        return None

    def settle(self, reason: str | None, failures: Sequence[Failure], exit_code: int) -> str | None:
        """Wait until the experiment has ended everywhere; why it has failed, as best known.

        ``reason`` is why it was stopped here, if it was, ``failures`` what the processes here have
        noted, and ``exit_code`` the local launcher's.
        """
        if exit_code or reason:
            self.board.write(stop=self.number)
        seconds = STOP_SECONDS + self.lost_seconds
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not all(map(self._is_through, self.others)):
            time.sleep(EXCHANGE_SECONDS)
        if self.mark is not None:
            self.mark.unlink(missing_ok=True)
        lost = [each for each in self.others if self._is_lost(each)]
        if lost:
            return self._lost(lost[0])
        noted = [(0, failure) for failure in failures]
        for machine in self.others:
            theirs = (self._ended(machine) or {}).get("failures", [])
            noted += [(machine, failure) for failure in theirs]
        if noted:
            machine, failure = min(noted, key=lambda each: _likelihood(each[1]))
            return f"{self._name(machine)}, {failure['reason']}"
        return reason

    def end(self, code: int, reason: str = "") -> None:
        """Tell the others that the suite has ended, and wait shortly until they know."""
        self.board.write(end={"code": code, "reason": reason}, stop=self.number)
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline and not all(
            self.board.read(each).get("bye") or self._is_lost(each) for each in self.others
        ):
            time.sleep(EXCHANGE_SECONDS)
        time.sleep(3 * EXCHANGE_SECONDS)  # they see that their farewell was written
        self.board.close()

    def _ended(self, machine: int) -> dict[str, Any] | None:
        ended: dict[str, Any] | None = self.board.read(machine).get("ended")
        return ended if ended and ended["number"] == self.number else None

    def _is_through(self, machine: int) -> bool:
        return self._ended(machine) is not None or self._is_lost(machine)

    def _is_lost(self, machine: int) -> bool:
        page = self.board.read(machine)
        return bool(page.get("bye")) or self.board.silence(machine) > self.lost_seconds

    def _lost(self, machine: int) -> str:
        if reason := self.board.read(machine).get("bye"):
            return f"{self._name(machine)} has ended: {reason}"
        silence = self.board.silence(machine)
        return f"{self._name(machine)} has not been heard of for {silence:.0f} s"

    def _name(self, machine: int) -> str:
        host = self.board.read(machine).get("host") if machine else socket.gethostname()
        return f"machine {machine} ({host})"


class Follower:
    """A machine other than 0, which does what machine 0 announces."""

    def __init__(self, meeting: Meeting, patience: float) -> None:
        self.meeting = meeting
        self.lost_seconds = min(LOST_SECONDS, patience)
        self.network = network_environment(meeting)
        self.board = join(meeting, [0], patience)
        self.board.write(**hello(meeting))
        self.number = 0

    def tasks(self) -> Iterator[dict[str, Any]]:
        """What machine 0 announces, until the suite ends; raises UserError where it is lost."""
        while (end := self.board.read(0).get("end")) is None:
            if lost := self.lost():
                raise UserError(f"{lost}; this machine has ended its processes.")
            task = self.board.read(0).get("task")
            if task and task["number"] > self.number:
                self.number = task["number"]
                yield task
            time.sleep(EXCHANGE_SECONDS)
        if end["reason"]:
            print(f"machine 0 has ended: {end['reason']}", file=sys.stderr)

    def exit_code(self) -> int:
        """That of machine 0."""
        return int(self.board.read(0)["end"]["code"])

    def complaint(self) -> str | None:
        """Why the processes here must be ended, or None."""
        page = self.board.read(0)
        if "end" in page or page.get("stop") == self.number:
            return "stopped by machine 0"
        return self.lost()

    def lost(self) -> str | None:
        """That machine 0 is out of reach, in words, or None."""
        where = f"machine 0 ({self.meeting.host}:{self.meeting.port})"
        if self.board.failed:
            return f"{where} is gone"
        if self.board.silence(0) > self.lost_seconds:
            return f"{where} has not been heard of for {self.board.silence(0):.0f} s"
        return None

    def leave(self, reason: str) -> None:
        """Tell machine 0 that this machine has ended, and why."""
        self.board.write(bye=reason)
        self.board.flush(END_SECONDS)
        self.board.close()


def _likelihood(failure: Failure) -> tuple[int, float]:
    """Smallest for what most likely made the other processes fail."""
    return CAUSES.index(failure["cause"]), failure["time"]


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
