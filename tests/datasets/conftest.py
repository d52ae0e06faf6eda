"""Folders for small files, and the real files where they are present."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.datasets.locations import Locations
from tests.real_data import real_data


@pytest.fixture
def locations(tmp_path: Path) -> Locations:
    """An empty data folder and a cache beside it."""
    root = tmp_path / "root"
    root.mkdir()
    return Locations(root, tmp_path / "cache")


@pytest.fixture
def real_locations(tmp_path: Path) -> Callable[[str], Locations]:
    """Called with a file's name inside the data folder: locations, or a skip without the file."""

    def find(file: str) -> Locations:
        return Locations(real_data(file), tmp_path / "cache")

    return find
