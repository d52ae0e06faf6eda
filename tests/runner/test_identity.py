"""Runs are tied to what the data is, not to where it lies."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest

from benchmark.datasets.dataset import Dataset, Source
from benchmark.datasets.loader import Loader
from benchmark.datasets.synthetic import Synthetic
from benchmark.errors import UserError
from benchmark.experiment import Experiment
from benchmark.records.identity import fingerprint
from benchmark.runner.checks import ContentOfData
from benchmark.storage.locations import Locations, NotDownloadedError
from benchmark.tasks.build import build_dataset
from tests.experiments import MakeExperiment, experiment_of

Make = Callable[..., Experiment]


@dataclass(frozen=True)
class SeedInAFile(Loader):
    """A made-up stream whose seed is what a file holds."""

    locating: ClassVar[tuple[str, ...]] = ("path",)
    name: str
    path: str

    def paths(self, locations: Locations) -> dict[str, Path]:
        if not Path(self.path).is_file():
            raise FileNotFoundError(f"{self.path} is not there")
        return {"seed": Path(self.path)}

    def load(self, locations: Locations) -> Dataset:
        seed = int(Path(self.path).read_text())
        stream = Synthetic(seed=seed, num_nodes=20, num_events=100).load(locations)
        return replace(stream, source=Source("a seed", self.checksums(locations)))


class ToBeFetched(SeedInAFile):
    def paths(self, locations: Locations) -> dict[str, Path]:
        raise NotDownloadedError("not there yet")


@pytest.fixture
def planned(tmp_path: Path) -> Make:
    def make(path: str, loader: str = "SeedInAFile") -> Experiment:
        options = {"_target_": f"{__name__}.{loader}", "name": "file", "path": path}
        made = experiment_of("system=tgn", cache_dir=str(tmp_path / "cache"), dataset=options)
        return ContentOfData(may_download=False).put_into(made)

    return make


def test_other_data_is_another_run_and_a_copy_is_the_same(tmp_path: Path, planned: Make) -> None:
    file, copy = tmp_path / "seed.txt", tmp_path / "copy.txt"
    file.write_text("1")
    copy.write_text("1")
    first = planned(str(file))
    assert planned(str(copy)).fingerprint == first.fingerprint
    assert planned(str(copy)).folder.path == first.folder.path
    file.write_text("23")
    assert planned(str(file)).fingerprint != first.fingerprint
    assert Experiment.from_config(first.config()) == first


def test_a_file_that_changes_in_between_is_refused(tmp_path: Path, planned: Make) -> None:
    file = tmp_path / "seed.txt"
    file.write_text("1")
    experiment = planned(str(file))
    assert build_dataset(experiment).num_events == 100
    file.write_text("23")
    with pytest.raises(ValueError) as refused:
        build_dataset(experiment)
    assert str(refused.value) == (
        "seed of data set 'synthetic' is no longer what it was when this run was planned; "
        "run the command again, which makes another run of it."
    )


def test_data_that_cannot_be_had_and_data_to_be_fetched(tmp_path: Path, planned: Make) -> None:
    with pytest.raises(UserError, match=r"nowhere\.txt is not there$"):
        planned(str(tmp_path / "nowhere.txt"))
    assert "data" not in planned("any", "ToBeFetched").content


def test_moving_a_class_of_the_suite_renames_nothing(make_experiment: MakeExperiment) -> None:
    names = ("benchmark.models.jodie.JODIE", "benchmark.models.other.JODIE", "baselines.JODIE")
    found = {make_experiment(model={"_target_": name}).fingerprint for name in names}
    assert len(found) == 1
    own = {make_experiment(model={"_target_": name}).fingerprint for name in ("a.Own", "b.Own")}
    assert len(own) == 2


def test_a_key_that_is_younger_than_kept_records_names_a_run_only_where_it_is_set() -> None:
    plain = experiment_of("system=disttgl")
    often = experiment_of("system=disttgl", "evaluate_every=50")
    before = plain.config()
    del before["evaluate_every"]
    assert fingerprint(before) == plain.fingerprint != often.fingerprint
    assert Experiment.from_config(before) == plain


def test_the_table_of_a_user_identifies_its_runs(tmp_path: Path) -> None:
    rows = [f"{i % 3},{i % 5},{i}" for i in range(40)]
    file, copy = tmp_path / "events.csv", tmp_path / "elsewhere" / "other_name.csv"
    copy.parent.mkdir()
    for path in (file, copy):
        path.write_text("\n".join(["source,destination,time", *rows]))

    def fingerprint(path: Path) -> str:
        words = ("dataset=table", f"dataset.path={path}", "system=tgn", f"cache_dir={tmp_path}/c")
        return ContentOfData(may_download=False).put_into(experiment_of(*words)).fingerprint

    first = fingerprint(file)
    assert fingerprint(copy) == first
    file.write_text("\n".join(["source,destination,time", *rows, "0,1,40"]))
    assert fingerprint(file) != first


@pytest.mark.parametrize(
    ("group", "key"),
    [("model", "_target_"), ("system", "_target_"), ("protocol", "negative_sampling")],
)
def test_an_edited_class_of_ones_own_is_another_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: str, key: str
) -> None:
    monkeypatch.syspath_prepend(tmp_path)

    def planned(source: str) -> Experiment:
        (tmp_path / "own_module.py").write_text(source)
        made = experiment_of("system=disttgl", f"{group}.{key}=own_module.Own")
        return ContentOfData(may_download=False).put_into(made)

    first, second = planned("class Own: ..."), planned("class Own: pass")
    assert set(first.content) == {"data", group}
    assert first.fingerprint != second.fingerprint
    assert planned("class Own: ...").fingerprint == first.fingerprint
