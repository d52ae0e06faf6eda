"""Which device a process computes on, and how what the host has prepared gets there."""

import os
import weakref
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from itertools import accumulate
from typing import Any, TypeVar

import torch
from torch import Tensor

from benchmark.machine.place import Place

Parts = TypeVar("Parts")
ALIGNMENT = 16  # bytes; every type may start there
MOST_OF_DEVICE = 0.8  # of what is free, for one table: the rest is for node memory and training
PORTABLE_AND_MAPPED = 3  # flags of cudaHostRegister


def choose_device(name: str, place: Place) -> torch.device:
    """The device called ``cpu``, ``cuda`` or ``auto``; every process has a GPU of its machine.

    Raises:
        ValueError: If ``cuda`` is asked for and there is none, or if the machine has fewer GPUs
            than processes, which NCCL does not serve.
    """
    num_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "cuda" and num_gpus == 0:
        raise ValueError("device=cuda but no GPU can be used here; choose device=cpu or auto.")
    if name == "cpu" or num_gpus == 0:
        return torch.device("cpu")
    if place.local_size > num_gpus:
        where = " on each machine" if place.machines > 1 else ""
        raise ValueError(
            f"{place.local_size} processes{where} need as many GPUs, and there are {num_gpus}: set "
            "processes lower, which trains the same, or device=cpu."
        )
    return torch.device("cuda", place.local_rank)


def check_precision(precision: str, device: torch.device) -> None:
    """Refuse ``precision`` bfloat16 with ValueError where it would only cost time."""
    if precision == "bfloat16" and not multiplies_bfloat16(device):
        raise ValueError(
            f"system.precision=bfloat16, but this {device.type} device has no products in bfloat16 "
            "and emulates them, which is slower: choose float32, or bfloat16_emulated to force it."
        )


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether ``device`` has instructions for products in bfloat16, and need not emulate them."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported()


def reachable(what: str, table: Tensor, device: torch.device) -> Tensor:
    """``table`` on ``device``; on a GPU that it would fill, its rows on the host.

    Those are pinned and the GPU reads them through the bus, as many as are asked for, with any
    operation and kernel: to it they have an address like others.

    Raises:
        ValueError: If they cannot be pinned; says how large ``what`` is.
    """
    if device.type != "cuda":
        return table.to(device)
    free, _ = torch.cuda.mem_get_info(device)
    if table.nbytes <= MOST_OF_DEVICE * free:
        return table.to(device)
    rows = HostRows(table.contiguous())
    with torch.cuda.device(device):
        code = rows.pin()
        there = None if code else torch.as_tensor(rows, device=device)
    if there is None or there.data_ptr() != rows.address:  # a copy, if torch has made one
        raise ValueError(
            f"{what} take {table.nbytes / 2**30:.1f} GiB, the GPU has {free / 2**30:.1f} GiB free, "
            f"and the host cannot pin them for it (error {code} of cudaHostRegister): raise what "
            "may be locked (ulimit -l), or choose device=cpu or fewer events (max_events)."
        )
    return there


class HostRows:
    """A ``table`` of the host as CUDA's array interface tells of it, which keeps it alive."""

    def __init__(self, table: Tensor) -> None:
        self.table = table
        self.address = table.data_ptr()
        described = table.detach().numpy().__array_interface__
        self.__cuda_array_interface__ = {
            "shape": described["shape"],
            "typestr": described["typestr"],
            "data": (self.address, False),
            "strides": None,
            "version": 3,
        }

    def pin(self) -> int:
        """Pin the table, if another has not, as long as this lives; 0, or the error of CUDA."""
        if self.table.is_pinned():
            return 0
        runtime = torch.cuda.cudart()
        code = int(runtime.cudaHostRegister(self.address, self.table.nbytes, PORTABLE_AND_MAPPED))
        if code == 0:
            weakref.finalize(self, runtime.cudaHostUnregister, self.address).atexit = False
        return code


def kernels_for(device: torch.device, loops: Any, triton_kernels: str) -> Any:
    """The module that computes something in one go on ``device``; None: torch operations must.

    ``loops`` is that for a CPU, ``triton_kernels`` the name of that for a GPU, with the same
    functions; Triton comes with the CUDA builds of torch.
    """
    if device.type == "cpu":
        return loops
    return import_module(triton_kernels) if device.type == "cuda" and find_spec("triton") else None


def add_in_order(device: torch.device) -> None:
    """Have operations that add with atomics on a GPU, in any order, add in one order instead."""
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read with the first product
        torch.use_deterministic_algorithms(True, warn_only=True)


def synchronize(device: torch.device) -> None:
    """Wait until ``device`` has done all that it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def to_device(parts: Parts, device: torch.device) -> Parts:
    """``parts``, host tensors in tuples and data classes of each other, on ``device``.

    All of them travel in one copy, out of pinned memory, that nobody waits for; a tensor that
    stands in several places does so once. On a CPU they stay what they are.
    """
    if device.type == "cpu":
        return parts
    found: dict[int, Tensor] = {}
    _replaced(parts, lambda tensor: found.setdefault(id(tensor), tensor))
    starts, size = {}, 0
    for name, tensor in found.items():
        starts[name] = size
        size += -(-tensor.nbytes // ALIGNMENT) * ALIGNMENT
    packed = torch.empty(size, dtype=torch.uint8, pin_memory=device.type == "cuda")
    for name, tensor in found.items():
        _part(packed, starts[name], tensor).copy_(tensor)
    moved = packed.to(device, non_blocking=True)
    return _replaced(parts, lambda tensor: _part(moved, starts[id(tensor)], tensor))


def to_host(parts: Parts) -> Callable[[], Parts]:
    """What returns ``parts``, tensors of one device, on the host, where one copy takes them.

    The copy begins now, and who calls it waits for its end. On a CPU they stay what they are.
    """
    found: dict[int, Tensor] = {}
    _replaced(parts, lambda tensor: found.setdefault(id(tensor), tensor))
    device = next(iter(found.values())).device
    if device.type == "cpu":
        return lambda: parts
    # The widest types first, so that each starts where it may.
    ordered = sorted(found.values(), key=lambda tensor: -tensor.itemsize)
    packed = torch.cat([tensor.reshape(-1).view(torch.uint8) for tensor in ordered])
    arrived = torch.empty(packed.shape, dtype=torch.uint8, pin_memory=device.type == "cuda")
    arrived.copy_(packed, non_blocking=True)
    sizes = [tensor.nbytes for tensor in ordered]
    starts = {
        id(tensor): end - size
        for tensor, size, end in zip(ordered, sizes, accumulate(sizes), strict=True)
    }
    end = torch.cuda.current_stream(device).record_event() if device.type == "cuda" else None

    def wait() -> Parts:
        if end is not None:
            end.synchronize()
        return _replaced(parts, lambda tensor: _part(arrived, starts[id(tensor)], tensor))

    return wait


def _part(packed: Tensor, start: int, like: Tensor) -> Tensor:
    """The view of ``packed`` bytes that holds a tensor such as ``like``."""
    return packed[start : start + like.nbytes].view(like.dtype).view(like.shape)


def _replaced(parts: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """``parts`` with every tensor changed."""
    if isinstance(parts, Tensor):
        return change(parts)
    if isinstance(parts, tuple):
        changed = [_replaced(part, change) for part in parts]
        return parts._make(changed) if hasattr(parts, "_make") else tuple(changed)
    if is_dataclass(parts) and not isinstance(parts, type):
        named = {field.name: getattr(parts, field.name) for field in fields(parts)}
        return replace(parts, **{name: _replaced(part, change) for name, part in named.items()})
    return parts
