"""Runs that are kept for good."""

from pathlib import Path

import pytest

from benchmark.errors import UserError
from benchmark.records.run_folder import RunFolder
from benchmark.tools.keep import keep, without_incidentals


def make_run(path: Path, status: str) -> Path:
    folder = RunFolder(path)
    machines = {"number": 2, "here": 0, "meet_at": "somewhere:4100", "link": "20mbit"}
    settings = {"results_dir": "/somewhere", "epochs": 3, "machines": machines, "command": "c"}
    folder.prepare(settings)
    folder.log({"iteration": 1, "epoch": 1, "seconds": 0.5, "loss": 0.25})
    command = "python -m benchmark.run suite=quick results_dir=/somewhere epochs=3"
    folder.finish({"status": status, "suite": "quick", "command": command})
    (path / "nodes.csv").write_text("split,node\n")
    (path / "log.txt").write_text("of no interest\n")
    return path


def test_a_finished_run_is_kept_without_incidentals(tmp_path: Path) -> None:
    target = keep(make_run(tmp_path / "run", "finished"), tmp_path / "reference")
    assert target == tmp_path / "reference" / "quick" / "run"
    kept = RunFolder(target)
    result = kept.result()
    assert result is not None
    assert result["command"] == "python -m benchmark.run suite=quick epochs=3"
    assert kept.metrics() == [{"iteration": 1, "epoch": 1, "seconds": 0.5, "loss": 0.25}]
    assert kept.config()["epochs"] == 3
    assert kept.config()["machines"]["link"] == "20mbit"
    names = {"config.yaml", "metrics.jsonl", "nodes.csv", "result.json"}
    assert {file.name for file in target.iterdir()} == names
    assert (target / "nodes.csv").read_text() == "split,node\n"
    assert not [f for f in target.iterdir() if "somewhere" in f.read_text()]


def test_an_unfinished_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no finished run"):
        keep(make_run(tmp_path / "run", "failed"), tmp_path / "reference")


def test_what_changes_nothing_leaves_the_command() -> None:
    command = (
        "python cache_dir=a seeds=3 datasets_root=d wandb.mode=offline heartbeat_seconds=9 b.c=1 "
        "machines.here=0 machines.meet_at=10.0.0.1:4100 machines.number=2"
    )
    assert without_incidentals(command) == "python seeds=3 b.c=1 machines.number=2"
