import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.datasets import reading
from benchmark.datasets.dataset import Dataset, LabelKind, Split
from benchmark.datasets.tgl import TGL
from benchmark.storage.files import sha256_of
from benchmark.storage.locations import Locations
from tests.storage.file_server import serving

HEADER = ",src,dst,time,ext_roll"
ROWS = ["0,0,3,0.0,0", "1,1,3,5.0,0", "2,0,4,5.0,0", "3,0,4,5.0,1", "4,2,3,8.0,2"]
LABELS = [",node,time,label,ext_roll", "0,0,0.0,1,0", "1,0,5.0,0,0", "2,0,5.0,2,1"]


@pytest.fixture
def folder(locations: Locations) -> Path:
    assert locations.root is not None
    path = locations.root / "WIKI"
    path.mkdir()
    return path


@pytest.fixture
def load(locations: Locations, folder: Path) -> Callable[..., Dataset]:
    def write_and_load(
        edges: list[str],
        labels: list[str] | None = None,
        tensors: dict[str, Tensor] | None = None,
        **options: Any,
    ) -> Dataset:
        (folder / "edges.csv").write_text("\n".join([*edges, ""]))
        if labels is not None:
            (folder / "labels.csv").write_text("\n".join([*labels, ""]))
        for file, tensor in (tensors or {}).items():
            torch.save(tensor, folder / file)
        return TGL("WIKI", **options).load(locations)

    return write_and_load


def test_edges_alone(load: Callable[..., Dataset]) -> None:
    dataset = load([HEADER, *ROWS])
    assert dataset.stream.src.tolist() == [0, 1, 0, 0, 2]
    assert dataset.stream.dst.tolist() == [3, 3, 4, 4, 3]
    assert dataset.stream.t.tolist() == [0, 5, 5, 5, 8]
    assert dataset.split == Split(3, 4, 5), "ext_roll parts the three events of time 5"
    assert (dataset.num_nodes, dataset.bipartite, dataset.edge_dim) == (5, True, 0)
    assert dataset.label_kind is LabelKind.NONE


def test_without_index_and_with_int_roll(load: Callable[..., Dataset]) -> None:
    rows = [f"{row[2:]},1" for row in ROWS]
    dataset = load(["src,dst,time,ext_roll,int_roll", *rows])
    assert dataset.split == Split(3, 4, 5)


def test_nodes_on_both_sides(load: Callable[..., Dataset]) -> None:
    assert not load([HEADER, *ROWS[:-1], "4,3,2,8.0,2"]).bipartite


def test_features(load: Callable[..., Dataset]) -> None:
    edge_features, node_features = torch.randn(5, 3), torch.randn(7, 2)
    tensors = {"edge_features.pt": edge_features, "node_features.pt": node_features}
    dataset = load([HEADER, *ROWS], tensors=tensors)
    assert torch.equal(dataset.stream.msg, edge_features)
    assert dataset.node_features is not None
    assert torch.equal(dataset.node_features, node_features)
    assert dataset.num_nodes == 7
    assert sorted(dataset.source.files) == ["edge_features.pt", "edges.csv", "node_features.pt"]
    without = load([HEADER, *ROWS], edge_features=None, node_features=None)
    assert (without.edge_dim, without.node_features, without.num_nodes) == (0, None, 5)


def test_other_types_become_float(load: Callable[..., Dataset]) -> None:
    dataset = load([HEADER, *ROWS], tensors={"edge_features.pt": torch.eye(5, dtype=torch.bool)})
    assert torch.equal(dataset.stream.msg, torch.eye(5))


def test_padding_row_is_left_out(load: Callable[..., Dataset]) -> None:
    rows = torch.cat([torch.ones(5, 2), torch.zeros(1, 2)])
    dataset = load([HEADER, *ROWS], tensors={"ec.pt": rows}, edge_features="ec.pt")
    assert torch.equal(dataset.stream.msg, rows[:5])
    with pytest.raises(ValueError, match=r"ec.pt has 6 rows but .* has 5 events"):
        load([HEADER, *ROWS], tensors={"ec.pt": torch.ones(6, 2)}, edge_features="ec.pt")


