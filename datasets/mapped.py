"""Columns and matrices that may be larger than memory: on disk, and mapped."""

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.datasets.storage import exclusive, written_whole

ROWS_PER_CHUNK = 1 << 16


def joined(chunks: Iterable[dict[str, NDArray[np.int64]]], folder: Path) -> dict[str, Tensor]:
    """The chunks of every column end to end, in nameless files on the disk of ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, IO[bytes]] = {}
    with ExitStack() as stack:
        for chunk in chunks:
            for name, values in chunk.items():
                if name not in files:
                    files[name] = stack.enter_context(TemporaryFile(dir=folder))
                files[name].write(values.tobytes())
        for file in files.values():
            file.flush()
        return {
            name: torch.from_numpy(np.memmap(file, np.int64, "r+")) for name, file in files.items()
        }


def as_float32(matrix: Tensor, path: Path) -> Tensor:
    """``matrix`` [rows, width] as float32; other types are converted once, into the file ``path``.

    Neither is read into memory as a whole.
    """
    if matrix.dtype == torch.float32:
        return matrix
    shape = tuple(matrix.shape)
    if not path.exists():
        with exclusive(path.with_name(path.name + ".lock")):
            if not path.exists():
                with written_whole(path) as temporary:
                    converted = np.memmap(temporary, np.float32, "w+", shape=shape)
                    for start in range(0, len(matrix), ROWS_PER_CHUNK):
                        rows = slice(start, start + ROWS_PER_CHUNK)
                        converted[rows] = matrix[rows].float().numpy()
                    converted.flush()
    # Copy-on-write, for torch warns of memory that it may not write to.
    return torch.from_numpy(np.memmap(path, np.float32, "c", shape=shape))
