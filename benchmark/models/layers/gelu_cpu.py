"""GELU between two products as compiled loops: bias, function and dropout in one pass.

All arrays are of one float type, or inputs and outputs hold bfloat16 as bits (uint16) beside a
float32 bias. The error function of float32 is that of Abramowitz and Stegun, 7.1.26, which is exact
to 2e-7 and shares its exponential with the slope of GELU.
"""

import math
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import overload

from benchmark.models.layers.dropout import STEP, draw

# A division by zero must not branch, or nothing is vectorised.
compiled: Any = njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
F32 = np.float32
ERF = tuple(map(F32, (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)))
EXP = tuple(
    map(F32, (0.5, 0.16666667, 4.1665796e-2, 8.333452e-3, 1.3981999e-3, 1.9875691e-4))
)  # of (e^r - 1 - r) / r^2 on [-ln(2) / 2, ln(2) / 2]
LOWEST = F32(-87.0)  # e^x is no normal number below


@compiled
def _exp32(x):  # type: ignore[no-untyped-def]
    """e^x of a float32 that is not positive."""
    x = max(x, LOWEST)
    turns = np.floor(x * F32(1.4426950408889634) + F32(0.5))
    r = (x - turns * F32(0.693359375)) + turns * F32(2.12194440e-4)
    tail = EXP[1] + r * (EXP[2] + r * (EXP[3] + r * (EXP[4] + r * EXP[5])))
    bits = np.int32((np.int32(turns) + np.int32(127)) << np.int32(23))
    return (F32(1) + r + r * r * (EXP[0] + r * tail)) * bits.view(np.float32)


@compiled
def _normal32(x):  # type: ignore[no-untyped-def]
    """How much of N(0, 1) is below ``x``, and its density there."""
    t = F32(1) / (F32(1) + F32(0.3275911 * math.sqrt(0.5)) * abs(x))
    bell = _exp32(F32(-0.5) * x * x)
    tail = t * (ERF[0] + t * (ERF[1] + t * (ERF[2] + t * (ERF[3] + t * ERF[4])))) * bell
    below = F32(0.5) * tail
    return (F32(1) - below if x >= F32(0) else below), F32(1 / math.sqrt(2 * math.pi)) * bell


@compiled
def _normal64(x):  # type: ignore[no-untyped-def]
    below = 0.5 * (1 + math.erf(x * math.sqrt(0.5)))
    return below, math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


def _normal(x: float) -> tuple[float, float]:
    raise TypeError("compiled only")


@overload(_normal)
def _(x):  # type: ignore[no-untyped-def]
    if x == types.float32:
        return lambda x: _normal32(x)  # noqa: PLW0108 - numba compares signatures
    return lambda x: _normal64(x)  # noqa: PLW0108


def exponential(x: float) -> float:
    """e^x, compiled; of a float32 vectorised, exact to 1e-7, and for x <= 0 only."""
    return math.exp(x)


@overload(exponential)
def _exponential(x):  # type: ignore[no-untyped-def]
    if x == types.float32:
        return lambda x: _exp32(x)  # noqa: PLW0108
    return lambda x: math.exp(x)  # noqa: PLW0108


def _wide(number: Any) -> float:
    """The number itself, of bfloat16 as float32."""
    raise TypeError("compiled only")


@overload(_wide)
def _(number):  # type: ignore[no-untyped-def]
    if number == types.uint16:
        return lambda number: np.uint32(np.uint32(number) << np.uint32(16)).view(np.float32)
    return lambda number: number


def _put(array: Any, place: int, number: float) -> None:
    """Write a number, to the nearest bfloat16 where these are kept."""


@overload(_put)
def _(array, place, number):  # type: ignore[no-untyped-def]
    if array.dtype != types.uint16:

        def put(array, place, number):  # type: ignore[no-untyped-def]
            array[place] = number
    else:

        def put(array, place, number):  # type: ignore[no-untyped-def]
            bits = np.float32(number).view(np.uint32)
            even = (bits >> np.uint32(16)) & np.uint32(1)
            array[place] = np.uint16((bits + np.uint32(0x7FFF) + even) >> np.uint32(16))

    return put


@compiled
def forward(key, limit, kept, inputs, bias, outputs):  # type: ignore[no-untyped-def]
    """``outputs``: GELU of ``inputs`` + ``bias`` [rows, width] times the factors of dropout.

    ``key``, ``limit`` and ``kept`` are those of ``dropout.draw``; a limit of 0 drops nothing.
    """
    width = inputs.shape[1]
    factors = np.ones_like(bias)
    for row in range(inputs.shape[0]):
        if limit:
            draw(key + np.uint64(row * width) * STEP, limit, kept, factors)
        given, target = inputs[row], outputs[row]
        for x in range(width):
            value = _wide(given[x]) + bias[x]
            below, _ = _normal(value)
            _put(target, x, value * below * factors[x])


@compiled
def backward(key, limit, kept, inputs, bias, outputs, gradients, to_bias):  # type: ignore[no-untyped-def]
    """``forward`` again; what ``gradients`` hold, of ``outputs``, becomes that of ``inputs``.

    Its sum over rows is added to ``to_bias``.
    """
    width = inputs.shape[1]
    factors = np.ones_like(bias)
    for row in range(inputs.shape[0]):
        if limit:
            draw(key + np.uint64(row * width) * STEP, limit, kept, factors)
        given, target, gradient = inputs[row], outputs[row], gradients[row]
        for x in range(width):
            value = _wide(given[x]) + bias[x]
            below, density = _normal(value)
            _put(target, x, value * below * factors[x])
            slope = _wide(gradient[x]) * factors[x] * (below + value * density)
            to_bias[x] += slope
            _put(gradient, x, slope)
