"""Cosines of many times as compiled loops; all floats are of one type.

The angle w t + b is large, and its rounding is part of the result: it may not be contracted. Sine
and cosine of a float32 angle, which a compiled loop can vectorise, are exact to 2e-7 up to 3e7.
Beyond, half turns are taken off in float64, which adds half a unit in the last place of the angle
as one: 1e-7 at 2e9 and 6e-5 at 1e12. Beyond 1e16 nothing is left of them.
"""

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, overload

F32 = np.float32
NEAR = F32(3e7)  # the largest angle whose number of half turns is a float32
PI = F32(math.pi)
PI_REST = F32(math.pi - float(PI))
PI_REST_64 = 1.2246467991473532e-16  # what the double nearest to pi lacks
# Minimax polynomials on [-pi/2, pi/2] of sin(r) / r - 1 and cos(r) - 1, in powers of r * r.
SINE = tuple(map(F32, (-0.16666667, 8.333331e-3, -1.984087e-4, 2.752556e-6, -2.388986e-8)))
COSINE = tuple(map(F32, (-0.5, 4.1666638e-2, -1.3888378e-3, 2.4760495e-5, -2.6051615e-7)))

compiled: Any = njit(cache=True, nogil=True)  # its stubs know no arguments
contracted: Any = njit(cache=True, nogil=True, fastmath={"contract"})


