"""The walk along the stream that every evaluation makes: predict a batch, then observe it."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset, EventBatch, SplitName

Predict = Callable[[EventBatch, Tensor], Tensor]


class Observer(Protocol):
    """Whatever takes in the events that it was asked about before."""

    def observe(self, events: EventBatch) -> None:
        """Let node memory (and any neighbour store) take in a whole batch of events."""


@torch.no_grad()
def walk(
    observer: Observer,
    predict: Predict,
    dataset: Dataset,
    events: range,
    batch_size: int,
    *,
    on_batch: Callable[[int, int], None] | None = None,
    share: tuple[int, int] = (0, 1),
    combine: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Predictions for ``events``, which lie in one piece: float64 [num_events, width], on the CPU.

    ``predict(batch, rows)`` gives those of some ``rows`` of a batch, [num_rows, width], before the
    batch is observed. ``on_batch(done, total)`` is told the events done after each batch. With
    ``share=(rank, world)`` the rows rank::world of each batch are predicted here and all of it is
    observed; ``combine`` must then return the sum of a tensor over the processes.
    """
    rank, world = share
    _check(batch_size, share, combine)
    pooled = torch.empty(0)
    for start in range(events.start, events.stop, batch_size):
        batch = dataset.batch(start, min(start + batch_size, events.stop))
        first = start - events.start
        rows = torch.arange(len(batch))[rank::world]
        predicted = _predict(predict, batch, rows)
        if first == 0:
            pooled = torch.zeros(len(events), predicted.shape[1], dtype=torch.float64)
        pooled[first + rows] = predicted
        observer.observe(batch)
        if on_batch is not None:
            on_batch(first + len(batch), len(events))
    return pooled if combine is None else combine(pooled)


def split_events(dataset: Dataset, split: SplitName) -> range:
    """The events of one split; raises ValueError if there is none."""
    events = dataset.split.range(split)
    if not events:
        raise ValueError(
            f"the {split} split of data set '{dataset.name}' has no event to evaluate; "
            "move its boundaries."
        )
    return events


def _predict(predict: Predict, batch: EventBatch, rows: Tensor) -> Tensor:
    """Predictions for ``rows`` of the batch, on the CPU in float64.

    A process without a row of its own predicts one and drops it: a system may communicate while it
    predicts, so every process must ask about every batch.
    """
    asked = rows if rows.numel() else torch.zeros(1, dtype=torch.int64)
    return predict(batch, asked)[: rows.numel()].to("cpu", torch.float64)


def _check(
    batch_size: int, share: tuple[int, int], combine: Callable[[Tensor], Tensor] | None
) -> None:
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; evaluation needs at least 1 event a batch.")
    rank, world = share
    if not 0 <= rank < world:
        raise ValueError(f"share ({rank}, {world}) is not a rank below a number of processes.")
    if world > 1 and combine is None:
        raise ValueError(f"a share of {world} processes needs `combine` to sum their scores.")
