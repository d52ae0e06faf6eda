"""Columns that were made once and are kept in the cache: mapped, and made again when damaged."""

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray
from torch import Tensor

from benchmark.storage.files import exclusive, seal, sealed, sha256_of, written_whole
from benchmark.storage.formats import content_checksum

Piece = Mapping[str, NDArray[Any]]  # some rows of some columns, by their names

ALWAYS_VERIFIED_BYTES = 256 << 20  # a larger file is read again only when its size or times change


def prepared_tensors(folder: Path, build: Callable[[], Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors kept in ``folder``, built first where it does not hold them whole."""
    return prepared_pieces(
        folder, lambda: [{name: tensor.numpy() for name, tensor in build().items()}]
    )


def prepared_pieces(folder: Path, pieces: Callable[[], Iterable[Piece]]) -> dict[str, Tensor]:
    """The columns kept in ``folder``, made first where it does not hold them whole.

    ``pieces`` gives the rows of every column in order, some at a time; nothing is in memory as a
    whole. Each column is a ``.npy`` file, memory-mapped: processes share it, what is not used is
    not read, and writing to it changes no file. One process makes them while others wait. Raises
    ValueError when they cannot be written there.
    """
    if not _is_whole(folder):
        with exclusive(folder):
            if not _is_whole(folder):  # another process may have made it meanwhile
                _make(folder, pieces)
    return {
        path.stem: torch.from_numpy(np.load(path, mmap_mode="c")) for path in folder.glob("*.npy")
    }


def _make(folder: Path, pieces: Callable[[], Iterable[Piece]]) -> None:
    if folder.exists():
        print(f"{folder} is damaged: it is made again", file=sys.stderr, flush=True)
    with written_whole(folder) as temporary:
        temporary.mkdir()
        _write(temporary, pieces())
        seal(temporary, name=folder.name)


def _is_whole(folder: Path) -> bool:
    """Whether the folder holds what was written, byte for byte, under the same name."""
    try:
        written = sealed(folder, _checksum)["sha256"]
    except ValueError:
        return False
    return bool(written) and written.keys() == {path.name for path in folder.glob("*.npy")}


def _checksum(path: Path) -> str:
    if path.stat().st_size <= ALWAYS_VERIFIED_BYTES:
        return sha256_of(path)
    return content_checksum(path, path.parents[1])


def _write(folder: Path, pieces: Iterable[Piece]) -> None:
    with ExitStack() as stack:
        files: dict[str, BinaryIO] = {}
        headers: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {}
        for piece in pieces:
            for name, rows in piece.items():
                if name not in files:
                    files[name] = stack.enter_context((folder / f"{name}.npy").open("wb"))
                    headers[name] = rows.dtype, (0, *rows.shape[1:]) if rows.ndim else ()
                    _write_header(files[name], *headers[name])
                dtype, shape = headers[name]
                files[name].write(np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data)
                if shape:
                    headers[name] = dtype, (shape[0] + len(rows), *shape[1:])
        for name, file in files.items():
            file.seek(0)  # numpy leaves room in a header for the number of rows to grow
            _write_header(file, *headers[name])


def _write_header(file: BinaryIO, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    header = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    npy.write_array_header_1_0(file, header)
