"""Which of the posted reads, writes and resets of a memory copy is served next."""

from collections.abc import Collection, Iterator
from itertools import count

from benchmark.disttgl.memory.messages import Key, Setup
from benchmark.disttgl.schedule import Schedule, Service, services


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
