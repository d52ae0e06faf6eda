"""The gates of a GRU as compiled loops: what stands between its matrix products, one pass each way.

Columns [num_nodes, 4 * size] are those of ``node_memory``; all floats are of one type.
"""

import numpy as np
import torch
from torch import Tensor

from benchmark.models.layers.compiled_numbers import array, compiled, exponential


@compiled
def _sigmoids(given, found):  # type: ignore[no-untyped-def]
    one = found.dtype.type(1)
    for x in range(found.size):
        below = exponential(-abs(given[x]))  # which never overflows
        found[x] = (one if given[x] >= 0 else below) / (one + below)


@compiled
def _forward(columns, memory, updated):  # type: ignore[no-untyped-def]
    size, two = memory.shape[1], memory.dtype.type(2)
    gates = np.empty(2 * size, memory.dtype)
    raw, squashed = np.empty(size, memory.dtype), np.empty(size, memory.dtype)
    for row in range(memory.shape[0]):
        _sigmoids(columns[row, : 2 * size], gates)
        for x in range(size):
            raw[x] = two * (columns[row, 2 * size + x] + gates[x] * columns[row, 3 * size + x])
        _sigmoids(raw, squashed)
        for x in range(size):
            proposed = two * squashed[x] - 1  # the hyperbolic tangent
            updated[row, x] = proposed + gates[size + x] * (memory[row, x] - proposed)
            columns[row, 2 * size + x] = proposed
        columns[row, : 2 * size] = gates


@compiled
def _backward(columns, memory, gradient, to_columns):  # type: ignore[no-untyped-def]
    size, one = memory.shape[1], memory.dtype.type(1)
    for row in range(memory.shape[0]):
        gates, before, above, targets = columns[row], memory[row], gradient[row], to_columns[row]
        for x in range(size):
            reset, update, proposed = gates[x], gates[size + x], gates[2 * size + x]
            to_proposed = above[x] * (one - update) * (one - proposed * proposed)
            targets[x] = to_proposed * gates[3 * size + x] * (reset * (one - reset))
            targets[size + x] = above[x] * (before[x] - proposed) * (update * (one - update))
            targets[2 * size + x], targets[3 * size + x] = to_proposed, to_proposed * reset


def forward(columns: Tensor, memory: Tensor) -> Tensor:
    """``node_memory.forward``."""
    updated = torch.empty_like(memory, memory_format=torch.contiguous_format)
    _forward(array(columns), array(memory.contiguous()), array(updated))
    return updated


def backward(columns: Tensor, memory: Tensor, gradient: Tensor) -> Tensor:
    """``node_memory.backward``."""
    to_columns = torch.empty_like(columns)
    inputs = (columns, memory.contiguous(), gradient.contiguous(), to_columns)
    _backward(*map(array, inputs))
    return to_columns
