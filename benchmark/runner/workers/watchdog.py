"""Sees from outside how far the processes of an experiment are, and whether one hangs."""

import contextlib
import time
from typing import Any

import psutil

from benchmark.experiment import Experiment
from benchmark.records.run_folder import RunFolder

# A process may take so long to its first sign of life: downloads and preparation come before it.
START_UP_SECONDS = 3600.0


class Watchdog:
    """Compares the heartbeats of this machine's ``ranks`` with the limits of the experiment.

    A heartbeat counts from when it was first seen here, so that neither a clock that is set nor a
    machine that sleeps makes a process look hung.
    """

    def __init__(self, experiment: Experiment, folder: RunFolder, ranks: range) -> None:
        self.ranks = ranks
        self.heartbeat_seconds = experiment.heartbeat_seconds
        self.time_limit_minutes = experiment.time_limit_minutes
        self.folder = folder
        self.start = time.monotonic()
        self.beats: dict[int, dict[str, Any]] = {}
        self.seen: dict[int, float] = {}

    def complaint(self) -> str | None:
        """Why the experiment must be stopped, in one sentence, or None."""
        now = time.monotonic()
        for rank, beat in self.folder.heartbeats().items():
            if rank in self.ranks and self.beats.get(rank) != beat:
                self.beats[rank], self.seen[rank] = beat, now
        if self.time_limit_minutes is not None and now - self.start > 60 * self.time_limit_minutes:
            return f"stopped after time_limit_minutes={self.time_limit_minutes:g}"
        return self._hung(now)

    def position(self) -> tuple[str, int, int]:
        """Phase, steps done and steps in all of the first rank that has reported."""
        if not self.beats:
            return ("starting", 0, 0)
        beat = self.beats[min(self.beats)]
        return (beat["phase"], beat["done"], beat["total"])

    def _hung(self, now: float) -> str | None:
        if not self.seen:
            if now - self.start > max(START_UP_SECONDS, self.heartbeat_seconds):
                return f"no process has reported in the first {now - self.start:.0f} s"
            return None
        if all(now - seen <= self.heartbeat_seconds for seen in self.seen.values()):
            return None
        rank = min(self.ranks, key=self._suspicion)
        if rank not in self.seen:
            return f"rank {rank} has not reported since the start {now - self.start:.0f} s ago"
        beat = self.beats[rank]
        return (
            f"rank {rank} has not reported for {now - self.seen[rank]:.0f} s "
            f"(last at {beat['phase']} {beat['done']}/{beat['total']}"
            f"{', its process is stopped' if self._is_stopped(rank) else ''})"
        )

    def _suspicion(self, rank: int) -> tuple[bool, float]:
        """Smallest for the rank that the others most likely wait for."""
        return (not self._is_stopped(rank), self.seen.get(rank, 0.0))

    def _is_stopped(self, rank: int) -> bool:
        with contextlib.suppress(psutil.NoSuchProcess, KeyError):
            status = psutil.Process(self.beats[rank]["pid"]).status()
            return bool(status == psutil.STATUS_STOPPED)
        return False
