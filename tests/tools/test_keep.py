"""Runs that are kept for good."""

from pathlib import Path

import pytest

from benchmark.errors import UserError
from benchmark.keep import main
from benchmark.records.run_folder import RunFolder
from benchmark.tools.keep import keep, without_incidentals
from tests.experiments import MakeExperiment, finish

LINE = {"iteration": 1, "epoch": 1, "seconds": 0.5, "loss": 0.25}


@pytest.fixture
def run(tmp_path: Path, make_experiment: MakeExperiment) -> RunFolder:
    command = "python -m benchmark.run suite=quick results_dir=/somewhere epochs=3"
    folder = RunFolder(tmp_path / "run")
    machines = {"meet_at": "somewhere:4100", "link": "20mbit"}
    settings = {"results_dir": "/somewhere", "epochs": 3, "machines": machines, "command": command}
    folder.prepare(make_experiment(**settings).config())
    folder.log(LINE)
    (folder.path / "nodes.csv").write_text("split,node\n")
    (folder.path / "log.txt").write_text("of no interest\n")
    return folder


def test_a_finished_run_is_kept_without_incidentals(run: RunFolder, tmp_path: Path) -> None:
    finish(run)
    target = keep(run.path, tmp_path / "reference")
    assert target == tmp_path / "reference" / "trial" / "run"
    kept = RunFolder(target)
    result = kept.result()
    assert result is not None
    assert kept.problem() is None
    assert result["command"] == "python -m benchmark.run suite=quick epochs=3"
    assert kept.metrics() == [LINE]
    assert kept.config()["epochs"] == 3
    assert kept.config()["machines"]["link"] == "20mbit"
    names = {"config.yaml", "metrics.jsonl", "nodes.csv", "result.json"}
    assert {file.name for file in target.iterdir()} == names
    assert (target / "nodes.csv").read_text() == "split,node\n"
    assert not [f for f in target.iterdir() if "somewhere" in f.read_text()]
    assert keep(run.path, tmp_path / "reference") == target  # again, in its place


def test_an_unfinished_run_is_refused(run: RunFolder, tmp_path: Path) -> None:
    finish(run, status="failed", reason="of an error")
    with pytest.raises(UserError, match="no finished run"):
        keep(run.path, tmp_path / "reference")


@pytest.mark.parametrize("name", ["result.json", "metrics.jsonl", "nodes.csv", "config.yaml"])
def test_a_damaged_run_is_not_kept_as_a_whole_one(
    run: RunFolder, name: str, tmp_path: Path
) -> None:
    finish(run, metrics={"test_mrr": 0.25})
    path = run.path / name
    path.write_text(path.read_text().replace("0.25", "0.95") + "\n")
    if name == "result.json":
        path.write_text(path.read_text().replace("0.25", "0.95"))
    with pytest.raises(UserError, match=f"{name}: .*run its command again"):
        keep(run.path, tmp_path / "reference")
    assert not (tmp_path / "reference").exists()


def test_a_place_that_cannot_be_written_is_one_sentence(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    finish(run)
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("benchmark.keep.REFERENCE", tmp_path / "file")
    assert main([str(run.path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {tmp_path / 'file'}")
    assert "move the file away" in said


def test_what_changes_nothing_leaves_the_command() -> None:
    command = (
        "python cache_dir=a seeds=3 datasets_root=d wandb.mode=offline heartbeat_seconds=9 b.c=1 "
        "machines.here=0 machines.meet_at=10.0.0.1:4100 machines.number=2"
    )
    assert without_incidentals(command) == "python seeds=3 b.c=1 machines.number=2"