def test_edge_classes_come_before_node_labels(load: Callable[..., Dataset]) -> None:
    classes = torch.tensor([[0, 1], [1, 1], [0, 0], [1, 0], [0, 1]])
    for dtype in (torch.bool, torch.int64, torch.float32):
        tensors = {"class.pt": classes.to(dtype)}
        dataset = load([HEADER, *ROWS], LABELS, tensors, edge_classes="class.pt")
        assert torch.equal(dataset.stream.y, classes.float())
        assert (dataset.label_kind, dataset.num_classes) == (LabelKind.MULTI_EDGE, 2)
        assert sorted(dataset.source.files) == ["class.pt", "edges.csv"]


def test_bad_edge_classes_are_refused(load: Callable[..., Dataset]) -> None:
    with pytest.raises(FileNotFoundError, match=r"put it at .*WIKI/class.pt"):
        load([HEADER, *ROWS], edge_classes="class.pt")
    classes = torch.zeros(5, 3, dtype=torch.int8)
    classes[3, 1] = 2
    with pytest.raises(ValueError, match=r"class.pt, row 3: class 1 is 2: it must be 1 where"):
        load([HEADER, *ROWS], tensors={"class.pt": classes}, edge_classes="class.pt")
    with pytest.raises(ValueError, match=r"class.pt has 4 rows but .* has 5 events"):
        load([HEADER, *ROWS], tensors={"class.pt": torch.eye(4)}, edge_classes="class.pt")


def test_missing_files_are_fetched(load: Callable[..., Dataset], tmp_path: Path) -> None:
    torch.save(torch.eye(5, dtype=torch.bool), tmp_path / "classes")
    with serving((tmp_path / "classes").read_bytes()) as server:
        options: dict[str, Any] = dict.fromkeys(("edge_features", "node_features", "node_labels"))
        url = server.url.rsplit("/", 1)[0]
        dataset = load([HEADER, *ROWS], edge_classes="file.csv", url=url, **options)
        assert torch.equal(dataset.stream.y, torch.eye(5))
        with pytest.raises(FileNotFoundError, match=r"/node_features.pt answered 404"):
            load([HEADER, *ROWS], url=url)


def test_published_statistics(load: Callable[..., Dataset]) -> None:
    load([HEADER, *ROWS], num_nodes=5, num_events=5)
    with pytest.raises(ValueError, match="num_events is 5 but 157,474 is published"):
        load([HEADER, *ROWS], num_events=157_474)


