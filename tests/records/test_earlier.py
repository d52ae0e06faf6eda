"""The records that are kept, of whatever version, are read under today's names."""

from pathlib import Path

import pytest

from benchmark.experiment import Experiment
from benchmark.records.identity import identifying
from benchmark.records.run_folder import RunFolder

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
FOLDERS = sorted(path.parent for path in REFERENCE.glob("*/*/result.json"))


@pytest.mark.parametrize("path", FOLDERS, ids=lambda path: path.name)
def test_a_kept_run_is_an_experiment_of_today(path: Path) -> None:
    folder = RunFolder(path)
    experiment = Experiment.from_config(folder.config())
    result = folder.result()
    assert result is not None
    assert (experiment.label, experiment.epochs) == (path.name[:-9], result["epochs"])
    assert Experiment.from_config(experiment.config()) == experiment
    named = identifying(folder.config())
    assert "." not in str(named["task"]["_target_"])
    assert "url" not in named["dataset"]
    if (primary := result["primary_metric"]) is not None:
        assert f"validation_{primary}_best" in result["metrics"]
    assert all("pass" not in line and "epoch" in line for line in folder.metrics())
