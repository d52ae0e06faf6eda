"""GDELT-lite: every hundredth event of TGL's GDELT, in the archive that PyG's GDELTLite fetches."""

from benchmark.datasets.archive import fetch_member
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.locations import Locations
from benchmark.datasets.tgl import load_tgl

FILES = ("edges.csv", "edge_features.pt", "node_features.pt")


def load_gdelt_lite(
    locations: Locations,
    name: str,
    url: str | None,
    sha256: str | None = None,
    num_nodes: int | None = None,
    num_events: int | None = None,
    use_features: bool = True,
) -> Dataset:
    """The files of the archive at ``url``, or the same files loose in folder ``name``.

    They are a TGL folder, split by ``ext_roll``. Source: GraphMixer (ICLR 2023).
    """
    for file in FILES:
        fetch_member(locations, name, file, url, sha256)
    edge_features, node_features = FILES[1:] if use_features else (None, None)
    return load_tgl(
        locations,
        name,
        edge_features=edge_features,
        node_features=node_features,
        node_labels=None,
        num_nodes=num_nodes,
        num_events=num_events,
    )
