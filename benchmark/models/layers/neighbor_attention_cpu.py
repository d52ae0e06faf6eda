"""Attention over sampled neighbours as compiled loops that hold the inputs of one root at a time.

The input of neighbour k of a root is x_k = [h_k | edge features | cos(w t_k + b) | 1]. Roots with
the same query are taken together: ``order[first[q]:first[q + 1]]`` are the roots of query q. All
floats are of one type; see ``neighbor_attention`` for the shapes.
"""

import math
from collections.abc import Iterable
from typing import Any

import numba
import numpy as np
import torch
from numba import njit, prange
from numpy.typing import NDArray
from torch import Tensor

from benchmark.models.layers.time_encoding_cpu import compiled, encode, encode_and_derive

SLOPE = 0.2  # of LeakyReLU below zero
# Sums may be taken in any order, so that they can be vectorised.
parallel: Any = njit(cache=True, nogil=True, parallel=True)
vectorised = njit(cache=True, nogil=True, fastmath={"reassoc", "nsz", "contract"})


@vectorised
def _dot(a, b):  # type: ignore[no-untyped-def]
    total = a.dtype.type(0)
    for x in range(a.size):
        total += a[x] * b[x]
    return total


@vectorised
def _add(target, factor, values):  # type: ignore[no-untyped-def]
    for x in range(target.size):
        target[x] += factor * values[x]


@vectorised
def _add_both(target, factor, values, step, others):  # type: ignore[no-untyped-def]
    for x in range(target.size):
        target[x] += factor * values[x] + step * others[x]


@compiled
def _softmax(scores):  # type: ignore[no-untyped-def]
    """Softmax in place."""
    largest, norm = scores.max(), scores.dtype.type(0)
    for k in range(scores.size):
        scores[k] = math.exp(scores[k] - largest)
        norm += scores[k]
    scores /= norm


@compiled
def _count(mask):  # type: ignore[no-untyped-def]
    """Number of neighbours, which come before all padding."""
    count = 0
    while count < mask.size and mask[count]:
        count += 1
    return count


@compiled
def _copy(target, values):  # type: ignore[no-untyped-def]
    for x in range(values.size):
        target[x] = values[x]


@compiled
def _gather(inputs, known, neighbors, edges, events):  # type: ignore[no-untyped-def]
    """Fill in what is looked up of every neighbour: all but the time."""
    node_dim = known.shape[1]
    for k in range(neighbors.size):
        _copy(inputs[k], known[neighbors[k]])
        _copy(inputs[k][node_dim:], edges[events[k]])
        inputs[k, -1] = 1


@compiled
def _forward(  # type: ignore[no-untyped-def]
    begin, end, queries, order, first, known, edges, weight, shift,
    neighbors, events, elapsed, mask, keep, summed, attention, slopes,
):  # fmt: skip
    inputs = np.empty((neighbors.shape[1], queries.shape[2]), known.dtype)
    time_start = known.shape[1] + edges.shape[1]
    for q in range(begin, end):
        for r in order[first[q] : first[q + 1]]:
            count = _count(mask[r])
            _gather(inputs, known, neighbors[r, :count], edges, events[r, :count])
            encode(elapsed[r, :count], weight, shift, inputs, time_start)
            for h in range(queries.shape[0]):
                scores = attention[r, h, :count]
                for k in range(count):
                    score = _dot(queries[h, q], inputs[k])
                    slopes[r, h, k] = 1 if score > 0 else SLOPE
                    scores[k] = score * slopes[r, h, k]
                if count:
                    _softmax(scores)
                summed[h, r] = 0
                for k in range(count):
                    factor = scores[k] * keep[r, h, k] if keep.size else scores[k]
                    _add(summed[h, r], factor, inputs[k])


