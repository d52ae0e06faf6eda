"""One network and the table of rows that stands in the place of its node memory, in training."""

import math
from dataclasses import dataclass, fields
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.datasets.dataset import Dataset, EventBatch
from benchmark.graph.neighbor_index import NeighborIndex
from benchmark.graph.past import Visibility
from benchmark.graph.samplers import RecentSampler
from benchmark.machine.device import to_device
from benchmark.models.contract import TemporalModel
from benchmark.models.pairwise import answer
from benchmark.models.roots import EventRoots
from benchmark.models.subgraph import Subgraph, build_subgraph
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.metrics import link_metrics
from benchmark.protocol.negatives import NegativePool
from benchmark.randomness import generator, key_to_seed, normal_rows, seeded
from benchmark.training.objectives import softmax_link_loss
from benchmark.training.system import ReportProgress

HELD_OUT_NEGATIVES = 49  # as DistTGL evaluates
START_DEVIATION = 0.1  # of the rows; equal rows are a saddle, which they hardly leave


@dataclass(frozen=True)
class Pretraining:
    """How a static node memory is trained; everything but the events and the network.

    ``learning_rate`` is that of the network, ``table_learning_rate`` that of the rows; ``epochs``
    are the most there may be, ``patience`` how many of them may pass without a better mean
    reciprocal rank on the ``held_out`` share of training events, which train nothing.
    """

    epochs: int
    patience: int
    learning_rate: float
    table_learning_rate: float
    held_out: float
    batch_size: int
    num_negatives: int
    protocol: LinkProtocol
    seed: int

    def __post_init__(self) -> None:
        for option in ("epochs", "patience"):
            value = getattr(self, option)
            if value < 1:
                raise ValueError(
                    f"system.static_memory_{option} is {value}; it must be at least 1: set "
                    "system.static_memory=off to train without static memory."
                )
        for option in ("learning_rate", "table_learning_rate"):
            value = getattr(self, option)
            if not 0 < value < math.inf:
                raise ValueError(f"system.static_memory_{option} is {value}; it must be above 0.")
        if not 0 < self.held_out < 1:
            raise ValueError(
                f"system.static_memory_held_out is {self.held_out}; it must be a share of the "
                "training events between 0 and 1, both excluded."
            )

    def identity(self) -> dict[str, Any]:
        """Every setting that decides what is trained; of the protocol, what training draws from."""
        numbers = {option.name: getattr(self, option.name) for option in fields(self)}
        protocol = numbers.pop("protocol")
        return {
            **numbers,
            "negative_pool": protocol.negative_pool,
            "negative_sampling": protocol.negative_sampling,
        }


def first_rows(nodes: Tensor, width: int, seed: int) -> Tensor:
    """Rows [num_nodes, width] from N(0, ``START_DEVIATION``), each a function of seed and node."""
    key = key_to_seed(seed, "static memory rows")
    return START_DEVIATION * normal_rows(key, nodes, width).float()


def held_out_protocol(pool: NegativePool, seed: int) -> LinkProtocol:
    """How held-out events are ranked: among random negatives, whatever training draws."""
    return LinkProtocol("held out", Visibility.EVENT, HELD_OUT_NEGATIVES, pool, seed, "mrr")


