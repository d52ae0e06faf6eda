"""The real files, where they are present."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.storage.locations import Locations
from tests.real_data import real_data


@pytest.fixture
def real_locations(tmp_path: Path) -> Callable[[str], Locations]:
    """Called with a file's name inside the data folder: locations, or a skip without the file."""

    def find(file: str) -> Locations:
        return Locations(real_data(file), tmp_path / "cache")

    return find
