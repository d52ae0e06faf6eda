import gzip
from collections.abc import Callable
from typing import Any

import pytest

from benchmark.datasets.dataset import Dataset, LabelKind, Split
from benchmark.datasets.plain_text import Quadruples
from benchmark.storage.locations import Locations
from tests.storage.file_server import serving

PARTS = ["0\t2\t1\t24\n3\t0\t0\t0\n1\t1\t0\t24\n", "0\t2\t3\t48\n", "3\t0\t3\t48\n4\t1\t0\t72\n"]


@pytest.fixture
def load(locations: Locations) -> Callable[..., Dataset]:
    """Writes the texts as train.txt, valid.txt and test.txt and loads them."""

    def write_and_load(*texts: str, **options: Any) -> Dataset:
        assert locations.root is not None
        folder = locations.root / "tiny"
        folder.mkdir(exist_ok=True)
        for file, text in zip(("train.txt", "valid.txt", "test.txt"), texts, strict=True):
            (folder / file).write_text(text)
        return Quadruples("tiny", **options).load(locations)

    return write_and_load


def test_files_are_the_split_and_relations_the_classes(load: Callable[..., Dataset]) -> None:
    dataset = load(*PARTS, num_nodes=4, num_events=6, num_relations=3)
    stream = dataset.stream
    assert stream.src.tolist() == [2, 0, 1, 0, 2, 3]
    assert stream.dst.tolist() == [0, 1, 0, 2, 2, 0]
    assert stream.t.tolist() == [0, 24, 24, 48, 48, 72]
    assert stream.y.tolist() == [0, 2, 1, 2, 0, 1]
    assert dataset.split == Split(3, 4, 6), "the events of time 48 are parted, as published"
    assert (dataset.label_kind, dataset.num_classes) == (LabelKind.EDGE, 3)
    assert (dataset.num_nodes, dataset.bipartite, dataset.edge_dim) == (4, False, 0)
    assert dataset.destinations.tolist() == [0, 1, 2]
    assert dataset.source.moved_rows == 1


def test_further_columns_are_ignored(load: Callable[..., Dataset]) -> None:
    assert load(*(part.replace("\n", "\t0\n") for part in PARTS)).num_events == 6


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 1 2", "line 2 has 3 fields where 4 are expected"),
        ("0 1 2 -24", "line 2: time is -24: times must be whole numbers"),
        ("0 1.5 2 24", "line 2: relation is 1.5: labels must be whole numbers"),
        ("-1 1 2 24", "line 2: subject is -1: ids must be whole numbers"),
        ("0 1 x 24", "line 2: object is x: ids must be whole numbers"),
    ],
)
def test_bad_line_is_refused(load: Callable[..., Dataset], line: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"train.txt, {message}"):
        load(f"0 1 2 3\n{line}\n", *PARTS[1:])


def test_files_must_follow_each_other(load: Callable[..., Dataset]) -> None:
    with pytest.raises(
        ValueError,
        match=r"test.txt, line 2: time 47 is earlier than 48, the end of the file before",
    ):
        load(*PARTS[:2], "3 0 3 48\n4 1 0 47\n")


@pytest.mark.parametrize("key", ["num_nodes", "num_events", "num_relations"])
def test_published_statistics(load: Callable[..., Dataset], key: str) -> None:
    with pytest.raises(ValueError, match=f"{key} is .* but 99 is published"):
        load(*PARTS, **{key: 99})


def test_missing_file_is_asked_for_by_its_name(locations: Locations) -> None:
    with serving(b"") as server, pytest.raises(FileNotFoundError, match=r"/train.txt answered 404"):
        Quadruples("tiny", url=server.url.rsplit("/", 1)[0]).load(locations)


def test_gzipped(load: Callable[..., Dataset], locations: Locations) -> None:
    plain = load(*PARTS)
    assert locations.root is not None
    for path in list((locations.root / "tiny").iterdir()):
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    dataset = Quadruples("tiny").load(locations)
    assert dataset.stream.y.tolist() == plain.stream.y.tolist()
    assert list(dataset.source.files) == ["train.txt", "valid.txt", "test.txt"]


def test_real_icews18(real_locations: Callable[[str], Locations]) -> None:
    dataset = Quadruples("icews18", num_nodes=23_033, num_events=468_558, num_relations=256).load(
        real_locations("icews18/train.txt.gz")
    )
    sizes = [len(dataset.split.range(part)) for part in ("train", "validation", "test")]
    assert sizes == [373_018, 45_995, 49_545]
    assert dataset.stream.t.unique().tolist() == list(range(0, 304 * 24, 24))
    assert bool((dataset.stream.t.diff() >= 0).all())
    assert dataset.source.moved_rows == 0