@intrinsic
def _fused(typing_context, factor, other, summand):  # type: ignore[no-untyped-def]
    """factor * other + summand, rounded once."""

    def build(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        kind = ir.FunctionType(arguments[0].type, [one.type for one in arguments])
        function = builder.module.declare_intrinsic("llvm.fma", [arguments[0].type], kind)
        return builder.call(function, arguments)

    return factor(factor, other, summand), build


@compiled
def _without(turns, angle):  # type: ignore[no-untyped-def]
    """What so many half turns leave of an angle."""
    return _fused(-turns, PI_REST, _fused(-turns, PI, angle))


@compiled
def _near(angle):  # type: ignore[no-untyped-def]
    """Of an angle up to ``NEAR``: the rest in [-pi/2, pi/2] and the sign that it changes."""
    turns = np.rint(angle * F32(1 / math.pi))
    rest = _without(turns, angle)
    # The number of many half turns is rounded, so that one may be left.
    more = np.rint(rest * F32(1 / math.pi))
    odd = F32(0.5) * (turns + more)
    odd = odd - np.floor(odd)
    return _without(more, rest), F32(1) - F32(4) * odd


@compiled
def _far(angle):  # type: ignore[no-untyped-def]
    """The same of any angle."""
    wide = np.float64(angle)
    turns = np.floor(wide * (1 / math.pi) + 0.5)
    rest = (wide - turns * math.pi) - turns * PI_REST_64
    # Beyond 1e16 nothing is left of the angle; it must not leave the range of the polynomials.
    rest = min(max(rest, -math.pi / 2), math.pi / 2)
    odd = turns - 2.0 * np.floor(turns * 0.5)
    return F32(rest), F32(1.0 - 2.0 * odd)


@contracted
def _cosine32(rest, sign):  # type: ignore[no-untyped-def]
    z = rest * rest
    tail = COSINE[1] + z * (COSINE[2] + z * (COSINE[3] + z * COSINE[4]))
    return sign * (F32(1) + z * (COSINE[0] + z * tail))


@contracted
def _sine32(rest, sign):  # type: ignore[no-untyped-def]
    z = rest * rest
    tail = SINE[1] + z * (SINE[2] + z * (SINE[3] + z * SINE[4]))
    return sign * (rest + rest * (z * (SINE[0] + z * tail)))


def reduced(angle: float, near: bool) -> tuple[float, float]:
    """What ``cosine`` and ``sine`` take, compiled; ``near`` promises an angle up to ``NEAR``."""
    return angle, 1.0


def cosine(rest: float, sign: float) -> float:
    """Cosine of a reduced angle, compiled; of a float32 as exact as the module says."""
    return sign * math.cos(rest)


def sine(rest: float, sign: float) -> float:
    """Sine of a reduced angle, compiled; of a float32 as exact as the module says."""
    return sign * math.sin(rest)


@overload(reduced)
def _reduced(angle, near):  # type: ignore[no-untyped-def]
    if angle == types.float32:
        return lambda angle, near: _near(angle) if near else _far(angle)
    return lambda angle, near: (angle, 1.0)


@overload(cosine)
def _cosine(rest, sign):  # type: ignore[no-untyped-def]
    if rest == types.float32:
        return lambda rest, sign: _cosine32(rest, sign)  # noqa: PLW0108 - numba compares signatures
    return lambda rest, sign: math.cos(rest)


@overload(sine)
def _sine(rest, sign):  # type: ignore[no-untyped-def]
    if rest == types.float32:
        return lambda rest, sign: _sine32(rest, sign)  # noqa: PLW0108
    return lambda rest, sign: math.sin(rest)


@compiled
def reach(weight, shift):  # type: ignore[no-untyped-def]
    """The largest time whose angles w t + b are all near."""
    fastest, latest = weight.dtype.type(1e-30), weight.dtype.type(0)
    for x in range(weight.size):
        fastest, latest = max(fastest, abs(weight[x])), max(latest, abs(shift[x]))
    return (NEAR - latest) / fastest


@compiled
def encode(elapsed, weight, shift, furthest, rows):  # type: ignore[no-untyped-def]
    """cos(w t + b) of ``elapsed`` [num_times], in ``rows``; ``furthest`` is the ``reach``."""
    for k in range(elapsed.size):
        time = weight.dtype.type(elapsed[k])
        if abs(time) < furthest:
            for x in range(weight.size):
                rest, sign = reduced(time * weight[x] + shift[x], True)
                rows[k, x] = cosine(rest, sign)
        else:
            for x in range(weight.size):
                rest, sign = reduced(time * weight[x] + shift[x], False)
                rows[k, x] = cosine(rest, sign)


@compiled
def encode_and_derive(elapsed, weight, shift, furthest, rows, slopes):  # type: ignore[no-untyped-def]
    """``encode``, and ``slopes`` [num_times, dim], the derivatives by the angle."""
    for k in range(elapsed.size):
        time = weight.dtype.type(elapsed[k])
        if abs(time) < furthest:
            for x in range(weight.size):
                rest, sign = reduced(time * weight[x] + shift[x], True)
                rows[k, x], slopes[k, x] = cosine(rest, sign), -sine(rest, sign)
        else:
            for x in range(weight.size):
                rest, sign = reduced(time * weight[x] + shift[x], False)
                rows[k, x], slopes[k, x] = cosine(rest, sign), -sine(rest, sign)


@compiled
def add_to_angles(elapsed, slopes, from_encoding, to_weight, to_shift):  # type: ignore[no-untyped-def]
    """Add to the gradients of w and b, given what ``encode_and_derive`` found."""
    for k in range(elapsed.size):
        time = to_weight.dtype.type(elapsed[k])
        for x in range(to_weight.size):
            to_angle = slopes[k, x] * from_encoding[k, x]
            to_shift[x] += to_angle
            to_weight[x] += to_angle * time


@compiled
def encode_share(share, elapsed, weight, shift, rows):  # type: ignore[no-untyped-def]
    """``encode`` a share of the times, for who does so once."""
    _, begin, end = share
    encode(elapsed[begin:end], weight, shift, reach(weight, shift), rows[begin:end])


@compiled
def derive(share, elapsed, weight, shift, from_encoding, to_weight, to_shift):  # type: ignore[no-untyped-def]
    """Add to the gradients [num_shares, dim] of w and b, given that of the encoding."""
    number, begin, end = share
    furthest = reach(weight, shift)
    row, slope = np.empty((1, weight.size), weight.dtype), np.empty((1, weight.size), weight.dtype)
    for k in range(begin, end):
        one = slice(k, k + 1)
        encode_and_derive(elapsed[one], weight, shift, furthest, row, slope)
        of_one = from_encoding[one]
        add_to_angles(elapsed[one], slope, of_one, to_weight[number], to_shift[number])
