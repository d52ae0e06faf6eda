"""Scorers whose metrics are known without training."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from benchmark.datasets.dataset import EventBatch
from benchmark.randomness import random_integers


class Blind:
    """A scorer that learns nothing from what it observes."""

    def observe(self, events: EventBatch) -> None:
        pass


class Oracle(Blind):
    """Knows the answer: it stands in the event."""

    def score(self, events: EventBatch, candidates: Tensor) -> Tensor:
        return (candidates == events.dst.unsqueeze(1)).float()


class Constant(Blind):
    """Cannot tell any candidate from another."""

    def score(self, events: EventBatch, candidates: Tensor) -> Tensor:
        return torch.full(candidates.shape, 0.5)


class Random(Blind):
    """A score that depends on the event and the column only, so that batches do not matter."""

    def score(self, events: EventBatch, candidates: Tensor) -> Tensor:
        counters = events.ids.unsqueeze(1) * 10_000 + torch.arange(candidates.shape[1])
        return random_integers(2024, counters, 1 << 24).float()


@dataclass
class EdgeBank:
    """Scores 1 where the pair has been seen before, else 0 (Poursafaei et al., NeurIPS'22)."""

    seen: set[tuple[int, int]] = field(default_factory=set)

    def score(self, events: EventBatch, candidates: Tensor) -> Tensor:
        rows = zip(events.src.tolist(), candidates.tolist(), strict=True)
        return torch.tensor([[float((src, dst) in self.seen) for dst in row] for src, row in rows])

    def observe(self, events: EventBatch) -> None:
        self.seen.update(zip(events.src.tolist(), events.dst.tolist(), strict=True))


@dataclass
class Recorder:
    """Writes down what it is asked, in order."""

    calls: list[tuple[str, list[int]]] = field(default_factory=list)

    def score(self, events: EventBatch, candidates: Tensor) -> Tensor:
        self.calls.append(("score", events.ids.tolist()))
        return torch.zeros(candidates.shape)

    def observe(self, events: EventBatch) -> None:
        self.calls.append(("observe", events.ids.tolist()))
