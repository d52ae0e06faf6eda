"""Cosines of many times as compiled loops; all floats are of one type.

No angle may be contracted or re-ordered: w t is large, and its rounding is part of the result.
"""

from typing import Any

import numpy as np
from numba import njit

from benchmark.models.layers.trigonometry import cosine, sine

compiled: Any = njit(cache=True, nogil=True)  # its stubs know no arguments


@compiled
def encode(elapsed, weight, shift, rows, start):  # type: ignore[no-untyped-def]
    """cos(w t + b) of ``elapsed`` [num_times], in the columns of ``rows`` from ``start`` on."""
    for k in range(elapsed.size):
        row = rows[k][start : start + weight.size]
        time = weight.dtype.type(elapsed[k])
        for x in range(weight.size):
            row[x] = cosine(time * weight[x] + shift[x])


@compiled
def encode_and_derive(elapsed, weight, shift, rows, start, slopes):  # type: ignore[no-untyped-def]
    """``encode``, and ``slopes`` [num_times, dim], the derivatives by the angle."""
    for k in range(elapsed.size):
        row, slope = rows[k][start : start + weight.size], slopes[k]
        time = weight.dtype.type(elapsed[k])
        for x in range(weight.size):
            angle = time * weight[x] + shift[x]
            row[x] = cosine(angle)
            slope[x] = -sine(angle)


@compiled
def derive(elapsed, weight, shift, from_encoding):  # type: ignore[no-untyped-def]
    """Gradients [dim] of w and b from that of the encoding [num_times, dim]."""
    to_weight, to_shift = np.zeros_like(weight), np.zeros_like(shift)
    for k in range(elapsed.size):
        time = weight.dtype.type(elapsed[k])
        for x in range(weight.size):
            to_angle = -sine(time * weight[x] + shift[x]) * from_encoding[k, x]
            to_shift[x] += to_angle
            to_weight[x] += to_angle * time
    return to_weight, to_shift
