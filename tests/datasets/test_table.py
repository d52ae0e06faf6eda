from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from benchmark.datasets.dataset import Dataset, LabelKind
from benchmark.datasets.table import Table
from benchmark.storage.locations import Locations

HEADER = "who,what,when,price,tag_a,tag_b"
ROWS = [f"{100 + i % 3},{7 + i % 2},{i * 10},{i / 2},{i % 2},1" for i in range(20)]
COLUMNS = {"source": "who", "destination": "what", "time": "when"}


@pytest.fixture
def load(locations: Locations, tmp_path: Path) -> Callable[..., Dataset]:
    def write_and_load(lines: list[str], end: str = "\n", **options: Any) -> Dataset:
        path = tmp_path / "mine.csv"
        path.write_bytes(end.join([*lines, ""]).encode())
        return Table("mine", str(path), **{**COLUMNS, **options}).load(locations)

    return write_and_load


def test_one_numbering_for_all_nodes(load: Callable[..., Dataset]) -> None:
    dataset = load([HEADER, *ROWS])
    assert dataset.stream.src[:4].tolist() == [2, 3, 4, 2]
    assert dataset.stream.dst[:4].tolist() == [0, 1, 0, 1]
    assert (dataset.num_nodes, dataset.bipartite, dataset.edge_dim) == (5, True, 0)
    assert dataset.destinations.tolist() == [0, 1]


def test_bipartite_sides_do_not_share_ids(load: Callable[..., Dataset]) -> None:
    rows = ["1,1,5", "2,1,6", "1,3,7", "2,3,8", "1,1,9", "2,2,10", "1,1,11", "1,2,12"]
    dataset = load(["who,what,when", *rows], bipartite=True)
    assert dataset.stream.src.tolist() == [0, 1, 0, 1, 0, 1, 0, 0]
    assert dataset.stream.dst.tolist() == [2, 2, 4, 4, 2, 3, 2, 3]
    assert dataset.num_nodes == 5


def test_words_as_ids(load: Callable[..., Dataset]) -> None:
    rows = ["ann,NA,5", "bob,ann,6", "NA,7,7", "ann,bob,8", "ann,bob,9", '"x, y",bob,10']
    dataset = load(["who,what,when", *rows])
    names = sorted({"ann", "NA", "bob", "7", "x, y"})
    assert [names[i] for i in dataset.stream.src] == ["ann", "bob", "NA", "ann", "ann", "x, y"]
    assert [names[i] for i in dataset.stream.dst] == ["NA", "ann", "7", "bob", "bob", "bob"]


def test_large_ids_stay_apart(load: Callable[..., Dataset]) -> None:
    rows = [f"{2**60 + i},{2**60 + i + 1},{i}" for i in range(10)]
    for end in ("\n", "\n\n"):
        dataset = load(["\n".join(["who,what,when", *rows])], end=end)
        assert dataset.stream.src.tolist() == list(range(10))
        assert dataset.stream.dst.tolist() == list(range(1, 11))


def test_features_by_name_and_prefix(load: Callable[..., Dataset]) -> None:
    dataset = load([HEADER, *ROWS], features=["price"], feature_prefix="tag_")
    assert dataset.stream.msg[3].tolist() == [1.5, 1.0, 1.0]
    assert dataset.stream.msg.dtype == torch.float32
    with pytest.raises(ValueError, match="no column that starts with feature_prefix 'f_'"):
        load([HEADER, *ROWS], feature_prefix="f_")


@pytest.mark.parametrize(
    ("labels", "kind", "first", "num_classes"),
    [
        (["tag_a"], "node", [0, 1], 2),
        (["what"], "edge", [0, 1], 2),
        (["tag_a", "tag_b"], "multi_edge", [[0.0, 1.0], [1.0, 1.0]], 2),
    ],
)
def test_labels(
    load: Callable[..., Dataset], labels: list[str], kind: str, first: list[Any], num_classes: int
) -> None:
    dataset = load([HEADER, *ROWS], labels=labels, label_kind=kind)
    assert dataset.stream.y[:2].tolist() == first
    assert (dataset.label_kind, dataset.num_classes) == (LabelKind(kind), num_classes)


