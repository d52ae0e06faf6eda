"""The TGN of the TGM library as a system of this suite, to measure its speed; one device.

TGM loads, samples and computes as in its example ``tgn.py``: data loader, recency hook,
deduplication hook, memory, attention. Negatives, batch size and the keys of random numbers are the
suite's. In the example the edges lead from a node to its neighbours; here they lead to the node.

``pip install -e '.[peers]'`` brings the library; times must fit in int32.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import torch
from tgm import DGBatch, DGraph
from tgm.constants import PADDED_NODE_ID
from tgm.data import DGData, DGDataLoader
from tgm.hooks import DeduplicationHook, HookManager, RecencyNeighborHook, StatelessHook
from tgm.nn import LinkPredictor, TGNMemory
from tgm.nn.encoder.tgn import GraphAttentionEmbedding, IdentityMessage, LastAggregator
from torch import Tensor

from benchmark.datasets.dataset import Dataset, EventBatch
from benchmark.protocol.negatives import NegativeSampler
from benchmark.randomness import seeded
from benchmark.training.objectives import binary_link_loss
from benchmark.training.system import Job, OneDeviceSystem, Step


class TGN(torch.nn.Module):
    """TGN as TGM's example ``tgn.py`` builds it (Chmura et al. 2025, arXiv:2510.07586).

    Heads (2) and dropout (0.1) are fixed in the library.
    """

    def __init__(
        self,
        num_nodes: int,
        edge_dim: int,
        *,
        memory_dim: int = 100,
        time_dim: int = 100,
        embedding_dim: int = 100,
        num_neighbors: int = 10,
    ) -> None:
        super().__init__()
        self.num_neighbors = num_neighbors
        self.memory = TGNMemory(
            num_nodes,
            edge_dim,
            memory_dim,
            time_dim,
            message_module=IdentityMessage(edge_dim, memory_dim, time_dim),
            aggregator_module=LastAggregator(),
        )
        self.encoder = GraphAttentionEmbedding(
            memory_dim, embedding_dim, edge_dim, self.memory.time_enc
        )
        self.link_predictor = LinkPredictor(embedding_dim, hidden_dim=embedding_dim)

    def embed(self, nodes: Tensor, edge_index: Tensor, t: Tensor, msg: Tensor) -> Tensor:
        """Embeddings [num_nodes, embedding_dim] of the distinct ``nodes``.

        ``edge_index`` [2, num_edges] leads from neighbour to node, as positions in ``nodes``;
        ``t`` and ``msg`` [num_edges, edge_dim] are those of the events behind the edges.
        """
        memory, last_update = self.memory(nodes)
        return self.encoder(memory, last_update, edge_index, t, msg)


TRAINING = "training"  # TGM's name for a set of hooks
SEED_NODES = ["edge_src", "edge_dst", "neg"]
SEED_TIMES = ["edge_time", "edge_time", "neg_time"]
RECENT = ("_nbr_ids", "_nbr_times", "_write_pos", "_nbr_feats")  # all that the hook remembers


class KeyedNegatives(StatelessHook):
    """Gives every training batch the suite's negatives; ``iteration`` counts the batches."""

    requires = {"edge_dst", "edge_time"}  # noqa: RUF012 - the library's contract
    produces = {"neg", "neg_time"}  # noqa: RUF012

    def __init__(self, negatives: NegativeSampler, seed: int, batch_size: int) -> None:
        self.negatives = negatives
        self.seed = seed
        self.batch_size = batch_size
        self.iteration = 0

    def __call__(self, dg: DGraph, batch: DGBatch) -> DGBatch:
        key = (0, self.iteration, "negatives")
        drawn = self.negatives.training(self._events(), 1, self.seed, *key)
        batch.neg = drawn[:, 0].to(batch.edge_dst)
        batch.neg_time = batch.edge_time
        self.iteration += 1
        return batch

    def _events(self) -> EventBatch:
        """The training events that this iteration's batch holds."""
        dataset, size = self.negatives.dataset, self.batch_size
        end = dataset.split.train_end
        start = self.iteration % -(-end // size) * size
        return dataset.batch(start, min(start + size, end))


class TGMSystem(OneDeviceSystem):
    """TGM's TGN."""

    name = "tgm"
    trains = TGN

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        dataset, training, protocol = job.dataset, job.training, job.protocol
        self.graph = DGraph(_to_tgm(dataset), device=self.device)
        self.negatives = KeyedNegatives(
            protocol.negatives(dataset), training.seed, training.batch_size
        )
        self.recent = RecencyNeighborHook(
            dataset.num_nodes, [self.model.num_neighbors], SEED_NODES, SEED_TIMES
        )
        self.distinct = DeduplicationHook()
        self.hooks = HookManager(keys=[TRAINING])
        for hook in (self.negatives, self.recent, self.distinct):
            self.hooks.register(TRAINING, hook)
        self.observed = 0

    def train_round(self) -> Iterator[Step]:
        """One epoch of the training events in order of time, from an empty memory."""
        self.model.train()
        self.model.memory.reset_state()
        self.recent.reset_state()
        self.observed = 0
        events = self.graph.slice_events(0, self.dataset.split.train_end)
        loader = DGDataLoader(events, self.training.batch_size, hook_manager=self.hooks)
        with self.hooks.activate(TRAINING):
            batches = iter(loader)
            for _ in range(self.iterations_per_round):
                with self.stopwatch("prepare"):
                    batch = next(batches)
                with self.stopwatch("compute"):
                    loss = self._train_step(batch)
                self.observed += len(batch.edge_src)
                yield Step(loss, len(batch.edge_src))
        self._evaluate()

    @torch.no_grad()
    def score(self, events: EventBatch, candidates: Tensor) -> Tensor:
        """Logits [num_events, num_candidates], from all events that were observed so far."""
        ends = torch.cat([events.src, candidates.flatten()]).to(self.device)
        nodes, rows = ends.unique(return_inverse=True)
        later = torch.full_like(nodes, int(events.t.max()) + 1)
        z = self._embed(self._sample(nodes[:0], nodes[:0], later[:0], nodes, later))
        sources = rows[: len(events), None].expand_as(candidates).flatten()
        logits: Tensor = self.model.link_predictor(z(nodes[sources]), z(nodes[rows[len(events) :]]))
        return logits.view_as(candidates).to(candidates.device)

    @torch.no_grad()
    def observe(self, events: EventBatch) -> None:
        """Update memory and neighbours."""
        events = events.to(self.device)
        msg = self.dataset.stream.msg[events.ids.cpu()].to(self.device)
        self._sample(events.src, events.dst, events.t, events.src[:0], events.src[:0], msg)
        self.model.memory.update_state(events.src, events.dst, events.t, msg)
        self.observed = events.start + len(events)

    @property
    def position(self) -> int:
        """How many events of the stream memory and neighbours have taken in."""
        return self.observed

    def evaluation_state(self) -> dict[str, Any]:
        """Weights, memory and the neighbours that the library remembers; not copies of them."""
        recent = {name: getattr(self.recent, name) for name in RECENT}
        return {"model": self.model.state_dict(), "recent": recent, "observed": self.observed}

    def state_dict(self) -> dict[str, Any]:
        """A copy of weights, optimiser and position; a round starts from an empty memory."""
        weights, moments = self.model.state_dict(), self.optimizer.state_dict()
        state = {"model": weights, "optimizer": moments, "iteration": self.negatives.iteration}
        return copy.deepcopy(state)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue with the next round, or evaluate from ``evaluation_state``."""
        self._evaluate()
        self.model.load_state_dict(state["model"])
        self.recent.reset_state()
        self.observed = 0
        if "recent" in state:
            self.recent._initialize_nbr_feats_if_needed(self.graph)
            self.recent._move_queues_to_device_if_needed(self.graph.device)
            for name, kept in state["recent"].items():
                getattr(self.recent, name).copy_(kept)
            self.observed = state["observed"]
            return
        self.optimizer.load_state_dict(state["optimizer"])
        self.negatives.iteration = state["iteration"]

    def _train_step(self, batch: DGBatch) -> Tensor:
        """Loss of one batch; updates weights and memory in the example's order."""
        self.optimizer.zero_grad()
        with seeded(self.device, self.training.seed, 0, self.negatives.iteration, "dropout"):
            z = self._embed(batch)
        source, decode = z(batch.edge_src), self.model.link_predictor
        positive, negative = decode(source, z(batch.edge_dst)), decode(source, z(batch.neg))
        loss = binary_link_loss(positive, negative)
        msg = _features(batch, self.dataset.edge_dim)
        self.model.memory.update_state(batch.edge_src, batch.edge_dst, batch.edge_time, msg)
        loss.backward()
        self.optimizer.step()
        self.model.memory.detach()
        return loss.detach()

    def _sample(
        self,
        src: Tensor,
        dst: Tensor,
        t: Tensor,
        asked: Tensor,
        asked_at: Tensor,
        msg: Tensor | None = None,
    ) -> DGBatch:
        """A batch that TGM's hooks have seen: neighbours of ``asked``, events remembered."""
        batch = DGBatch(src.int(), dst.int(), t, edge_x=msg)
        batch.neg, batch.neg_time = asked.int(), asked_at
        return self.distinct(self.graph, self.recent(self.graph, batch))

    def _embed(self, batch: DGBatch) -> Callable[[Tensor], Tensor]:
        """A function from node ids of the batch to their embeddings."""
        seeds, neighbors = batch.seed_nids[0], batch.nbr_nids[0]
        mask = neighbors.flatten() != PADDED_NODE_ID
        ends = (neighbors.flatten(), seeds.repeat_interleave(neighbors.shape[1]))
        edge_index = torch.stack([batch.global_to_local(end[mask]) for end in ends]).long()
        t, msg = batch.nbr_edge_time[0].flatten()[mask], batch.nbr_edge_x[0].flatten(0, 1)[mask]
        z = self.model.embed(batch.unique_nids, edge_index, t, msg)
        return lambda nodes: z[batch.global_to_local(nodes)]


def _to_tgm(dataset: Dataset) -> DGData:
    stream = dataset.stream
    ends = torch.stack([stream.src, stream.dst], dim=1).int()
    return DGData.from_raw(stream.t, ends, stream.msg if dataset.edge_dim else None)


def _features(batch: DGBatch, edge_dim: int) -> Tensor:
    """Features [num_events, edge_dim] of the events of a batch."""
    if batch.edge_x is None:
        return torch.empty(len(batch.edge_src), edge_dim, device=batch.edge_src.device)
    features: Tensor = batch.edge_x
    return features
