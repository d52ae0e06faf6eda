"""The files of a TGL folder: found or fetched, with their checksums, matrices mapped."""

from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor

from benchmark.datasets.locations import Locations
from benchmark.datasets.mapped import as_float32
from benchmark.datasets.storage import content_checksum


class TGLFolder:
    """Folder ``name``; a file that is not there is fetched from ``url``, where one is given."""

    def __init__(self, locations: Locations, name: str, url: str | None) -> None:
        self._locations = locations
        self._name = name
        self._url = url
        self.checksums: dict[str, str] = {}  # of the files used so far

    @property
    def cache(self) -> Path:
        return self._locations.cache / self._name

    def require(self, file: str) -> Path:
        """The path of a file that must be had."""
        url = f"{self._url}/{file}" if self._url else None
        path = self._locations.fetch(self._name, file, url)
        self.checksums[path.name] = content_checksum(path, self._locations.cache)
        return path

    def find(self, file: str | None) -> Path | None:
        """The path of a file that, without a ``url``, need not be there."""
        if file is None or (self._url is None and self._locations.find(self._name, file) is None):
            return None
        return self.require(file)

    def cached(self, path: Path, ending: str) -> Path:
        """Where to keep what was made from a file: another place when the file changes."""
        return self.cache / f"{path.name}-{self.checksums[path.name][:16]}{ending}"

    def stored_matrix(self, path: Path) -> Tensor:
        """A mapped matrix [rows, width] of the type that the file has."""
        try:
            tensor = torch.load(path, weights_only=True, mmap=True)
        except (RuntimeError, UnpicklingError, EOFError, OSError) as error:
            raise ValueError(
                f"{path} cannot be read as a tensor: write it with torch.save(tensor, path)"
            ) from error
        if not isinstance(tensor, Tensor) or tensor.dim() != 2:
            found = list(tensor.shape) if isinstance(tensor, Tensor) else type(tensor).__name__
            raise ValueError(
                f"{path} holds {found} where a matrix of shape [rows, dim] is expected"
            )
        return tensor

    def matrix(self, path: Path) -> Tensor:
        """A mapped matrix [rows, width] of float32."""
        return as_float32(self.stored_matrix(path), self.cached(path, ".float32"))
