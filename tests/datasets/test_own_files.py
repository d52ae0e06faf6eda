"""Files as people have them: what is loaded, exactly, and what is refused with its place."""

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest

from benchmark.datasets import reading
from benchmark.datasets.dataset import Dataset, LabelKind
from benchmark.datasets.table import Table
from benchmark.datasets.validate import FileRows, check_times, check_times_or_dates
from benchmark.storage.locations import Locations

Load = Callable[..., Dataset]

HEADER = "source,destination,time"
PLAIN = [f"a,b{i % 2},{i}" for i in range(12)]


@pytest.fixture
def load(locations: Locations, tmp_path: Path) -> Load:
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


def events(*rows: str, header: str = HEADER) -> list[str]:
    return [header, *rows]


def times_of(dataset: Dataset) -> list[int]:
    return [int(t) + dataset.start_time for t in dataset.stream.t]


# Ids


def test_leading_zeros_name_other_nodes(load: Load) -> None:
    ids = ["0101", "0202", "0303"]
    rows = [f"{ids[i % 3]},{[*ids, 'HQ'][i % 4]},{i}" for i in range(12)]
    assert load(events(*rows), bipartite=True).num_nodes == 7
    assert load(events(*rows)).num_nodes == 4


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
def test_ids_are_text(load: Load, ids: list[str], num_nodes: int) -> None:
    rows = [f"{ids[i % len(ids)]},{ids[-1]},{i}" for i in range(24)]
    assert load(events(*rows)).num_nodes == num_nodes


def test_whole_numbers_are_numbered_by_value_and_before_words(load: Load) -> None:
    ids = ["10", "9", "b", "010", "B", "100000000000000000000"]
    order = ["9", "010", "10", "100000000000000000000", "B", "b"]
    stream = load(events(*(f"{ids[i % 6]},{ids[i % 6]},{i}" for i in range(12)))).stream
    assert stream.src[:6].tolist() == [order.index(each) for each in ids]


def test_ids_of_parquet_are_the_same_text(load: Load) -> None:
    frame = pd.DataFrame(
        {
            "source": np.arange(12, dtype=np.uint64) + 2**63,
            "destination": [1.0, 2.0, 3.0] * 4,
            "time": [Decimal(i) for i in range(12)],
        }
    )
    assert load(frame, "a.parquet").stream.src.tolist() == [*range(3, 15)]
    frame["source"] = pd.Series([1, 2] * 6, dtype="Int64")
    assert load(frame, "a.parquet").num_nodes == 3, "1 and 1.0 are one node"
    frame["source"] = pd.Categorical(["x", "y"] * 6)
    assert load(frame, "a.parquet", bipartite=True).num_nodes == 5
    frame.loc[4, "source"] = None
    with pytest.raises(ValueError, match=r"a.parquet, row 5: source has no value: fill it in"):
        load(frame, "a.parquet")


def test_columns_saved_as_the_index(load: Load) -> None:
    frame = pd.DataFrame({"source": [1, 2] * 6, "destination": 3, "time": range(5, 17)})
    assert load(frame.set_index("time"), "a.parquet").start_time == 5
    assert load(frame.set_index(["source", "time"]), "a.parquet").num_nodes == 3
    named = frame[["source", "destination"]].rename_axis("time")
    assert load(named, "a.parquet").start_time == 0, "a range that is kept as three numbers"
    assert load(frame, "parquet.csv").num_events == 12, "told by what it holds"


def test_gaps_of_parquet_are_refused_by_row(load: Load) -> None:
    frame = pd.DataFrame({"source": 1, "destination": 2, "time": range(12), "l": [0, 1] * 6})
    for dtype in ("Int64", "Float64", "object"):
        holed = frame.astype({"time": dtype})
        holed.loc[7, "time"] = None
        with pytest.raises(ValueError, match=r"a.parquet, row 8: time has no value"):
            load(holed, "a.parquet")
    labelled = frame.astype({"l": "Int64"})
    labelled.loc[1, "l"] = None
    y = load(labelled, "a.parquet", labels=["l"], label_kind="node").stream.y
    assert y[:4].tolist() == [0, -1, 0, 1]
    dates = frame.assign(time=pd.date_range("2024", periods=12))
    dates.loc[7, "time"] = pd.NaT
    with pytest.raises(ValueError, match=r"a.parquet, row 8: time has no value"):
        load(dates, "a.parquet")


