"""What a batch of events leaves behind in node memory: who gets its mails, what is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from benchmark.datasets.dataset import EventBatch
from benchmark.graph.distinct import distinct
from benchmark.graph.samplers import NeighborSampler
from benchmark.models.node_state import NodeState


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
    are themselves an end of an event of the batch, None where all are.
    """

    nodes: Tensor
    last: Tensor
    takes_part: Tensor | None

    @classmethod
    def of(
        cls, events: EventBatch, mail_sampler: NeighborSampler | None, first_event: int
    ) -> Delivery:
        """The delivery of a whole batch, which begins at ``first_event``.

        A mail goes to the endpoint itself and, where there is a ``mail_sampler``, before that to
        the neighbours that the endpoint has for it at the time of the event.
        """
        ends = endpoints(events)
        nodes = ends.unsqueeze(1)
        takes_part: Tensor | None = None
        if mail_sampler is not None:
            around = mail_sampler.sample(ends, events.t.repeat_interleave(2), first_event)
            nodes = torch.cat([torch.where(around.mask, around.nodes, nodes), nodes], dim=1)
            takes_part = torch.isin(nodes, ends)
        return cls(nodes, last_occurrence(nodes.flatten()).view_as(nodes), takes_part)

    def senders_to(self, nodes: Tensor, events: EventBatch) -> Tensor:
        """Both ends [num_ends] of the ``events`` of the batch with a mail to one of ``nodes``."""
        sends = torch.isin(self.nodes, nodes).any(1).view(-1, 2).any(1)
        return torch.cat([events.src[sends], events.dst[sends]])

    def part(self, events: slice) -> Delivery:
        """The delivery of some events of the batch."""
        rows = slice(2 * events.start, 2 * events.stop)
        takes_part = None if self.takes_part is None else self.takes_part[rows]
        return Delivery(self.nodes[rows], self.last[rows], takes_part)


class Mails(NamedTuple):
    """All mails of a batch to the nodes that it writes, in order of their events.

    ``own`` and ``other`` [num_mails, memory_dim] are the updated memories of the end whose mail it
    is and of the opposite end; the rest is [num_mails], int64.
    """

    own: Tensor
    other: Tensor
    other_nodes: Tensor  # ids of the opposite ends
    other_times: Tensor  # time of the last mail that the memory of the opposite end has taken in
    times: Tensor  # time of the event
    newest: Tensor  # time of the last event of the batch that has a mail to the same node


class MakesMails(Protocol):
    """What of a network is needed to write memory; see ``TemporalModel``."""

    def make_mail(self, own: Tensor, other: Tensor) -> Tensor: ...

    def make_mails(self, mails: Mails) -> Tensor: ...


@dataclass(frozen=True)
class MailPlan:
    """Every mail of a global batch to some nodes; all [num_mails].

    ``recipients`` are rows of those nodes, ``own`` and ``other`` the places of the two ends among
    the nodes read, ``other_nodes`` the ids of the latter.
    """

    recipients: Tensor
    own: Tensor
    other: Tensor
    other_nodes: Tensor
    times: Tensor

    @classmethod
    def of(cls, events: EventBatch, delivery: Delivery, nodes: Tensor, read: Tensor) -> MailPlan:
        """What the ``delivery`` of ``events`` brings to the distinct ``nodes``."""
        sender, place = torch.isin(delivery.nodes, nodes).nonzero(as_tuple=True)
        ascending, order = nodes.sort()
        ends = endpoints(events)
        return cls(
            order[torch.searchsorted(ascending, delivery.nodes[sender, place])],
            torch.searchsorted(read, ends[sender]),
            torch.searchsorted(read, ends[sender ^ 1]),
            ends[sender ^ 1],
            events.t[sender // 2],
        )

    def mails(self, old: NodeState, memory: Tensor, newest: Tensor) -> Mails:
        """The mails, given the state of the nodes read and its updated ``memory``.

        ``newest`` [num_nodes] is the time of each recipient's last mail.
        """
        return Mails(
            memory[self.own],
            memory[self.other],
            self.other_nodes,
            old.newest_time[self.other],
            self.times,
            newest[self.recipients],
        )


@dataclass(frozen=True)
class MemoryWrite:
    """The nodes that a batch writes, each with its last mail (the COMB of TGN).

    All of shape [num_written]: ``nodes`` are the ids and ``rows`` their places among the nodes
    that the batch has read; ``own`` and ``other`` the places of the end whose mail it is and of
    the opposite end of the event; ``times`` and ``events`` the time and id of that event. Only a
    node that ``takes_part`` in an event of the batch takes in its old mail; None where all do.
    ``mails`` are all that reach the nodes, for a network that adds them up.
    """

    nodes: Tensor
    rows: Tensor
    own: Tensor
    other: Tensor
    times: Tensor
    events: Tensor
    takes_part: Tensor | None
    mails: MailPlan | None = None

    @classmethod
    def plan(cls, events: EventBatch, delivery: Delivery, read: Tensor) -> MemoryWrite:
        """Write what the ``delivery`` of ``events`` says.

        ``read`` [num_read] are the ids of the nodes read, ascending.
        """
        sender, place = delivery.last.nonzero(as_tuple=True)
        nodes = delivery.nodes[sender, place]
        ends = torch.searchsorted(read, endpoints(events))
        return cls(
            nodes,
            torch.searchsorted(read, nodes),
            ends[sender],
            ends[sender ^ 1],
            events.t[sender // 2],
            events.ids[sender // 2],
            None if delivery.takes_part is None else delivery.takes_part[sender, place],
        )

    def with_every_mail(self, events: EventBatch, delivery: Delivery, read: Tensor) -> MemoryWrite:
        """The same with all mails that the ``delivery`` of a global batch has for ``nodes``.

        ``events`` are those of the whole batch; the ends of its mails must be among ``read``.
        """
        return replace(self, mails=MailPlan.of(events, delivery, self.nodes, read))

    def new_state(self, network: MakesMails, old: NodeState, memory: Tensor) -> NodeState:
        """The state of ``nodes`` from what was read (``old``) and its updated ``memory``."""
        memory = memory.detach()
        rows, takes_part = self.rows, self.takes_part
        taken_in, up_to = memory[rows], old.newest_time[rows]
        if takes_part is not None:
            taken_in = torch.where(takes_part.unsqueeze(1), taken_in, old.memory[rows])
            up_to = torch.where(takes_part, up_to, old.memory_time[rows])
        if self.mails is None:
            mail = network.make_mail(memory[self.own], memory[self.other])
        else:
            every = network.make_mails(self.mails.mails(old, memory, self.times))
            mail = every.new_zeros(len(rows), every.shape[1])
            mail.index_add_(0, self.mails.recipients, every)
        return NodeState(
            taken_in,
            self._newest_first(mail, old.mail),
            up_to,
            self._newest_first(self.times, old.mail_time),
            self._newest_first(self.events, old.mail_event),
        )

    def _newest_first(self, new: Tensor, old: Tensor) -> Tensor:
        """``new`` [num_written, ...] alone or, in a mailbox, before all but the oldest."""
        if old.dim() == new.dim():
            return new
        return torch.cat([new.unsqueeze(1), old[self.rows, :-1]], dim=1)
