"""The real files, where they are present; made-up ones, written and loaded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.table import Table
from benchmark.datasets.tgl import TGL
from benchmark.storage.locations import Locations
from tests.real_data import real_data


@pytest.fixture
def real_locations(tmp_path: Path) -> Callable[[str], Locations]:
    """Called with a file's name inside the data folder: locations, or a skip without the file."""

    def find(file: str) -> Locations:
        return Locations(real_data(file), tmp_path / "cache")

    return find


@pytest.fixture
def load_mine(locations: Locations, tmp_path: Path) -> Callable[..., Dataset]:
    """Writes lines, text, bytes or a frame as a file and loads it by dataset=table."""

    def write_and_load(content: Any, file: str = "mine.csv", **options: Any) -> Dataset:
        path = tmp_path / file
        if isinstance(content, pd.DataFrame):
            pytest.importorskip("pyarrow")
            content.to_parquet(path)
        else:
            text = "\n".join(content) if isinstance(content, list) else content
            path.write_bytes(text.encode() if isinstance(text, str) else text)
        return Table("mine", str(path), **options).load(locations)

    return write_and_load


@pytest.fixture
def tgl_folder(locations: Locations) -> Path:
    assert locations.root is not None
    path = locations.root / "WIKI"
    path.mkdir()
    return path


@pytest.fixture
def load_tgl(locations: Locations, tgl_folder: Path) -> Callable[..., Dataset]:
    def write_and_load(
        edges: list[str],
        labels: list[str] | None = None,
        tensors: dict[str, Tensor] | None = None,
        **options: Any,
    ) -> Dataset:
        (tgl_folder / "edges.csv").write_text("\n".join([*edges, ""]))
        if labels is not None:
            (tgl_folder / "labels.csv").write_text("\n".join([*labels, ""]))
        for file, tensor in (tensors or {}).items():
            torch.save(tensor, tgl_folder / file)
        return TGL("WIKI", **options).load(locations)

    return write_and_load