# Rows


def test_a_short_row_is_never_shifted(load: Load) -> None:
    header = "source,destination,weight,time,flag"
    rows = [f"1,{i % 3},0.5,{i},1" for i in range(12)]
    with pytest.raises(ValueError, match=r"mine.csv, line 5 has 4 fields where 5 are expected"):
        load(events(*rows[:3], "1,2,3,1", *rows[3:], header=header))
    with pytest.raises(ValueError, match=r"mine.csv, line 5 has 6 fields where 5 are expected"):
        load(events(*rows[:3], "1,2,0.5,3,1,", *rows[3:], header=header))
    with pytest.raises(ValueError, match="line 2 has 6 fields where the header names 5"):
        load(events(*(f"{row}," for row in rows), header=header))
    with pytest.raises(ValueError, match="2 columns of the name 'source': rename or remove all"):
        load(events("1,1,2,3", header="source,source,destination,time"))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_rows_are_told_apart_at_every_chunk(
    load: Load, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(reading, "FIELDS_PER_CHUNK", 3 * size)
    assert times_of(load(events(*PLAIN, "", ""))) == [*range(12)]
    fields = {"a,b": "has 2", "a,b,3,4": "has 4", "a,b,3,": "has 4", "": "is blank"}
    for broken, message in fields.items():
        for at in range(12):
            lines = events(*PLAIN[:at], broken, *PLAIN[at:])
            with pytest.raises(ValueError, match=f"line {at + 2} {message}"):
                load(lines)


@pytest.mark.parametrize("row", ["nan,nan,nan", "null,null,null", ",,", "a,b,", "a,b,NA"])
@pytest.mark.parametrize("at", [0, 5, 12])
def test_blank_means_blank(load: Load, row: str, at: int) -> None:
    with pytest.raises(ValueError, match=rf"mine.csv, line {at + 2}: time (is|has no value)"):
        load(events(*PLAIN[:at], row, *PLAIN[at:]))


@pytest.mark.parametrize("separator", ["\t", ";", " ", "   "])
def test_separators(load: Load, separator: str) -> None:
    assert load([line.replace(",", separator) for line in events(*PLAIN)]).num_nodes == 3
    spaced = [line.replace(",", "\t") for line in events("a b,c d,5", *PLAIN)]
    assert load(spaced).num_nodes == 5, "between tabs a space is part of a name"


def test_comments_and_no_header(load: Load) -> None:
    contacts = [f"{20 * i} {i % 3} {i % 4 + 3} 2A 2B" for i in range(12)]
    columns = ["time", "source", "destination", "class_a", "class_b"]
    dataset = load(["# contacts", "% more", *contacts], columns=columns)
    assert times_of(dataset) == [*range(0, 240, 20)]
    assert load(["# a comment", *events(*PLAIN)]).num_nodes == 3
    with pytest.raises(ValueError, match="line 1 has 5 fields where the header names 3"):
        load(contacts, columns=columns[:3])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_quotes_and_line_ends(load: Load, end: str) -> None:
    rows = ['"a, b",c,1', f'"two{end}lines",c,2', '"say ""hi""",c,3', *PLAIN[4:]]
    assert load(end.join(events(*rows))).num_nodes == 7
    with pytest.raises(ValueError, match="line 6: time is x"):
        load(end.join(events(*rows[:3], "a,b,x")))
    with pytest.raises(ValueError, match="line 6 opens a quote that is never closed"):
        load(end.join(events(*rows[:3], '"a,b,4', *PLAIN)))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("file", ["mine.csv", "mine.csv.gz", "mine"])
def test_packed_under_any_name(load: Load, pack: Callable[[bytes], bytes], file: str) -> None:
    noise = [f"{x},b,{i}" for i, x in enumerate(np.random.default_rng(0).random(2000))]
    packed = pack("\n".join(events(*noise)).encode())
    assert load(packed, file).num_events == 2000
    with pytest.raises(ValueError, match=rf"{file} is not a whole packed file"):
        load(packed[: len(packed) // 2], file)


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
def test_what_is_no_text_is_named(load: Load, content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=f"mine.csv,? {message}") as refusal:
        load(content)
    assert "\n" not in str(refusal.value)


def test_a_byte_order_mark_is_no_part_of_a_name(load: Load) -> None:
    assert load("\ufeff" + TEXT).num_nodes == 5


# Times


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1700000000000000000.0", 1_700_000_000_000_000_000),
        ("9007199254740993", 2**53 + 1),
        ("9007199254740993.0", 2**53 + 1),
        ("9223372036854775807", 2**63 - 1),
        ("1.7e18", 1_700_000_000_000_000_000),
        ("6.0", 6),
    ],
)
def test_times_are_exact(written: str, read: int) -> None:
    times = check_times(np.array([written], object), "time", FileRows(Path("a.csv")))
    assert times.whole.tolist() == [read]


def test_large_times_of_csv_and_parquet(load: Load) -> None:
    times = [1_700_000_000_000_000_000 + 100 * i for i in range(1000)]
    frame = pd.DataFrame({"source": "a", "destination": "b", "time": times})
    for dataset in (load(frame, "a.parquet"), load(events(*(f"a,b,{t}" for t in times)))):
        assert times_of(dataset) == times
        assert (dataset.split.train_end, dataset.split.validation_end) == (700, 850)


@pytest.mark.parametrize("written", ["9223372036854775808", "1e300", "1e99999", "-1", "0.5", "1_0"])
def test_times_of_no_64_bits_are_refused(load: Load, written: str) -> None:
    with pytest.raises(ValueError, match=f"line 5: time is {written}: times must be whole"):
        load(events("a,b,1", "a,b,2", "a,b,3", f"a,b,{written}", "a,b,5"))


@pytest.mark.parametrize(
    ("dates", "unit", "read"),
    [
        (["2024-01-31", "2024-02-01"], "s", [1_706_659_200, 1_706_745_600]),
        (["1969-12-31T23:59:59Z", "1970-01-01T00:00:01+00:00"], "s", [-1, 1]),
        (["2024-01-31 00:00:00+01:00", "2024-01-31"], "s", [1_706_655_600, 1_706_659_200]),
        (["1970-01-01T00:00:00.5", "1970-01-01T00:00:02"], "ms", [500, 2000]),
        (["1970-01-01T00:00:00.000001", "1970-01-01T00:00:02"], "us", [1, 2_000_000]),
        (["1970-01-01T00:00:00.000000001", "1970-01-02"], "ns", [1, 86_400 * 10**9]),
        (["0001-01-01", "9999-12-31T23:59:59"], "s", [-62_135_596_800, 253_402_300_799]),
    ],
)
def test_dates(dates: list[str], unit: str, read: list[int]) -> None:
    times = check_times_or_dates(np.array(dates, object), "time", FileRows(Path("a.csv")), "refuse")
    assert (times.whole.tolist(), times.unit) == (read, unit)


def test_dates_of_csv_and_parquet_are_one_stream(load: Load) -> None:
    stamps = pd.date_range("2024-01-01", periods=12, freq="750ms")
    frame = pd.DataFrame({"source": "a", "destination": "b", "time": stamps})
    for dataset in (
        load(events(*(f"a,b,{stamp.isoformat()}" for stamp in stamps))),
        load(frame, "a.parquet"),
        load(frame.assign(time=stamps.tz_localize("UTC").tz_convert("Asia/Tokyo")), "a.parquet"),
    ):
        assert times_of(dataset) == [1_704_067_200_000 + 750 * i for i in range(12)]
        assert dataset.source.time_unit == "ms"
    floored = load(frame, "a.parquet", fractional_times="floor")
    assert (floored.stream.t.tolist()[-1], floored.source.time_unit) == (8, "s")


@pytest.mark.parametrize("date", ["2024-13-01", "2024-02-30", "now", "5", "2024-01-01T25", "2024"])
def test_what_is_no_date_is_refused(load: Load, date: str) -> None:
    with pytest.raises(
        ValueError, match=f"line 3: time is {date}: times must be .* dates as 2024-01-31"
    ):
        load(events("a,b,2024-01-01", f"a,b,{date}", "a,b,2024-01-02"))


# Features and labels


FEATURES = "source,destination,time,x"


def with_feature(*values: object) -> list[str]:
    rows = (f"a,b{i % 2},{i},{values[i % len(values)]}" for i in range(12))
    return events(*rows, header=FEATURES)


def test_words_and_truth_are_features(load: Load) -> None:
    dataset = load(with_feature("red", "blue", "red"), features=["x"])
    assert dataset.stream.msg[:3].tolist() == [[0, 1], [1, 0], [0, 1]]
    assert load(with_feature("True", "False"), features=["x"]).stream.msg[:2].tolist() == [[1], [0]]
    frame = pd.DataFrame({"source": "a", "destination": "b", "time": range(12), "x": [True] * 12})
    assert load(frame, "a.parquet", features=["x"]).stream.msg.tolist() == [[1]] * 12


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((1, "1e39"), r"line 3: .*'x' is 1e39, beyond the range of float32.*: rescale the column"),
        ((1, "-1e20"), r"line 3: .*'x' is -1e20, beyond the range of float32"),
        ((1, "inf"), "line 3: .*'x' is inf: replace it by a finite number"),
        (("nan",), "line 2: .*'x' is nan: replace it by a finite number"),
        ((1, ""), "line 3: .*'x' has no value"),
        (("red", ""), "line 3: x has no value"),
        ((1, "red"), "line 3: .*'x' is red: replace it by a finite number"),
    ],
)
def test_features_that_cannot_be_used(load: Load, values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"mine.csv, {message}"):
        load(with_feature(*values), features=["x"])


