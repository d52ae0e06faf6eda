"""Rows that compiled loops look up once and hold, and sums over them.

What is held is padded with zeros to whole ``LANES``, so that no vectorised loop ends in single
numbers. Arrays [num_heads, *, dim] give a row for each head. Numbers are copied one by one:
assigned to a slice, an array has numba compile for seconds how to say that shapes differ.
"""

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from benchmark.models.layers.time_encoding_cpu import compiled

LANES = 16
CACHE_LINE = 16  # float32 in one; float64 fetches every other line
LOOK_BACK = 128  # held rows among which one is looked for before it is looked up again
# Sums may be taken in any order, so that they can be vectorised.
vectorised: Any = njit(cache=True, nogil=True, fastmath={"reassoc", "nsz", "contract"})


@compiled
def padded(num_rows, width, kind):  # type: ignore[no-untyped-def]
    """Rows of zeros, at least so wide."""
    return np.zeros((num_rows, (width + LANES - 1) // LANES * LANES), kind)


@compiled
def most_rows(begin, end, first, num_neighbors):  # type: ignore[no-untyped-def]
    """How many neighbours the roots of one query have at most, of those from begin to end."""
    most = 0
    for q in range(begin, end):
        most = max(most, first[q + 1] - first[q])
    return most * num_neighbors


@compiled
def take(rows, times, values, r, row_dim, time_dim):  # type: ignore[no-untyped-def]
    """Hold values[:, r], in ``rows`` what belongs to a row, in ``times`` what does to a time."""
    for h in range(rows.shape[0]):
        for x in range(row_dim):
            rows[h, x] = values[h, r, x]
        for x in range(time_dim):
            times[h, x] = values[h, r, row_dim + x]


@compiled
def give(values, r, row_dim, time_dim, rows, times):  # type: ignore[no-untyped-def]
    """The reverse of ``take``."""
    for h in range(rows.shape[0]):
        for x in range(row_dim):
            values[h, r, x] = rows[h, x]
        for x in range(time_dim):
            values[h, r, row_dim + x] = times[h, x]


@vectorised
def dot(a, h, b, k):  # type: ignore[no-untyped-def]
    """a[h] . b[k]."""
    total = a.dtype.type(0)
    for x in range(a.shape[1]):
        total += a[h, x] * b[k, x]
    return total


@vectorised
def add(target, place, factor, values, h, width):  # type: ignore[no-untyped-def]
    """Add factor * values[h] to target[place], so many numbers."""
    for x in range(width):
        target[place, x] += factor * values[h, x]


@vectorised
def add_rows(target, h, factors, rows, places, count):  # type: ignore[no-untyped-def]
    """Add to target[h] the sum of factors[h, k] * rows[places[k]] over the first ``count``."""
    k = 0
    while k + 4 <= count:  # four at a time, for one pass over the target
        i, j, m, n = places[k], places[k + 1], places[k + 2], places[k + 3]
        a, b, c, d = factors[h, k], factors[h, k + 1], factors[h, k + 2], factors[h, k + 3]
        for x in range(rows.shape[1]):
            both = a * rows[i, x] + b * rows[j, x]
            target[h, x] += both + (c * rows[m, x] + d * rows[n, x])
        k += 4
    while k < count:
        add(target, h, factors[h, k], rows, places[k], rows.shape[1])
        k += 1


@compiled
def softmax(scores, h, count):  # type: ignore[no-untyped-def]
    """Softmax of the first ``count`` of scores[h], in place."""
    largest, norm = scores[h, 0], scores.dtype.type(0)
    for k in range(1, count):
        largest = max(largest, scores[h, k])
    for k in range(count):
        scores[h, k] = math.exp(scores[h, k] - largest)
        norm += scores[h, k]
    for k in range(count):
        scores[h, k] /= norm


@intrinsic
def _fetch(typing_context, table, row, column):  # type: ignore[no-untyped-def]
    """Begin to load what is at a place of a table, which no result depends on."""

    def build(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        row_bytes, column_bytes = cgutils.unpack_tuple(builder, array.strides, 2)
        offset = builder.add(
            builder.mul(arguments[1], row_bytes), builder.mul(arguments[2], column_bytes)
        )
        address = builder.add(builder.ptrtoint(array.data, offset.type), offset)
        pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        read, near, data = number(0), number(3), number(1)
        builder.call(function, [builder.inttoptr(address, pointer), read, near, data])
        return context.get_dummy_value()

    return types.void(table, types.int64, types.int64), build


@compiled
def fetch(r, known, edges, neighbors, events, mask):  # type: ignore[no-untyped-def]
    """Begin to load what ``look_up`` of a root will ask for."""
    for k in range(mask.shape[1]):
        if not mask[r, k]:
            break
        for x in range(0, known.shape[1], CACHE_LINE):
            _fetch(known, neighbors[r, k], x)
        for x in range(0, edges.shape[1], CACHE_LINE):
            _fetch(edges, events[r, k], x)


@compiled
def _place(neighbor, event, whose, used, likely):  # type: ignore[no-untyped-def]
    """Which of the ``used`` rows is that of a neighbour at an event; ``used`` if none is."""
    if likely < used and whose[1, likely] == event and whose[0, likely] == neighbor:
        return likely
    for place in range(max(0, used - LOOK_BACK), used):
        if whose[1, place] == event and whose[0, place] == neighbor:
            return place
    return used


@compiled
def look_up(  # type: ignore[no-untyped-def]
    r, known, edges, neighbors, events, mask, rows, whose, used, places
):  # fmt: skip
    """Find or fill in the row [known | edge features] of every neighbour of a root.

    ``rows`` are held already for ``whose`` [2, *] neighbours and events, ``used`` of them; sets the
    ``places`` of the root's. Returns its number of neighbours and how many rows are used now.
    """
    count, likely, node_dim = 0, np.int64(0), known.shape[1]
    while count < mask.shape[1] and mask[r, count]:  # neighbours come before all padding
        neighbor, event = neighbors[r, count], events[r, count]
        place = _place(neighbor, event, whose, used, likely)
        if place == used:
            whose[0, used], whose[1, used] = neighbor, event
            for x in range(node_dim):
                rows[used, x] = known[neighbor, x]
            for x in range(edges.shape[1]):
                rows[used, node_dim + x] = edges[event, x]
            used += 1
        places[count], likely = place, place + 1
        count += 1
    return count, used