def test_read_in_small_pieces(
    load: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the size of a chunk: the same columns, and errors at the right line."""
    whole = load([HEADER, *ROWS]).stream
    for size in (1, 2, 3):
        monkeypatch.setattr(reading, "FIELDS_PER_CHUNK", size * len(HEADER.split(",")))
        dataset = load([HEADER, *ROWS, "", ""], fractional_times="floor")  # another cache file
        assert all(torch.equal(dataset.stream[key], whole[key]) for key in ("src", "dst", "t"))
        assert dataset.split == Split(3, 4, 5)
        for row, message in (
            ("2,0,4,4.0,0", "line 4: time 4.0 is earlier than 5.0"),
            ("2,0,4,5,2", "line 5: ext_roll goes back from 2 to 1"),
            ("3,0,4,5,0", "line 4: the index is 3 on row 2"),
            ("2,0,4", "line 4 has 3 fields where 5 are expected"),
            ("", "line 4 is blank"),
        ):
            with pytest.raises(ValueError, match=message):
                load([HEADER, *ROWS[:2], row, *ROWS[3:]])


def test_features_stay_on_disk(load: Callable[..., Dataset], folder: Path) -> None:
    """Changing the file under the loaded data shows that it is mapped, not read."""
    dataset = load([HEADER, *ROWS], tensors={"edge_features.pt": torch.ones(5, 64)})
    content = (folder / "edge_features.pt").read_bytes()
    one, two = (np.full(5 * 64, value, np.float32).tobytes() for value in (1, 2))
    with (folder / "edge_features.pt").open("r+b") as file:
        file.seek(content.index(one))
        file.write(two)
    assert bool((dataset.stream.msg == 2).all())


def test_labels_go_to_events_in_turn(load: Callable[..., Dataset]) -> None:
    dataset = load([HEADER, *ROWS], LABELS)
    assert dataset.stream.y.tolist() == [1, -1, 0, 2, -1]
    assert (dataset.label_kind, dataset.num_classes) == (LabelKind.NODE, 3)
    assert "belong to no event" not in dataset.source.description


def test_labels_without_event(load: Callable[..., Dataset]) -> None:
    dataset = load([HEADER, *ROWS], [*LABELS, "3,0,6.0,1,2"])
    assert dataset.stream.y.tolist() == [1, -1, 0, 2, -1]
    assert "1 of 4 labels belong to no event" in dataset.source.description
    with pytest.raises(ValueError, match=r"labels.csv: no \(node, time\) is the source and time"):
        load([HEADER, *ROWS], [LABELS[0], "0,0,6.0,1,2"])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2,0,4,4.0,0", "line 4: time 4.0 is earlier than 5.0 on the row before, and other files"),
        ("2,0,4,nan,0", "line 4: time is nan"),
        ("2,0,4,-1,0", "line 4: time is -1"),
        ("2,-1,4,5,0", "line 4: src is -1"),
        ("2,0,4.5,5,0", "line 4: dst is 4.5"),
        ("2,0,4,5,3", "line 4: ext_roll is 3: it must be 0"),
        ("2,0,4,5,2", "line 5: ext_roll goes back from 2 to 1"),
        ("3,0,4,5,0", "line 4: the index is 3 on row 2"),
        ("2,0,4,5", "line 4 has 4 fields where 5 are expected"),
    ],
)
def test_bad_row_is_refused(load: Callable[..., Dataset], row: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"edges.csv, {message}"):
        load([HEADER, *ROWS[:2], row, *ROWS[3:]])


@pytest.mark.parametrize(
    ("kept", "part"), [("1 2", "training"), ("0 2", "validation"), ("01", "test")]
)
def test_split_without_a_part(load: Callable[..., Dataset], kept: str, part: str) -> None:
    rows = [row[2:] for row in ROWS if row[-1] in kept]
    with pytest.raises(ValueError, match=f"the split leaves no {part} event"):
        load([HEADER[1:], *rows])


def test_missing_column_and_file(load: Callable[..., Dataset], locations: Locations) -> None:
    with pytest.raises(ValueError, match=r"edges.csv has no column 'ext_roll' \(it has ''"):
        load([",src,dst,time,roll", *ROWS])
    with pytest.raises(FileNotFoundError, match=r"put it at .*OTHER/edges.csv"):
        TGL("OTHER").load(locations)


def test_feature_files_that_do_not_fit(load: Callable[..., Dataset], folder: Path) -> None:
    edges = [HEADER, *ROWS]
    with pytest.raises(ValueError, match=r"edge_features.pt has 4 rows but .* has 5 events"):
        load(edges, tensors={"edge_features.pt": torch.zeros(4, 2)})
    (folder / "edge_features.pt").unlink()
    with pytest.raises(ValueError, match=r"node_features.pt has 4 rows but .* has node id 4"):
        load(edges, tensors={"node_features.pt": torch.zeros(4, 2)})
    (folder / "node_features.pt").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"node_features.pt cannot be read as a tensor"):
        load(edges)


def test_a_vector_is_one_feature_and_one_class(load: Callable[..., Dataset]) -> None:
    tensors = {"edge_features.pt": torch.arange(5), "node_features.pt": torch.ones(7).double()}
    dataset = load([HEADER, *ROWS], tensors=tensors)
    assert dataset.stream.msg.tolist() == [[0], [1], [2], [3], [4]]
    assert dataset.node_features is not None
    assert dataset.node_features.shape == (7, 1)
    classes = {"class.pt": torch.tensor([0, 1, 1, 0, 1])}
    dataset = load([HEADER, *ROWS], tensors=classes, edge_classes="class.pt")
    assert dataset.stream.y.tolist() == [[0], [1], [1], [0], [1]]


def test_values_that_float32_does_not_have(load: Callable[..., Dataset]) -> None:
    features = torch.ones(5, 2, dtype=torch.float64)
    features[4, 1] = 1e39
    message = r"edge_features.pt, row 4: feature 2 is 1e\+39, beyond the range of float32"
    with pytest.raises(ValueError, match=message):
        load([HEADER, *ROWS], tensors={"edge_features.pt": features})
    features[4, 1] = float("nan")
    for dtype in (torch.float64, torch.float32):
        with pytest.raises(ValueError, match=r"edge_features.pt, row 4: feature 2 is nan: replace"):
            load([HEADER, *ROWS], tensors={"edge_features.pt": features.to(dtype)})


@pytest.mark.parametrize("largest", [900, 2_000_000_000])
def test_ids_with_gaps_are_numbered_by_those_that_occur(
    load: Callable[..., Dataset], largest: int
) -> None:
    dataset = load([HEADER, *ROWS[:4], f"4,{largest},3,8.0,2"])
    assert dataset.num_nodes == 5
    assert dataset.nodes.tolist() == [0, 1, 2, 3, 4]


def test_ids_with_gaps_stay_rows_of_node_features(load: Callable[..., Dataset]) -> None:
    features = {"node_features.pt": torch.rand(901, 2)}
    dataset = load([HEADER, *ROWS[:4], "4,900,3,8.0,2"], tensors=features)
    assert dataset.num_nodes == 901
    assert dataset.nodes.tolist() == [0, 1, 3, 4, 900]


def test_a_label_of_a_node_far_beyond_the_events_costs_no_memory(
    load: Callable[..., Dataset],
) -> None:
    dataset = load([HEADER, *ROWS], [*LABELS, "3,2000000000,6.0,1,2"])
    assert dataset.stream.y.tolist() == [1, -1, 0, 2, -1]


def test_flooring_does_not_hide_that_rows_are_out_of_order(load: Callable[..., Dataset]) -> None:
    edges = [HEADER, *ROWS[:2], "2,0,4,5.9,0", "3,0,4,5.1,1", ROWS[4]]
    with pytest.raises(ValueError, match=r"line 5: time 5.1 is earlier than 5.9 on the row before"):
        load(edges, fractional_times="floor")


@pytest.mark.parametrize("file", ["src.npy", "dst.npy", "t.npy", "rolls.npy", "rows.npy"])
def test_what_is_damaged_in_the_cache_is_made_again(
    load: Callable[..., Dataset], locations: Locations, file: str
) -> None:
    tensors = {"edge_features.pt": torch.eye(5, dtype=torch.float64)}
    load([HEADER, *ROWS], tensors=tensors)
    (path,) = locations.cache.rglob(file)
    kept = np.load(path)
    for damaged in (kept[:-1], kept[::-1]):
        np.save(path, damaged)
        again = load([HEADER, *ROWS])
        assert again.stream.src.tolist() == [0, 1, 0, 0, 2]
        assert again.stream.dst.tolist() == [3, 3, 4, 4, 3]
        assert again.stream.t.tolist() == [0, 5, 5, 5, 8]
        assert torch.equal(again.stream.msg, torch.eye(5))
        assert again.split == Split(3, 4, 5)


def test_checksums_say_what_the_data_is_and_not_where_it_lies(
    load: Callable[..., Dataset], locations: Locations, folder: Path
) -> None:
    load([HEADER, *ROWS], LABELS, {"edge_features.pt": torch.eye(5)})
    before = TGL("WIKI").checksums(locations)
    assert list(before) == ["edges.csv", "labels.csv", "edge_features.pt"]
    assert before["edges.csv"] == sha256_of(folder / "edges.csv")
    (folder / "edges.csv.gz").write_bytes(gzip.compress((folder / "edges.csv").read_bytes()))
    (folder / "edges.csv").unlink()
    assert TGL("WIKI").checksums(locations) == before
    assert TGL("WIKI").load(locations).source.files == before
    assert list(TGL("WIKI", node_labels=None, edge_features=None).checksums(locations)) == [
        "edges.csv"
    ]
