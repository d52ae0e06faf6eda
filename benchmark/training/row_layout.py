"""Rows of node memory side by side in one table, so that one copy or one message moves a row."""

from itertools import accumulate
from math import prod

import torch
from torch import Tensor

from benchmark.models.node_state import NodeState

WORD = torch.int64  # the widest type, so that any field can start at any word


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
