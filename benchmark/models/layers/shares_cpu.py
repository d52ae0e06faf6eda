"""Compiled loops on as many threads as torch has, each of which takes a share.

A loop is called as ``loop(share, *arguments)``, where ``share`` is its number, where it begins and
where it ends, and arguments are arrays and numbers; it raises nothing. The threads find it by its
address: as a part of a parallel function numba would compile it once more, for as long as before.
"""

from typing import Any

import numba
import numpy as np
import torch
from numba import njit, prange, types
from numba.core import cgutils
from numba.core.typing import signature
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
    """Call a compiled ``loop`` for all shares between ``bounds``."""
    if len(bounds) == 2:
        loop((0, *bounds), *arguments)
        return
    key = (loop, *map(_kind, arguments))
    if key not in ADDRESSES:
        ADDRESSES[key] = _address(loop, arguments)
    numba.set_num_threads(num_threads())
    _run(ADDRESSES[key], bounds, arguments)


def _kind(argument: Any) -> Any:
    """What numba's type of an argument depends on; to ask numba takes longer than many a loop."""
    if isinstance(argument, np.ndarray):
        return argument.dtype.num, argument.ndim, argument.flags.num
    return type(argument)


def _address(loop: Any, arguments: tuple[Any, ...]) -> int:
    """Where the machine code of a loop for arguments of these types begins."""
    kinds = (types.UniTuple(types.int64, 3), *map(numba.typeof, arguments))
    compiled = loop.get_compile_result(signature(types.none, *kinds))
    address: int = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
    return address


@intrinsic
def _call(typing_context, address, arguments):  # type: ignore[no-untyped-def]
    """Call what is at an address with a tuple of arguments, of just the types it was made for."""

    def build(context, builder, signature, given):  # type: ignore[no-untyped-def]
        kinds, convention = list(signature.args[1]), context.call_conv
        kind = convention.get_function_type(types.none, kinds).as_pointer()
        function, values = builder.inttoptr(given[0], kind), cgutils.unpack_tuple(builder, given[1])
        convention.call_function(builder, function, types.none, kinds, values)
        return context.get_dummy_value()

    return types.void(address, arguments), build


@njit(cache=True, nogil=True, parallel=True)
def _run(address, bounds, arguments):  # type: ignore[no-untyped-def]
    for number in prange(bounds.size - 1):
        share = (np.int64(number), bounds[number], bounds[number + 1])
        _call(address, (share, *arguments))
