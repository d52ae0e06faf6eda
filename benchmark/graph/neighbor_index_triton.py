"""The kernels that answer from a neighbour index on a GPU; ``neighbor_index_cpu`` in Triton."""

import triton
import triton.language as tl
from torch import Tensor

BLOCK = 128  # roots, or slots, of a program


@triton.jit
def _search(bounds, entries, nodes, cutoffs, found, num_roots, halvings, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    root = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = root < num_roots
    node = tl.load(nodes + root, mask=inside, other=0)
    cutoff = tl.load(cutoffs + root, mask=inside, other=0)
    low = tl.load(bounds + node, mask=inside, other=0)
    high = tl.load(bounds + node + 1, mask=inside, other=0)
    for _ in range(halvings):
        middle = (low + high) // 2
        searching = low < high
        event = tl.load(entries + 2 * middle + 1, mask=searching, other=0).to(tl.int64)
        earlier = searching & (event < cutoff)
        high = tl.where(searching & (event >= cutoff), middle, high)
        low = tl.where(earlier, middle + 1, low)
    tl.store(found + root, low, mask=inside)


@triton.jit
def _fetch(  # type: ignore[no-untyped-def]
    entries, times, positions, mask, neighbors, events, event_times, num_slots, BLOCK: tl.constexpr
):  # fmt: skip
    slot = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = slot < num_slots
    there = tl.load(mask + slot, mask=inside, other=0) != 0
    position = tl.load(positions + slot, mask=there, other=0)
    neighbor = tl.load(entries + 2 * position, mask=there, other=0).to(tl.int64)
    event = tl.load(entries + 2 * position + 1, mask=there, other=0).to(tl.int64)
    tl.store(neighbors + slot, neighbor, mask=inside)
    tl.store(events + slot, event, mask=inside)
    tl.store(event_times + slot, tl.load(times + event, mask=there, other=0), mask=inside)


def search(
    bounds: Tensor, entries: Tensor, nodes: Tensor, cutoffs: Tensor, found: Tensor, halvings: int
) -> None:
    """``neighbor_index_cpu.search``; no node has as many as 2 ** ``halvings`` entries."""
    grid = (triton.cdiv(nodes.numel(), BLOCK),)
    if nodes.numel():
        _search[grid](bounds, entries, nodes, cutoffs, found, nodes.numel(), halvings, BLOCK)


def fetch(
    entries: Tensor,
    times: Tensor,
    positions: Tensor,
    mask: Tensor,
    neighbors: Tensor,
    events: Tensor,
    event_times: Tensor,
) -> None:
    """``neighbor_index_cpu.fetch``."""
    num_slots = positions.numel()
    if num_slots:
        columns = (neighbors, events, event_times)
        _fetch[(triton.cdiv(num_slots, BLOCK),)](
            entries, times, positions, mask, *columns, num_slots, BLOCK
        )
