from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.datasets import tgl_files
from benchmark.datasets.tgl_files import as_float32, stored_matrix

FLOATS = (torch.float64, torch.float16, torch.bfloat16)
INTEGERS = (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def saved(folder: Path, content: object, **options: Any) -> Path:
    path = folder / "matrix.pt"
    torch.save(content, path, **options)
    return path


@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS, torch.uint16, torch.uint64])
def test_other_types_are_converted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(tgl_files, "ROWS_PER_CHUNK", 4)
    values = torch.arange(33).remainder(2 if dtype is torch.bool else 3).reshape(11, 3)
    matrix = stored_matrix(saved(tmp_path, values.to(dtype)))
    kept = tmp_path / "cache" / "m.float32"
    converted = as_float32(matrix, tmp_path / "m.pt", kept)
    assert converted.dtype == torch.float32
    assert torch.equal(converted, values.float())
    again = as_float32(torch.zeros_like(matrix), tmp_path / "m.pt", kept)
    assert torch.equal(again, values.float()), "what is kept"


def test_float32_is_taken_as_it_is(tmp_path: Path) -> None:
    matrix = torch.randn(2, 3)
    assert as_float32(matrix, tmp_path / "m.pt", tmp_path / "kept") is matrix


@pytest.mark.parametrize(
    "content",
    [
        torch.nn.Parameter(torch.ones(3, 2)),
        torch.ones(3, 2, requires_grad=True),
        torch.ones(2, 3).T,
        torch.ones(6, 4)[::2, ::2],
    ],
)
def test_a_tensor_however_it_was_made(tmp_path: Path, content: torch.Tensor) -> None:
    matrix = stored_matrix(saved(tmp_path, content))
    assert torch.equal(matrix, torch.ones(3, 2))
    assert not matrix.requires_grad


def test_a_tensor_of_a_device_that_is_not_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(torch.serialization, "location_tag", lambda _: "cuda:3")
        path = saved(tmp_path, torch.ones(3, 2))
    assert b"cuda:3" in path.read_bytes()
    assert torch.equal(stored_matrix(path), torch.ones(3, 2))


def test_the_format_before_torch_1_6(tmp_path: Path) -> None:
    path = saved(tmp_path, torch.ones(3, 2), _use_new_zipfile_serialization=False)
    assert torch.equal(stored_matrix(path), torch.ones(3, 2))


def test_a_vector_is_a_column_and_a_matrix_may_have_no_width(tmp_path: Path) -> None:
    assert stored_matrix(saved(tmp_path, torch.arange(3))).tolist() == [[0], [1], [2]]
    for dtype in (torch.float32, torch.float64):
        matrix = stored_matrix(saved(tmp_path, torch.zeros(3, 0, dtype=dtype)))
        assert as_float32(matrix, tmp_path / "m.pt", tmp_path / str(dtype)).shape == (3, 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (torch.eye(3).to_sparse(), "holds a tensor that is sparse, .*to_dense"),
        (torch.eye(3).to_sparse_csr(), "holds a tensor that is sparse, .*to_dense"),
        (
            torch.empty(3, 2, device="meta"),
            "holds a tensor that is sparse, quantized or without values",
        ),
        (torch.ones(3, 2, dtype=torch.complex64), r"holds torch.complex64 \[3, 2\] where a matrix"),
        (torch.ones(2, 2, 2), r"holds torch.float32 \[2, 2, 2\] where a matrix of real numbers"),
        (torch.tensor(1.0), r"holds torch.float32 \[\] where a matrix"),
        ({"x": torch.ones(3, 2)}, "holds a dict where a tensor is expected: write it with"),
        ([torch.ones(2)], "holds a list where a tensor is expected"),
        (np.ones((3, 2)), r"cannot be read as a tensor: write it with torch.save\(tensor, path\)"),
    ],
)
def test_what_is_no_matrix_is_refused(tmp_path: Path, content: object, message: str) -> None:
    path = saved(tmp_path, content)
    with pytest.raises(ValueError, match=f"^{path} {message}"):
        stored_matrix(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read as a tensor: write it"),
        (b"nonsense", "cannot be read as a tensor: write it"),
        (b"<html>", "cannot be read as a tensor and is a web page: write it"),
        (b"\x1f\x8b\x08\x00", "cannot be read as a tensor and is a gzip file: write it"),
        (b"Rar!\x1a\x07\x00", "cannot be read as a tensor and is a rar archive: write it"),
        (b"\x80\x02}q\x00.", "cannot be read as a tensor: write it"),
    ],
)
def test_a_file_that_torch_cannot_read(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "matrix.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{path} {message}"):
        stored_matrix(path)


@pytest.mark.parametrize("size", [100, 700, -30])
def test_a_file_that_is_cut_off(tmp_path: Path, size: int) -> None:
    path = saved(tmp_path, torch.ones(30, 2))
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match=f"^{path} cannot be read as a tensor"):
        stored_matrix(path)


@pytest.mark.parametrize(
    ("dtype", "value", "problem"),
    [
        (torch.float32, "nan", "nan: replace it by a finite number"),
        (torch.float32, "-inf", "-inf: replace it by a finite number"),
        (torch.float16, "inf", "inf: replace it by a finite number"),
        (torch.float64, "nan", "nan: replace it by a finite number"),
        (torch.float64, "-1e300", r"-1e\+300, beyond the range of float32 arithmetic"),
        (torch.float32, "2e19", r"1.9.*e\+19, beyond the range of float32 arithmetic"),
        (torch.float64, "3.5e38", r"3.5e\+38, beyond the range of float32 arithmetic"),
    ],
)
def test_values_that_float32_does_not_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, value: str, problem: str
) -> None:
    monkeypatch.setattr(tgl_files, "ROWS_PER_CHUNK", 2)
    matrix = torch.ones(5, 3, dtype=dtype)
    matrix[3, 1] = float(value)
    with pytest.raises(ValueError, match=f"^m.pt, row 3: feature 2 is {problem}"):
        as_float32(matrix, Path("m.pt"), tmp_path / "kept")
    assert not (tmp_path / "kept").exists()
