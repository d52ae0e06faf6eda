from collections.abc import Callable
from typing import Any

import pytest

from benchmark.datasets.dataset import Dataset, LabelKind
from benchmark.datasets.plain_text import SNAP
from benchmark.storage.locations import Locations
from tests.storage.file_server import serving

LINES = ["9 2 100", "2 9 100", "9 9 105", "30 2 110", "9 30 120", "2 30 130", "2 9 140"]


@pytest.fixture
def load(locations: Locations) -> Callable[..., Dataset]:
    """Writes each text as one file and loads them together."""

    def write_and_load(*texts: str, **options: Any) -> Dataset:
        assert locations.root is not None
        files = [f"part{i}.txt" for i in range(len(texts))]
        for file, text in zip(files, texts, strict=True):
            (locations.root / file).write_text(text)
        return SNAP("tiny", "tiny", files, **options).load(locations)

    return write_and_load


def test_ids_are_numbered_in_their_order(load: Callable[..., Dataset]) -> None:
    dataset = load("\n".join(LINES), num_nodes=3, num_events=7)
    assert dataset.stream.src.tolist() == [1, 0, 1, 2, 1, 0, 0]
    assert dataset.stream.dst.tolist() == [0, 1, 1, 0, 2, 2, 1]
    assert dataset.stream.t.tolist() == [0, 0, 5, 10, 20, 30, 40]
    assert dataset.start_time == 100
    assert dataset.destinations.tolist() == [0, 1, 2]
    assert (dataset.bipartite, dataset.label_kind) == (False, LabelKind.NONE)


def test_files_are_classes_and_merge_by_time(load: Callable[..., Dataset]) -> None:
    dataset = load("\n".join(LINES[2:]), "5 6 105\n5 6 90\n5 6 95\n", "7 8 105\r\n")
    assert dataset.stream.t.tolist() == [0, 5, 15, 15, 15, 20, 30, 40, 50]
    assert dataset.stream.y.tolist() == [1, 1, 0, 1, 2, 0, 0, 0, 0]
    assert (dataset.label_kind, dataset.num_classes) == (LabelKind.EDGE, 3)
    assert dataset.source.moved_rows == 2
    assert list(dataset.source.files) == ["part0.txt", "part1.txt", "part2.txt"]


def test_tabs_and_comments(load: Callable[..., Dataset]) -> None:
    text = "# a comment\n# another\n" + "\n".join(LINES).replace(" ", "\t") + "\n\n"
    assert load(text).num_events == 7
    with pytest.raises(ValueError, match=r"part0.txt, line 4: source is -2"):
        load(text.replace("\n2\t9\t100", "\n-2\t9\t100"))


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
def test_bad_line_is_refused(load: Callable[..., Dataset], line: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"part0.txt, {message}"):
        load("\n".join([*LINES[:2], line, *LINES[2:]]))


def test_bad_files_are_refused(load: Callable[..., Dataset]) -> None:
    with pytest.raises(ValueError, match=r"part0.txt holds no events"):
        load("")
    with pytest.raises(ValueError, match=r"part1.txt holds no events"):
        load("\n".join(LINES), "# nothing\n")
    with pytest.raises(
        ValueError, match="line 1 has 4 fields where source, destination, time are expected"
    ):
        load("1 2 3 4\n1 2 4 4\n")


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
