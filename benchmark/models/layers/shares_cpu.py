"""Compiled loops on as many threads as torch has, each of which takes a share.

A loop is called as ``loop(share, *arguments)``, where ``share`` is its number, where it begins and
where it ends, and arguments are arrays and numbers. The threads find it by its address: as a part
of a parallel function numba would compile it once more, for as long as before.
"""

from itertools import pairwise
from operator import attrgetter
from typing import Any

import numba
import numpy as np
import torch
from numba import njit, prange, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

WORTH = 2**18  # numbers: with fewer in a share, to wake a thread takes longer than the loop

ADDRESSES: dict[tuple[Any, ...], int] = {}  # of loops for arguments of some types

Bounds = NDArray[np.int64]  # between shares [num_shares + 1]


def num_threads() -> int:
    """How many threads torch and numba both have."""
    return min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]


def equal_shares(num_rows: int, width: int) -> Bounds:
    """As many of ``num_rows``, each of so many numbers, for each of as many threads as pay."""
    num_shares = max(1, min(num_threads(), num_rows * width // WORTH))
    return np.arange(num_shares + 1) * num_rows // num_shares


def run(loop: Any, bounds: Bounds, *arguments: Any) -> None:
    """Call a compiled ``loop`` for all shares between ``bounds``.

    Raises:
        RuntimeError: If it fails in a thread, which can be for lack of memory only.
    """
    if num_threads() > 1:
        key = (loop, *map(_kind, arguments))
        first_time = key not in ADDRESSES  # then also a single share, so that a warm-up compiles
        if first_time:
            ADDRESSES[key] = _address(loop, arguments)
        if first_time or len(bounds) > 2:
            numba.set_num_threads(num_threads())
            failed = np.zeros(len(bounds) - 1, np.bool_)
            _run(ADDRESSES[key], bounds, arguments, failed)
            if failed.any():
                raise RuntimeError(
                    f"a thread of {loop.__name__} failed; free memory, or use threads=1"
                )
            return
    for number, (begin, end) in enumerate(pairwise(bounds)):
        loop((number, begin, end), *arguments)


def _kind(argument: Any) -> Any:
    """What numba's type of an argument depends on; to ask numba takes longer than many a loop."""
    if isinstance(argument, np.ndarray):
        return argument.dtype.num, argument.ndim, argument.flags.num
    return type(argument)


def _address(loop: Any, arguments: tuple[Any, ...]) -> int:
    """Where the machine code of a loop for arguments of these types begins."""
    kinds = (types.UniTuple(types.int64, 3), *map(numba.typeof, arguments))
    loop.compile(kinds)
    code, name = attrgetter("library", "fndesc.llvm_func_name")(loop.overloads[kinds])
    address: int = code.get_pointer_to_function(name)
    assert address, f"numba has lost {loop.__name__}"
    return address


@intrinsic
def _fails(typing_context, address, arguments):  # type: ignore[no-untyped-def]
    """Call what is at an address with a tuple of arguments, of just the types it was made for."""

    def build(context, builder, signature, given):  # type: ignore[no-untyped-def]
        kinds, convention = list(signature.args[1]), context.call_conv
        kind = convention.get_function_type(types.none, kinds).as_pointer()
        function, values = builder.inttoptr(given[0], kind), cgutils.unpack_tuple(builder, given[1])
        status, _ = convention.call_function(builder, function, types.none, kinds, values)
        return status.is_error

    return types.boolean(address, arguments), build


@njit(cache=True, nogil=True, parallel=True)
def _run(address, bounds, arguments, failed):  # type: ignore[no-untyped-def]
    for number in prange(bounds.size - 1):
        share = (np.int64(number), bounds[number], bounds[number + 1])
        failed[number] = _fails(address, (share, *arguments))