class TableTrainer(nn.Module):
    """Trains ``table`` [num_nodes, node_dim] and ``network`` on the events of ``dataset``.

    ``held_out`` (event ids) are those that only ``mean_reciprocal_rank`` asks about. A query, of
    either kind, sees neighbours that are older than its event, out of all events.
    """

    def __init__(
        self, dataset: Dataset, network: TemporalModel, table: Tensor, settings: Pretraining
    ) -> None:
        super().__init__()
        self.dataset = dataset
        self.network = network
        self.table = nn.Parameter(table)
        self.settings = settings
        self.device = table.device
        self.negatives = settings.protocol.negatives(dataset)
        ranking = held_out_protocol(settings.protocol.negative_pool, settings.seed)
        self.held_out_negatives = ranking.negatives(dataset)
        stream, num_events = dataset.stream, dataset.num_events
        shuffled = torch.randperm(
            num_events, generator=generator(settings.seed, "static memory held out")
        )
        num_held_out = max(1, round(settings.held_out * num_events))
        if num_held_out == num_events:
            raise ValueError(
                f"system.static_memory_held_out={settings.held_out} holds out all {num_events} "
                "training events: choose a smaller share, or system.static_memory=off."
            )
        self.held_out = shuffled[:num_held_out].sort().values
        self.trained = shuffled[num_held_out:].sort().values
        index = NeighborIndex(stream.src, stream.dst, stream.t, dataset.num_nodes)
        # Random batches have no start, so that a query sees what came before its own time.
        self.sampler = RecentSampler(
            index,
            network.num_neighbors,
            Visibility.EVENT,
            network.num_layers,
            network.snapshots,
        )
        self.optimizer = torch.optim.Adam(
            [
                {"params": [self.table], "lr": settings.table_learning_rate},
                {"params": list(network.parameters()), "lr": settings.learning_rate},
            ],
            fused=True,
        )

    @property
    def trained_nodes(self) -> Tensor:
        """The nodes with an event that is not held out, sorted."""
        stream = self.dataset.stream
        return torch.cat([stream.src[self.trained], stream.dst[self.trained]]).unique()

    def train_epoch(self, epoch: int, report: ReportProgress) -> float:
        """Train every event that is not held out once, in random order; their mean loss."""
        self.network.train()
        settings, num_events = self.settings, self.trained.numel()
        order = torch.randperm(
            num_events, generator=generator(settings.seed, "static memory batches", epoch)
        )
        batches = self.trained[order].split(settings.batch_size)
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        for number, ids in enumerate(batches):
            step = epoch * len(batches) + number
            total += self.step(ids, step) * ids.numel()
            report("pretrain", step + 1, settings.epochs * len(batches))
        return total.item() / num_events

    @torch.no_grad()
    def mean_reciprocal_rank(self) -> float:
        """That of the held-out events' true destinations among ``HELD_OUT_NEGATIVES`` others."""
        self.network.eval()
        most_roots = self.settings.batch_size * (2 + self.settings.num_negatives)  # as in training
        scores = []
        for ids in self.held_out.split(max(1, most_roots // (2 + HELD_OUT_NEGATIVES))):
            events = self._events(ids)
            negatives = self.held_out_negatives.evaluation(events, "train")
            roots, subgraph = self._sampled(events, negatives)
            memory = F.embedding(subgraph.nodes, self.table)
            ranked = answer(self.network, memory, subgraph, roots).scores()
            scores.append(ranked.to("cpu", torch.float64))
        return link_metrics(torch.cat(scores))["mrr"]

    def step(self, ids: Tensor, number: int) -> Tensor:
        """Train the events ``ids`` as the batch ``number`` of all; returns their loss, a scalar."""
        seed, num_negatives = self.settings.seed, self.settings.num_negatives
        events = self._events(ids)
        negatives = self.negatives.training(events, num_negatives, seed, "static memory", number)
        roots, subgraph = self._sampled(events, negatives)
        with seeded(self.device, seed, "static memory dropout", number):
            memory = F.embedding(subgraph.nodes, self.table)
            loss = softmax_link_loss(answer(self.network, memory, subgraph, roots).scores())
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def _events(self, ids: Tensor) -> EventBatch:
        stream = self.dataset.stream
        return EventBatch(0, ids, stream.src[ids], stream.dst[ids], stream.t[ids])

    def _sampled(self, events: EventBatch, negatives: Tensor) -> tuple[EventRoots, Subgraph]:
        """What ``events`` ask about, and the neighbours of that."""
        roots = EventRoots.of(events, negatives)
        subgraph = build_subgraph(roots.nodes, roots.times, self.sampler, first_event=0)
        return to_device((roots, subgraph), self.device)
