"""SNAP's edges and the quadruples of knowledge graphs: what is read, and what is refused."""

import gzip
from collections.abc import Callable
from typing import Any

import pytest

from benchmark.datasets.dataset import Dataset, LabelKind, Split
from benchmark.datasets.plain_text import SNAP, Quadruples
from benchmark.storage.locations import Locations
from tests.storage.file_server import serving

LINES = ["9 2 100", "2 9 100", "9 9 105", "30 2 110", "9 30 120", "2 30 130", "2 9 140"]


@pytest.fixture
def load_edges(locations: Locations) -> Callable[..., Dataset]:
    """Writes each text as one file and loads them together."""

    def write_and_load(*texts: str, **options: Any) -> Dataset:
        assert locations.root is not None
        files = [f"part{i}.txt" for i in range(len(texts))]
        for file, text in zip(files, texts, strict=True):
            (locations.root / file).write_text(text)
        return SNAP("tiny", "tiny", files, **options).load(locations)

    return write_and_load


def test_ids_are_numbered_in_their_order(load_edges: Callable[..., Dataset]) -> None:
    dataset = load_edges("\n".join(LINES), num_nodes=3, num_events=7)
    assert dataset.stream.src.tolist() == [1, 0, 1, 2, 1, 0, 0]
    assert dataset.stream.dst.tolist() == [0, 1, 1, 0, 2, 2, 1]
    assert dataset.stream.t.tolist() == [0, 0, 5, 10, 20, 30, 40]
    assert dataset.start_time == 100
    assert dataset.destinations.tolist() == [0, 1, 2]
    assert (dataset.bipartite, dataset.label_kind) == (False, LabelKind.NONE)


def test_files_are_classes_and_merge_by_time(load_edges: Callable[..., Dataset]) -> None:
    dataset = load_edges("\n".join(LINES[2:]), "5 6 105\n5 6 90\n5 6 95\n", "7 8 105\r\n")
    assert dataset.stream.t.tolist() == [0, 5, 15, 15, 15, 20, 30, 40, 50]
    assert dataset.stream.y.tolist() == [1, 1, 0, 1, 2, 0, 0, 0, 0]
    assert (dataset.label_kind, dataset.num_classes) == (LabelKind.EDGE, 3)
    assert dataset.source.moved_rows == 2
    assert list(dataset.source.files) == ["part0.txt", "part1.txt", "part2.txt"]


def test_tabs_and_comments(load_edges: Callable[..., Dataset]) -> None:
    text = "# a comment\n# another\n" + "\n".join(LINES).replace(" ", "\t") + "\n\n"
    assert load_edges(text).num_events == 7
    with pytest.raises(ValueError, match=r"part0.txt, line 4: source is -2"):
        load_edges(text.replace("\n2\t9\t100", "\n-2\t9\t100"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 2", "line 3 has 2 fields where 3 are expected"),
        ("1 2 3 4", "line 3 has 4 fields where 3 are expected"),
        ("1 2.5 3", "line 3: destination is 2.5"),
        ("1 2 -3", "line 3: time is -3"),
        ("1 2 nan", "line 3: time is nan"),
        ("1 9223372036854775808 3", "line 3: destination is 9223372036854775808: ids must be"),
    ],
)
def test_bad_line_of_edges_is_refused(
    load_edges: Callable[..., Dataset], line: str, message: str
) -> None:
    with pytest.raises(ValueError, match=f"part0.txt, {message}"):
        load_edges("\n".join([*LINES[:2], line, *LINES[2:]]))


def test_bad_files_are_refused(load_edges: Callable[..., Dataset]) -> None:
    with pytest.raises(ValueError, match=r"part0.txt holds no events"):
        load_edges("")
    with pytest.raises(ValueError, match=r"part1.txt holds no events"):
        load_edges("\n".join(LINES), "# nothing\n")
    with pytest.raises(
        ValueError, match="line 1 has 4 fields where source, destination, time are expected"
    ):
        load_edges("1 2 3 4\n1 2 4 4\n")


