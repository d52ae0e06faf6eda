"""What is asked of the server of a memory copy, and what it serves next.

A process sends ("hello", rank, pid), ("post", key, needs), ("ping",) and ("close",); the server
answers ("done", key), ("pong", what it waits for) and, before it ends early, ("failed", reason).
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Literal, NamedTuple

from benchmark.disttgl.memory.shared_buffers import Sizes
from benchmark.disttgl.schedule import Schedule, Service, services

LOOK_SECONDS = 2.0  # who waits looks so often whether the other side still lives


class Key(NamedTuple):
    """Names what is posted: the read or write of a trainer, the reset or start of a rank.

    Trainers are numbered within their group. A read needs the number of nodes of every set, a
    write the number of rows, a start the schedule and an iteration. A key is posted again only
    after the server has said that it is done.
    """

    kind: Literal["read", "write", "reset", "start"]
    number: int


@dataclass(frozen=True)
class Setup:
    """What the server of ``copy`` has to know; ``sharers`` are the ranks that will connect."""

    copy: int
    sizes: Sizes
    sharers: tuple[int, ...]
    world_size: int


class ServiceOrder:
    """Walks through the rounds of ``services``, from where all ranks that share the copy start.

    ``posted`` is always what has been posted and not served yet.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.rounds: Iterator[tuple[Service, dict[Key, int]]] = iter(())
        self.service: Service | None = None
        self.awaited: dict[Key, int] = {}  # what the next round is made of, and which rank posts it
        self.starts = {Key("start", rank): rank for rank in setup.sharers}

    def ready(self, posted: Collection[Key]) -> list[Key]:
        """What can be served now: a whole round, or a start; empty if something is missing."""
        for keys in (self.awaited, self.starts):
            if keys and all(key in posted for key in keys):
                return list(keys)
        return []

    def start(self, schedule: Schedule, iteration: int) -> None:
        """Make the first round of an iteration the next one."""
        self.rounds = self._rounds(schedule, iteration)
        self.advance()

    def advance(self) -> None:
        """Go on to the round after the next one."""
        self.service, self.awaited = next(self.rounds)

    def missing(self, posted: Collection[Key]) -> dict[Key, int]:
        """What must be posted before anything is served, and which rank is to do it."""
        starting = self.service is None or any(key in posted for key in self.starts)
        wanted = self.starts if starting else self.awaited
        return {key: rank for key, rank in wanted.items() if key not in posted}

    def describe_missing(self, posted: Collection[Key]) -> str:
        """Who is to do what next, in words."""
        missing = self.missing(posted).items()
        steps = sorted({f"rank {rank} to {key.kind}" for key, rank in missing})
        where = f" in iteration {self.service.iteration}" if self.service else ""
        return " and ".join(steps) + where

    def _rounds(
        self, schedule: Schedule, iteration: int
    ) -> Iterator[tuple[Service, dict[Key, int]]]:
        """The rounds in which anyone has something to do."""
        for service in services(schedule, self.setup.copy, count(iteration)):
            if awaited := self._keys(schedule, service):
                yield service, awaited

    def _keys(self, schedule: Schedule, service: Service) -> dict[Key, int]:
        """What is posted for a round; trainers without events of their own post nothing."""
        parallelism = schedule.parallelism
        ranks = {
            trainer: parallelism.process_of(trainer, self.setup.world_size)
            for trainer in parallelism.trainers_of_group(self.setup.copy)
        }
        if service.kind == "reset":
            return {Key("reset", rank): rank for rank in ranks.values()}
        return {
            Key(service.kind, trainer % parallelism.trainers_per_copy): ranks[trainer]
            for trainer in service.trainers
            if schedule.assignment(trainer, service.iteration).events
        }
