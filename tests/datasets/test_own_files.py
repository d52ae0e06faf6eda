"""Files as people have them: what is loaded, exactly, and what is refused with its place."""

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from decimal import Decimal
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest

from benchmark.datasets import reading
from benchmark.datasets.dataset import Dataset

Load = Callable[..., Dataset]

HEADER = "source,destination,time"
PLAIN = [f"a,b{i % 2},{i}" for i in range(12)]


def events(*rows: str, header: str = HEADER) -> list[str]:
    return [header, *rows]


def times_of(dataset: Dataset) -> list[int]:
    return [int(t) + dataset.start_time for t in dataset.stream.t]


# Ids


def test_leading_zeros_name_other_nodes(load_mine: Load) -> None:
    ids = ["0101", "0202", "0303"]
    rows = [f"{ids[i % 3]},{[*ids, 'HQ'][i % 4]},{i}" for i in range(12)]
    assert load_mine(events(*rows), bipartite=True).num_nodes == 7
    assert load_mine(events(*rows)).num_nodes == 4


@pytest.mark.parametrize(
    ("ids", "num_nodes"),
    [
        (["007", "7", "8"], 3),
        (["7 ", " 7", "7", "8"], 2),
        (["7", "7.0", "7e0", "+7"], 4),
        (["1", "x", "2"], 3),
        (["0x1", "1", "True", "NA", "null", "nan"], 6),
        ([str(2**63), str(2**63 + 1), str(2**64), "18446744073709551615"], 4),
        (["2000000000", "0"], 2),
        (["9007199254740992", "9007199254740993"], 2),
        (["-1", "1"], 2),
        (["#love", "love", "%"], 3),
    ],
)
def test_ids_are_text(load_mine: Load, ids: list[str], num_nodes: int) -> None:
    rows = [f"{ids[i % len(ids)]},{ids[-1]},{i}" for i in range(24)]
    assert load_mine(events(*rows)).num_nodes == num_nodes


def test_whole_numbers_are_numbered_by_value_and_before_words(load_mine: Load) -> None:
    ids = ["10", "9", "b", "010", "B", "100000000000000000000"]
    order = ["9", "010", "10", "100000000000000000000", "B", "b"]
    stream = load_mine(events(*(f"{ids[i % 6]},{ids[i % 6]},{i}" for i in range(12)))).stream
    assert stream.src[:6].tolist() == [order.index(each) for each in ids]


def test_ids_of_parquet_are_the_same_text(load_mine: Load) -> None:
    frame = pd.DataFrame(
        {
            "source": np.arange(12, dtype=np.uint64) + 2**63,
            "destination": [1.0, 2.0, 3.0] * 4,
            "time": [Decimal(i) for i in range(12)],
        }
    )
    assert load_mine(frame, "a.parquet").stream.src.tolist() == [*range(3, 15)]
    frame["source"] = pd.Series([1, 2] * 6, dtype="Int64")
    assert load_mine(frame, "a.parquet").num_nodes == 3, "1 and 1.0 are one node"
    frame["source"] = pd.Categorical(["x", "y"] * 6)
    assert load_mine(frame, "a.parquet", bipartite=True).num_nodes == 5
    frame.loc[4, "source"] = None
    with pytest.raises(ValueError, match=r"a.parquet, row 5: source has no value: fill it in"):
        load_mine(frame, "a.parquet")


def test_columns_saved_as_the_index(load_mine: Load) -> None:
    frame = pd.DataFrame({"source": [1, 2] * 6, "destination": 3, "time": range(5, 17)})
    assert load_mine(frame.set_index("time"), "a.parquet").start_time == 5
    assert load_mine(frame.set_index(["source", "time"]), "a.parquet").num_nodes == 3
    named = frame[["source", "destination"]].rename_axis("time")
    assert load_mine(named, "a.parquet").start_time == 0, "a range that is kept as three numbers"
    assert load_mine(frame, "parquet.csv").num_events == 12, "told by what it holds"


def test_gaps_of_parquet_are_refused_by_row(load_mine: Load) -> None:
    frame = pd.DataFrame({"source": 1, "destination": 2, "time": range(12), "l": [0, 1] * 6})
    for dtype in ("Int64", "Float64", "object"):
        holed = frame.astype({"time": dtype})
        holed.loc[7, "time"] = None
        with pytest.raises(ValueError, match=r"a.parquet, row 8: time has no value"):
            load_mine(holed, "a.parquet")
    labelled = frame.astype({"l": "Int64"})
    labelled.loc[1, "l"] = None
    y = load_mine(labelled, "a.parquet", labels=["l"], label_kind="node").stream.y
    assert y[:4].tolist() == [0, -1, 0, 1]
    dates = frame.assign(time=pd.date_range("2024", periods=12))
    dates.loc[7, "time"] = pd.NaT
    with pytest.raises(ValueError, match=r"a.parquet, row 8: time has no value"):
        load_mine(dates, "a.parquet")


# Rows


