"""The kernels of training as Triton compiles them for a GPU, which need not be there.

``python -m tests.models.layers.compiled_kernels 90 float32`` compiles them for compute capability
9.0, by the functions that launch them, and prints of each its name, the registers of a thread, the
bytes of its stack, where what does not fit into registers is spilled, and how many instructions
round otherwise than the CPU's loops: approximate cosines, and products contracted with sums.
"""

import re
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch
from triton import knobs
from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.jit import JITFunction

from benchmark.models.layers import elementwise_triton, neighbor_attention_triton

NUM_HEADS, NUM_NEIGHBORS, NODE_DIM, EDGE_DIM, TIME_DIM = 2, 10, 100, 172, 100
NUM_QUERIES, NUM_ROOTS, NUM_NODES, NUM_EVENTS = 3, 5, 7, 11


class Card:
    """A driver that says which GPU to compile for, and has none."""

    def __init__(self, capability: int) -> None:
        self.capability = capability

    def get_current_target(self) -> GPUTarget:
        return GPUTarget("cuda", self.capability, 32)

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return device


def compile_all(capability: int, dtype: torch.dtype) -> dict[str, Any]:
    """What each launched kernel was compiled to, by the kernel's name."""
    driver.set_active(Card(capability))
    compiled: dict[str, Any] = {}
    run = JITFunction.run

    def only_compile(self: Any, *args: Any, grid: Any, warmup: bool, **options: Any) -> None:
        module = self.__module__.rpartition(".")[2].removesuffix("_triton")
        name = f"{module}{self.__name__}"
        compiled[name] = run(self, *args, grid=grid, warmup=True, **options)

    JITFunction.run = only_compile
    launch_all(dtype)
    return compiled


def launch_all(dtype: torch.dtype) -> None:
    """Every kernel once, through the functions that training calls."""
    zeros = partial(torch.zeros, dtype=dtype)
    input_dim = NODE_DIM + EDGE_DIM + TIME_DIM + 1
    queries, known = zeros(NUM_HEADS, NUM_QUERIES, input_dim), zeros(NUM_NODES, NODE_DIM)
    edges, weight, shift = zeros(NUM_EVENTS, EDGE_DIM), zeros(TIME_DIM), zeros(TIME_DIM)
    order, first = torch.arange(NUM_ROOTS), torch.tensor([0, 1, 2, NUM_ROOTS])
    inputs = (queries, order, first, known, edges, weight, shift)
    places = torch.zeros(NUM_ROOTS, NUM_NEIGHBORS, dtype=torch.int64)
    share = zeros(NUM_ROOTS, NUM_HEADS, NUM_NEIGHBORS)
    sampled = (places, places, places.double(), places == 0, share)
    summed = zeros(NUM_HEADS, NUM_ROOTS, input_dim)
    gradients = [torch.empty_like(part) for part in (queries, known, weight, shift)]
    neighbor_attention_triton.forward(*inputs, *sampled, summed, share, share)
    neighbor_attention_triton.backward(*inputs, *sampled, share, share, summed, *gradients)
    columns = zeros(NUM_NODES, 4 * NODE_DIM)
    elementwise_triton.forward(columns, known)
    elementwise_triton.backward(columns, known, known)
    elementwise_triton.draw(2**62 - 1, 2**52, 1.25, share)


def resources(binary: bytes) -> tuple[int, int]:
    """Registers of a thread, and bytes of its stack."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.cubin"
        path.write_bytes(binary)
        command = [knobs.nvidia.cuobjdump.path, "--dump-resource-usage", path]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    (found,) = re.findall(r"REG:(\d+) STACK:(\d+)", told)
    return int(found[0]), int(found[1])


def main() -> None:
    capability, dtype = int(sys.argv[1]), getattr(torch, sys.argv[2])
    for name, kernel in compile_all(capability, dtype).items():
        rounded_otherwise = re.findall(r"\b(?:cos|sin)\.approx|\bfma\.rn\.f32", kernel.asm["ptx"])
        print(name, *resources(kernel.asm["cubin"]), len(rounded_otherwise))


if __name__ == "__main__":
    main()
