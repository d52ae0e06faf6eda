import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.datasets import jodie
from benchmark.datasets.dataset import Dataset, LabelKind
from benchmark.datasets.jodie import JODIE
from benchmark.storage.locations import Locations

HEADER = "user_id,item_id,timestamp,state_label,comma_separated_list_of_features"
ROWS = ["0,0,0.0,0", "1,1,36.0,0", "1,1,36.0,1", "0,1,77.0,0", "2,0,80.0,0", "0,0,99.0,0"]
WITH_FEATURES = [f"{row},{i},-0.5" for i, row in enumerate(ROWS)]


@pytest.fixture
def load(locations: Locations) -> Callable[..., Dataset]:
    """Writes the lines as tiny.csv and loads it."""

    def write_and_load(lines: list[str], end: str = "\n", **options: Any) -> Dataset:
        assert locations.root is not None
        (locations.root / "tiny.csv").write_bytes(end.join([*lines, ""]).encode())
        return JODIE("tiny", **options).load(locations)

    return write_and_load


def test_without_features(load: Callable[..., Dataset]) -> None:
    dataset = load([HEADER, *ROWS], num_nodes=5, num_events=6, num_labels=1)
    stream = dataset.stream
    assert stream.src.tolist() == [0, 1, 1, 0, 2, 0]
    assert stream.dst.tolist() == [3, 4, 4, 4, 3, 3]
    assert stream.t.tolist() == [0, 36, 36, 77, 80, 99]
    assert stream.t.dtype == stream.src.dtype == stream.dst.dtype == torch.int64
    assert stream.y.tolist() == [0, 0, 1, 0, 0, 0]
    assert stream.msg.shape == (6, 0)
    assert stream.msg.dtype == torch.float32
    assert dataset.destinations.tolist() == [3, 4]
    assert (dataset.num_nodes, dataset.bipartite) == (5, True)
    assert (dataset.label_kind, dataset.num_classes) == (LabelKind.NODE, 2)
    assert (dataset.split.train_end, dataset.split.validation_end) == (4, 5)


def test_with_features(load: Callable[..., Dataset]) -> None:
    assert load([HEADER, *WITH_FEATURES]).stream.msg.tolist() == [[i, -0.5] for i in range(6)]
    assert load([HEADER, *WITH_FEATURES], use_features=False).edge_dim == 0


def test_no_labels(load: Callable[..., Dataset]) -> None:
    dataset = load([HEADER, *(row[:-1] + "0" for row in ROWS)], num_labels=0)
    assert (dataset.label_kind, dataset.num_classes) == (LabelKind.NONE, 0)


