"""What an evaluator needs of a system, and the walk along the stream: predict, then observe."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset, EventBatch, SplitName


class StreamScorer(Protocol):
    """What link prediction needs: for every batch first ``score``, then ``observe``."""

    def score(self, events: EventBatch, candidates: Tensor) -> Tensor:
        """Scores [num_events, num_candidates] of the destinations ``candidates``; changes nothing.

        ``candidates`` holds node ids, int64 of the same shape.
        """

    def observe(self, events: EventBatch) -> None:
        """Let node memory (and any neighbour store) take in a whole batch of events."""


@runtime_checkable
class EventClassifier(Protocol):
    """A system that tells the classes of events, once it was trained to (``Goal``)."""

    def classify(self, events: EventBatch) -> Tensor:
        """Logits [num_events, num_classes] of what is to happen; changes nothing."""

    def observe(self, events: EventBatch) -> None:
        """As ``StreamScorer``."""


@runtime_checkable
class CatchesUp(Protocol):
    """A system that can be evaluated within a round, apart from the node memory it trains with."""

    def catch_up(self) -> None:
        """Let evaluation start from the training events, taken in with the weights of now."""


@runtime_checkable
class SourceEmbedder(Protocol):
    """A system whose embeddings can be taken out, to train something else on them."""

    def restart(self) -> None:
        """Continue evaluation from the start of the stream, with an empty node memory."""

    def embed_sources(self, events: EventBatch) -> Tensor:
        """Embeddings [num_events, embedding_dim] of the sources, each before its event."""

    def observe(self, events: EventBatch) -> None:
        """As ``StreamScorer``."""


Predict = Callable[[EventBatch], Tensor]


class Observer(Protocol):
    """Whatever takes in the events that it was asked about before."""

    def observe(self, events: EventBatch) -> None:
        """Let node memory (and any neighbour store) take in a whole batch of events."""


@dataclass(frozen=True)
class Sharing:
    """How processes share an evaluation, and who is told how far it is.

    Process ``rank`` of ``world_size`` predicts every ``world_size``-th batch, without the help of
    the others, and observes all. ``combine`` returns the sum of a float64 tensor over the
    processes. ``on_batch(done, total)`` is told the events done after each batch.
    """

    rank: int = 0
    world_size: int = 1
    combine: Callable[[Tensor], Tensor] | None = None
    on_batch: Callable[[int, int], None] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.world_size:
            raise ValueError(f"process {self.rank} is none of {self.world_size} processes.")
        if self.world_size > 1 and self.combine is None:
            raise ValueError(f"{self.world_size} processes need `combine` to sum their scores.")

    def predicts(self, number: int) -> bool:
        """Whether batch ``number`` of the walk is this process's own."""
        return number % self.world_size == self.rank

    def report(self, done: int, total: int) -> None:
        """Tell ``on_batch``, where there is one."""
        if self.on_batch is not None:
            self.on_batch(done, total)

    def sum(self, values: Tensor) -> Tensor:
        """The sum of ``values`` over the processes."""
        return values if self.combine is None else self.combine(values)


ALONE = Sharing()


@torch.no_grad()
def walk(
    observer: Observer,
    predict: Predict,
    dataset: Dataset,
    events: range,
    batch_size: int,
    sharing: Sharing = ALONE,
) -> Tensor:
    """Predictions for ``events``, which lie in one piece: float64 [num_events, width], on the CPU.

    ``predict(batch)`` gives those of a batch, [num_events, width], before the batch is observed.
    A batch is predicted whole by one process, so that several compute exactly what one does: the
    rounding of a matrix product depends on its number of rows.
    """
    _check_start(observer, events)
    pooled = torch.empty(0)
    for number, batch in enumerate(batches(dataset, events, batch_size)):
        first, mine = batch.start - events.start, sharing.predicts(number)
        if mine or number == 0:  # one row of the first batch tells the others the width
            predicted = predict(batch if mine else batch.select(slice(1)))
            if number == 0:
                pooled = torch.zeros(len(events), predicted.shape[1], dtype=torch.float64)
            if mine:
                pooled[first : first + len(batch)] = predicted.to("cpu", torch.float64)
        observer.observe(batch)
        sharing.report(first + len(batch), len(events))
    return sharing.sum(pooled)


def batches(dataset: Dataset, events: range, batch_size: int) -> Iterator[EventBatch]:
    """``events``, which lie in one piece, as an evaluation walks along them."""
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; evaluation needs at least 1 event a batch.")
    for start in range(events.start, events.stop, batch_size):
        yield dataset.batch(start, min(start + batch_size, events.stop))


def _check_start(observer: Observer, events: range) -> None:
    """Raise ValueError where node memory is known not to be that of the events before these."""
    position = getattr(observer, "position", None)
    if position not in (None, events.start):
        raise ValueError(
            f"evaluation begins at event {events.start}, and node memory has taken in {position} "
            "events: load the state in best/ of a run folder, which has its node memory, or train "
            "a round first."
        )


def split_events(dataset: Dataset, split: SplitName) -> range:
    """The events of one split; raises ValueError if there is none."""
    events = dataset.split.range(split)
    if not events:
        raise ValueError(
            f"the {split} split of data set '{dataset.name}' has no event to evaluate; "
            "move its boundaries."
        )
    return events
