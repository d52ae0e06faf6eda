"""What a batch of events leaves behind in node memory."""

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.datasets.dataset import EventBatch
from benchmark.models.contract import TemporalModel
from benchmark.models.delivery import Delivery, endpoints
from benchmark.models.node_state import NodeState


@dataclass(frozen=True)
class MemoryWrite:
    """The nodes that a batch writes, each with its last mail (the COMB of TGN).

    All of shape [num_written]: ``nodes`` are the ids and ``rows`` their places among the nodes
    that the batch has read; ``own`` and ``other`` the places of the end whose mail it is and of
    the opposite end of the event; ``times`` and ``events`` the time and id of that event. Only a
    node that ``takes_part`` in an event of the batch takes in its old mail.
    """

    nodes: Tensor
    rows: Tensor
    own: Tensor
    other: Tensor
    times: Tensor
    events: Tensor
    takes_part: Tensor

    @classmethod
    def plan(cls, events: EventBatch, delivery: Delivery, read: Tensor) -> "MemoryWrite":
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
            delivery.takes_part[sender, place],
        )

    def new_state(self, model: TemporalModel, old: NodeState, memory: Tensor) -> NodeState:
        """The state of ``nodes`` from what was read (``old``) and its updated ``memory``."""
        memory = memory.detach()
        rows, takes_part = self.rows, self.takes_part
        mail = model.make_mail(memory[self.own], memory[self.other])
        return NodeState(
            torch.where(takes_part.unsqueeze(1), memory[rows], old.memory[rows]),
            self._newest_first(mail, old.mail),
            torch.where(takes_part, old.newest_time[rows], old.memory_time[rows]),
            self._newest_first(self.times, old.mail_time),
            self._newest_first(self.events, old.mail_event),
        )

    def _newest_first(self, new: Tensor, old: Tensor) -> Tensor:
        """``new`` [num_written, ...] alone or, in a mailbox, before all but the oldest."""
        if old.dim() == new.dim():
            return new
        return torch.cat([new.unsqueeze(1), old[self.rows, :-1]], dim=1)
