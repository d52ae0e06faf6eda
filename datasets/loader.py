"""What every data set is to the suite: typed options that find their files and load them."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from benchmark.datasets.dataset import Dataset, LabelKind
from benchmark.datasets.validate import check_statistics
from benchmark.storage.files import content_checksum
from benchmark.storage.locations import Locations


class Loader(ABC):
    """The options of one data set: a subclass is a frozen dataclass, a yaml its values.

    ``locating`` names the options that say where files lie or what they must be like to be taken;
    what is loaded does not depend on them, so that they identify nothing.
    """

    locating: ClassVar[tuple[str, ...]] = ()
    name: str

    @property
    def known_labels(self) -> LabelKind | None:
        """The kind of labels that is known before anything is read; None where only that tells."""
        return None

    @abstractmethod
    def paths(self, locations: Locations) -> dict[str, Path]:
        """The files behind the data set, found or fetched, by their names without ``.gz``.

        Raises FileNotFoundError where one cannot be had and ValueError where it is a wrong one.
        """

    @abstractmethod
    def load(self, locations: Locations) -> Dataset:
        """The stream; ``source.files`` holds ``checksums`` of the files it was read from."""

    def checksums(self, locations: Locations) -> dict[str, str]:
        """The sha256 of the content of every file, by its name: what the data is."""
        return {
            name: content_checksum(path, locations.cache)
            for name, path in self.paths(locations).items()
        }

    def check_counts(self, **found: int) -> None:
        """Refuse other counts than the published ones, the options of the same names."""
        check_statistics(self.name, found, {key: getattr(self, key) for key in found})
