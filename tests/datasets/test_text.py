from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.datasets import text
from benchmark.datasets.text import read_number_rows

finite = st.floats(-(2.0**99), 2.0**99, width=32)
tables = st.integers(2, 5).flatmap(
    lambda width: st.lists(st.lists(finite, min_size=width, max_size=width), min_size=1)
)
same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@same_folder
@given(tables, st.integers(0, 3), st.sampled_from(["\n", "\r\n"]))
def test_numbers_come_back(tmp_path: Path, table: list[list[float]], skip: int, end: str) -> None:
    lines = ["# skipped"] * skip + [",".join(map(repr, row)) for row in table]
    path = tmp_path / "numbers.csv"
    path.write_bytes(end.join([*lines, ""]).encode())
    result = read_number_rows(path, ",", num_leading=2, skipped_lines=skip)
    np.testing.assert_allclose(result.leading, np.array(table)[:, :2], rtol=1e-12)
    np.testing.assert_allclose(result.features, np.array(table)[:, 2:], rtol=1e-6)
    assert result.rows.place(0) == f"{path}, line {skip + 1}"


@same_folder
@given(st.text(alphabet="0123456789.,-e\n\r \tnaNx#\"'\x00é", max_size=60))
def test_any_text_is_read_or_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "numbers.csv"
    path.write_bytes(text.encode())
    try:
        result = read_number_rows(path, ",", num_leading=2, skipped_lines=0)
    except ValueError as error:
        assert str(path) in str(error)
        assert "\n" not in str(error)
    else:
        assert len(result.leading) == len(result.features) > 0


def test_rows_are_counted_across_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.datasets.text.ROWS_PER_CHUNK", 10)
    path = tmp_path / "numbers.csv"
    lines = [f"{i},{i}" for i in range(95)]
    path.write_text("\n".join(lines))
    result = read_number_rows(path, ",", num_leading=2, skipped_lines=0)
    assert result.leading[:, 0].tolist() == list(range(95))
    for broken, message in (("1", "1 fields"), ("1,2,3", "3 fields"), ("1,x", "column 2 is 'x'")):
        path.write_text("\n".join([*lines[:57], broken, *lines[57:]]))
        with pytest.raises(ValueError, match=f"line 58.*{message}"):
            read_number_rows(path, ",", num_leading=2, skipped_lines=0)


def test_numbers_do_not_depend_on_the_size_of_a_chunk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("1,2,3\n4,5,6\n7,8,9\n\n\n")
    for size in (1, 2, 3, 4, 5):
        monkeypatch.setattr(text, "ROWS_PER_CHUNK", size)
        table = read_number_rows(path, ",", num_leading=2, skipped_lines=0)
        assert table.leading.tolist() == [[1, 2], [4, 5], [7, 8]]
        assert table.features.tolist() == [[3], [6], [9]]
        assert table.rows.place(2) == f"{path}, line 3"


@pytest.mark.parametrize(
    ("line", "message"), [("", "line 2 is blank"), ("nan,nan,3", "line 2 holds no number")]
)
def test_a_gap_at_the_end_of_a_chunk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, message: str
) -> None:
    monkeypatch.setattr(text, "ROWS_PER_CHUNK", 2)
    path = tmp_path / "a.csv"
    path.write_text(f"1,2,3\n{line}\n7,8,9\n")
    with pytest.raises(ValueError, match=message):
        read_number_rows(path, ",", num_leading=2, skipped_lines=0)
