"""What compiled loops lack: functions of float32 that are vectorised, and bfloat16.

An array of bfloat16 holds its bits as uint16.
"""

import math
from typing import Any

import numpy as np
import torch
from numba import njit, types
from numba.extending import overload
from numpy.typing import NDArray
from torch import Tensor

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
    x = LOWEST if x < LOWEST else x  # what is no number stays so
    turns = np.floor(x * F32(1.4426950408889634) + F32(0.5))
    r = (x - turns * F32(0.693359375)) + turns * F32(2.12194440e-4)
    tail = EXP[1] + r * (EXP[2] + r * (EXP[3] + r * (EXP[4] + r * EXP[5])))
    bits = np.int32((np.int32(turns) + np.int32(127)) << np.int32(23))
    return (F32(1) + r + r * r * (EXP[0] + r * tail)) * bits.view(np.float32)


@compiled
def _normal32(x):  # type: ignore[no-untyped-def]
    """By Abramowitz and Stegun, 7.1.26, whose exponential is also that of the density."""
    t = F32(1) / (F32(1) + F32(0.3275911 * math.sqrt(0.5)) * abs(x))
    bell = _exp32(F32(-0.5) * x * x)
    tail = t * (ERF[0] + t * (ERF[1] + t * (ERF[2] + t * (ERF[3] + t * ERF[4])))) * bell
    below = F32(0.5) * tail
    return (F32(1) - below if x >= F32(0) else below), F32(1 / math.sqrt(2 * math.pi)) * bell


@compiled
def _normal64(x):  # type: ignore[no-untyped-def]
    below = 0.5 * (1 + math.erf(x * math.sqrt(0.5)))
    return below, math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


def normal(x: float) -> tuple[float, float]:
    """How much of N(0, 1) is below ``x``, and its density there; of a float32 exact to 2e-7."""
    raise TypeError("compiled only")


@overload(normal)
def _normal(x):  # type: ignore[no-untyped-def]
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


def wide(number: Any) -> float:
    """The number itself, a bfloat16 as float32."""
    raise TypeError("compiled only")


@overload(wide)
def _wide(number):  # type: ignore[no-untyped-def]
    if number == types.uint16:
        return lambda number: np.uint32(np.uint32(number) << np.uint32(16)).view(np.float32)
    return lambda number: number


def put(array: Any, place: int, number: float) -> None:
    """Write a number, as the nearest bfloat16 where these are kept."""
    raise TypeError("compiled only")


@overload(put)
def _put(array, place, number):  # type: ignore[no-untyped-def]
    if array.dtype != types.uint16:

        def write(array, place, number):  # type: ignore[no-untyped-def]
            array[place] = number
    else:

        def write(array, place, number):  # type: ignore[no-untyped-def]
            bits = np.float32(number).view(np.uint32)
            even = (bits >> np.uint32(16)) & np.uint32(1)
            array[place] = np.uint16((bits + np.uint32(0x7FFF) + even) >> np.uint32(16))

    return write


def array(tensor: Tensor) -> NDArray[Any]:
    """The memory of ``tensor``."""
    tensor = tensor.detach()
    return (tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor).numpy()
