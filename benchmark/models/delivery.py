"""Who gets the mails of a batch of events."""

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.datasets.dataset import EventBatch
from benchmark.graph.distinct import distinct
from benchmark.graph.samplers import NeighborSampler


def last_occurrence(nodes: Tensor) -> Tensor:
    """Mask of the entries of ``nodes`` [num_entries] that are the last of their id."""
    found, rows = distinct(nodes)
    positions = torch.arange(nodes.numel(), device=nodes.device)
    last = positions.new_zeros(found.numel()).scatter_reduce_(0, rows, positions, "amax")
    mask = torch.zeros(nodes.numel(), dtype=torch.bool, device=nodes.device)
    mask[last] = True
    return mask


def endpoints(events: EventBatch) -> Tensor:
    """Source and destination of the first event, of the second, and so on [2 * num_events]."""
    return torch.stack([events.src, events.dst], dim=1).flatten()


@dataclass(frozen=True)
class Delivery:
    """The recipients of the mails of a batch: each keeps the last one that it gets.

    All of shape [2 * num_events, num_recipients], a row for each of the ``endpoints``, whose mail
    it is: ``nodes`` are ids, ``last`` says which mails stay and ``takes_part`` which recipients
    are themselves an end of an event of the batch.
    """

    nodes: Tensor
    last: Tensor
    takes_part: Tensor

    @classmethod
    def of(
        cls, events: EventBatch, mail_sampler: NeighborSampler | None, first_event: int
    ) -> "Delivery":
        """The delivery of a whole batch, which begins at ``first_event``.

        A mail goes to the endpoint itself and, where there is a ``mail_sampler``, before that to
        the neighbours that the endpoint has for it at the time of the event.
        """
        ends = endpoints(events)
        nodes = ends.unsqueeze(1)
        takes_part = torch.ones_like(nodes, dtype=torch.bool)
        if mail_sampler is not None:
            around = mail_sampler.sample(ends, events.t.repeat_interleave(2), first_event)
            nodes = torch.cat([torch.where(around.mask, around.nodes, nodes), nodes], dim=1)
            takes_part = torch.isin(nodes, ends)
        return cls(nodes, last_occurrence(nodes.flatten()).view_as(nodes), takes_part)

    def part(self, events: slice) -> "Delivery":
        """The delivery of some events of the batch."""
        rows = slice(2 * events.start, 2 * events.stop)
        return Delivery(self.nodes[rows], self.last[rows], self.takes_part[rows])
