"""GDELT-lite: every hundredth event of TGL's GDELT, in the archive that PyG's GDELTLite fetches."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.loader import Published
from benchmark.datasets.tgl import TGL
from benchmark.storage.archive import fetch_member
from benchmark.storage.locations import Locations

FILES = ("edges.csv", "edge_features.pt", "node_features.pt")


@dataclass(frozen=True)
class GDELTLite(Published):
    """The files of the archive at ``url``, or the same files loose in folder ``name``.

    They are a TGL folder, split by ``ext_roll``. Source: GraphMixer (ICLR 2023).
    """

    locating: ClassVar[tuple[str, ...]] = ("url", "sha256", "num_nodes", "num_events")

    url: str | None = None
    sha256: str | None = None
    use_features: bool = True

    def paths(self, locations: Locations) -> dict[str, Path]:
        return {
            file: fetch_member(locations, self.name, file, self.url, self.sha256)
            for file in (FILES if self.use_features else FILES[:1])
        }

    def load(self, locations: Locations) -> Dataset:
        self.paths(locations)
        edge_features, node_features = FILES[1:] if self.use_features else (None, None)
        folder = TGL(
            self.name,
            edge_features=edge_features,
            node_features=node_features,
            node_labels=None,
            num_nodes=self.num_nodes,
            num_events=self.num_events,
        )
        return folder.load(locations)
