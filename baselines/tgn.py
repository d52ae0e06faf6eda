"""The PyG baseline: ``examples/tgn.py`` as a system of this suite, on one device.

What it computes is the example's: memory, neighbour loader, attention, hyper-parameters, order of
operations. The suite decides the rest: the negatives (one per event, from the protocol's pool; the
example draws any id between the smallest and the largest destination), the batch size, and random
numbers that are keyed and never global. Three faults of PyG are put right where they stand:
``ExactLastNeighborLoader``, ``LastMessage``, ``FeaturelessMessage``.

What is not comparable: ``LastNeighborLoader`` knows the batches that were inserted and nothing
else, so all links of a batch are scored in parallel and none sees an earlier event of its own batch
(``Visibility.BATCH``), where TGN, TGL and DistTGL let neighbour sampling see them. The larger the
batch, the more history is hidden. PyG reports an AP of about 96.6 for its example on Wikipedia,
with batches of 200, negatives of its own, and AP averaged over batches instead of pooled over
events; that number compares with none of ours either.
"""

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from benchmark.baselines.tgn_parts import (
    TGN,
    ExactLastNeighborLoader,
    pack_messages,
    pack_neighbors,
    unpack_messages,
    unpack_neighbors,
)
from benchmark.datasets.dataset import EventBatch
from benchmark.errors import choose
from benchmark.machine.device import check_precision, reachable
from benchmark.randomness import seeded
from benchmark.training.objectives import binary_link_loss
from benchmark.training.system import Job, OneDeviceSystem, Step

EMBEDDED_AT_ONCE = 4096  # nodes, of which each brings its neighbours
SCORED_AT_ONCE = 65536  # pairs of nodes
# Type of the factors of dense products, where torch's autocast narrows it.
PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "bfloat16_emulated": torch.bfloat16}


class TGNSystem(OneDeviceSystem):
    """PyG's TGN, whose model applies a message to the memory in eval mode when it is observed.

    In training mode a message waits until its node is next used, so that the GRU gets a gradient.
    """

    name = "tgn"
    trains = TGN

    def __init__(self, job: Job, precision: str = "float32") -> None:
        super().__init__(job)
        product_type = choose("system.precision", precision, PRECISIONS)
        check_precision(precision, self.device)
        self.narrow = torch.autocast(
            self.device.type, product_type or torch.bfloat16, enabled=product_type is not None
        )
        self.negatives = job.protocol.negatives(self.dataset)
        self.t = self.dataset.stream.t.to(self.device)
        self.msg = reachable("edge features", self.dataset.stream.msg, self.device)
        self.memory = self.model.memory
        self.neighbors = ExactLastNeighborLoader(
            self.dataset.num_nodes, self.model.num_neighbors, device=self.device
        )
        self.iteration = 0

    def train_round(self) -> Iterator[Step]:
        """One epoch of the training events in order of time, from an empty memory."""
        self.model.train()
        self.memory.reset_state()
        self.neighbors.reset_state()
        train_end = self.dataset.split.train_end
        for start in range(0, train_end, self.training.batch_size):
            events = self.dataset.batch(start, min(start + self.training.batch_size, train_end))
            with self.stopwatch("compute"):
                loss = self._train_step(events)
            self.iteration += 1
            yield Step(loss, len(events))
        self._evaluate()

    @torch.no_grad()
    def score(self, events: EventBatch, candidates: Tensor) -> Tensor:
        """Logits [num_events, num_candidates]; times of ``events`` play no part."""
        ends = torch.cat([events.src, candidates.flatten()]).to(self.device)
        nodes, rows = ends.unique(return_inverse=True)
        z = torch.cat([self._embed(part) for part in nodes.split(EMBEDDED_AT_ONCE)])
        sources = rows[: len(events), None]
        destinations = rows[len(events) :].view_as(candidates)
        at_once = max(1, SCORED_AT_ONCE // max(1, candidates.shape[1]))
        scores = [
            self.model.link_predictor(z[source], z[destination]).squeeze(-1)
            for source, destination in zip(
                sources.split(at_once), destinations.split(at_once), strict=True
            )
        ]
        return torch.cat(scores).to(candidates.device)

    @torch.no_grad()
    def observe(self, events: EventBatch) -> None:
        """Update memory and neighbours; every batch of the stream must come, in order.

        ``LastNeighborLoader`` counts inserted events to know their ids, so a gap raises ValueError.
        """
        observed = self.neighbors.cur_e_id
        if events.start != observed:
            raise ValueError(
                f"the batch to observe starts at event {events.start}, but {observed} events were"
                " observed so far; observe every batch of the stream in order"
            )
        self._update(events)

    def state_dict(self) -> dict[str, Any]:
        """A copy of weights, optimiser, memory, messages, neighbours and iteration."""
        return copy.deepcopy(
            {
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "messages": pack_messages(self.memory),
                "neighbors": pack_neighbors(self.neighbors),
                "iteration": self.iteration,
            }
        )

    @property
    def position(self) -> int:
        """How many events of the stream memory and neighbours have taken in."""
        return int(self.neighbors.cur_e_id)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a ``state_dict`` of the same data set and model."""
        self._evaluate()
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
        unpack_messages(self.memory, state["messages"])
        unpack_neighbors(self.neighbors, state["neighbors"])
        self.iteration = state["iteration"]

    def _train_step(self, events: EventBatch) -> Tensor:
        """Loss of one batch; updates weights, memory and neighbours in the example's order."""
        key = (0, self.iteration)
        negatives = self.negatives.training(events, 1, self.training.seed, *key, "negatives")
        ends = torch.cat([events.src, events.dst, negatives[:, 0]]).to(self.device)
        nodes, rows = ends.unique(return_inverse=True)
        source, destination, negative = rows.chunk(3)
        with seeded(self.device, self.training.seed, *key, "dropout"):
            z = self._embed(nodes)
        positive_logits = self.model.link_predictor(z[source], z[destination])
        negative_logits = self.model.link_predictor(z[source], z[negative])
        loss = binary_link_loss(positive_logits, negative_logits)
        self._update(events)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.memory.detach()
        return loss.detach()

    def _embed(self, nodes: Tensor) -> Tensor:
        """Embeddings [num_nodes, embedding_dim] of distinct, sorted nodes."""
        known, edge_index, ids = self.neighbors(nodes)
        with self.narrow:
            z = self.model.embed(known, edge_index, self.t[ids], self.msg[ids])
        return z.to(self.msg.dtype)[torch.searchsorted(known, nodes)]

    def _update(self, events: EventBatch) -> None:
        ids = events.ids.to(self.device)
        src, dst = events.src.to(self.device), events.dst.to(self.device)
        self.memory.update_state(src, dst, self.t[ids], self.msg[ids])
        self.neighbors.insert(src, dst)