def test_features_that_cannot_be_used_in_parquet(load: Load) -> None:
    frame = pd.DataFrame({"source": "a", "destination": "b", "time": range(12), "x": 1.0})
    for value, message in ((1e39, "is 1e.39, beyond"), (np.nan, "is nan"), (np.inf, "is inf")):
        frame.loc[4, "x"] = value
        with pytest.raises(ValueError, match=f"a.parquet, row 5: feature column 'x' {message}"):
            load(frame, "a.parquet", features=["x"])


def test_too_many_words(load: Load) -> None:
    rows = [f"a,b,{i},w{i}" for i in range(257)]
    assert load(events(*rows[:256], header=FEATURES), features=["x"]).edge_dim == 256
    with pytest.raises(ValueError, match="'x' has 257 different words, more than 256"):
        load(events(*rows, header=FEATURES), features=["x"])


@pytest.mark.parametrize(
    ("values", "classes", "names"),
    [
        ((0, 1, ""), [0, 1, -1], ("0", "1")),
        ((2, 1, -1), [1, 0, -1], ("1", "2")),
        (("1.0", "2", "-1.0"), [0, 1, -1], ("1", "2")),
        ((2_000_000_000, 7, 7), [1, 0, 0], ("7", "2000000000")),
        (("yes", "no", "-1"), [1, 0, -1], ("no", "yes")),
        (("True", "False", ""), [1, 0, -1], ("False", "True")),
        (("c", "a", "b"), [2, 0, 1], ("a", "b", "c")),
    ],
)
def test_classes_are_those_that_occur(
    load: Load, values: Any, classes: list[int], names: tuple[str, ...]
) -> None:
    dataset = load(with_feature(*values), labels=["x"], label_kind="node")
    assert dataset.stream.y[:3].tolist() == classes
    assert (dataset.class_names, dataset.num_classes) == (names, len(names))


