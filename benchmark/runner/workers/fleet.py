"""Several machines run the experiments of one suite, as machine 0 sees it, which leads."""

import secrets
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.errors import UserError
from benchmark.experiment import Experiment
from benchmark.records.run_folder import CAUSES, RunFolder
from benchmark.runner.workers.board import EXCHANGE_SECONDS, Page, hello, join
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


class Fleet:
    """All machines, as machine 0 sees them.

    ``patience`` in seconds is for those yet to come, which ones that were lost may do again for
    ``restarts`` times.
    """

    def __init__(self, meeting: Meeting, patience: float, restarts: int = 0) -> None:
        self.meeting = meeting
        self.patience = patience
        self.restarts = restarts
        self.lost_seconds = min(LOST_SECONDS, patience)
        self.others = range(1, meeting.number)
        self.network = network_environment(meeting)
        self.number = 0  # of the experiment
        self.folder: RunFolder | None = None  # of the experiment
        self.mark: Path | None = None
        self.came: dict[int, int] = {}  # which command of each machine takes part
        self.board = join(meeting, self.others, patience)

    def gather(self) -> None:
        """Wait until every machine is here; raises UserError if one does not come, or fit."""
        deadline = time.monotonic() + self.patience
        while waiting := [each for each in self.others if not self._is_here(each)]:
            if time.monotonic() > deadline:
                raise UserError(
                    f"machine {waiting[0]} of {self.meeting.number} has not come to "
                    f"{self.meeting.host}:{self.meeting.port} within {self.patience:g} s; start "
                    "the same command on it."
                )
            time.sleep(EXCHANGE_SECONDS)
        mine = hello(self.meeting)
        identities = {mine["identity"]: 0}
        for machine in self.others:
            page = self.board.read(machine)
            first = identities.setdefault(page["identity"], machine)
            if first != machine:
                raise UserError(
                    f"machines {first} and {machine} are one and the same ({page['host']}): start "
                    "the command once on each machine."
                )
            self._check_code(machine, mine, page)
            self.came[machine] = page["came"]

    def gather_again(self, say: Callable[[str], None]) -> bool:
        """Wait for machines that were lost; whether all are here and may start once more."""
        lost = [each for each in self.others if self._is_lost(each)]
        if not lost or self.restarts == 0:
            return False
        self.restarts -= 1
        say(f"{self._lost(lost[0])}; waiting up to {self.patience:g} s for it to come back")
        try:
            self.gather()
        except UserError as error:
            say(str(error))
            return False
        return True

    def announce(self, experiment: Experiment, folder: RunFolder) -> Rendezvous:
        """Have the others start their processes of an experiment whose folder is prepared."""
        self.number += 1
        self.folder = folder
        self.mark = folder.path / f".mark-{secrets.token_hex(8)}"
        self.mark.touch()
        endpoint = f"{self.meeting.host}:{_free_port(self.meeting.host)}"
        self.board.write(
            task={
                "number": self.number,
                "for": [self.came.get(machine, 0) for machine in range(self.meeting.number)],
                "config": experiment.config(),
                "folder": str(folder.path.relative_to(experiment.results_dir)),
                "mark": self.mark.name,
                "endpoint": endpoint,
            }
        )
        return Rendezvous(0, self.meeting.number, endpoint)

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
            noted += [(machine, failure) for failure in self._kept(machine)]
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

    def _check_code(self, machine: int, mine: Page, page: Page) -> None:
        name = self._name(machine)
        if page["code"] != mine["code"]:
            raise UserError(
                f"{name} has other code (commit {page['commit']}) than machine 0 (commit "
                f"{mine['commit']}): bring all to the same commit, without changes."
            )
        for library, version in mine["versions"].items():
            if page["versions"][library] != version:
                raise UserError(
                    f"{name} has {library} {page['versions'][library]} and machine 0 has "
                    f"{version}: install the same on all."
                )

    def _kept(self, machine: int) -> list[Failure]:
        """Why processes of a machine ended; what it has not noted in our folder is noted there."""
        ended = self._ended(machine) or {"failures": [], "log": None}
        if ended["log"] is not None and self.folder is not None:
            (self.folder.path / log_name(machine)).write_text(ended["log"])
            for failure in ended["failures"]:
                self.folder.note_failure(failure["rank"], failure["reason"], failure["cause"])
        return list(ended["failures"])

    def _ended(self, machine: int) -> dict[str, Any] | None:
        ended: dict[str, Any] | None = self.board.read(machine).get("ended")
        return ended if ended and ended["number"] == self.number else None

    def _is_through(self, machine: int) -> bool:
        return self._ended(machine) is not None or self._is_lost(machine)

    def _is_here(self, machine: int) -> bool:
        page = self.board.read(machine)
        silent = self.board.silence(machine) > self.lost_seconds
        return "host" in page and "bye" not in page and not silent

    def _is_lost(self, machine: int) -> bool:
        came = self.board.read(machine).get("came")
        return not self._is_here(machine) or came != self.came.get(machine)

    def _lost(self, machine: int) -> str:
        if self._is_here(machine):
            return f"{self._name(machine)} was started again"
        if reason := self.board.read(machine).get("bye"):
            return f"{self._name(machine)} has ended: {reason}"
        silence = self.board.silence(machine)
        return f"{self._name(machine)} has not been heard of for {silence:.0f} s"

    def _name(self, machine: int) -> str:
        host = self.board.read(machine).get("host") if machine else socket.gethostname()
        return f"machine {machine} ({host})"


def log_name(machine: int) -> str:
    """What the log of a machine other than 0 is called."""
    return f"log-machine{machine}.txt"


def _likelihood(failure: Failure) -> tuple[int, float]:
    """Smallest for what most likely made the other processes fail."""
    return CAUSES.index(failure["cause"]), failure["time"]


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
