"""The contract between a system (how a model is trained over devices) and the rest of the suite."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from benchmark.datasets.dataset import Dataset, EventBatch
from benchmark.graph.past import Visibility
from benchmark.parallelism import Parallelism
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.training.processes import Processes
from benchmark.training.stopwatch import Stopwatch

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


@dataclass(frozen=True)
class Job:
    """What a system is given to train: one ``model`` on one data set.

    ``model`` is a function that builds the network; None where the system ``trains`` none.
    """

    dataset: Dataset
    protocol: LinkProtocol
    model: Callable[..., Any] | None
    training: TrainingSettings
    processes: Processes

    @property
    def trainers(self) -> range:
        """The numbers of the logical trainers that this process hosts."""
        processes = self.processes
        return self.training.parallelism.trainers_of(processes.rank, processes.world_size)


class Step(NamedTuple):
    """This process's part of one training iteration; the sum over processes is the whole.

    ``loss`` is a scalar tensor, the losses of its trainers divided by the number of all trainers,
    NaN where a gradient is not finite (``gradients.noting_gradients``);
    ``num_events`` the positive events they trained on.
    """

    loss: Tensor
    num_events: int


class System(ABC):
    """A trainer of one model on one data set.

    ``tasks.build.build_system`` calls the class with a ``Job`` and the options in its yaml.
    After ``train_round`` the node memory has seen the training events and evaluation continues
    from there; ``train_round`` resets it before it starts again. What a system does not write is
    not needed, but for the abstract methods.
    """

    trains: type[nn.Module] | None = None  # the networks that it can train; None if it trains none
    visibility: Visibility  # what this system really honours, whatever the protocol asks for
    num_rounds: int  # rounds that make up the configured number of epochs
    epochs_per_round: int = 1  # sweeps over the training events in one round, summed over trainers
    iterations_per_round: int
    options: type | None = None  # a data class of the options; None: the constructor names them

    def __init__(self, job: Job) -> None:
        self.job = job
        self.stopwatch = Stopwatch()
        self.pretraining: dict[str, float] = {}  # how ``prepare`` pre-trained, for the record

    @property
    def seconds_by_part(self) -> dict[str, float]:
        """Wall seconds of this process in training, by what it did."""
        return self.stopwatch.seconds

    @classmethod  # noqa: B027 - most systems train with anything
    def check(
        cls, parallelism: Parallelism, num_processes: int, options: Mapping[str, Any]
    ) -> None:
        """Refuse with ValueError, before anything is loaded, what cannot be trained."""

    def prepare(self, report: ReportProgress) -> dict[str, float]:
        """What must be done once, before the first round of a run that does not resume.

        Calls ``report`` at every step and returns the seconds of each part by its name.
        """
        return {}

    def flaw_of_data(self) -> str | None:
        """Where a feature that it is trained on is not finite, in words; None where all are."""
        return self.job.dataset.flaw_of_features()

    @property
    def position(self) -> int | None:
        """How many events of the stream evaluation has taken in; None where it cannot tell.

        Evaluation that would start elsewhere is refused (``benchmark.protocol.walk``).
        """
        return None

    @abstractmethod
    def train_round(self) -> Iterator[Step]:
        """Train one round, yielding after every iteration."""

    @abstractmethod
    def score(self, events: EventBatch, candidates: Tensor) -> Tensor:
        """Scores [num_events, num_candidates] as ``benchmark.protocol.walk.StreamScorer``."""

    @abstractmethod
    def observe(self, events: EventBatch) -> None:
        """Let node memory (and any neighbour store) take in a whole batch of events."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Everything that continuing after a round needs."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state_dict``, or evaluate from ``evaluation_state``."""

    def evaluation_state(self) -> dict[str, Any]:
        """Everything that evaluation from here on needs: weights and node memory.

        Asked of one process alone. Node memory is a copy; weights may be those in use.
        """
        return self.state_dict()

    def close(self) -> None:  # noqa: B027 - most systems hold nothing
        """Give back helper processes and shared memory; called when all processes are done."""