@pytest.mark.parametrize("words", [("legit", "fraud"), ("ok", "spam"), ("good", "bad")])
def test_the_positive_class_is_said_and_does_not_depend_on_spelling(
    load: Load, words: tuple[str, str]
) -> None:
    lines = with_feature(words[0], words[0], "", words[1])
    options = {"labels": ["x"], "label_kind": "node"}
    named = ", ".join(map(repr, sorted(words)))
    with pytest.raises(ValueError, match=rf"classes {named}.*: set dataset.positive_class="):
        load(lines, **options)
    dataset = load(lines, **options, positive_class=words[1])
    assert dataset.stream.y[:4].tolist() == [0, 0, -1, 1]
    assert dataset.class_names == words
    with pytest.raises(ValueError, match=f"positive_class is 'x' but .* {named}: it must be"):
        load(lines, **options, positive_class="x")
    with pytest.raises(ValueError, match="but label_kind is edge: it is for label_kind=node"):
        load(lines, labels=["x"], label_kind="edge", positive_class="x")


def test_fewer_than_two_classes_are_no_labels(load: Load) -> None:
    dataset = load(with_feature(1, "", -1), labels=["x"], label_kind="edge")
    assert (dataset.label_kind, dataset.num_classes) == (LabelKind.NONE, 0)
