"""The distinct ids among many, in time proportional to their number; the distinct pairs of ids."""

import numpy as np
import torch
from numba import njit
from torch import Tensor

EMPTY = -1


def distinct(ids: Tensor) -> tuple[Tensor, Tensor]:
    """The distinct values of ``ids`` (int64, none negative) ascending, and the place of each id.

    ``torch.unique`` sorts all ids; hashing them and sorting the distinct ones is several times
    faster, as a batch has many more neighbours than nodes.
    """
    found, places = _by_hashing(ids.contiguous().view(-1).numpy())
    return torch.from_numpy(found), torch.from_numpy(places).view(ids.shape)


def grouped(rows: Tensor, num_rows: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Equal ``rows`` [num_entries] of a table of ``num_rows``, taken together.

    Returns the distinct rows [num_groups] ascending, the group of each entry, the entries group by
    group, in each in their order, and where each group starts among them [num_groups + 1].
    """
    found = _by_counting(rows.contiguous().numpy(), num_rows)
    distinct_rows, of_entry, order, first = (torch.from_numpy(part) for part in found)
    return distinct_rows, of_entry, order, first


class Pairs:
    """The distinct pairs (``first``, ``second``) of two int64 tensors, such as links, in order.

    ``second`` lies in [0, ``bound``), and the largest ``first`` times ``bound`` below 2^63.
    """

    def __init__(self, first: Tensor, second: Tensor, bound: int) -> None:
        self.bound = bound
        self.codes = torch.unique(first * bound + second)

    def __len__(self) -> int:
        return self.codes.numel()

    def positions(self, first: Tensor, second: Tensor) -> Tensor:
        """The place of each pair in the set, -1 where it has none; the shapes are equal."""
        codes = first * self.bound + second
        if not len(self):
            return torch.full_like(codes, -1)
        places = torch.searchsorted(self.codes, codes).clamp_(max=len(self) - 1)
        return torch.where(self.codes[places] == codes, places, -1)

    def seconds(self, first: Tensor) -> tuple[Tensor, Tensor]:
        """For all pairs that begin with ``first[row]``: ``row`` and the pair's second, in order."""
        start = torch.searchsorted(self.codes, first * self.bound)
        count = torch.searchsorted(self.codes, (first + 1) * self.bound) - start
        rows = torch.arange(first.numel()).repeat_interleave(count)
        within = torch.arange(rows.numel()) - (count.cumsum(0) - count)[rows]
        return rows, self.codes[start[rows] + within] % self.bound


@njit(cache=True, nogil=True)
def _by_hashing(ids):  # type: ignore[no-untyped-def]
    size = 4
    while size < 2 * ids.size:
        size *= 2
    keys = np.full(size, EMPTY, np.int64)
    order_of_slot = np.empty(size, np.int64)
    found, order = np.empty(ids.size, np.int64), np.empty(ids.size, np.int64)
    count = 0
    for place in range(ids.size):
        slot = _slot(ids[place], size)
        while keys[slot] != ids[place] and keys[slot] != EMPTY:
            slot = (slot + 1) & (size - 1)
        if keys[slot] == EMPTY:
            keys[slot] = ids[place]
            order_of_slot[slot] = count
            found[count] = ids[place]
            count += 1
        order[place] = order_of_slot[slot]
    ascending = np.argsort(found[:count])
    rank = np.empty(count, np.int64)
    for position in range(count):
        rank[ascending[position]] = position
    for place in range(ids.size):
        order[place] = rank[order[place]]
    return found[:count][ascending], order


@njit(cache=True, nogil=True)
def _slot(key, size):  # type: ignore[no-untyped-def]
    """Where to begin to look for ``key`` among ``size``, a power of two (Fibonacci hashing)."""
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64((mixed >> np.uint64(32)) & np.uint64(size - 1))


@njit(cache=True, nogil=True)
def _by_counting(rows, num_rows):  # type: ignore[no-untyped-def]
    count = np.zeros(num_rows, np.int64)
    for row in rows:
        count[row] += 1
    found = np.flatnonzero(count)
    first = np.zeros(found.size + 1, np.int64)
    for group in range(found.size):
        first[group + 1] = first[group] + count[found[group]]
        count[found[group]] = group
    of_entry, order = np.empty(rows.size, np.int64), np.empty(rows.size, np.int64)
    place = first[:-1].copy()
    for entry in range(rows.size):
        group = count[rows[entry]]
        of_entry[entry] = group
        order[place[group]] = entry
        place[group] += 1
    return found, of_entry, order, first
