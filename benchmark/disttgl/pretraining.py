"""Pre-training of the static node memory (DistTGL, section 3.1)."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.data import TemporalData

from benchmark.datasets.dataset import Dataset, EventBatch, Split
from benchmark.graph.neighbor_index import NeighborIndex
from benchmark.graph.samplers import RecentSampler
from benchmark.graph.visibility import Visibility
from benchmark.models.contract import TemporalModel
from benchmark.models.roots import EventRoots
from benchmark.models.subgraph import build_subgraph
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.randomness import generator, seeded
from benchmark.training.objectives import softmax_link_loss
from benchmark.training.system import ReportProgress


@dataclass(frozen=True)
class Pretraining:
    """How a static node memory is trained; everything but the events and the network."""

    epochs: int
    learning_rate: float
    batch_size: int
    num_negatives: int
    protocol: LinkProtocol
    seed: int

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError(
                f"system.static_memory_epochs is {self.epochs}; it must be at least 1: set "
                "system.static_memory=off to train without static memory."
            )

    def identity(self) -> dict[str, Any]:
        """Every setting that decides what is trained; of the protocol, what training draws from."""
        numbers = ("epochs", "learning_rate", "batch_size", "num_negatives", "seed")
        return {
            **{name: getattr(self, name) for name in numbers},
            "negative_pool": self.protocol.negative_pool,
            "negative_sampling": self.protocol.negative_sampling,
        }


class Pretrained(NamedTuple):
    """A static node memory: ``rows`` float32 [num_nodes, node_dim], on the CPU.

    ``losses`` [epochs] is the mean training loss of every epoch, ``seconds`` how long it took.
    """

    rows: Tensor
    losses: Tensor
    seconds: float


def training_part(dataset: Dataset) -> tuple[Dataset, Tensor]:
    """The training events as a data set of their own, and its nodes: their ids in ``dataset``.

    Nodes are numbered anew and destinations are those of training events, so that nothing in it
    depends on what comes after the training split.
    """
    stream, end = dataset.stream, dataset.split.train_end
    seen, rows = torch.unique(torch.cat([stream.src[:end], stream.dst[:end]]), return_inverse=True)
    src, dst = rows.chunk(2)
    features = dataset.node_features
    part = replace(
        dataset,
        stream=TemporalData(src=src, dst=dst, t=stream.t[:end], msg=stream.msg[:end]),
        num_nodes=seen.numel(),
        split=Split(end, end, end),
        node_features=None if features is None else features[seen],
    )
    return part, seen


def pretrain(
    dataset: Dataset,
    model: Callable[..., TemporalModel],
    settings: Pretraining,
    device: torch.device,
    report: ReportProgress,
) -> Pretrained:
    """Train a table of node embeddings in the place of node memory, on the training events only.

    Task, network and loss are those of the main training; batches are random instead of
    chronological, and a neighbour must be older than the event that asks. Later training events
    do shape what earlier ones see, as the authors accept. A node without a training event has a
    row of zeros, and all rows start as such: from a normal distribution they keep its noise through
    ten sweeps and slow the main training down. Keyed by the seed: the same settings give the same
    table.
    """
    start = time.perf_counter()
    part, seen = training_part(dataset)
    with seeded(device, settings.seed, "static memory"):
        network = model(edge_features=part.stream.msg, node_features=part.node_features)
    table = torch.zeros(part.num_nodes, network.node_dim, device=device)
    trainer = TableTrainer(part, network.to(device), table, settings)
    losses = [trainer.train_epoch(epoch, report) for epoch in range(settings.epochs)]
    rows = torch.zeros(dataset.num_nodes, network.node_dim)
    rows[seen] = trainer.table.detach().cpu()
    return Pretrained(rows, torch.tensor(losses), time.perf_counter() - start)


class TableTrainer:
    """Trains ``table`` [num_nodes, node_dim] and ``network`` on all events of ``dataset``."""

    def __init__(
        self, dataset: Dataset, network: TemporalModel, table: Tensor, settings: Pretraining
    ) -> None:
        self.stream = dataset.stream
        self.network = network.train()
        self.table = nn.Parameter(table)
        self.settings = settings
        self.device = table.device
        self.negatives = settings.protocol.negatives(dataset)
        stream = dataset.stream
        index = NeighborIndex(stream.src, stream.dst, stream.t, dataset.num_nodes)
        # Random batches have no start, so that a query sees what came before its own time.
        self.sampler = RecentSampler(
            index.to(self.device),
            network.num_neighbors,
            Visibility.EVENT,
            network.num_layers,
            network.snapshots,
        )
        parameters = [self.table, *network.parameters()]
        self.optimizer = torch.optim.Adam(parameters, lr=settings.learning_rate, fused=True)

    def train_epoch(self, epoch: int, report: ReportProgress) -> float:
        """Train every event once, in random order; returns the mean loss over events."""
        num_events = self.stream.src.numel()
        shuffled = torch.randperm(
            num_events, generator=generator(self.settings.seed, "static memory batches", epoch)
        )
        batches = shuffled.split(self.settings.batch_size)
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        for number, ids in enumerate(batches):
            step = epoch * len(batches) + number
            total += self._step(ids, step) * ids.numel()
            report("pretrain", step + 1, self.settings.epochs * len(batches))
        return total.item() / num_events

    def _step(self, ids: Tensor, step: int) -> Tensor:
        """Train one batch; returns its loss, a scalar."""
        seed, num_negatives = self.settings.seed, self.settings.num_negatives
        stream = self.stream
        events = EventBatch(0, ids, stream.src[ids], stream.dst[ids], stream.t[ids])
        key = ("static memory", step)
        negatives = self.negatives.training(events, num_negatives, seed, *key)
        roots = EventRoots.of(events.to(self.device), negatives.to(self.device))
        subgraph = build_subgraph(roots.nodes, roots.times, self.sampler, first_event=0)
        with seeded(self.device, seed, "static memory dropout", step):
            memory = F.embedding(subgraph.nodes, self.table)
            embeddings = self.network.embed(memory, subgraph)
            loss = softmax_link_loss(self.network, roots.split(embeddings))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()
