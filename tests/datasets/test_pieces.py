import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.datasets.pieces import Piece, cached_pieces


def three_rows() -> Iterator[Piece]:
    yield {"id": np.array([7, 8]), "row": np.array([[1, 2], [3, 4]], np.float32)}
    yield {"id": np.array([9]), "row": np.array([[5, 6]], np.float32)}


def test_pieces_stand_end_to_end(tmp_path: Path) -> None:
    columns = cached_pieces(tmp_path / "stream", 3, three_rows)
    assert columns["id"].dtype == torch.int64
    assert columns["id"].tolist() == [7, 8, 9]
    assert columns["row"].dtype == torch.float32
    assert columns["row"].tolist() == [[1, 2], [3, 4], [5, 6]]


def test_made_once(tmp_path: Path) -> None:
    cached_pieces(tmp_path / "stream", 3, three_rows)
    again = cached_pieces(tmp_path / "stream", 3, lambda: pytest.fail("made twice"))
    assert again["id"].tolist() == [7, 8, 9]


def test_writing_to_a_column_changes_no_file(tmp_path: Path) -> None:
    cached_pieces(tmp_path / "stream", 3, three_rows)["id"].zero_()
    assert cached_pieces(tmp_path / "stream", 3, three_rows)["id"].tolist() == [7, 8, 9]


def test_columns_without_width(tmp_path: Path) -> None:
    columns = cached_pieces(tmp_path / "stream", 2, lambda: iter([{"row": np.empty((2, 0))}]))
    assert columns["row"].shape == (2, 0)


def test_an_error_while_making_them_leaves_nothing_to_load(tmp_path: Path) -> None:
    def broken() -> Iterator[Piece]:
        yield next(three_rows())
        raise ValueError("bad input")

    with pytest.raises(ValueError, match="bad input"):
        cached_pieces(tmp_path / "stream", 3, broken)
    assert cached_pieces(tmp_path / "stream", 3, three_rows)["id"].tolist() == [7, 8, 9]


def test_a_process_killed_while_making_them_leaves_nothing_to_load(tmp_path: Path) -> None:
    killed = textwrap.dedent(f"""
        import os, pathlib, signal
        import numpy as np
        from benchmark.datasets.pieces import cached_pieces

        def pieces():
            yield {{"id": np.arange(2)}}
            os.kill(os.getpid(), signal.SIGKILL)

        cached_pieces(pathlib.Path({str(tmp_path)!r}) / "stream", 3, pieces)
    """)
    done = subprocess.run([sys.executable, "-c", killed], check=False)
    assert done.returncode < 0
    assert cached_pieces(tmp_path / "stream", 3, three_rows)["id"].tolist() == [7, 8, 9]
