"""The yaml of every data set against its loader."""

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.loader import Loader
from benchmark.runner.compose import compose_settings
from benchmark.storage.locations import Locations

FOLDER = Path(__file__).parents[2] / "benchmark" / "conf" / "dataset"
FILES = sorted(FOLDER.glob("*.yaml"))
JODIE = {"wikipedia", "reddit", "mooc", "lastfm"}
TGL = {"tgl", "gdelt", "mag", "gdelt_lite"}
NAMES = {
    *JODIE,
    *TGL,
    "dyglib",
    "flights",
    "tgb",
    "icews18",
    "synthetic",
    "uci",
    "mathoverflow",
    "table",
}


def load(config: DictConfig | ListConfig, locations: Locations) -> Dataset:
    loader: Loader = instantiate(config, _convert_="all")
    return loader.load(locations)


def test_all_are_there() -> None:
    assert {file.stem for file in FILES} >= NAMES


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_option_is_named_and_explained(file: Path) -> None:
    config = OmegaConf.load(file)
    loader = get_object(config._target_)
    assert {*config} - {"_target_"} == {*inspect.signature(loader).parameters} - {"locations"}
    lines = file.read_text().splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        if line[0] not in "# -":
            assert before.startswith("# ") and before.endswith("."), f"{line} needs a sentence"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_only_locates_is_an_option(file: Path) -> None:
    config = OmegaConf.load(file)
    loader = get_object(config._target_)
    assert issubclass(loader, Loader)
    assert {*loader.locating} <= {*config} - {"_target_", "name"}
    if "url" in config:  # what is made up has its number of nodes as a setting
        assert {"url", "sha256", "num_nodes"} & {*config} <= {*loader.locating}


@pytest.mark.parametrize(
    ("name", "file", "num_events"),
    [
        ("synthetic", None, 20_000),
        ("wikipedia", "wikipedia/wikipedia.csv", 157_474),
        ("uci", "uci/CollegeMsg.txt", 59_835),
        ("mathoverflow", "sx-mathoverflow/sx-mathoverflow-c2a.txt.gz", 506_550),
        ("icews18", "icews18/train.txt.gz", 468_558),
        ("mooc", "mooc/mooc.csv", 411_749),
    ],
)
def test_instantiated(
    locations: Locations,
    real_locations: Callable[[str], Locations],
    name: str,
    file: str | None,
    num_events: int,
) -> None:
    places = real_locations(file) if file else locations
    dataset = load(OmegaConf.create(compose_settings([f"dataset={name}"])["dataset"]), places)
    assert isinstance(dataset, Dataset)
    assert (dataset.name, dataset.num_events) == (name, num_events)


def test_address_of_a_dyglib_archive() -> None:
    config = OmegaConf.load(FOLDER / "dyglib.yaml")
    config.name = "CanParl"
    assert (
        config.url.format(name=config.name)
        == "https://zenodo.org/records/7213796/files/CanParl.zip"
    )


def test_own_table(locations: Locations, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    rows = [f"{i % 3},{i % 5},{i},{i / 2}" for i in range(20)]
    path.write_text("\n".join(["source,destination,time,weight", *rows]))
    config = OmegaConf.load(FOLDER / "table.yaml")
    config.path, config.features = str(path), ["weight"]
    assert load(config, locations).edge_dim == 1
