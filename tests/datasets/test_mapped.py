from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.datasets import mapped
from benchmark.datasets.mapped import as_float32, joined


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=4), min_size=1, max_size=4)
)
def test_chunks_are_joined_in_order(
    tmp_path_factory: pytest.TempPathFactory, lists: list[list[int]]
) -> None:
    chunks = ({"a": np.array(part), "b": -np.array(part)} for part in lists)
    columns = joined(chunks, tmp_path_factory.getbasetemp())
    whole = [value for part in lists for value in part]
    assert columns["a"].tolist() == whole
    assert columns["b"].tolist() == [-value for value in whole]


@pytest.mark.parametrize("dtype", [torch.bool, torch.int8, torch.float16, torch.float64])
def test_other_types_are_converted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(mapped, "ROWS_PER_CHUNK", 4)
    matrix = torch.arange(33).remainder(3).reshape(11, 3).to(dtype)
    path = tmp_path / "cache" / "m.float32"
    converted = as_float32(matrix, path)
    assert converted.dtype == torch.float32
    assert torch.equal(converted, matrix.float())
    assert torch.equal(as_float32(torch.zeros_like(matrix), path), matrix.float()), "the file"


def test_float32_is_taken_as_it_is(tmp_path: Path) -> None:
    matrix = torch.randn(2, 3)
    assert as_float32(matrix, tmp_path / "unused") is matrix