def test_download(locations: Locations) -> None:
    with serving("\n".join(LINES).encode()) as server:
        folder = server.url.rsplit("/", 1)[0]
        with pytest.raises(FileNotFoundError, match=r"part0.txt.gz answered 404"):
            SNAP("tiny", "tiny", ["part0.txt"], url=folder).load(locations)


def test_real_messages(real_locations: Callable[[str], Locations]) -> None:
    places = real_locations("uci/CollegeMsg.txt")
    dataset = SNAP("uci", "uci", ["CollegeMsg.txt"], num_nodes=1899, num_events=59_835).load(places)
    assert dataset.source.moved_rows == 0
    assert dataset.start_time == 1_082_040_961


def test_real_mathoverflow(real_locations: Callable[[str], Locations]) -> None:
    folder = "sx-mathoverflow"
    places = real_locations(f"{folder}/sx-mathoverflow-a2q.txt.gz")
    files = [f"sx-mathoverflow-{kind}.txt" for kind in ("a2q", "c2q", "c2a")]
    dataset = SNAP("mathoverflow", folder, files, num_nodes=24_818, num_events=506_550).load(places)
    stream = dataset.stream
    assert stream.y.bincount().tolist() == [107_581, 203_639, 195_330]
    assert int((stream.src == stream.dst).sum()) == 116_109
    assert bool((stream.t.diff() >= 0).all())
    assert dataset.source.moved_rows == 1190


PARTS = ["0\t2\t1\t24\n3\t0\t0\t0\n1\t1\t0\t24\n", "0\t2\t3\t48\n", "3\t0\t3\t48\n4\t1\t0\t72\n"]


@pytest.fixture
def load_quadruples(locations: Locations) -> Callable[..., Dataset]:
    """Writes the texts as train.txt, valid.txt and test.txt and loads them."""

    def write_and_load(*texts: str, **options: Any) -> Dataset:
        assert locations.root is not None
        folder = locations.root / "tiny"
        folder.mkdir(exist_ok=True)
        for file, text in zip(("train.txt", "valid.txt", "test.txt"), texts, strict=True):
            (folder / file).write_text(text)
        return Quadruples("tiny", **options).load(locations)

    return write_and_load


def test_files_are_the_split_and_relations_the_classes(
    load_quadruples: Callable[..., Dataset],
) -> None:
    dataset = load_quadruples(*PARTS, num_nodes=4, num_events=6, num_relations=3)
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


def test_further_columns_are_ignored(load_quadruples: Callable[..., Dataset]) -> None:
    assert load_quadruples(*(part.replace("\n", "\t0\n") for part in PARTS)).num_events == 6


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
def test_bad_line_of_quadruples_is_refused(
    load_quadruples: Callable[..., Dataset], line: str, message: str
) -> None:
    with pytest.raises(ValueError, match=f"train.txt, {message}"):
        load_quadruples(f"0 1 2 3\n{line}\n", *PARTS[1:])


def test_files_must_follow_each_other(load_quadruples: Callable[..., Dataset]) -> None:
    with pytest.raises(
        ValueError,
        match=r"test.txt, line 2: time 47 is earlier than 48, the end of the file before",
    ):
        load_quadruples(*PARTS[:2], "3 0 3 48\n4 1 0 47\n")


@pytest.mark.parametrize("key", ["num_nodes", "num_events", "num_relations"])
def test_published_statistics(load_quadruples: Callable[..., Dataset], key: str) -> None:
    with pytest.raises(ValueError, match=f"{key} is .* but 99 is published"):
        load_quadruples(*PARTS, **{key: 99})


def test_missing_file_is_asked_for_by_its_name(locations: Locations) -> None:
    with serving(b"") as server, pytest.raises(FileNotFoundError, match=r"/train.txt answered 404"):
        Quadruples("tiny", url=server.url.rsplit("/", 1)[0]).load(locations)


def test_gzipped(load_quadruples: Callable[..., Dataset], locations: Locations) -> None:
    plain = load_quadruples(*PARTS)
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
