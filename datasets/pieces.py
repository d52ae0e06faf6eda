"""Columns of a stream that is too long for memory: made piece by piece, then mapped."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray
from torch import Tensor

from benchmark.datasets.storage import exclusive

Piece = Mapping[str, NDArray[Any]]  # some rows of every column, by its name


def cached_pieces(
    folder: Path, num_rows: int, pieces: Callable[[], Iterator[Piece]]
) -> dict[str, Tensor]:
    """The columns [num_rows, ...] in ``folder``, made first where it does not exist.

    ``pieces`` gives all rows in order, a piece at a time; each column becomes a ``.npy`` file. They
    are memory-mapped: what is not used is not read, and writing to them changes no file. One
    process makes them while others wait.
    """
    with exclusive(folder.with_name(folder.name + ".lock")):
        if not folder.exists():
            unfinished = folder.with_name(folder.name + ".tmp")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            _write(unfinished, num_rows, pieces())
            unfinished.rename(folder)
    return {
        path.stem: torch.from_numpy(np.load(path, mmap_mode="c")) for path in folder.glob("*.npy")
    }


def _write(folder: Path, num_rows: int, pieces: Iterator[Piece]) -> None:
    with ExitStack() as stack:
        files: dict[str, BinaryIO] = {}
        for piece in pieces:
            for name, rows in piece.items():
                if name not in files:
                    files[name] = stack.enter_context((folder / f"{name}.npy").open("wb"))
                    _write_header(files[name], (num_rows, *rows.shape[1:]), rows.dtype)
                files[name].write(rows.tobytes())


def _write_header(file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    header = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    npy.write_array_header_1_0(file, header)
