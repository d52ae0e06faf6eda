"""The contract between a system (how a model is trained over devices) and the rest of the suite."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from benchmark.datasets.dataset import EventBatch
from benchmark.parallelism import Parallelism
from benchmark.visibility import Visibility

ReportProgress = Callable[[str, int, int], None]  # (phase, steps done, steps in all)


class Goal(StrEnum):
    """What a task wants a system to learn."""

    LINKS = "links"  # which destination an event has
    EDGE_CLASSES = "edge_classes"  # which class or classes it has
    LINKS_AND_NODE_CLASSES = "links_and_node_classes"  # both its destination and its source's class


@dataclass(frozen=True)
class TrainingSettings:
    """What every system is told about how to train.

    ``epochs`` counts sweeps over the training events, summed over trainers; ``batch_size`` is that
    of one trainer; ``learning_rate`` is that of one trainer. In the folder ``cache`` a system may
    keep what later runs can use again; None keeps nothing. Evaluation takes as many roots at once
    as their neighbours' inputs fill ``evaluation_mebibytes``.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    parallelism: Parallelism
    device: torch.device
    cache: Path | None = None
    evaluation_mebibytes: int = 64
    goal: Goal = Goal.LINKS


class Step(NamedTuple):
    """This process's part of one training iteration; the sum over processes is the whole.

    ``loss`` is a scalar tensor, the losses of its trainers divided by the number of all trainers;
    ``num_events`` the positive events they trained on.
    """

    loss: Tensor
    num_events: int


class StreamScorer(Protocol):
    """What the evaluator needs: for every batch first ``score``, then ``observe``."""

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
class SourceEmbedder(Protocol):
    """A system whose embeddings can be taken out, to train something else on them."""

    def restart(self) -> None:
        """Continue evaluation from the start of the stream, with an empty node memory."""

    def embed_sources(self, events: EventBatch) -> Tensor:
        """Embeddings [num_events, embedding_dim] of the sources, each before its event."""

    def observe(self, events: EventBatch) -> None:
        """As ``StreamScorer``."""


@runtime_checkable
class Pretrains(Protocol):
    """A system that may train something before the first round."""

    pretraining: dict[str, float]  # how that went, for the record; empty where there was none


class System(StreamScorer, Protocol):
    """A trainer of one model on one data set.

    ``benchmark.build.build_system`` calls the class with ``dataset``, ``protocol``, ``model`` (a
    function that builds the network; None where ``trains`` is None), ``training``, ``processes``
    and the options in its yaml.
    After ``train_round`` the node memory has seen the training events and evaluation continues
    from there; ``train_round`` resets it before it starts again.
    """

    trains: type[nn.Module] | None  # the networks that it can train; None if it trains none
    visibility: Visibility  # what this system really honours, whatever the protocol asks for
    num_rounds: int  # rounds that make up the configured number of epochs
    epochs_per_round: int  # sweeps over the training events in one round, summed over trainers
    iterations_per_round: int
    seconds_by_part: dict[str, float]  # wall seconds of this process in training, by what it did

    def prepare(self, report: ReportProgress) -> dict[str, float]:
        """What must be done once, before the first round of a run that does not resume.

        Calls ``report`` at every step and returns the seconds of each part by its name.
        """

    def train_round(self) -> Iterator[Step]:
        """Train one round, yielding after every iteration."""

    def state_dict(self) -> dict[str, Any]:
        """Everything that continuing after a round needs."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state_dict``."""

    def close(self) -> None:
        """Give back helper processes and shared memory; called when all processes are done."""