def test_unsorted_rows_are_sorted_stably(load: Callable[..., Dataset]) -> None:
    dataset = load([HEADER, *(WITH_FEATURES[i] for i in (4, 0, 1, 2, 3, 5))])
    assert dataset.stream.t.tolist() == [0, 36, 36, 77, 80, 99]
    assert dataset.stream.msg[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert dataset.source.moved_rows == 4


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n\n"])
def test_line_ends_and_blank_lines_at_the_end(load: Callable[..., Dataset], end: str) -> None:
    lines = [HEADER, *WITH_FEATURES]
    text = [*lines, "", ""] if end != "\n\n\n" else ["\n".join(lines)]
    assert load(text, end=end).stream.t.tolist() == [0, 36, 36, 77, 80, 99]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,1,nan,0,7,8", "line 4: timestamp is nan: times must be whole numbers from 0 on"),
        ("1,1,-36,0,7,8", "line 4: timestamp is -36: times must be whole"),
        ("1,1,36.5,0,7,8", r"line 4: timestamp is 36.5: .*dataset.fractional_times=floor"),
        ("-1,1,36,0,7,8", "line 4: user_id is -1: ids must be whole numbers from 0 on"),
        ("1,1.5,36,0,7,8", "line 4: item_id is 1.5: ids must be"),
        ("1,1,36,0.5,7,8", "line 4: state_label is 0.5: labels must be"),
        ("1,1,36,0,7", "line 4 has 5 fields where 6 are expected"),
        ("1,1", "line 4 has 2 fields where 6 are expected"),
        ("1,1,36,0,7,8,9", "line 4 has 7 fields where 6 are expected"),
        ("1,1,36,0,nan,8", "line 4: feature 1 is nan"),
        ("1,1,36,0,7,inf", "line 4: feature 2 is inf"),
        ("1,1,36,0,7,", "line 4: feature 2 has no value"),
        ("1,1,36,0,7,x", "line 4: feature 2 is x: replace it by a finite number"),
        ("one,1,36,0,7,8", "line 4: user_id is one: ids must be whole"),
        ("", "line 4 is blank"),
    ],
)
def test_bad_row_is_refused(
    load: Callable[..., Dataset], locations: Locations, row: str, message: str
) -> None:
    lines = [HEADER, *WITH_FEATURES[:2], row, *WITH_FEATURES[3:]]
    with pytest.raises(ValueError, match=f"tiny.csv, {message}") as refusal:
        load(lines)
    assert "\n" not in str(refusal.value)
    assert not list(locations.cache.rglob("*.pt"))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "line 1: the header starts with ''"),
        ([HEADER], "holds no events"),
        ([HEADER, "", ""], "holds no events"),
        (ROWS, "line 1: the header starts with '0,0,0.0,0' where user_id,item_id"),
        (["user_id,item_id,timestamp", *ROWS], "line 1: the header"),
        ([HEADER, "0,0,1"], "line 2 has 3 fields where 4 are expected"),
        ([HEADER, *["0,0,7,0"] * 10], "the split leaves no validation event of 10"),
    ],
)
def test_bad_file_is_refused(load: Callable[..., Dataset], lines: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(lines)


def test_fractional_times_can_be_floored(load: Callable[..., Dataset]) -> None:
    rows = [HEADER, *(row.replace(".0", ".75") for row in ROWS)]
    assert load(rows, fractional_times="floor").stream.t.tolist() == [0, 36, 36, 77, 80, 99]
    with pytest.raises(ValueError, match="fractional_times is 'round'"):
        load(rows, fractional_times="round")


@pytest.mark.parametrize("key", ["num_nodes", "num_events", "num_labels"])
def test_published_statistics(load: Callable[..., Dataset], key: str) -> None:
    found = {"num_nodes": 5, "num_events": 6, "num_labels": 1}[key]
    with pytest.raises(ValueError, match=f"{key} is {found} but 9,227 is published"):
        load([HEADER, *ROWS], **{key: 9227})


def test_parsed_once_and_again_when_the_file_changes(
    load: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load([HEADER, *WITH_FEATURES])
    with monkeypatch.context() as patch:
        patch.setattr(jodie, "chunks", lambda *_, **__: pytest.fail("parsed again"))
        again = load([HEADER, *WITH_FEATURES])
    assert torch.equal(first.stream.msg, again.stream.msg)
    assert first.source == again.source
    assert load([HEADER, *WITH_FEATURES[:-1]]).num_events == 5


def test_gzipped_and_cut_off(locations: Locations) -> None:
    assert locations.root is not None
    path = locations.root / "tiny.csv.gz"
    noise = np.random.default_rng(0).random(1000)
    rows = [f"{i % 7},{i % 3},{i},0,{x}" for i, x in enumerate(noise)]
    whole = gzip.compress("\n".join([HEADER, *rows]).encode())
    path.write_bytes(whole)
    assert JODIE("tiny").load(locations).num_events == 1000
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=f"{path} is not a whole packed file"):
        JODIE("tiny").load(locations)


def test_many_rows_with_wide_features(load: Callable[..., Dataset]) -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((3_000, 40)).astype(np.float32)
    rows = [f"{i % 50},{i % 7},{i}.0,0," + ",".join(map(str, x)) for i, x in enumerate(features)]
    np.testing.assert_allclose(load([HEADER, *rows]).stream.msg, features, rtol=1e-6)
    rows[2_500] = rows[2_500].rsplit(",", 1)[0]
    with pytest.raises(ValueError, match="line 2502 has 43 fields where 44 are expected"):
        load([HEADER, *rows])


def test_a_value_is_shown_on_one_line(load: Callable[..., Dataset]) -> None:
    rows = [HEADER, '0,1,0,0,"7\n1,1,36"', *WITH_FEATURES]
    with pytest.raises(ValueError, match=r"line 2: feature 1 is 7 1,1,36: replace"):
        load([row.rsplit(",", 1)[0] if row in WITH_FEATURES else row for row in rows])
    with pytest.raises(ValueError, match=r"line 2: user_id is x{60}\.\.\.: ids must"):
        load([HEADER, f"{'x' * 5000},1,0,0"])


def test_real_wikipedia(real_locations: Callable[[str], Locations]) -> None:
    places = real_locations("wikipedia/wikipedia.csv")
    for _ in ("parsed", "cached"):
        dataset = JODIE("wikipedia", num_nodes=9227, num_events=157_474, num_labels=217).load(
            places
        )
        sizes = [len(dataset.split.range(part)) for part in ("train", "validation", "test")]
        assert sizes == [110_232, 23_621, 23_621]
        assert dataset.destinations.tolist() == list(range(8227, 9227))
        assert dataset.source.moved_rows == 0
        assert int(dataset.stream.t[-1]) == 2_678_373
    kept = {path.parent.parent for path in places.cache.rglob("*.npy")}
    assert kept == {places.cache / "wikipedia"}


def test_real_file_is_not_written_beside(real_locations: Callable[[str], Locations]) -> None:
    places = real_locations("wikipedia/wikipedia.csv")
    assert places.root is not None
    before = sorted(Path(places.root).rglob("*"))
    JODIE("wikipedia", None).load(places)
    assert sorted(Path(places.root).rglob("*")) == before
