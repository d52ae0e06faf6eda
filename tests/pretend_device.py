"""A pretend accelerator: its tensors lie in host memory and behave as on CUDA.

What CUDA refuses is refused (``numpy``, tensors of two devices in one operation), and random
numbers too, as every device would draw others. Every operation is noted with the line of the
project that asked for it, so that tests can count what a GPU would have to launch, wait for, and
copy.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, library
from torch.utils._foreach_utils import _foreach_supported_types
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import (
    _DummyBackendModule,
    _setup_privateuseone_for_python_backend,
)


class _Backend(_DummyBackendModule):
    """Random numbers are drawn on the host, so that there is no state to keep."""

    def get_rng_state(self, device: Any = None) -> Tensor:
        return torch.empty(0, dtype=torch.uint8)

    def set_rng_state(self, state: Tensor, device: Any = None) -> None:
        """Nothing to set."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


_setup_privateuseone_for_python_backend("pretend", _Backend())
DEVICE = torch.device("pretend", 0)
ROOT = Path(__file__).parents[1]
# What needs the answer of the device before the host can go on.
WAITS = {
    "_local_scalar_dense", "_unique2", "bincount", "equal", "is_nonzero", "item", "masked_select",
    "nonzero", "unique_consecutive", "unique_dim",
}  # fmt: skip
INDEXING = ("index", "index_put_", "_index_put_impl_")
# What reserves memory or renames it, and launches nothing.
NOTHING = {
    "_local_scalar_dense", "_unsafe_view", "detach", "empty", "empty_like", "empty_strided",
    "new_empty", "new_empty_strided",
}  # fmt: skip


@dataclass
class Count:
    """What the device was asked for, each with its file and line."""

    launches: list[str] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)
    downloads: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = []
        for kind, found in vars(self).items():
            lines.append(f"{len(found)} {kind}")
            lines += [f"  {times} x {what}" for what, times in Counter(found).most_common()]
        return "\n".join(lines)


COUNTS: list[Count] = []


@contextmanager
def counting() -> Iterator[Count]:
    """What is asked for meanwhile, by all threads."""
    COUNTS.append(Count())
    try:
        yield COUNTS[-1]
    finally:
        COUNTS.pop()


class PretendTensor(Tensor):
    """``held`` is the same numbers on the CPU."""

    held: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held: Tensor) -> "PretendTensor":
        outside: PretendTensor = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, held.size(), strides=held.stride(), storage_offset=held.storage_offset(),
            dtype=held.dtype, device=DEVICE,
        )  # fmt: skip
        outside.held = held
        return outside

    @classmethod
    def __torch_dispatch__(
        cls, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return _run(operation, args, kwargs or {})

    def tolist(self) -> Any:
        """As on CUDA a wait and a copy to the host; torch itself refuses it to subclasses."""
        return self.cpu().tolist()

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Saved as what ``map_location="cpu"`` makes of it."""
        return self.held.__reduce_ex__(protocol)


def _run(operation: Any, args: Any, kwargs: Any) -> Any:
    """Do it on the CPU, and note it."""
    name = operation._schema.name.removeprefix("aten::")
    inputs = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
    to_host = _is_cpu(kwargs.get("device")) or (
        name == "copy_" and not isinstance(args[0], PretendTensor)
    )
    _refuse_draw(operation, name)
    _refuse_mixture(name, inputs)
    _note(operation, name, inputs, to_host)
    result = operation(*tree_map(_inside, args), **tree_map(_inside, kwargs))
    if to_host:
        return result
    known = {id(x.held): x for x in inputs if isinstance(x, PretendTensor)}

    def outside(x: Any) -> Any:
        return known.get(id(x), PretendTensor(x)) if isinstance(x, Tensor) else x

    return tree_map(outside, result)


def _inside(x: Any) -> Any:
    if isinstance(x, PretendTensor):
        return x.held
    return torch.device("cpu") if isinstance(x, torch.device) and x.type == DEVICE.type else x


def _is_cpu(device: Any) -> bool:
    return device is not None and torch.device(device).type == "cpu"


def _refuse_mixture(name: str, inputs: list[Tensor]) -> None:
    """As CUDA: only a scalar of the host may take part; copies cross, and so do its indices."""
    if name == "copy_" or (name in INDEXING and isinstance(inputs[0], PretendTensor)):
        return
    strangers = [x for x in inputs if not isinstance(x, PretendTensor) and x.dim()]
    if strangers:
        raise RuntimeError(f"{name}: tensors on {DEVICE} and on the CPU, {_place()}")


def _refuse_draw(operation: Any, name: str) -> None:
    if torch.Tag.nondeterministic_seeded in operation.tags:
        raise RuntimeError(f"{name}: every device would draw other numbers, {_place()}")


def launched(name: str) -> None:
    """Note a kernel that torch knows nothing of."""
    for count in COUNTS:
        count.launches.append(f"{name} at {_place()}")


def _note(operation: Any, name: str, inputs: list[Tensor], to_host: bool) -> None:
    if not COUNTS:
        return
    what = f"{name} at {_place()}"
    indexed = name in ("index", "index_put_") and any(x.dtype == torch.bool for x in inputs[1:])
    hosts = [x for x in inputs if not isinstance(x, PretendTensor) and x.dim()]
    aliases = [x.alias_info for x in operation._schema.returns]
    view = any(alias is not None and not alias.is_write for alias in aliases)
    for count in COUNTS:
        if to_host:
            count.downloads.append(what)
        elif hosts:
            count.uploads.append(what)
        elif not view and name not in NOTHING:
            count.launches.append(what)
        if name in WAITS or indexed:
            count.waits.append(what)


def _place() -> str:
    """The line of the project that asked; autograd's own operations have none."""
    frame = sys._getframe(1)
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT) and path != Path(__file__):
            return f"{path.relative_to(ROOT)}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return "backward"


# torch takes the kernels for many tensors at once for types that it knows.
_foreach_supported_types.append(PretendTensor)
_EVERYTHING = library.Library("_", "IMPL")
_EVERYTHING.fallback(
    lambda operation, *args, **kwargs: _run(operation, args, kwargs), "PrivateUse1"
)


def _arange(overload: str) -> None:
    """torch makes it by giving an empty tensor its size, which one around another cannot follow."""
    operation = getattr(torch.ops.aten.arange, overload)
    name = "arange" if overload == "default" else f"arange.{overload}"
    _ATEN.impl(name, lambda *args, **kwargs: _run(operation, args, kwargs), "PrivateUse1")


_ATEN = library.Library("aten", "IMPL")
for _overload in ("default", "start", "start_step"):
    _arange(_overload)
