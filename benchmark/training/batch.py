"""Everything about a training batch that does not depend on node memory or weights."""

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset
from benchmark.graph.samplers import NeighborSampler
from benchmark.machine.device import to_device
from benchmark.models.memory_write import Delivery, MemoryWrite
from benchmark.models.roots import EventRoots
from benchmark.models.subgraph import Subgraph, build_subgraph
from benchmark.protocol.negatives import NegativeSampler


@dataclass(frozen=True)
class TrainingBatch:
    """Positive events with one set of negatives: what is asked, what is around, what is left.

    ``events`` are a part of the global batch ``whole``. Tensors lie on the device that trains, but
    for ``read`` and ``written``: ``subgraph.nodes`` and ``write.nodes``, as the host has them.
    """

    events: range
    whole: range
    roots: EventRoots
    subgraph: Subgraph
    write: MemoryWrite
    read: Tensor
    written: Tensor

    @property
    def num_events(self) -> int:
        return len(self.events)

    def rows_of(self, table: Tensor) -> Tensor:
        """Those of ``table`` [num_events of the stream, ...] that belong to the events."""
        return table[self.events.start : self.events.stop]


class BatchBuilder:
    """Builds training batches on the host, for ``device``; safe to call from a background thread.

    ``seed`` is that of the experiment; ``mail_sampler`` finds the neighbours that mails reach, None
    where they stay with the ends of their event. Where a network ``adds_mails``, the ends of all
    mails to a node that is written are read with the batch, whichever trainer has their event.
    """

    def __init__(
        self,
        dataset: Dataset,
        sampler: NeighborSampler,
        negatives: NegativeSampler,
        num_negatives: int,
        seed: int,
        device: torch.device,
        mail_sampler: NeighborSampler | None = None,
        adds_mails: bool = False,
    ) -> None:
        self.dataset = dataset
        self.sampler = sampler
        self.negatives = negatives
        self.num_negatives = num_negatives
        self.seed = seed
        self.device = device
        self.mail_sampler = mail_sampler
        self.adds_mails = adds_mails

    def build(self, local: range, whole: range, trainer: int, iteration: int) -> TrainingBatch:
        """The batch of the events ``local``, a part of the global batch ``whole``.

        Its negatives belong to the logical ``trainer`` in ``iteration``. A node is written with
        its last mail of the global batch, by the trainer that has the event of that mail.
        """
        events = self.dataset.batch(local.start, local.stop)
        key = (trainer, iteration, "negatives")
        negatives = self.negatives.training(events, self.num_negatives, self.seed, *key)
        roots = EventRoots.of(events, negatives)
        # What becomes of the mails of ``local``: later ones of ``whole`` may take their place.
        everything = self.dataset.batch(whole.start, whole.stop)
        everyones = Delivery.of(everything, self.mail_sampler, whole.start)
        delivery = everyones.part(slice(local.start - whole.start, local.stop - whole.start))
        senders = None
        if self.adds_mails:
            senders = everyones.senders_to(delivery.nodes[delivery.last], everything)
        subgraph = build_subgraph(roots.nodes, roots.times, self.sampler, whole.start, senders)
        write = MemoryWrite.plan(events, delivery, subgraph.nodes)
        if self.adds_mails:
            write = write.with_every_mail(everything, everyones, subgraph.nodes)
        on_device = to_device((roots, subgraph, write), self.device)
        return TrainingBatch(local, whole, *on_device, subgraph.nodes, write.nodes)
