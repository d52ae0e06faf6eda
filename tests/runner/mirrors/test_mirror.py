"""W&B as a reader of the record that can do no harm."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from benchmark.mirror import main
from benchmark.records.run_folder import RunFolder
from benchmark.runner.mirrors import mirrors as mirrors_module
from benchmark.runner.mirrors.mirrors import Mirrors
from benchmark.runner.mirrors.send import mirror, resolve_mode
from tests.experiments import MakeExperiment, finish
from tests.runner.mirrors.wandb_file import read_records

LINES = [
    {"iteration": 1, "pass": 0.5, "seconds": 0.1, "loss": 0.75},
    {"iteration": 2, "pass": 1.0, "seconds": 0.2, "loss": 0.5},
    {"iteration": 2, "pass": 1.0, "seconds": 0.2, "validation_mrr": 0.25},
]


LAYOUT = {"i": 1, "j": 2, "k": 4}


@pytest.fixture
def folder(tmp_path: Path, make_experiment: MakeExperiment) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.prepare(make_experiment(wandb={"mode": "disabled"}, parallelism=LAYOUT).config())
    for line in LINES:
        folder.log(line)
    return folder


@pytest.fixture
def no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    return monkeypatch


def values_of(items: Any) -> dict[str, Any]:
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}


def test_an_offline_run_holds_configuration_metrics_and_result(folder: RunFolder) -> None:
    finish(folder, metrics={"test_mrr": 0.2})
    mirror(folder, "offline", follow=True)
    (path,) = folder.path.glob("wandb/offline-run-*/*.wandb")
    history, runs, metrics = [], [], []
    summary: dict[str, Any] = {}
    for record in read_records(path):
        if record.HasField("history"):
            values = values_of(record.history.item)
            history.append({key: values[key] for key in values if not key.startswith("_")})
        if record.HasField("summary"):
            summary |= values_of(record.summary.update)
        if record.HasField("run"):
            runs.append(record.run)
        if record.HasField("metric"):
            metrics.append((record.metric.glob_name, record.metric.step_metric))
    assert history == LINES
    assert (summary["status"], summary["metrics/test_mrr"]) == ("finished", 0.2)
    assert runs[0].project == "trial"
    assert runs[0].run_group == "trial"
    assert runs[0].display_name == folder.path.name
    assert metrics == [("*", "iteration")]
    assert set(runs[0].tags) == {
        "system=a_system", "dataset=a_dataset", "protocol=a_protocol", "task=a_task",
        "parallelism=1x2x4",
    }  # fmt: skip
    assert values_of(runs[0].config.update)["batch_size"] == 100


def test_a_broken_wandb_is_one_sentence(
    folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "wandb.py").write_text("raise ImportError('no such thing')")
    search_path = os.pathsep.join([str(tmp_path / "broken"), os.getcwd()])
    monkeypatch.setenv("PYTHONPATH", search_path)
    mirrors = Mirrors("offline")
    mirrors.begin(folder)
    assert mirrors.started == []  # an offline mirror waits for the end
    finish(folder)
    mirrors.end(folder)
    mirrors.end(folder)
    assert mirrors.close() == ["ImportError: no such thing"]


def test_a_mirror_that_does_not_end_is_ended(
    folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "wandb.py").write_text("import time; time.sleep(600)")
    search_path = os.pathsep.join([str(tmp_path / "slow"), os.getcwd()])
    monkeypatch.setenv("PYTHONPATH", search_path)
    monkeypatch.setattr(mirrors_module, "PATIENCE_SECONDS", 0.1)
    mirrors = Mirrors("online")
    mirrors.begin(folder)
    family = mirrors.started[0].tree
    assert mirrors.close() == ["not done after 0 s"]
    assert family.process.poll() is not None


def test_a_mirror_that_reads_nothing_holds_nothing_up(
    folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "python").write_text("#!/bin/sh\nexec sleep 600\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(mirrors_module.sys, "executable", str(tmp_path / "python"))
    mirrors = Mirrors("offline")
    for _ in range(5000):
        mirrors._send(folder.path)
        if mirrors.warnings:
            break
    assert mirrors.warnings == ["it no longer reads what is to be sent"]
    mirrors.stop()
    assert mirrors.started == []


def test_disabled_starts_nothing(folder: RunFolder) -> None:
    mirrors = Mirrors("disabled")
    mirrors.begin(folder)
    mirrors.end(folder)
    assert mirrors.close() == []


def test_auto_is_online_only_with_a_key(no_account: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert resolve_mode("auto") == "offline"
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password key\n")
    assert resolve_mode("auto") == "online"
    (tmp_path / "netrc").write_text("machine example.org login user password key\n")
    assert resolve_mode("auto") == "offline"
    no_account.setenv("WANDB_API_KEY", "key")
    assert resolve_mode("auto") == "online"
    no_account.setenv("WANDB_MODE", "disabled")
    assert resolve_mode("auto") == "disabled"
    assert resolve_mode("offline") == "offline"


def test_a_run_recorded_without_a_mirror_is_sent_later(
    folder: RunFolder, no_account: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finish(folder)
    no_account.setattr("sys.argv", ["mirror", str(folder.path)])
    assert main() == 0
    assert len(list(folder.path.glob("wandb/offline-run-*"))) == 1
    assert capsys.readouterr().err == ""


def test_a_folder_that_holds_nothing_is_said_and_the_rest_is_sent(
    folder: RunFolder,
    tmp_path: Path,
    no_account: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    finish(folder)
    (tmp_path / "empty").mkdir()
    no_account.setattr("sys.argv", ["mirror", str(tmp_path / "empty"), str(folder.path)])
    assert main() == 1
    assert "empty holds neither a run nor the figures of a suite" in capsys.readouterr().err
    assert len(list(folder.path.glob("wandb/offline-run-*"))) == 1