def test_a_short_row_is_never_shifted(load_mine: Load) -> None:
    header = "source,destination,weight,time,flag"
    rows = [f"1,{i % 3},0.5,{i},1" for i in range(12)]
    with pytest.raises(ValueError, match=r"mine.csv, line 5 has 4 fields where 5 are expected"):
        load_mine(events(*rows[:3], "1,2,3,1", *rows[3:], header=header))
    with pytest.raises(ValueError, match=r"mine.csv, line 5 has 6 fields where 5 are expected"):
        load_mine(events(*rows[:3], "1,2,0.5,3,1,", *rows[3:], header=header))
    with pytest.raises(ValueError, match="line 2 has 6 fields where the header names 5"):
        load_mine(events(*(f"{row}," for row in rows), header=header))
    with pytest.raises(ValueError, match="2 columns of the name 'source': rename or remove all"):
        load_mine(events("1,1,2,3", header="source,source,destination,time"))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_rows_are_told_apart_at_every_chunk(
    load_mine: Load, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(reading, "FIELDS_PER_CHUNK", 3 * size)
    assert times_of(load_mine(events(*PLAIN, "", ""))) == [*range(12)]
    fields = {"a,b": "has 2", "a,b,3,4": "has 4", "a,b,3,": "has 4", "": "is blank"}
    for broken, message in fields.items():
        for at in range(12):
            lines = events(*PLAIN[:at], broken, *PLAIN[at:])
            with pytest.raises(ValueError, match=f"line {at + 2} {message}"):
                load_mine(lines)


@pytest.mark.parametrize("row", ["nan,nan,nan", "null,null,null", ",,", "a,b,", "a,b,NA"])
@pytest.mark.parametrize("at", [0, 5, 12])
def test_blank_means_blank(load_mine: Load, row: str, at: int) -> None:
    with pytest.raises(ValueError, match=rf"mine.csv, line {at + 2}: time (is|has no value)"):
        load_mine(events(*PLAIN[:at], row, *PLAIN[at:]))


@pytest.mark.parametrize("separator", ["\t", ";", " ", "   "])
def test_separators(load_mine: Load, separator: str) -> None:
    assert load_mine([line.replace(",", separator) for line in events(*PLAIN)]).num_nodes == 3
    spaced = [line.replace(",", "\t") for line in events("a b,c d,5", *PLAIN)]
    assert load_mine(spaced).num_nodes == 5, "between tabs a space is part of a name"


def test_comments_and_no_header(load_mine: Load) -> None:
    contacts = [f"{20 * i} {i % 3} {i % 4 + 3} 2A 2B" for i in range(12)]
    columns = ["time", "source", "destination", "class_a", "class_b"]
    dataset = load_mine(["# contacts", "% more", *contacts], columns=columns)
    assert times_of(dataset) == [*range(0, 240, 20)]
    assert load_mine(["# a comment", *events(*PLAIN)]).num_nodes == 3
    with pytest.raises(ValueError, match="line 1 has 5 fields where the header names 3"):
        load_mine(contacts, columns=columns[:3])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_quotes_and_line_ends(load_mine: Load, end: str) -> None:
    rows = ['"a, b",c,1', f'"two{end}lines",c,2', '"say ""hi""",c,3', *PLAIN[4:]]
    assert load_mine(end.join(events(*rows))).num_nodes == 7
    with pytest.raises(ValueError, match="line 6: time is x"):
        load_mine(end.join(events(*rows[:3], "a,b,x")))
    with pytest.raises(ValueError, match="line 6 opens a quote that is never closed"):
        load_mine(end.join(events(*rows[:3], '"a,b,4', *PLAIN)))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("file", ["mine.csv", "mine.csv.gz", "mine"])
def test_packed_under_any_name(load_mine: Load, pack: Callable[[bytes], bytes], file: str) -> None:
    noise = [f"{x},b,{i}" for i, x in enumerate(np.random.default_rng(0).random(2000))]
    packed = pack("\n".join(events(*noise)).encode())
    assert load_mine(packed, file).num_events == 2000
    with pytest.raises(ValueError, match=rf"{file} is not a whole packed file"):
        load_mine(packed[: len(packed) // 2], file)


def zipped(encrypted: bool) -> bytes:
    file = io.BytesIO()
    with ZipFile(file, "w") as archive:
        archive.writestr("events.csv", "\n".join(events(*PLAIN)))
    content = bytearray(file.getvalue())
    content[6] |= encrypted
    return bytes(content)


TEXT = "\n".join(events("é,b,1", *PLAIN))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped(False), "is a zip archive: unpack it and name the file inside"),
        (zipped(True), "is an encrypted zip archive"),
        (b"Rar!\x1a\x07", "is a rar archive"),
        (b"7z\xbc\xaf\x27\x1c\x00", "is a 7z archive"),
        (b"\x28\xb5\x2f\xfd\x00", "is a zstandard file: unpack it, or pack it with gzip"),
        (b"a" * 257 + b"ustar\x0000", "is a tar archive"),
        (b"<!DOCTYPE html><html>", "is a web page: fetch the file again"),
        (TEXT.encode("utf-16"), "is UTF-16 text: save it as UTF-8"),
        (TEXT.encode("utf-16-le"), "line 1 has a byte 0, as in UTF-16 or a binary file"),
        (TEXT.encode("latin-1"), "line 2 has a byte 0xe9, which is no UTF-8: .*iconv -f latin1"),
        (TEXT.replace("b1,3", "b\x00,3").encode(), "line 6 has a byte 0"),
    ],
)
def test_what_is_no_text_is_named(load_mine: Load, content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=f"mine.csv,? {message}") as refusal:
        load_mine(content)
    assert "\n" not in str(refusal.value)


def test_a_byte_order_mark_is_no_part_of_a_name(load_mine: Load) -> None:
    assert load_mine("\ufeff" + TEXT).num_nodes == 5
