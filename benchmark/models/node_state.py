"""Rows of node memory, as they travel between memory, model and processes.

Also side by side in one table, so that one copy or one message moves a row.
"""

from collections.abc import Callable
from itertools import accumulate
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor

NO_EVENT = -1  # the mail_event of a node that has not received a mail
WORD = torch.int64  # of a table: the widest type, so that any field can start at any word


class NodeState(NamedTuple):
    """Node memory of some nodes (DistTGL, section 2.1).

    Shapes: ``memory`` [num_nodes, memory_dim], ``mail`` [num_nodes, mail_dim], the rest
    [num_nodes], int64; times in the unit of the stream. Where nodes keep ``mailbox_size`` mails,
    the three fields of a mail are [num_nodes, mailbox_size, ...], newest first.
    """

    memory: Tensor
    mail: Tensor
    memory_time: Tensor  # time of the last mail that memory has taken in
    mail_time: Tensor  # time of the event that made the cached mail
    mail_event: Tensor  # id of that event, NO_EVENT if there was none

    @classmethod
    def empty(
        cls,
        num_nodes: int,
        memory_dim: int,
        mail_dim: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        mailbox_size: int | None = None,
    ) -> "NodeState":
        """The state of nodes that nothing has happened to; ``mailbox_size`` None: one mail."""
        mails = (num_nodes,) if mailbox_size is None else (num_nodes, mailbox_size)
        return cls(
            torch.zeros(num_nodes, memory_dim, dtype=dtype, device=device),
            torch.zeros(*mails, mail_dim, dtype=dtype, device=device),
            torch.zeros(num_nodes, dtype=torch.int64, device=device),
            torch.zeros(mails, dtype=torch.int64, device=device),
            torch.full(mails, NO_EVENT, dtype=torch.int64, device=device),
        )

    @property
    def newest_time(self) -> Tensor:
        """``mail_time`` of the newest mail [num_nodes]."""
        return self.mail_time if self.mail_time.dim() == 1 else self.mail_time[:, 0]

    @property
    def newest_event(self) -> Tensor:
        """``mail_event`` of the newest mail [num_nodes]."""
        return self.mail_event if self.mail_event.dim() == 1 else self.mail_event[:, 0]

    def map(self, change: Callable[[Tensor], Tensor]) -> "NodeState":
        """Every field as ``change`` makes it."""
        return NodeState(*map(change, self))

    def repeated(self, num_nodes: int) -> "NodeState":
        """The first row, seen as that of so many nodes: it takes no memory."""
        return self.map(lambda field: field[:1].expand(num_nodes, *field.shape[1:]))

    def rows(self, index: Tensor) -> "NodeState":
        """The given rows, copied."""
        return self.map(lambda field: field.index_select(0, index))

    def write(self, nodes: Tensor, rows: "NodeState") -> None:
        """Overwrite the state of the distinct ``nodes``."""
        for field, values in zip(self, rows, strict=True):
            field[nodes] = values

    def reset(self) -> None:
        """Forget everything, in place."""
        for field in self[:-1]:
            field.zero_()
        self.mail_event.fill_(NO_EVENT)


class RowLayout:
    """How the fields of a node lie in a row of ``num_words`` words.

    ``example`` gives the shapes and types of the fields.
    """

    def __init__(self, example: NodeState) -> None:
        self.example = example
        self.sizes = [prod(field.shape[1:]) for field in example]
        words = (
            -(-size * field.itemsize // WORD.itemsize)
            for size, field in zip(self.sizes, example, strict=True)
        )
        *self.starts, self.num_words = accumulate(words, initial=0)

    def fields(self, table: Tensor) -> NodeState:
        """The fields of a table [num_rows, num_words], as views of it."""
        fields = (
            table.view(field.dtype)
            .narrow(1, start * WORD.itemsize // field.itemsize, size)
            .view(table.shape[0], *field.shape[1:])
            for field, start, size in zip(self.example, self.starts, self.sizes, strict=True)
        )
        return NodeState(*fields)

    def pack(self, rows: NodeState) -> Tensor:
        """A table [num_rows, num_words] of the given rows."""
        shape = (rows.memory.shape[0], self.num_words)
        table = torch.zeros(shape, dtype=WORD, device=rows.memory.device)
        for field, values in zip(self.fields(table), rows, strict=True):
            field.copy_(values)
        return table

    def unpack(self, table: Tensor) -> NodeState:
        """The rows of a table, copied."""
        contiguous = torch.contiguous_format
        return NodeState(*(f.clone(memory_format=contiguous) for f in self.fields(table)))
