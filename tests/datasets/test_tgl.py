import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.datasets import reading
from benchmark.datasets.dataset import Dataset, LabelKind, Split
from benchmark.datasets.tgl import TGL
from benchmark.storage.files import sha256_of
from benchmark.storage.locations import Locations
from tests.storage.file_server import serving

HEADER = ",src,dst,time,ext_roll"
ROWS = ["0,0,3,0.0,0", "1,1,3,5.0,0", "2,0,4,5.0,0", "3,0,4,5.0,1", "4,2,3,8.0,2"]
LABELS = [",node,time,label,ext_roll", "0,0,0.0,1,0", "1,0,5.0,0,0", "2,0,5.0,2,1"]


def test_edges_alone(load_tgl: Callable[..., Dataset]) -> None:
    dataset = load_tgl([HEADER, *ROWS])
    assert dataset.stream.src.tolist() == [0, 1, 0, 0, 2]
    assert dataset.stream.dst.tolist() == [3, 3, 4, 4, 3]
    assert dataset.stream.t.tolist() == [0, 5, 5, 5, 8]
    assert dataset.split == Split(3, 4, 5), "ext_roll parts the three events of time 5"
    assert (dataset.num_nodes, dataset.bipartite, dataset.edge_dim) == (5, True, 0)
    assert dataset.label_kind is LabelKind.NONE


def test_without_index_and_with_int_roll(load_tgl: Callable[..., Dataset]) -> None:
    rows = [f"{row[2:]},1" for row in ROWS]
    dataset = load_tgl(["src,dst,time,ext_roll,int_roll", *rows])
    assert dataset.split == Split(3, 4, 5)


def test_nodes_on_both_sides(load_tgl: Callable[..., Dataset]) -> None:
    assert not load_tgl([HEADER, *ROWS[:-1], "4,3,2,8.0,2"]).bipartite


def test_missing_files_are_fetched(load_tgl: Callable[..., Dataset], tmp_path: Path) -> None:
    torch.save(torch.eye(5, dtype=torch.bool), tmp_path / "classes")
    with serving((tmp_path / "classes").read_bytes()) as server:
        options: dict[str, Any] = dict.fromkeys(("edge_features", "node_features", "node_labels"))
        url = server.url.rsplit("/", 1)[0]
        dataset = load_tgl([HEADER, *ROWS], edge_classes="file.csv", url=url, **options)
        assert torch.equal(dataset.stream.y, torch.eye(5))
        with pytest.raises(FileNotFoundError, match=r"/node_features.pt answered 404"):
            load_tgl([HEADER, *ROWS], url=url)


def test_published_statistics(load_tgl: Callable[..., Dataset]) -> None:
    load_tgl([HEADER, *ROWS], num_nodes=5, num_events=5)
    with pytest.raises(ValueError, match="num_events is 5 but 157,474 is published"):
        load_tgl([HEADER, *ROWS], num_events=157_474)


