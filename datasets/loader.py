"""What every data set is to the suite: typed options that find their files and load them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from benchmark.datasets.dataset import Dataset, Fractions, LabelKind
from benchmark.datasets.validate import FractionalTimes
from benchmark.storage.files import content_checksum
from benchmark.storage.locations import Locations


@dataclass(frozen=True)
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


@dataclass(frozen=True, kw_only=True)
class Published(Loader):
    """A data set whose counts are published; None is not checked."""

    num_nodes: int | None = None  # with an event
    num_events: int | None = None

    def check_counts(self, dataset: Dataset, **others: int) -> None:
        """Refuse other counts than the published ones, the options of the same names."""
        counts = {"num_nodes": len(dataset.nodes), "num_events": dataset.num_events, **others}
        for key, found in counts.items():
            published = getattr(self, key)
            if published not in (None, found):
                raise ValueError(
                    f"data set {self.name}: {key} is {found:,} but {published:,} is published: get "
                    f"the published file, or set dataset.{key}=null to take this one as it is"
                )


@dataclass(frozen=True, kw_only=True)
class ByQuantile(Loader):
    """A data set that is split by time quantile, and whose times may have fractions."""

    fractional_times: FractionalTimes = "refuse"
    validation_fraction: float = 0.15
    test_fraction: float = 0.15

    @property
    def fractions(self) -> Fractions:
        return Fractions(self.validation_fraction, self.test_fraction)
