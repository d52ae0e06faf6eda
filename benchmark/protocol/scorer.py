"""What an evaluator needs of a system."""

from typing import Protocol, runtime_checkable

from torch import Tensor

from benchmark.datasets.dataset import EventBatch


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