def test_read_in_small_pieces(
    load_tgl: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the size of a chunk: the same columns, and errors at the right line."""
    whole = load_tgl([HEADER, *ROWS]).stream
    for size in (1, 2, 3):
        monkeypatch.setattr(reading, "FIELDS_PER_CHUNK", size * len(HEADER.split(",")))
        dataset = load_tgl([HEADER, *ROWS, "", ""], fractional_times="floor")  # another cache file
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
                load_tgl([HEADER, *ROWS[:2], row, *ROWS[3:]])


def test_labels_go_to_events_in_turn(load_tgl: Callable[..., Dataset]) -> None:
    dataset = load_tgl([HEADER, *ROWS], LABELS)
    assert dataset.stream.y.tolist() == [1, -1, 0, 2, -1]
    assert (dataset.label_kind, dataset.num_classes) == (LabelKind.NODE, 3)
    assert "belong to no event" not in dataset.source.description


def test_labels_without_event(load_tgl: Callable[..., Dataset]) -> None:
    dataset = load_tgl([HEADER, *ROWS], [*LABELS, "3,0,6.0,1,2"])
    assert dataset.stream.y.tolist() == [1, -1, 0, 2, -1]
    assert "1 of 4 labels belong to no event" in dataset.source.description
    with pytest.raises(ValueError, match=r"labels.csv: no \(node, time\) is the source and time"):
        load_tgl([HEADER, *ROWS], [LABELS[0], "0,0,6.0,1,2"])


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
def test_bad_row_is_refused(load_tgl: Callable[..., Dataset], row: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"edges.csv, {message}"):
        load_tgl([HEADER, *ROWS[:2], row, *ROWS[3:]])


@pytest.mark.parametrize(
    ("kept", "part"), [("1 2", "training"), ("0 2", "validation"), ("01", "test")]
)
def test_split_without_a_part(load_tgl: Callable[..., Dataset], kept: str, part: str) -> None:
    rows = [row[2:] for row in ROWS if row[-1] in kept]
    with pytest.raises(ValueError, match=f"the split leaves no {part} event"):
        load_tgl([HEADER[1:], *rows])


def test_missing_column_and_file(load_tgl: Callable[..., Dataset], locations: Locations) -> None:
    with pytest.raises(ValueError, match=r"edges.csv has no column 'ext_roll' \(it has ''"):
        load_tgl([",src,dst,time,roll", *ROWS])
    with pytest.raises(FileNotFoundError, match=r"put it at .*OTHER/edges.csv"):
        TGL("OTHER").load(locations)


@pytest.mark.parametrize("largest", [900, 2_000_000_000])
def test_ids_with_gaps_are_numbered_by_those_that_occur(
    load_tgl: Callable[..., Dataset], largest: int
) -> None:
    dataset = load_tgl([HEADER, *ROWS[:4], f"4,{largest},3,8.0,2"])
    assert dataset.num_nodes == 5
    assert dataset.nodes.tolist() == [0, 1, 2, 3, 4]


def test_a_label_of_a_node_far_beyond_the_events_costs_no_memory(
    load_tgl: Callable[..., Dataset],
) -> None:
    dataset = load_tgl([HEADER, *ROWS], [*LABELS, "3,2000000000,6.0,1,2"])
    assert dataset.stream.y.tolist() == [1, -1, 0, 2, -1]


def test_flooring_does_not_hide_that_rows_are_out_of_order(
    load_tgl: Callable[..., Dataset],
) -> None:
    edges = [HEADER, *ROWS[:2], "2,0,4,5.9,0", "3,0,4,5.1,1", ROWS[4]]
    with pytest.raises(ValueError, match=r"line 5: time 5.1 is earlier than 5.9 on the row before"):
        load_tgl(edges, fractional_times="floor")


@pytest.mark.parametrize("file", ["src.npy", "dst.npy", "t.npy", "rolls.npy", "rows.npy"])
def test_what_is_damaged_in_the_cache_is_made_again(
    load_tgl: Callable[..., Dataset], locations: Locations, file: str
) -> None:
    tensors = {"edge_features.pt": torch.eye(5, dtype=torch.float64)}
    load_tgl([HEADER, *ROWS], tensors=tensors)
    (path,) = locations.cache.rglob(file)
    kept = np.load(path)
    for damaged in (kept[:-1], kept[::-1]):
        np.save(path, damaged)
        again = load_tgl([HEADER, *ROWS])
        assert again.stream.src.tolist() == [0, 1, 0, 0, 2]
        assert again.stream.dst.tolist() == [3, 3, 4, 4, 3]
        assert again.stream.t.tolist() == [0, 5, 5, 5, 8]
        assert torch.equal(again.stream.msg, torch.eye(5))
        assert again.split == Split(3, 4, 5)


def test_checksums_say_what_the_data_is_and_not_where_it_lies(
    load_tgl: Callable[..., Dataset], locations: Locations, tgl_folder: Path
) -> None:
    load_tgl([HEADER, *ROWS], LABELS, {"edge_features.pt": torch.eye(5)})
    before = TGL("WIKI").checksums(locations)
    assert list(before) == ["edges.csv", "labels.csv", "edge_features.pt"]
    assert before["edges.csv"] == sha256_of(tgl_folder / "edges.csv")
    (tgl_folder / "edges.csv.gz").write_bytes(
        gzip.compress((tgl_folder / "edges.csv").read_bytes())
    )
    (tgl_folder / "edges.csv").unlink()
    assert TGL("WIKI").checksums(locations) == before
    assert TGL("WIKI").load(locations).source.files == before
    assert list(TGL("WIKI", node_labels=None, edge_features=None).checksums(locations)) == [
        "edges.csv"
    ]
