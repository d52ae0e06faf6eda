"""EdgeBank (Poursafaei et al., NeurIPS'22, arXiv 2207.10128): a link is there if it was before.

The floor of every comparison: it trains nothing and looks only at which pairs have met. A batch
is scored from the batches before it, as DyGLib does, so it honours ``Visibility.BATCH``.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from benchmark.datasets.dataset import EventBatch
from benchmark.graph.distinct import Pairs
from benchmark.graph.past import Visibility
from benchmark.parallelism import Parallelism
from benchmark.training.system import Job, Step, System

NEVER = -1  # the time at which an unseen pair last met; times are not negative


class EdgeBankSystem(System):
    """Scores a pair 1 if it is remembered, else 0.

    ``window`` is the share of the observed events, the latest ones, whose pairs are remembered:
    those no older than the quantile 1 - ``window`` of the observed times, as DyGLib's
    "fixed_proportion". With 1 nothing is forgotten. One sweep over the training events is all
    there is to learn, however many epochs are configured.
    """

    visibility = Visibility.BATCH
    num_rounds = 1
    iterations_per_round = 1

    @classmethod
    def check(
        cls, parallelism: Parallelism, num_processes: int, options: Mapping[str, Any]
    ) -> None:
        """As ``benchmark.training.system.System.check``."""
        if not 0 < options["window"] <= 1:
            raise ValueError(
                f"system.window is {options['window']}; it must be above 0 and at most 1."
            )
        if parallelism.num_trainers != 1:
            raise ValueError(
                f"system edgebank trains nothing and needs parallelism 1x1x1, not {parallelism}."
            )

    def __init__(self, job: Job, *, window: float) -> None:
        super().__init__(job)
        self.check(job.training.parallelism, job.processes.world_size, {"window": window})
        dataset = job.dataset
        self.dataset = dataset
        self.window = window
        stream = dataset.stream
        self.pairs = Pairs(stream.src, stream.dst, dataset.num_nodes)
        self.last_met = torch.full((len(self.pairs),), NEVER)
        self.num_observed = 0

    def train_round(self) -> Iterator[Step]:
        """Take in the training events, in one iteration without a loss."""
        self.last_met.fill_(NEVER)
        self.num_observed = 0
        events = self.dataset.batch(0, self.dataset.split.train_end)
        self.observe(events)
        yield Step(torch.zeros(()), len(events))

    def score(self, events: EventBatch, candidates: Tensor) -> Tensor:
        """1 where the pair of source and candidate is remembered, else 0."""
        if not self.num_observed:
            return torch.zeros(candidates.shape)
        places = self.pairs.positions(events.src.unsqueeze(1).expand_as(candidates), candidates)
        last_met = torch.where(places < 0, NEVER, self.last_met[places])
        return ((last_met != NEVER) & (last_met >= self._oldest_remembered())).float()

    def observe(self, events: EventBatch) -> None:
        """Remember when the pairs of a batch met; every batch must come, in order."""
        places = self.pairs.positions(events.src, events.dst)
        self.last_met.scatter_reduce_(0, places, events.t, "amax")
        self.num_observed = events.start + len(events)

    @property
    def position(self) -> int:
        """How many events of the stream were observed."""
        return self.num_observed

    def state_dict(self) -> dict[str, Any]:
        """When each pair last met."""
        return {"last_met": self.last_met.clone(), "num_observed": self.num_observed}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a ``state_dict`` of the same data set."""
        self.last_met.copy_(state["last_met"])
        self.num_observed = state["num_observed"]

    def _oldest_remembered(self) -> int:
        """The quantile 1 - ``window`` of the observed times, interpolated linearly as numpy's.

        Rounded up, which is the same boundary for whole times; torch would compare them with a
        fraction in float32.
        """
        place = (self.num_observed - 1) * (1 - self.window)
        below = int(place)
        above = min(below + 1, self.num_observed - 1)
        first, second = self.dataset.stream.t[[below, above]].tolist()
        return math.ceil(first + (second - first) * (place - below))
