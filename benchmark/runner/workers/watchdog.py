"""Sees from outside how far the processes of an experiment are, and whether one hangs."""

import contextlib
import time
from typing import Any

import psutil

from benchmark.experiment import Experiment
from benchmark.machine.process_tree import ProcessTree
from benchmark.records.run_folder import RunFolder

STARTING = "start"  # the phase before the work that reports itself
# So long may processes start as long as they are seen to do something: to prepare a large data set.
START_UP_SECONDS = 3600.0
BUSY = 0.05  # of ``Member.spent`` since the last look


class Watchdog:
    """Compares the heartbeats of ``ranks`` with the limits of the experiment, from its start on.

    The ranks are those of this machine; without them, all.

    A heartbeat counts from when it was first seen here, so that neither a clock that is set nor a
    machine that sleeps makes a process look hung. Before the first of its training a process that
    computes or reads, as the members of ``tree`` tell, counts as one that reports.
    """

    def __init__(
        self,
        experiment: Experiment,
        folder: RunFolder,
        tree: ProcessTree | None = None,
        ranks: range | None = None,
    ) -> None:
        self.ranks = range(experiment.processes) if ranks is None else ranks
        self.heartbeat_seconds = experiment.heartbeat_seconds
        self.time_limit_minutes = experiment.time_limit_minutes
        self.folder = folder
        self.tree = tree
        self.start = self.looked = time.monotonic()
        self.spent = 0.0
        self.beats: dict[int, dict[str, Any]] = {}
        self.seen = dict.fromkeys(self.ranks, self.start)
        self.stopped: dict[str, float] = {}  # seconds that a process was seen to be stopped

    def complaint(self) -> str | None:
        """Why the experiment must be stopped, in one sentence, or None."""
        now = time.monotonic()
        since = min(now - self.looked, self.heartbeat_seconds / 2)
        # So long nobody looked: this process was stopped too, perhaps with all the others.
        away = now - self.looked - since
        self.seen = {rank: seen + away for rank, seen in self.seen.items()}
        for rank, beat in self.folder.heartbeats().items():
            if rank in self.ranks and self.beats.get(rank) != beat:
                self.beats[rank], self.seen[rank] = beat, now
        self._look_at_processes(now, since)
        self.looked = now
        if self.time_limit_minutes is not None and now - self.start > 60 * self.time_limit_minutes:
            return f"stopped after time_limit_minutes={self.time_limit_minutes:g}"
        return self._hung(now) or self._stopped(now)

    def position(self) -> tuple[str, int, int]:
        """Phase, steps done and steps in all of the first rank that has reported."""
        if not self.beats:
            return ("starting: importing packages", 0, 0)
        beat = self.beats[min(self.beats)]
        if beat["phase"] == STARTING:
            return ("starting: loading the data set, compiling", 0, 0)
        return (beat["phase"], beat["done"], beat["total"])

    def _look_at_processes(self, now: float, since: float) -> None:
        """Take what is done in starting up for a report, and note who is stopped.

        A look adds a little, ``since``, however long ago the last one was.
        """
        if self.tree is None or not self.tree.members:
            return
        root, *others = self.tree.members.values()
        spent = sum(member.spent() for member in others or [root])
        if spent - self.spent >= BUSY and now - self.start <= START_UP_SECONDS:
            for rank in self.seen:
                if self._is_starting(rank):
                    self.seen[rank] = now
        self.spent = max(self.spent, spent)
        ranks = {beat.get("pid"): f"rank {rank}" for rank, beat in self.beats.items()}
        held = {ranks.get(m.process.pid) or m.name() for m in others if m.is_stopped()}
        held |= {ranks.get(root.process.pid, "the launcher")} if root.is_stopped() else set()
        self.stopped = {name: self.stopped.get(name, 0.0) + since for name in held}

    def _stopped(self, now: float) -> str | None:
        for name, seconds in self.stopped.items():
            if seconds > self.heartbeat_seconds:
                silent = [rank for rank in self.beats if name == f"rank {rank}"]
                return self._silence(silent[0], now) if silent else f"{name} is stopped"
        return None

    def _hung(self, now: float) -> str | None:
        if all(now - seen <= self.heartbeat_seconds for seen in self.seen.values()):
            return None
        rank = min(self.ranks, key=self._suspicion)
        if self.stopped and not self._is_stopped(rank):
            return f"{next(iter(self.stopped))} is stopped"
        if not self.beats:
            return f"no process has reported in the first {now - self.start:.0f} s"
        return self._silence(rank, now)

    def _silence(self, rank: int, now: float) -> str:
        if rank not in self.beats:
            return f"rank {rank} has not reported since the start {now - self.start:.0f} s ago"
        beat = self.beats[rank]
        return (
            f"rank {rank} has not reported for {now - self.seen[rank]:.0f} s "
            f"(last at {beat['phase']} {beat['done']}/{beat['total']}"
            f"{', its process is stopped' if self._is_stopped(rank) else ''})"
        )

    def _suspicion(self, rank: int) -> tuple[bool, bool, float]:
        """Smallest for the rank that the others most likely wait for."""
        return (not self._is_stopped(rank), rank in self.beats, self.seen[rank])

    def _is_starting(self, rank: int) -> bool:
        return rank not in self.beats or self.beats[rank]["phase"] == STARTING

    def _is_stopped(self, rank: int) -> bool:
        with contextlib.suppress(psutil.Error, OSError, KeyError):
            status = psutil.Process(self.beats[rank]["pid"]).status()
            return bool(status == psutil.STATUS_STOPPED)
        return False
