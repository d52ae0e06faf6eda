"""The matrices of a TGL folder: tensors of any kind, mapped, as float32."""

from collections.abc import Iterator
from pathlib import Path
from zipfile import is_zipfile

import torch
from torch import Tensor

from benchmark.datasets.validate import FileRows, check_features
from benchmark.storage.formats import packing_of
from benchmark.storage.prepared import prepared_pieces, prepared_tensors

ROWS_PER_CHUNK = 1 << 16


def stored_matrix(path: Path) -> Tensor:
    """The mapped matrix [rows, width] of a file, of the type that it has; a column for a vector.

    Raises ValueError when the file holds something else.
    """
    remedy = "write it with torch.save(tensor, path)"
    try:
        # Only the format of torch 1.6 and later can be mapped.
        tensor = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zipfile(path))
    except Exception as error:  # what torch raises depends on where the file is wrong
        found = packing_of(path)
        named = f" and is {found}" if found not in (None, "a zip archive") else ""
        raise ValueError(f"{path} cannot be read as a tensor{named}: {remedy}") from error
    if not isinstance(tensor, Tensor):
        found = type(tensor).__name__
        raise ValueError(f"{path} holds a {found} where a tensor is expected: {remedy}")
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta:
        raise ValueError(
            f"{path} holds a tensor that is sparse, quantized or without values: write it with "
            "torch.save(tensor.to_dense(), path)"
        )
    if tensor.is_complex() or tensor.dim() not in (1, 2):
        raise ValueError(
            f"{path} holds {tensor.dtype} {list(tensor.shape)} where a matrix of real numbers of "
            "shape [rows, dim] is expected"
        )
    matrix = tensor.detach()
    return matrix if matrix.dim() == 2 else matrix[:, None]


def as_float32(matrix: Tensor, path: Path, kept: Path) -> Tensor:
    """``matrix`` [rows, width], which the file ``path`` holds, as mapped float32.

    The first time it is read through, a part at a time; another type is converted into the folder
    ``kept``. Raises ValueError where a value is not finite or too large to be computed with.
    """
    chunks = _checked_chunks(matrix, path)
    if matrix.dtype != torch.float32:
        return prepared_pieces(kept, lambda: ({"rows": rows.numpy()} for rows in chunks))["rows"]
    prepared_tensors(kept, lambda: {"checked": torch.tensor(sum(map(len, chunks)))})
    return matrix


def _checked_chunks(matrix: Tensor, path: Path) -> Iterator[Tensor]:
    for start in range(0, len(matrix), ROWS_PER_CHUNK):
        rows = matrix[start : start + ROWS_PER_CHUNK]
        check_features(rows.double().numpy(), FileRows(path, first=start, unit="row"))
        yield rows.float()
