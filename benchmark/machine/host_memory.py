"""How this process holds memory of the host, where Linux and glibc let it say so."""

import contextlib
import ctypes
import sys
from collections.abc import Iterator
from pathlib import Path

from torch import Tensor

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
KEPT_BYTES = 1 << 28  # free, before any is given back
MAPPED_BYTES = 1 << 25  # the largest that malloc admits
MADV_DONTNEED, MADV_HUGEPAGE, MADV_COLLAPSE = 4, 14, 25  # linux/mman.h
LARGE_PAGE = 1 << 21
MOST_BYTES = 1 << 30  # moved into large pages, which takes 2 to 3 s
LEAST_BYTES = 1 << 26  # given back, as finding out what is mapped takes milliseconds


def keep_freed_memory() -> None:
    """Use memory again in the next step, instead of giving it back and taking it as new pages."""
    with contextlib.suppress(OSError, AttributeError):  # another C library
        malloc_options = ctypes.CDLL(None).mallopt
        malloc_options(M_TRIM_THRESHOLD, KEPT_BYTES)
        malloc_options(M_MMAP_THRESHOLD, MAPPED_BYTES)


def use_large_pages(table: Tensor) -> None:
    """Ask for large pages under a ``table`` that is read row by row, at random.

    Its rows then cost fewer looks at the page table. What is not written yet will lie in them; what
    is written moves, of tables up to ``MOST_BYTES``. Where the kernel refuses, as for a file that
    is mapped, all stays as it was.
    """
    if sys.platform != "linux" or table.device.type != "cpu":
        return
    first = -(-table.data_ptr() // LARGE_PAGE) * LARGE_PAGE
    num_bytes = (table.data_ptr() + table.nbytes - first) // LARGE_PAGE * LARGE_PAGE
    if num_bytes <= 0:
        return
    advise = ctypes.CDLL(None).madvise
    advise(ctypes.c_void_p(first), ctypes.c_size_t(num_bytes), MADV_HUGEPAGE)
    if num_bytes <= MOST_BYTES:
        advise(ctypes.c_void_p(first), ctypes.c_size_t(num_bytes), MADV_COLLAPSE)


def let_go(*columns: Tensor) -> None:
    """Give back the memory of mapped files that were read through; they are read again if asked.

    Nothing is given back of what is small or no file, or of a mapping that was written to.
    """
    large = [x for x in columns if x.device.type == "cpu" and x.nbytes >= LEAST_BYTES]
    if sys.platform != "linux" or not large:
        return
    places = [column.data_ptr() for column in large]
    for first, end in _unchanged_files():
        if any(first <= place < end for place in places):
            advise = ctypes.CDLL(None).madvise
            advise(ctypes.c_void_p(first), ctypes.c_size_t(end - first), MADV_DONTNEED)


def _unchanged_files() -> Iterator[tuple[int, int]]:
    """The addresses of every mapping of a file of which this process has no pages of its own."""
    addresses, inode = "", "0"
    for line in Path("/proc/self/smaps").read_text().splitlines():
        words = line.split()
        if not words[0].endswith(":"):
            addresses, inode = words[0], words[4]
        elif words[0] == "Anonymous:" and words[1] == "0" and inode != "0":
            first, end = (int(part, 16) for part in addresses.split("-"))
            yield first, end
