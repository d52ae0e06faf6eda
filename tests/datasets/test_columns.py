from pathlib import Path

import numpy as np
import pytest

from benchmark.datasets import text
from benchmark.datasets.columns import ROW_NUMBER, column_chunks, read_columns


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.csv"
    path.write_text("Unnamed: 0, b ,c\n" + "".join(f"{i},{2 * i},-1.5\n" for i in range(7)))
    return path


def test_by_name(path: Path) -> None:
    columns, rows = read_columns(path, ("c", "b"))
    assert columns["b"].tolist() == [0, 2, 4, 6, 8, 10, 12]
    assert columns["c"].tolist() == [-1.5] * 7
    assert columns[ROW_NUMBER].tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert rows.place(0) == f"{path}, line 2"


@pytest.mark.parametrize("size", [1, 3, 7, 8])
def test_chunks_know_their_lines(path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(text, "ROWS_PER_CHUNK", size)
    chunks = list(column_chunks(path, ("b",)))
    assert [len(columns["b"]) for columns, _ in chunks[:-1]] == [size] * (len(chunks) - 1)
    assert np.concatenate([columns["b"] for columns, _ in chunks]).tolist() == [*range(0, 14, 2)]
    assert [rows.first for _, rows in chunks] == [*range(2, 9, size)]


def test_wrong_header(path: Path) -> None:
    with pytest.raises(ValueError, match=r"a.csv has no column 'd' \(it has 'Unnamed: 0', 'b'"):
        read_columns(path, ("b", "d"))
    path.write_text("b,c\n1,2,3\n")
    with pytest.raises(ValueError, match="line 2 has 3 fields where the header names 2"):
        read_columns(path, ("b",))
