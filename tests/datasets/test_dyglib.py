from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.datasets.dataset import Dataset, LabelKind
from benchmark.datasets.jodie import DyGLib
from benchmark.storage.locations import Locations
from tests.storage.file_server import serving

HEADER = ",u,i,ts,label,idx"
ROWS = ["0,1,3,0.0,0.0,1", "1,2,4,5.0,0.0,2", "2,1,4,5.0,1.0,3", "3,2,3,7.0,0.0,4", "4,1,3,9.0,0,5"]
EDGE_ROWS = np.array([[0, 0], [1, 0.5], [2, 0.5], [3, 0.5], [4, 0.5], [5, 0.5]])
NO_FEATURES = np.zeros((5, 172))


@pytest.fixture
def load(locations: Locations) -> Callable[..., Dataset]:
    """Writes the three files of tiny and loads them."""

    def write_and_load(
        rows: list[str] = ROWS,
        edge_rows: NDArray[Any] = EDGE_ROWS,
        node_rows: NDArray[Any] = NO_FEATURES,
        **options: Any,
    ) -> Dataset:
        assert locations.root is not None
        (locations.root / "ml_tiny.csv").write_text("\n".join([HEADER, *rows, ""]))
        np.save(locations.root / "ml_tiny.npy", edge_rows)
        np.save(locations.root / "ml_tiny_node.npy", node_rows)
        return DyGLib("tiny", **options).load(locations)

    return write_and_load


def test_ids_start_at_zero_and_padding_is_left_out(load: Callable[..., Dataset]) -> None:
    dataset = load(num_nodes=4, num_events=5, num_labels=1)
    stream = dataset.stream
    assert stream.src.tolist() == [0, 1, 0, 1, 0]
    assert stream.dst.tolist() == [2, 3, 3, 2, 2]
    assert stream.t.tolist() == [0, 5, 5, 7, 9]
    assert stream.msg.tolist() == EDGE_ROWS[1:].tolist()
    assert stream.y.tolist() == [0, 0, 1, 0, 0]
    assert (dataset.label_kind, dataset.num_classes) == (LabelKind.NODE, 2)
    assert (dataset.num_nodes, dataset.bipartite, dataset.node_features) == (4, True, None)
    assert (dataset.split.train_end, dataset.split.validation_end) == (3, 4)
    assert sorted(dataset.source.files) == ["ml_tiny.csv", "ml_tiny.npy", "ml_tiny_node.npy"]


def test_features_go_by_idx_and_rows_are_sorted(load: Callable[..., Dataset]) -> None:
    dataset = load(rows=[ROWS[i] for i in (3, 0, 1, 2, 4)])
    assert dataset.stream.msg[:, 0].tolist() == [1, 2, 3, 4, 5]
    assert dataset.source.moved_rows == 3


def test_zeros_stand_for_no_features(load: Callable[..., Dataset]) -> None:
    dataset = load(rows=[row.replace(",1.0,", ",0.0,") for row in ROWS], edge_rows=0 * EDGE_ROWS)
    assert (dataset.edge_dim, dataset.label_kind) == (0, LabelKind.NONE)


def test_node_features(load: Callable[..., Dataset]) -> None:
    node_rows = np.arange(10.0).reshape(5, 2)
    dataset = load(node_rows=node_rows)
    assert dataset.node_features is not None
    assert dataset.node_features.tolist() == node_rows[1:].tolist()
    without = load(node_rows=node_rows, use_features=False)
    assert (without.edge_dim, without.node_features) == (0, None)


def test_nodes_on_both_sides(load: Callable[..., Dataset]) -> None:
    assert not load(rows=[*ROWS[:-1], "4,3,1,9.0,0,5"]).bipartite


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2,0,4,5,0,3", r"u is 0 but ml_tiny_node.npy has rows 1 to 4 \(row 0 is padding\)"),
        ("2,1,5,5,0,3", r"i is 5 but ml_tiny_node.npy has rows 1 to 4"),
        ("2,1,4,5,0,6", r"idx is 6 but ml_tiny.npy has rows 1 to 5"),
        ("2,1,4,-5,0,3", "ts is -5: times must be whole numbers"),
        ("2,1,4,5,0.5,3", "label is 0.5: labels must be whole numbers"),
    ],
)
def test_bad_row_is_refused(load: Callable[..., Dataset], row: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"ml_tiny.csv, line 4: {message}"):
        load(rows=[*ROWS[:2], row, *ROWS[3:]])


def test_bad_features_are_refused(load: Callable[..., Dataset], locations: Locations) -> None:
    edge_rows = EDGE_ROWS.copy()
    edge_rows[3, 1] = np.nan
    with pytest.raises(ValueError, match=r"ml_tiny.npy, row 3: feature 2 is nan"):
        load(edge_rows=edge_rows)
    with pytest.raises(ValueError, match=r"ml_tiny_node.npy holds \[5\] of float64 where a matrix"):
        load(node_rows=np.zeros(5))
    edge_rows[3, 1] = np.inf
    with pytest.raises(ValueError, match=r"ml_tiny.npy, row 3: feature 2 is inf"):
        load(edge_rows=edge_rows.astype(np.float16))
    assert locations.root is not None
    path = locations.root / "ml_tiny_node.npy"
    for content in (b"nonsense", b"PK\x03\x04", b"\x93NUMPY\x01\x00\x03\x00{(\n"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"ml_tiny_node.npy cannot be read as an array"):
            DyGLib("tiny").load(locations)


@pytest.mark.parametrize("key", ["num_nodes", "num_events", "num_labels"])
def test_published_statistics(load: Callable[..., Dataset], key: str) -> None:
    with pytest.raises(ValueError, match=f"{key} is .* but 99 is published"):
        load(**{key: 99})


def test_the_archive_is_named_by_the_data_set(locations: Locations) -> None:
    with serving(b"") as server:
        address = server.url.replace("file.csv", "{name}.zip")
        with pytest.raises(FileNotFoundError, match=r"/tiny.zip answered 404"):
            DyGLib("tiny", url=address).load(locations)
