"""Which nodes a node has met, and when: a T-CSR over a stream of events."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

from benchmark.graph.past import Neighborhood
from benchmark.machine.host_memory import let_go, use_large_pages

Ints = NDArray[np.int64]
LARGEST_INT32 = torch.iinfo(torch.int32).max


class NeighborIndex:
    """Every node's events in the order of their ids, on the host.

    Source: the T-CSR of TGL (arXiv 2203.14883, section 3.1).

    Each event gives two entries, one at its source and one at its destination; a self-loop gives
    its node two. All that may be seen by a query is decided by one number, its cutoff: the events
    with ``id < cutoff``. As the stream is sorted by time, "before time t" is a cutoff as well.

    Args:
        src: Source node of each event, int64 [num_events].
        dst: Destination node of each event, int64 [num_events].
        t: Time of each event, int64 [num_events], sorted.
        num_nodes: Node ids are in [0, num_nodes).

    Raises:
        ValueError: If there is no event, times are unsorted or not int64, or an id is out of range.
    """

    def __init__(self, src: Tensor, dst: Tensor, t: Tensor, num_nodes: int) -> None:
        _check_stream(src, dst, t, num_nodes)
        self.num_nodes = num_nodes
        self.num_events = t.numel()
        self.times = t  # int64 [num_events]
        degrees = _degrees(src, num_nodes) + _degrees(dst, num_nodes)
        self._bounds = F.pad(degrees.cumsum(0), (1, 0))  # int64 [num_nodes + 1]
        # Rows of (neighbour, event id), the nodes one after the other, each in order of its events.
        largest = max(num_nodes, self.num_events)
        self._entries = torch.empty(2 * self.num_events, 2, dtype=smallest_type(largest))
        use_large_pages(self._entries)
        next_entry = self._bounds[:-1].clone()
        _fill(*(x.contiguous().numpy() for x in (src, dst, next_entry, self._entries)))
        let_go(src, dst, t)

    def before(self, times: Tensor) -> Tensor:
        """Number of events with a time smaller than each of ``times``, int64 of the same shape."""
        return torch.searchsorted(self.times, times)

    def first_entry(self, nodes: Tensor) -> Tensor:
        """Position of the first entry of each node, int64 [num_roots]."""
        return self._bounds.index_select(0, nodes)

    def end_entry(self, nodes: Tensor, cutoff: Tensor | int) -> Tensor:
        """Position after the last entry of each node with ``event id < cutoff``, [num_roots]."""
        cutoffs = torch.as_tensor(cutoff).expand(nodes.shape).contiguous()
        found = torch.empty_like(nodes)
        asked = (self._bounds, self._entries, nodes, cutoffs, found)
        _search(*(each.numpy() for each in asked))
        return found

    def neighborhood(self, entries: Tensor, mask: Tensor) -> Neighborhood:
        """What stands at the positions ``entries`` [num_roots, num_neighbors].

        ``mask`` is False where there is nothing to fetch; ``entries`` may hold anything there that
        is smaller than the number of entries.
        """
        entries = entries.contiguous()
        neighbors, events, times = (torch.empty_like(entries) for _ in range(3))
        columns = (neighbors, events, times)
        asked = (self._entries, self.times, entries, mask.contiguous(), *columns)
        _fetch(*(each.numpy() for each in asked))
        return Neighborhood(*columns, mask)


def _degrees(nodes: Tensor, num_nodes: int) -> Tensor:
    return torch.bincount(nodes, minlength=num_nodes)


def smallest_type(largest: int) -> torch.dtype:
    """The smaller of int32 and int64 that holds ``largest``."""
    return torch.int32 if largest <= LARGEST_INT32 else torch.int64


def _check_stream(src: Tensor, dst: Tensor, t: Tensor, num_nodes: int) -> None:
    if not src.numel() == dst.numel() == t.numel() or t.numel() == 0:
        raise ValueError(
            "A neighbour index needs at least one event and one source, destination and time for "
            f"each, not {src.numel()}, {dst.numel()} and {t.numel()} of them."
        )
    if t.dtype != torch.int64:
        raise ValueError(f"Event times must be int64, not {t.dtype}: scale fractions to integers.")
    moved_back = (t[1:] < t[:-1]).nonzero()
    if moved_back.numel():
        row = int(moved_back[0]) + 1
        raise ValueError(
            f"Event {row} has time {int(t[row])}, before event {row - 1} with {int(t[row - 1])}: "
            "sort the stream by time before indexing it."
        )
    smallest = int(torch.minimum(src.min(), dst.min()))
    largest = int(torch.maximum(src.max(), dst.max()))
    if smallest < 0 or largest >= num_nodes:
        wrong = smallest if smallest < 0 else largest
        raise ValueError(f"Node id {wrong} is outside [0, {num_nodes}): correct num_nodes.")


# Compiled when imported, so that no index waits for it.
FILLS = [f"void(int64[::1], int64[::1], int64[::1], {entry}[:, ::1])" for entry in ("i4", "i8")]


@njit(FILLS, cache=True, nogil=True)
def _fill(src: Ints, dst: Ints, next_entry: Ints, entries: NDArray[Any]) -> None:
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


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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
