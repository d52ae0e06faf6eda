import io
from collections.abc import Callable
from zipfile import ZipFile

import pytest
import torch

from benchmark.datasets.dataset import Split
from benchmark.datasets.jodie import JODIE
from benchmark.datasets.tgb import TGB
from benchmark.storage.locations import Locations
from tests.storage.file_server import serving

pytest.importorskip("tgb.linkproppred.dataset", reason="py-tgb is not installed")
info = pytest.importorskip("tgb.utils.info")

EDGES = "user_id,item_id,timestamp,state_label,features\n" + "".join(
    f"{i % 3},{i % 2},{10 * i},0,{i}.5,-1\n" for i in range(20)
)
NAME = "tgbl-wiki"
VERSIONED = f"{NAME}_edgelist_v{info.DATA_VERSION_DICT[NAME]}.csv"


@pytest.fixture
def put(locations: Locations) -> Callable[[str], None]:
    """Writes the edge list into the user's own folder."""

    def write(text: str) -> None:
        assert locations.root is not None
        (locations.root / "tgbl_wiki").mkdir(exist_ok=True)
        (locations.root / "tgbl_wiki" / VERSIONED).write_text(text)

    return write


def test_stream_split_and_features(locations: Locations, put: Callable[[str], None]) -> None:
    put(EDGES)
    dataset = TGB(NAME, num_nodes=5, num_events=20).load(locations)
    assert dataset.stream.src[:4].tolist() == [0, 1, 2, 0]
    assert dataset.stream.dst[:4].tolist() == [3, 4, 3, 4]
    assert dataset.stream.t.tolist() == list(range(0, 200, 10))
    assert dataset.stream.msg[:2].tolist() == [[0.5, -1], [1.5, -1]]
    assert dataset.split == Split(14, 17, 20)
    assert (dataset.num_nodes, dataset.bipartite, dataset.node_features) == (5, True, None)
    assert list(dataset.source.files) == [VERSIONED]
    assert TGB(NAME, use_features=False).load(locations).edge_dim == 0


def test_the_users_folder_is_only_read_and_changes_are_seen(
    locations: Locations, put: Callable[[str], None]
) -> None:
    put(EDGES)
    TGB(NAME).load(locations)
    assert locations.root is not None
    assert [path.name for path in locations.root.rglob("*") if path.is_file()] == [VERSIONED]
    assert not list(locations.cache.rglob("*.pkl")), "what py-tgb keeps has no checksum"
    put(EDGES.replace("190,", "195,"))
    assert int(TGB(NAME).load(locations).stream.t[-1]) == 195


def test_downloaded_archive(locations: Locations, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        archive.writestr(f"tgbl_wiki/{VERSIONED}", EDGES)
    with serving(buffer.getvalue()) as server:
        monkeypatch.setitem(info.DATA_URL_DICT, NAME, server.url)
        for _ in ("downloaded", "unpacked"):
            assert TGB(NAME).load(locations).num_events == 20
    assert len(server.ranges) == 1


def test_edge_list_that_py_tgb_cannot_read(
    locations: Locations, put: Callable[[str], None]
) -> None:
    put(EDGES.splitlines()[0])
    with pytest.raises(ValueError, match=f"py-tgb cannot read .*{VERSIONED}"):
        TGB(NAME).load(locations)


def test_unknown_name(locations: Locations) -> None:
    with pytest.raises(ValueError, match=r"dataset.name is 'tgbn-trade': py-tgb has tgbl-coin, "):
        TGB("tgbn-trade").load(locations)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0,1,-5,0,1,1", r"line 22: time is -5: times must be whole numbers"),
        ("0,1,500,0,nan,1", r"line 22: feature 1 is nan"),
    ],
)
def test_bad_row_is_refused(
    locations: Locations, put: Callable[[str], None], line: str, message: str
) -> None:
    put(f"{EDGES}{line}\n")
    with pytest.raises(ValueError, match=f"{VERSIONED}, {message}"):
        TGB(NAME).load(locations)


def test_published_statistics(locations: Locations, put: Callable[[str], None]) -> None:
    put(EDGES)
    with pytest.raises(ValueError, match="num_events is 20 but 157,474 is published"):
        TGB(NAME, num_events=157_474).load(locations)


def test_real_wikipedia(
    real_locations: Callable[[str], Locations], locations: Locations, put: Callable[[str], None]
) -> None:
    """TGB's edge list of Wikipedia has the rows of JODIE's, and so its stream and split."""
    places = real_locations("wikipedia/wikipedia.csv")
    put(places.fetch("wikipedia", "wikipedia.csv").read_text())
    ours = JODIE("wikipedia").load(places)
    theirs = TGB(NAME, num_nodes=9227, num_events=157_474).load(locations)
    assert theirs.split == ours.split == Split(110_232, 133_853, 157_474)
    for key in ("src", "dst", "t"):
        assert torch.equal(getattr(theirs.stream, key), getattr(ours.stream, key))
