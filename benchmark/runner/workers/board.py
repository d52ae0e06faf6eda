"""A board on which every machine writes one page and reads those of others."""

import json
import platform
import socket
import threading
import time
from collections.abc import Collection
from datetime import timedelta
from typing import Any

import numba
import numpy as np
import torch
from torch.distributed import DistError, DistNetworkError, DistStoreError, TCPStore

from benchmark.errors import UserError, one_sentence
from benchmark.machine.environment import commit, source_checksum
from benchmark.machine.place import machine_identity
from benchmark.runner.workers.meeting import Meeting

Page = dict[str, Any]
EXCHANGE_SECONDS = 0.25
CLOSE_SECONDS = 10.0


class Board:
    """The pages of the machines, held by machine 0 in a TCPStore.

    A thread of its own exchanges them, because a call may wait for an answer as long as the network
    likes; so nothing here waits, and silence is seen by the clock of this machine.

    A machine may come again, with another command: then ``came`` has grown, and a page that an
    earlier one still writes is not read. ``twin`` is the page of one that is still at work.
    """

    def __init__(
        self, meeting: Meeting, others: Collection[int], join_seconds: float, page: Page
    ) -> None:
        host, port, here = meeting.host, meeting.port, meeting.here
        self.here = here
        self.others = others
        self.pages: dict[int, Page] = {}
        self.failed: str | None = None  # why no page is exchanged any more
        self._heard = dict.fromkeys(others, time.monotonic())
        self._beats: dict[int, int] = {}
        self._written = 0
        self._ended = threading.Event()
        self._changed = threading.Condition()
        limit = timedelta(seconds=join_seconds)
        self._store = TCPStore(
            host, port, is_master=here == 0, timeout=limit, wait_for_workers=False
        )
        self.came = self._store.add(f"came/{here}", 1)
        self._mine: Page = {**page, "came": self.came}
        self.twin = self._find_twin() if self.came > 1 else None
        self._thread = threading.Thread(target=self._exchange_until_ended, daemon=True)
        if self.twin is None:
            self._thread.start()

    def write(self, **changes: Any) -> None:
        """Change some lines of this machine's page."""
        with self._changed:
            self._mine = {**self._mine, **changes}

    def read(self, machine: int) -> Page:
        """The page of another machine as it was last seen, empty before."""
        return self.pages.get(machine, {})

    def silence(self, machine: int) -> float:
        """For how many seconds another machine has not been heard of."""
        return time.monotonic() - self._heard[machine]

    def flush(self, seconds: float) -> None:
        """Wait until the page as it is now has been written, but no longer than this."""
        before, deadline = self._written, time.monotonic() + seconds
        while self._written < before + 2 and self.failed is None and time.monotonic() < deadline:
            time.sleep(EXCHANGE_SECONDS / 5)

    def close(self) -> None:
        """Exchange no more pages.

        A thread that is in a call of the store while Python is taken down aborts the process
        ("terminate called without an active exception"), so its last exchange is waited for.
        """
        self._ended.set()
        self._thread.join(CLOSE_SECONDS)

    def _find_twin(self) -> Page | None:
        """The page with this machine's number if its beats go on; one may be written late."""
        pages = []
        for _ in range(2):
            time.sleep(4 * EXCHANGE_SECONDS)
            pages.append(self._page(self.here) or {"beat": 0})
        return pages[1] if pages[1]["beat"] > pages[0]["beat"] + 1 else None

    def _page(self, machine: int) -> Page | None:
        """What the store holds of a machine."""
        if not self._store.check([f"page/{machine}"]):
            return None
        page: Page = json.loads(self._store.get(f"page/{machine}"))
        return page

    def _exchange_until_ended(self) -> None:
        beat = 0
        while not self._ended.is_set():
            beat += 1
            try:
                self._exchange(beat)
            except (DistNetworkError, DistStoreError, RuntimeError) as error:
                self.failed = str(error).split("\n", maxsplit=1)[0]
                return
            self._ended.wait(EXCHANGE_SECONDS)

    def _exchange(self, beat: int) -> None:
        with self._changed:
            mine = {**self._mine, "beat": beat}
        self._store.set(f"page/{self.here}", json.dumps(mine))
        self._written += 1
        for machine in self.others:
            page = self._page(machine)
            if page is None or page["came"] < self.read(machine).get("came", 0):
                continue
            if page["beat"] != self._beats.get(machine):
                self._beats[machine], self._heard[machine] = page["beat"], time.monotonic()
            self.pages[machine] = page


def join(meeting: Meeting, others: Collection[int], patience: float) -> Board:
    """The board of a meeting, with the page of this machine begun.

    Raises UserError if machine 0 is not there within ``patience``, or another is this machine.
    """
    try:
        board = Board(meeting, others, patience, hello(meeting))
    except (DistError, RuntimeError) as error:
        at = f"{meeting.host}:{meeting.port}"
        if meeting.here == 0:
            raise UserError(
                f"machine 0 cannot listen at {at} ({one_sentence(error)}); give another port in "
                "machines.meet_at."
            ) from error
        raise UserError(
            f"machine {meeting.here} has not found machine 0 at {at} within {patience:g} s; start "
            "the same command there."
        ) from error
    if board.twin is not None:
        raise UserError(
            f"machines.here={meeting.here} is already at work on {board.twin.get('host')}; give "
            f"each machine a number of its own, from 0 to {meeting.number - 1}."
        )
    return board


def hello(meeting: Meeting) -> dict[str, Any]:
    """What the other machines are told of this one."""
    return {
        "host": socket.gethostname(),
        "address": meeting.address,
        "identity": machine_identity(),
        "commit": (commit() or "unknown")[:12],
        "code": source_checksum(),
        "versions": {
            "Python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "numba": numba.__version__,
        },
    }
