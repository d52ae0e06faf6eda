"""What a GPU would run: when Triton compiles a kernel once more, and what it compiles it to."""

import os
import subprocess
import sys
from pathlib import Path

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
# Of 65,536 of a multiprocessor: what each of 1,024 threads may have, and what one may have at all.
SHARE, MOST_REGISTERS = 64, 255
REDUCTION = 40  # bytes of stack, which the cosine of a large angle takes; more is spilled
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


@pytest.mark.parametrize(("capability", "dtype"), [("80", "float32"), ("90", "float64")])
def test_kernels_compile_for_a_gpu_that_is_not_there(
    capability: str, dtype: str, tmp_path: Path
) -> None:
    pytest.importorskip("triton")
    told = subprocess.run(
        [sys.executable, "-m", "tests.models.layers.compiled_kernels", capability, dtype],
        env={**os.environ, "TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = {name: list(map(int, of)) for name, *of in map(str.split, told.splitlines())}
    assert lines.keys() == {
        "neighbor_attention_forward",
        "neighbor_attention_backward",
        "elementwise_forward",
        "elementwise_backward",
        "elementwise_draw",
    }
    for name, (registers, stack, rounded_otherwise) in lines.items():
        assert 0 < registers <= (SHARE if name.startswith("elementwise") else MOST_REGISTERS)
        assert rounded_otherwise == 0
        assert stack <= REDUCTION or dtype == "float64"
