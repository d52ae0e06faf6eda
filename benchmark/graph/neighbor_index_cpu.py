"""The loops that fill a neighbour index and answer from it."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

Ints = NDArray[np.int64]
compiled = njit(cache=True, nogil=True)

# Compiled when imported, so that no index waits for it.
FILL = [f"void(int64[::1], int64[::1], int64[::1], {entry}[:, ::1])" for entry in ("i4", "i8")]


@njit(FILL, cache=True, nogil=True)
def fill(src: Ints, dst: Ints, next_entry: Ints, entries: NDArray[Any]) -> None:
    """Write (neighbour, event id) of both ends of every event into ``entries`` [2 * num_events, 2].

    ``next_entry`` [num_nodes] says where the first entry of each node goes and is left one past
    the last. Events are taken in order, so that those of a node end up in order: a counting sort.
    """
    for event in range(src.size):
        source, destination = src[event], dst[event]
        place = next_entry[source]
        entries[place, 0] = destination
        entries[place, 1] = event
        next_entry[source] = place + 1
        place = next_entry[destination]
        entries[place, 0] = source
        entries[place, 1] = event
        next_entry[destination] = place + 1


@compiled
def _search(bounds, entries, nodes, cutoffs, found):  # type: ignore[no-untyped-def]
    """A binary search among the entries of the node alone."""
    for root in range(nodes.size):
        low, high = bounds[nodes[root]], bounds[nodes[root] + 1]
        while low < high:
            middle = (low + high) // 2
            if entries[middle, 1] < cutoffs[root]:
                low = middle + 1
            else:
                high = middle
        found[root] = low


@compiled
def _fetch(entries, times, positions, mask, neighbors, events, event_times):  # type: ignore[no-untyped-def]
    """What stands at ``positions`` where ``mask`` is True, 0 elsewhere.

    All but ``entries`` and ``times`` are [num_roots, num_neighbors].
    """
    for root in range(positions.shape[0]):
        for slot in range(positions.shape[1]):
            if mask[root, slot]:
                neighbors[root, slot] = entries[positions[root, slot], 0]
                events[root, slot] = entries[positions[root, slot], 1]
                event_times[root, slot] = times[events[root, slot]]
            else:
                neighbors[root, slot] = events[root, slot] = event_times[root, slot] = 0


def search(bounds: Tensor, entries: Tensor, nodes: Tensor, cutoffs: Tensor, found: Tensor) -> None:
    """``found``: position after the last entry of each node with ``event id < cutoff``.

    All but ``entries`` and ``bounds`` are [num_roots].
    """
    _search(*(x.numpy() for x in (bounds, entries, nodes, cutoffs, found)))


def fetch(*tensors: Tensor) -> None:
    """Fill the last three, neighbours, events and times, from what stands at positions."""
    _fetch(*(x.numpy() for x in tensors))
