"""Cosines of many times as compiled loops; all floats are of one type.

No angle may be contracted or re-ordered: w t is large, and its rounding is part of the result. Sine
and cosine of a float32 angle, which a compiled loop can vectorise, are exact to 2e-7 plus half a
unit in the last place of the angle as a float64, which is 1e-7 at 2e9 and 6e-5 at 1e12. Beyond
1e16 nothing is left of them.
"""

import math
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import overload

PI_REST = 1.2246467991473532e-16  # what the double nearest to pi lacks
# Minimax polynomials on [-pi/2, pi/2] of sin(r) / r - 1 and cos(r) - 1, in powers of r * r.
SINE = tuple(map(np.float32, (-0.16666667, 8.333331e-3, -1.984087e-4, 2.752556e-6, -2.388986e-8)))
COSINE = tuple(map(np.float32, (-0.5, 4.1666638e-2, -1.3888378e-3, 2.4760495e-5, -2.6051615e-7)))
ONE = np.float32(1)


@njit(cache=True)
def _reduce(angle):  # type: ignore[no-untyped-def]
    """The rest of ``angle`` (float32) in [-pi/2, pi/2] and the sign that it changes."""
    wide = np.float64(angle)
    turns = np.floor(wide * (1 / math.pi) + 0.5)
    rest = (wide - turns * math.pi) - turns * PI_REST
    # Beyond 1e16 nothing is left of the angle; it must not leave the range of the polynomials.
    rest = min(max(rest, -math.pi / 2), math.pi / 2)
    odd = turns - 2.0 * np.floor(turns * 0.5)
    return np.float32(rest), np.float32(1.0 - 2.0 * odd)


@njit(cache=True)
def _cosine32(angle):  # type: ignore[no-untyped-def]
    rest, sign = _reduce(angle)
    z = rest * rest
    tail = COSINE[1] + z * (COSINE[2] + z * (COSINE[3] + z * COSINE[4]))
    return sign * (ONE + z * (COSINE[0] + z * tail))


@njit(cache=True)
def _sine32(angle):  # type: ignore[no-untyped-def]
    rest, sign = _reduce(angle)
    z = rest * rest
    tail = SINE[1] + z * (SINE[2] + z * (SINE[3] + z * SINE[4]))
    return sign * rest * (ONE + z * (SINE[0] + z * tail))


def cosine(angle: float) -> float:
    """cos(angle); compiled, and of a float32, as exact as the module says."""
    return math.cos(angle)


def sine(angle: float) -> float:
    """sin(angle); compiled, and of a float32, as exact as the module says."""
    return math.sin(angle)


@overload(cosine)
def _cosine(angle):  # type: ignore[no-untyped-def]
    if angle == types.float32:
        return lambda angle: _cosine32(angle)  # noqa: PLW0108 - numba compares signatures
    return lambda angle: math.cos(angle)  # noqa: PLW0108


@overload(sine)
def _sine(angle):  # type: ignore[no-untyped-def]
    if angle == types.float32:
        return lambda angle: _sine32(angle)  # noqa: PLW0108
    return lambda angle: math.sin(angle)  # noqa: PLW0108


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
