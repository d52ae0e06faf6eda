"""What stands between matrix products on a GPU: the gates of a GRU, the factors of dropout.

The functions are those of ``node_memory`` and, equal to the last bit, of ``dropout``.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

GATES, FACTORS = 256, 1024  # numbers of a program
FUSION = {"enable_fp_fusion": False}  # rounded as on a CPU; the default differs between versions


@triton.jit(do_not_specialize=("count",))  # another one in every batch
def _forward(columns, memory, updated, count, size, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = place < count
    row = columns + place // size * 4 * size + place % size
    reset = tl.sigmoid(tl.load(row, mask=inside, other=0.0))
    update = tl.sigmoid(tl.load(row + size, mask=inside, other=0.0))
    proposed = tl.load(row + 2 * size, mask=inside, other=0.0)
    proposed += reset * tl.load(row + 3 * size, mask=inside, other=0.0)
    proposed = 2 * tl.sigmoid(2 * proposed) - 1  # the hyperbolic tangent
    before = tl.load(memory + place, mask=inside, other=0.0)
    tl.store(row, reset, mask=inside)
    tl.store(row + size, update, mask=inside)
    tl.store(row + 2 * size, proposed, mask=inside)
    tl.store(updated + place, proposed + update * (before - proposed), mask=inside)


@triton.jit(do_not_specialize=("count",))  # another one in every batch
def _backward(columns, memory, gradient, to_columns, count, size, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = place < count
    start = place // size * 4 * size + place % size
    reset = tl.load(columns + start, mask=inside, other=0.0)
    update = tl.load(columns + start + size, mask=inside, other=0.0)
    proposed = tl.load(columns + start + 2 * size, mask=inside, other=0.0)
    remembered = tl.load(columns + start + 3 * size, mask=inside, other=0.0)
    before = tl.load(memory + place, mask=inside, other=0.0)
    above = tl.load(gradient + place, mask=inside, other=0.0)
    to_proposed = above * (1 - update) * (1 - proposed * proposed)
    to_update = above * (before - proposed) * (update * (1 - update))
    to_reset = to_proposed * remembered * (reset * (1 - reset))
    tl.store(to_columns + start, to_reset, mask=inside)
    tl.store(to_columns + start + size, to_update, mask=inside)
    tl.store(to_columns + start + 2 * size, to_proposed, mask=inside)
    tl.store(to_columns + start + 3 * size, to_proposed * reset, mask=inside)


def forward(columns: Tensor, memory: Tensor) -> Tensor:
    """``node_memory.forward``."""
    updated = torch.empty_like(memory, memory_format=torch.contiguous_format)
    _launch(_forward, columns, memory.contiguous(), updated)
    return updated


def backward(columns: Tensor, memory: Tensor, gradient: Tensor) -> Tensor:
    """``node_memory.backward``."""
    to_columns = torch.empty_like(columns)
    _launch(_backward, columns, memory.contiguous(), gradient.contiguous(), to_columns)
    return to_columns


def _launch(kernel, columns: Tensor, memory: Tensor, *others: Tensor) -> None:  # type: ignore[no-untyped-def]
    if memory.numel():
        grid = (triton.cdiv(memory.numel(), GATES),)
        kernel[grid](columns, memory, *others, memory.numel(), memory.shape[1], GATES, **FUSION)


@triton.jit(do_not_specialize=("key", "size"))  # others in every batch
def _draw(factors, key, limit, size, KEPT: tl.constexpr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    state = key.to(tl.uint64) + place.to(tl.uint64) * 0x9E3779B97F4A7C15
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB
    state = (state ^ (state >> 31)) >> 11
    # A literal would be float32, and its rounding part of a float64.
    kept = tl.full((BLOCK,), KEPT, factors.dtype.element_ty)
    tl.store(factors + place, tl.where(state < limit, kept * 0, kept), mask=place < size)


def draw(key: int, limit: int, kept: float, factors: Tensor) -> None:
    """Fill ``factors``, contiguous: 0 where 53 random bits are below ``limit``, else ``kept``."""
    if size := factors.numel():
        _draw[(triton.cdiv(size, FACTORS),)](factors, key, limit, size, kept, FACTORS, **FUSION)
