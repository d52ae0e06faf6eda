"""What makes Triton compile a kernel once more, in the middle of training."""

import os
import subprocess
import sys

import pytest

# In another process, as here Triton interprets.
SPECIALISED = """
from importlib import import_module
from triton.runtime.jit import JITFunction
for name in ("neighbor_attention", "elementwise"):
    for kernel in vars(import_module(f"benchmark.models.layers.{name}_triton")).values():
        if isinstance(kernel, JITFunction):
            specialised = (p.name for p in kernel.params if not p.do_not_specialize)
            print(name + kernel.__name__, *specialised)
"""
OF_BATCH = {"num_queries", "num_roots", "count", "key"}


def test_no_number_that_changes_with_the_batch_has_kernels_of_its_own() -> None:
    pytest.importorskip("triton")
    told = subprocess.run(
        [sys.executable, "-c", SPECIALISED],
        env={**os.environ, "TRITON_INTERPRET": "0"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    specialised = {name: set(of) for name, *of in map(str.split, told.splitlines())}
    assert {"neighbor_attention_backward", "elementwise_forward"} <= specialised.keys()
    assert not any(of & OF_BATCH for of in specialised.values()), told
    assert "size" not in specialised["elementwise_draw"]
