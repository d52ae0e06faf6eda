"""The factors of dropout on a GPU; ``dropout`` in Triton, equal to the last bit."""

import triton
import triton.language as tl
from torch import Tensor

BLOCK = 1024  # factors of a program


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
        _draw[(triton.cdiv(size, BLOCK),)](factors, key, limit, size, kept, BLOCK)
