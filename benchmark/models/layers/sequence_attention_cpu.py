"""Attention within sequences, but for its products, as compiled loops.

All floats are of one type but those of ``mixed``, which may be bfloat16 (see ``compiled_numbers``).
``drawn`` is a ``dropout.Draw``; a limit of 0 drops nothing.
"""

from typing import Any

import numpy as np
from numba import njit

from benchmark.models.layers.compiled_numbers import compiled, exponential, put, wide
from benchmark.models.layers.dropout import draw_row

# Sums may be taken in any order, so that they can be vectorised.
summing: Any = njit(
    cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"}
)


@compiled
def split(mixed, bias, heads):  # type: ignore[no-untyped-def]
    """``mixed`` + ``bias`` [rows, length, 3, num_heads, head_dim], each of the ``heads`` apart.

    ``heads`` are [3, rows, num_heads, length, head_dim].
    """
    rows, length, parts, num_heads, size = mixed.shape
    for row in range(rows):
        for place in range(length):
            for part in range(parts):
                for head in range(num_heads):
                    given, added = mixed[row, place, part, head], bias[part, head]
                    target = heads[part, row, head, place]
                    for x in range(size):
                        target[x] = wide(given[x]) + added[x]


@compiled
def join(heads, mixed, bias):  # type: ignore[no-untyped-def]
    """The reverse for gradients: one of the three ``heads``, and their sum added to ``bias``.

    ``heads`` [rows, num_heads, length, head_dim], ``mixed`` [rows, length, num_heads, head_dim].
    """
    rows, num_heads, length, size = heads.shape
    for row in range(rows):
        for place in range(length):
            for head in range(num_heads):
                given, target, total = heads[row, head, place], mixed[row, place, head], bias[head]
                for x in range(size):
                    total[x] += given[x]
                    put(target, x, given[x])


@summing
def weigh(drawn, scale, lengths, scores, dropped):  # type: ignore[no-untyped-def]
    """Softmax of ``scale`` * ``scores`` [rows, num_heads, length, length] in place.

    It is 0 from the ``lengths`` of a row on; ``dropped`` is the same after dropout.
    """
    num_rows, num_heads, size, _ = scores.shape
    factors = np.ones(size, scores.dtype)
    for row in range(num_rows):
        length = lengths[row]
        for head in range(num_heads):
            for query in range(size):
                draw_row(drawn, (row * num_heads + head) * size + query, factors)
                weights, target = scores[row, head, query], dropped[row, head, query]
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


@summing
def weigh_backward(drawn, scale, weights, dropped, gradients):  # type: ignore[no-untyped-def]
    """``dropped`` again; ``gradients`` of it become those of the scores."""
    num_rows, num_heads, size, _ = weights.shape
    factors = np.ones(size, weights.dtype)
    for row in range(num_rows):
        for head in range(num_heads):
            for query in range(size):
                draw_row(drawn, (row * num_heads + head) * size + query, factors)
                weight, target = weights[row, head, query], dropped[row, head, query]
                gradient = gradients[row, head, query]
                mean = weights.dtype.type(0)
                for key in range(size):
                    target[key] = weight[key] * factors[key]
                    mean += gradient[key] * target[key]
                for key in range(size):
                    gradient[key] = scale * weight[key] * (gradient[key] * factors[key] - mean)
