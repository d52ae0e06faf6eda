"""Softmax and dropout of attention within sequences as compiled loops; all floats of one type."""

from typing import Any

import numpy as np
from numba import njit

from benchmark.models.layers.dropout import STEP, draw
from benchmark.models.layers.gelu_cpu import exponential

# A division by zero must not branch, or nothing is vectorised; sums may be taken in any order.
compiled: Any = njit(
    cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"}
)


@compiled
def _factors(drawn, row, factors):  # type: ignore[no-untyped-def]
    key, limit, kept = drawn
    if limit:
        draw(key + np.uint64(row * factors.size) * STEP, limit, kept, factors)


@compiled
def forward(drawn, scale, lengths, scores, dropped):  # type: ignore[no-untyped-def]
    """Softmax of ``scale`` * ``scores`` [rows, heads, length, length] in place, 0 beyond a length.

    ``dropped`` is the same after dropout, ``drawn`` a ``dropout.Draw``.
    """
    num_rows, num_heads, size, _ = scores.shape
    factors = np.ones(size, scores.dtype)
    for row in range(num_rows):
        length = lengths[row]
        for head in range(num_heads):
            for query in range(size):
                weights, target = scores[row, head, query], dropped[row, head, query]
                _factors(drawn, (row * num_heads + head) * size + query, factors)
                largest = weights[:length].max()
                total = weights.dtype.type(0)
                for key in range(length):
                    weights[key] = exponential(scale * (weights[key] - largest))
                    total += weights[key]
                share = weights.dtype.type(1) / total
                for key in range(length):
                    weights[key] *= share
                    target[key] = weights[key] * factors[key]
                weights[length:] = 0
                target[length:] = 0


@compiled
def backward(drawn, scale, weights, dropped, gradients):  # type: ignore[no-untyped-def]
    """``dropped`` again; ``gradients`` of it become those of the scores."""
    num_rows, num_heads, size, _ = weights.shape
    factors = np.ones(size, weights.dtype)
    for row in range(num_rows):
        for head in range(num_heads):
            for query in range(size):
                _factors(drawn, (row * num_heads + head) * size + query, factors)
                weight, target = weights[row, head, query], dropped[row, head, query]
                gradient = gradients[row, head, query]
                mean = weights.dtype.type(0)
                for key in range(size):
                    target[key] = weight[key] * factors[key]
                    mean += gradient[key] * target[key]
                for key in range(size):
                    gradient[key] = scale * weight[key] * (gradient[key] * factors[key] - mean)
