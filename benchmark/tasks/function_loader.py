"""Data sets that are still loaded by a function; to be deleted when each is a ``Loader``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra.utils import instantiate

from benchmark.datasets.dataset import Dataset, LabelKind
from benchmark.datasets.loader import Loader
from benchmark.datasets.locations import Locations

LABELS = {"load_jodie": LabelKind.NODE, "load_quadruples": LabelKind.EDGE}


class FunctionLoader(Loader):
    """Calls the function that ``options`` name."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = options

    @property
    def label_kind(self) -> LabelKind | None:
        """What is known of the labels before anything is read."""
        function = str(self.options["_target_"]).rpartition(".")[2]
        if function == "load_snap":
            return LabelKind.EDGE if len(self.options["files"]) > 1 else LabelKind.NONE
        return LABELS.get(function)

    def files(self, locations: Locations) -> dict[str, Path]:
        """None: a function says nothing of its files."""
        return {}

    def load(self, locations: Locations) -> Dataset:
        """Call it."""
        call = instantiate(self.options, _partial_=True, _convert_="all")
        dataset: Dataset = call(locations=locations)
        return dataset
