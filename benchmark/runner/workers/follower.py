"""A machine other than 0, which runs its part of what machine 0 announces."""

import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmark.errors import UserError
from benchmark.runner.workers.board import EXCHANGE_SECONDS, join
from benchmark.runner.workers.fleet import END_SECONDS, LOST_SECONDS
from benchmark.runner.workers.meeting import Meeting, network_environment


class LostHeadError(UserError):
    """Machine 0 is out of reach; the processes here have been ended."""


class Follower:
    """A machine other than 0, which does what machine 0 announces."""

    def __init__(self, meeting: Meeting, patience: float) -> None:
        self.meeting = meeting
        self.lost_seconds = min(LOST_SECONDS, patience)
        self.network = network_environment(meeting)
        self.board = join(meeting, [0], patience)
        self.number = 0

    def tasks(self) -> Iterator[dict[str, Any]]:
        """What machine 0 announces, until the suite ends; raises LostHeadError."""
        while (end := self.board.read(0).get("end")) is None:
            if lost := self.lost():
                raise LostHeadError(f"{lost}; this machine has ended its processes.")
            task = self.board.read(0).get("task")
            if (
                task is not None
                and task["for"][self.meeting.here] == self.board.came
                and task["number"] > self.number
            ):
                self.number = task["number"]
                self.board.write(ended=None)
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