@compiled
def _backward(  # type: ignore[no-untyped-def]
    begin, end, queries, order, first, known, edges, weight, shift,
    neighbors, events, elapsed, mask, keep, attention, slopes, from_summed,
    to_queries, to_known, to_weight, to_shift,
):  # fmt: skip
    num_heads, num_neighbors = queries.shape[0], neighbors.shape[1]
    node_dim, time_start = known.shape[1], known.shape[1] + edges.shape[1]
    inputs = np.empty((num_neighbors, queries.shape[2]), known.dtype)
    slope = np.empty((num_neighbors, weight.size), known.dtype)
    to_score = np.empty((num_heads, num_neighbors), known.dtype)
    to_encoding = np.empty(weight.size, known.dtype)
    to_known[:], to_weight[:], to_shift[:] = 0, 0, 0
    for q in range(begin, end):
        to_queries[:, q] = 0
        for r in order[first[q] : first[q + 1]]:
            count = _count(mask[r])
            _gather(inputs, known, neighbors[r, :count], edges, events[r, :count])
            encode_and_derive(elapsed[r, :count], weight, shift, inputs, time_start, slope)
            for h in range(num_heads):
                mean = known.dtype.type(0)
                for k in range(count):
                    to_factor = _dot(from_summed[h, r], inputs[k])
                    to_score[h, k] = to_factor * keep[r, h, k] if keep.size else to_factor
                    mean += to_score[h, k] * attention[r, h, k]
                for k in range(count):
                    to_score[h, k] = attention[r, h, k] * (to_score[h, k] - mean) * slopes[r, h, k]
                    _add(to_queries[h, q], to_score[h, k], inputs[k])
            for k in range(count):
                to_encoding[:] = 0
                for h in range(num_heads):
                    factor = attention[r, h, k] * keep[r, h, k] if keep.size else attention[r, h, k]
                    step, source, query = to_score[h, k], from_summed[h, r], queries[h, q]
                    node = to_known[neighbors[r, k]]
                    _add_both(node, factor, source[:node_dim], step, query[:node_dim])
                    time = slice(time_start, time_start + weight.size)
                    _add_both(to_encoding, factor, source[time], step, query[time])
                gap = known.dtype.type(elapsed[r, k])
                for x in range(weight.size):
                    to_angle = slope[k, x] * to_encoding[x]
                    to_shift[x] += to_angle
                    to_weight[x] += to_angle * gap


@parallel
def _forward_in_parallel(  # type: ignore[no-untyped-def]
    bounds, queries, order, first, known, edges, weight, shift,
    neighbors, events, elapsed, mask, keep, summed, attention, slopes,
):  # fmt: skip
    for thread in prange(bounds.size - 1):
        _forward(
            bounds[thread], bounds[thread + 1], queries, order, first, known, edges, weight, shift,
            neighbors, events, elapsed, mask, keep, summed, attention, slopes,
        )  # fmt: skip


@parallel
def _backward_in_parallel(  # type: ignore[no-untyped-def]
    bounds, queries, order, first, known, edges, weight, shift,
    neighbors, events, elapsed, mask, keep, attention, slopes, from_summed,
    to_queries, to_known, to_weight, to_shift,
):  # fmt: skip
    for thread in prange(bounds.size - 1):
        _backward(
            bounds[thread], bounds[thread + 1], queries, order, first, known, edges, weight, shift,
            neighbors, events, elapsed, mask, keep, attention, slopes, from_summed,
            to_queries, to_known[thread], to_weight[thread], to_shift[thread],
        )  # fmt: skip


def forward(*tensors: Tensor) -> None:
    """Fill ``summed``, ``attention`` and ``slopes``, the last three of ``tensors``."""
    bounds, arrays = _shares(tensors[2]), _arrays(tensors)
    if len(bounds) == 2:
        _forward(*bounds, *arrays)
    else:
        _forward_in_parallel(bounds, *arrays)


def backward(*tensors: Tensor) -> None:
    """Set the gradients of queries, known rows, frequencies and shifts, the last four.

    Roots of different queries share neighbours, so that every thread adds to gradients of its own
    of all but the queries.
    """
    *given, to_known, to_weight, to_shift = tensors
    bounds = _shares(given[2])
    shared = (to_known, to_weight, to_shift)
    if len(bounds) == 2:
        _backward(*bounds, *_arrays(tensors))
        return
    parts = [part.new_empty(len(bounds) - 1, *part.shape) for part in shared]
    _backward_in_parallel(bounds, *_arrays((*given, *parts)))
    for target, of_threads in zip(shared, parts, strict=True):
        torch.sum(of_threads, 0, out=target)


def _shares(first: Tensor) -> NDArray[np.int64]:
    """Bounds [num_threads + 1] between queries that have about as many roots between them."""
    num_threads = min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    if num_threads > 1:
        numba.set_num_threads(num_threads)
    shares = torch.arange(num_threads + 1) * first[-1] // num_threads
    bounds = torch.searchsorted(first, shares)
    bounds[-1] = first.numel() - 1
    found: NDArray[np.int64] = bounds.numpy()
    return found


def _arrays(tensors: Iterable[Tensor]) -> list[Any]:
    return [tensor.detach().numpy() for tensor in tensors]
