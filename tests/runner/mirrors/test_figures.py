"""The figures of a suite on W&B."""

import json
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from benchmark.records.run_folder import RunFolder
from benchmark.runner.mirrors.mirrors import Mirrors
from benchmark.runner.mirrors.send import is_figures, mirror_figures
from tests.experiments import MakeExperiment, finish
from tests.runner.mirrors.wandb_file import read_records

FILES = {"curve.png", "curve.pdf", "curve.csv", "curve.md", "curve.tex", "index.html"}


@pytest.fixture
def run_folder(tmp_path: Path, make_experiment: MakeExperiment) -> RunFolder:
    folder = RunFolder(tmp_path / "trial" / "run")
    folder.prepare(make_experiment().config())
    return folder


@pytest.fixture
def figures(run_folder: RunFolder) -> Path:
    """As the runner has them drawn, beside the run folders."""
    folder = run_folder.path.parent / "figures"
    folder.mkdir()
    matplotlib.image.imsave(folder / "curve.png", np.zeros((4, 6, 3)))
    (folder / "curve.pdf").write_bytes(b"%PDF")
    (folder / "curve.csv").write_text("label,value\none,0.5\ntwo,\n")
    (folder / "curve.md").write_text("| label |")
    (folder / "curve.tex").write_text("label")
    (folder / "index.html").write_text("<!DOCTYPE html>")
    (folder / "mirror.log").touch()
    return folder


def test_pictures_tables_and_one_artifact_in_the_group_of_the_suite(figures: Path) -> None:
    mirror_figures(figures, "offline")
    (path,) = figures.glob("wandb/offline-run-*/*.wandb")
    history: dict[str, object] = {}
    runs, artifacts = [], []
    for record in read_records(path):
        if record.HasField("history"):
            for item in record.history.item:
                history["/".join(item.nested_key)] = json.loads(item.value_json)
        if record.HasField("run"):
            runs.append(record.run)
        if record.HasField("artifact"):
            artifacts.append(record.artifact)
    assert (runs[0].project, runs[0].run_group, runs[0].job_type) == ("trial", "trial", "figures")
    assert history["figures/curve/_type"] == "image-file"
    assert history["tables/curve/_type"] == "table-file"
    assert history["tables/curve/nrows"] == 2
    (table,) = figures.glob("wandb/offline-run-*/files/media/table/tables/*.json")
    assert json.loads(table.read_text())["data"] == [["one", 0.5], ["two", None]]
    drawn = [artifact for artifact in artifacts if artifact.type == "figures"]
    assert [artifact.name for artifact in drawn] == ["trial-figures"]
    assert {entry.path for entry in drawn[0].manifest.contents} == FILES
    staged = [Path(entry.local_path) for entry in drawn[0].manifest.contents]
    assert all(figures / "wandb" in path.parents and path.exists() for path in staged)


def test_figures_are_told_from_other_folders(figures: Path, run_folder: RunFolder) -> None:
    assert is_figures(figures)
    assert not is_figures(run_folder.path)
    assert not is_figures(figures / "nowhere")


def test_figures_without_runs_are_one_sentence(tmp_path: Path) -> None:
    alone = tmp_path / "suite" / "figures"
    alone.mkdir(parents=True)
    with pytest.raises(ValueError, match="no run folder lies beside"):
        mirror_figures(alone, "offline")


def test_a_suite_sends_its_figures_after_its_runs(figures: Path, run_folder: RunFolder) -> None:
    finish(run_folder)
    mirrors = Mirrors("offline")
    assert mirrors.send_figures(figures) == []  # nothing was trained, nothing is new
    mirrors.end(run_folder)
    assert mirrors.close() == []
    assert mirrors.send_figures(figures.parent / "nowhere") == []
    assert mirrors.send_figures(figures) == []
    assert len(list(figures.glob("wandb/offline-run-*/*.wandb"))) == 1


def test_a_broken_mirror_of_figures_is_one_sentence(
    figures: Path, run_folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "wandb.py").write_text("raise ImportError('no such thing')")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'broken'}:{Path.cwd()}")
    mirrors = Mirrors("offline", any_sent=True)
    assert mirrors.send_figures(figures) == ["ImportError: no such thing"]