def test_words_as_labels(load: Callable[..., Dataset]) -> None:
    rows = [f"{row},{('sell', 'buy')[i % 2]}" for i, row in enumerate(ROWS)]
    dataset = load([f"{HEADER},kind", *rows], labels=["kind"], label_kind="edge")
    assert dataset.stream.y[:3].tolist() == [1, 0, 1]
    assert dataset.num_classes == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label_kind": "graph"}, "label_kind is 'graph': it can be none, node, edge, multi_edge"),
        ({"label_kind": "node"}, "label_kind node does not fit 0 label columns"),
        ({"labels": ["price"]}, "label_kind none does not fit 1 label columns"),
        ({"label_kind": "multi_edge", "labels": ["price", "tag_a"]}, "line 3: label price is 0.5"),
        ({"label_kind": "edge", "labels": ["price"]}, "line 3: price is 0.5: labels must be"),
        ({"source": "Who"}, "has no column 'Who' .it has 'who', 'what', 'when'"),
        ({"features": ["Price"]}, "has no column 'Price'"),
    ],
)
def test_options_that_do_not_fit(
    load: Callable[..., Dataset], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        load([HEADER, *ROWS], **options)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("100,7,,1,0,1", "line 4: when has no value"),
        ("100,7,nan,1,0,1", "line 4: when is nan: times must be whole numbers"),
        ("100,7,monday,1,0,1", "line 4: when is monday: times must be whole numbers"),
        ("100,7,-5,1,0,1", "line 4: when is -5: times must be"),
        ("100,7,5.5,1,0,1", "line 4: when is 5.5: .*fractional_times=floor"),
        (",7,5,1,0,1", "line 4: who "),
        ("100,7,5", "line 4 has 3 fields where 6 are expected"),
        ("100,7,5,,0,1", "line 4: feature column 'price' has no value"),
        ("100,7,5,inf,0,1", "line 4: feature column 'price' is inf"),
        ("100,7,5,1,0,1,2", "line 4 has 7 fields where 6 are expected"),
        ("", "line 4 is blank"),
    ],
)
def test_bad_row_is_refused(load: Callable[..., Dataset], row: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"mine.csv, {message}") as refusal:
        load([HEADER, *ROWS[:2], row, *ROWS[2:]], features=["price"])
    assert "\n" not in str(refusal.value)


def test_bad_files_are_refused(load: Callable[..., Dataset], locations: Locations) -> None:
    for lines in ([], [HEADER], [HEADER, "", ""]):
        with pytest.raises(ValueError, match=r"mine.csv holds no events"):
            load(lines)
    with pytest.raises(ValueError, match="line 2 has 7 fields where the header names 6"):
        load([HEADER, *(f"{row},1" for row in ROWS)])
    with pytest.raises(FileNotFoundError, match=r"other.csv is in none of"):
        Table("mine", "other.csv", **COLUMNS).load(locations)


def test_unsorted_rows_windows_line_ends_and_blank_end(load: Callable[..., Dataset]) -> None:
    dataset = load([HEADER, *ROWS[::-1], "", ""], end="\r\n", features=["price"])
    assert dataset.stream.t.tolist() == list(range(0, 200, 10))
    assert dataset.stream.msg[:, 0].tolist() == [i / 2 for i in range(20)]
    assert dataset.source.moved_rows == 19


def test_file_inside_the_data_folder(locations: Locations) -> None:
    assert locations.root is not None
    (locations.root / "mine").mkdir()
    (locations.root / "mine" / "events.csv").write_text("\n".join([HEADER, *ROWS]))
    assert Table("mine", "events.csv", **COLUMNS).load(locations).num_events == 20


def test_parquet(locations: Locations, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "mine.parquet"
    table = pd.DataFrame(
        {"who": ["a", "b"] * 5, "what": ["b", "c"] * 5, "when": range(10), "x": [0.5] * 10}
    )
    table.to_parquet(path)
    options = {**COLUMNS, "features": ["x"]}
    dataset = Table("mine", str(path), **options).load(locations)
    assert dataset.stream.src.tolist() == [0, 1] * 5
    assert dataset.stream.dst.tolist() == [1, 2] * 5
    assert dataset.stream.msg.tolist() == [[0.5]] * 10
    table.assign(when=[0, 1, -2, *range(7)]).to_parquet(path)
    with pytest.raises(ValueError, match=f"{path}, row 3: when is -2"):
        Table("mine", str(path), **options).load(locations)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="is not a whole parquet file"):
        Table("mine", str(path), **options).load(locations)
