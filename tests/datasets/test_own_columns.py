"""Times, features and classes as people write them: read exactly, or refused with their place."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmark.datasets.dataset import LabelKind
from benchmark.datasets.validate import FileRows, check_times, check_times_or_dates
from tests.datasets.test_own_files import Load, events, times_of


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


def test_large_times_of_csv_and_parquet(load_mine: Load) -> None:
    times = [1_700_000_000_000_000_000 + 100 * i for i in range(1000)]
    frame = pd.DataFrame({"source": "a", "destination": "b", "time": times})
    for dataset in (load_mine(frame, "a.parquet"), load_mine(events(*(f"a,b,{t}" for t in times)))):
        assert times_of(dataset) == times
        assert (dataset.split.train_end, dataset.split.validation_end) == (700, 850)


@pytest.mark.parametrize("written", ["9223372036854775808", "1e300", "1e99999", "-1", "0.5", "1_0"])
def test_times_of_no_64_bits_are_refused(load_mine: Load, written: str) -> None:
    with pytest.raises(ValueError, match=f"line 5: time is {written}: times must be whole"):
        load_mine(events("a,b,1", "a,b,2", "a,b,3", f"a,b,{written}", "a,b,5"))


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


def test_dates_of_csv_and_parquet_are_one_stream(load_mine: Load) -> None:
    stamps = pd.date_range("2024-01-01", periods=12, freq="750ms")
    frame = pd.DataFrame({"source": "a", "destination": "b", "time": stamps})
    for dataset in (
        load_mine(events(*(f"a,b,{stamp.isoformat()}" for stamp in stamps))),
        load_mine(frame, "a.parquet"),
        load_mine(
            frame.assign(time=stamps.tz_localize("UTC").tz_convert("Asia/Tokyo")), "a.parquet"
        ),
    ):
        assert times_of(dataset) == [1_704_067_200_000 + 750 * i for i in range(12)]
        assert dataset.source.time_unit == "ms"
    floored = load_mine(frame, "a.parquet", fractional_times="floor")
    assert (floored.stream.t.tolist()[-1], floored.source.time_unit) == (8, "s")


@pytest.mark.parametrize("date", ["2024-13-01", "2024-02-30", "now", "5", "2024-01-01T25", "2024"])
def test_what_is_no_date_is_refused(load_mine: Load, date: str) -> None:
    with pytest.raises(
        ValueError, match=f"line 3: time is {date}: times must be .* dates as 2024-01-31"
    ):
        load_mine(events("a,b,2024-01-01", f"a,b,{date}", "a,b,2024-01-02"))


FEATURES = "source,destination,time,x"


def with_feature(*values: object) -> list[str]:
    rows = (f"a,b{i % 2},{i},{values[i % len(values)]}" for i in range(12))
    return events(*rows, header=FEATURES)


def test_words_and_truth_are_features(load_mine: Load) -> None:
    dataset = load_mine(with_feature("red", "blue", "red"), features=["x"])
    assert dataset.stream.msg[:3].tolist() == [[0, 1], [1, 0], [0, 1]]
    assert load_mine(with_feature("True", "False"), features=["x"]).stream.msg[:2].tolist() == [
        [1],
        [0],
    ]
    frame = pd.DataFrame({"source": "a", "destination": "b", "time": range(12), "x": [True] * 12})
    assert load_mine(frame, "a.parquet", features=["x"]).stream.msg.tolist() == [[1]] * 12


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
def test_features_that_cannot_be_used(load_mine: Load, values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"mine.csv, {message}"):
        load_mine(with_feature(*values), features=["x"])


def test_features_that_cannot_be_used_in_parquet(load_mine: Load) -> None:
    frame = pd.DataFrame({"source": "a", "destination": "b", "time": range(12), "x": 1.0})
    for value, message in ((1e39, "is 1e.39, beyond"), (np.nan, "is nan"), (np.inf, "is inf")):
        frame.loc[4, "x"] = value
        with pytest.raises(ValueError, match=f"a.parquet, row 5: feature column 'x' {message}"):
            load_mine(frame, "a.parquet", features=["x"])


def test_too_many_words(load_mine: Load) -> None:
    rows = [f"a,b,{i},w{i}" for i in range(257)]
    assert load_mine(events(*rows[:256], header=FEATURES), features=["x"]).edge_dim == 256
    with pytest.raises(ValueError, match="'x' has 257 different words, more than 256"):
        load_mine(events(*rows, header=FEATURES), features=["x"])


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
    load_mine: Load, values: Any, classes: list[int], names: tuple[str, ...]
) -> None:
    dataset = load_mine(with_feature(*values), labels=["x"], label_kind="node")
    assert dataset.stream.y[:3].tolist() == classes
    assert (dataset.class_names, dataset.num_classes) == (names, len(names))


@pytest.mark.parametrize("words", [("legit", "fraud"), ("ok", "spam"), ("good", "bad")])
def test_the_positive_class_is_said_and_does_not_depend_on_spelling(
    load_mine: Load, words: tuple[str, str]
) -> None:
    lines = with_feature(words[0], words[0], "", words[1])
    options = {"labels": ["x"], "label_kind": "node"}
    named = ", ".join(map(repr, sorted(words)))
    with pytest.raises(ValueError, match=rf"classes {named}.*: set dataset.positive_class="):
        load_mine(lines, **options)
    dataset = load_mine(lines, **options, positive_class=words[1])
    assert dataset.stream.y[:4].tolist() == [0, 0, -1, 1]
    assert dataset.class_names == words
    with pytest.raises(ValueError, match=f"positive_class is 'x' but .* {named}: it must be"):
        load_mine(lines, **options, positive_class="x")
    with pytest.raises(ValueError, match="but label_kind is edge: it is for label_kind=node"):
        load_mine(lines, labels=["x"], label_kind="edge", positive_class="x")


def test_fewer_than_two_classes_are_no_labels(load_mine: Load) -> None:
    dataset = load_mine(with_feature(1, "", -1), labels=["x"], label_kind="edge")
    assert (dataset.label_kind, dataset.num_classes) == (LabelKind.NONE, 0)
