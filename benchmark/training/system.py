"""The contract between a system (how a model is trained over devices) and the rest of the suite."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from benchmark.randomness import seeded
from benchmark.training.processes import Processes

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
    NaN where a gradient is not finite (``learner.noting_gradients``);
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

        Asked of one process alone. They may be those in use: whoever keeps them copies them.
        """
        return self.state_dict()

    def close(self) -> None:  # noqa: B027 - most systems hold nothing
        """Give back helper processes and shared memory; called when all processes are done."""


class OneDeviceSystem(System):
    """A library's network, of which sentences speak as ``name``; a round is one epoch.

    The model of the job is called as ``model(num_nodes, edge_dim)``. Outside ``train_round`` it is
    in eval mode.
    """

    name: str
    visibility = Visibility.BATCH

    @classmethod
    def check(
        cls, parallelism: Parallelism, num_processes: int, options: Mapping[str, Any]
    ) -> None:
        """As ``benchmark.training.system.System.check``."""
        if parallelism.num_trainers != 1 or num_processes != 1:
            raise ValueError(
                f"system {cls.name} trains on one device and needs parallelism 1x1x1 on 1 process,"
                f" not {parallelism} on {num_processes}; choose system=disttgl for more trainers"
            )

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        training, dataset = job.training, job.dataset
        self.check(training.parallelism, job.processes.world_size, {})
        self.dataset = dataset
        self.training = training
        self.device = training.device
        self.num_rounds = training.epochs
        self.iterations_per_round = -(-dataset.split.train_end // training.batch_size)
        assert job.model is not None, "the suite gives no system of a model none"
        with seeded(self.device, training.seed, "weights"):
            self.model = job.model(dataset.num_nodes, dataset.edge_dim)
        self.model.to(self.device)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=training.learning_rate)
        self._evaluate()

    @torch.no_grad()
    def _evaluate(self) -> None:
        """Enter eval mode, on which the libraries apply all waiting messages to the memory."""
        self.model.eval()


class Stopwatch:
    """Adds up wall seconds by the name of a part: ``with stopwatch("compute"): ...``.

    A part inside another is taken out of the outer one, so that no second counts twice. On a GPU
    the seconds are those of the process, which launches kernels and goes on: waiting for them
    falls into the part that first needs a result.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inner = 0.0  # seconds of the finished parts inside the present one

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        before, self._inner = self._inner, 0.0
        start = time.perf_counter()
        try:
            yield
        finally:
            elapsed = time.perf_counter() - start
            self.seconds[part] = self.seconds.get(part, 0.0) + elapsed - self._inner
            self._inner = before + elapsed


def total_seconds(of_each: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The sum of several stopwatches' seconds by part, which need not have the same parts."""
    parts = dict.fromkeys(part for one in of_each for part in one)
    return {part: sum(one.get(part, 0.0) for one in of_each) for part in parts}
