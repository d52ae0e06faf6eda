import io
from pathlib import Path
from zipfile import ZipFile

import pytest
import torch

from benchmark.datasets.dataset import Split
from benchmark.datasets.tgl import GDELTLite
from benchmark.storage.locations import Locations
from tests.storage.file_server import serving

EDGES = """Unnamed: 0,src,dst,time,int_roll,ext_roll
0,0,1,10,0,0
1,1,0,10,0,1
2,2,2,25,0,2
"""


@pytest.fixture
def archive(tmp_path: Path) -> bytes:
    edge_features, node_features = torch.eye(3, dtype=torch.bool), torch.ones(4, 2)
    torch.save(edge_features, tmp_path / "edge_features.pt")
    torch.save(node_features, tmp_path / "node_features.pt")
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as opened:
        opened.writestr("edges.csv", EDGES)
        for name in ("edge_features.pt", "node_features.pt"):
            opened.write(tmp_path / name, name)
    return buffer.getvalue()


def test_downloaded_unpacked_and_loaded(locations: Locations, archive: bytes) -> None:
    with serving(archive) as server:
        dataset = GDELTLite("lite", server.url, num_nodes=4, num_events=3).load(locations)
    assert dataset.stream.src.tolist() == [0, 1, 2]
    assert dataset.stream.t.tolist() == [0, 0, 15]
    assert torch.equal(dataset.stream.msg, torch.eye(3))
    assert dataset.split == Split(1, 2, 3)
    assert dataset.node_features is not None
    assert torch.equal(dataset.node_features, torch.ones(4, 2))
    assert sorted(dataset.source.files) == ["edge_features.pt", "edges.csv", "node_features.pt"]


def test_without_features(locations: Locations, archive: bytes) -> None:
    with serving(archive) as server:
        dataset = GDELTLite("lite", server.url, use_features=False).load(locations)
    assert (dataset.edge_dim, dataset.node_features, dataset.num_nodes) == (0, None, 3)
