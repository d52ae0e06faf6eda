"""The run folder under kills at any moment."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import UserError
from benchmark.records import run_folder as record
from benchmark.records.run_folder import RunFolder
from benchmark.records.seal import prefix_of
from tests.experiments import MakeExperiment


@pytest.fixture
def folder(tmp_path: Path, make_experiment: MakeExperiment) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.prepare(make_experiment().config())
    return folder


def test_lines_come_back_in_order(folder: RunFolder) -> None:
    lines = [{"iteration": number, "epoch": 0.5, "seconds": 1.5, "loss": 0.25} for number in (1, 2)]
    for line in lines:
        folder.log(line)
    assert folder.metrics() == lines


def test_a_torn_last_line_is_left_out_and_written_over(folder: RunFolder) -> None:
    folder.log({"iteration": 1})
    settled = folder.settled_metrics()
    with open(folder.path / "metrics.jsonl", "a") as file:
        file.write('{"iteration": 2, "lo')
    assert folder.metrics() == [{"iteration": 1}]
    folder.cut_metrics(settled.num_bytes)
    folder.log({"iteration": 2})
    assert folder.metrics() == [{"iteration": 1}, {"iteration": 2}]


@given(iterations=st.lists(st.integers(0, 9)), seen=st.integers(0, 9), torn=st.integers(0, 25))
def test_cutting_keeps_what_the_checkpoint_has_seen(
    tmp_path_factory: pytest.TempPathFactory, iterations: list[int], seen: int, torn: int
) -> None:
    folder = RunFolder(tmp_path_factory.mktemp("run"))
    path, settled = folder.path / "metrics.jsonl", folder.settled_metrics()
    for number, iteration in enumerate(iterations):
        folder.log({"iteration": iteration})
        if number < seen:
            settled = folder.settled_metrics()
    kept = settled.num_bytes
    assert settled.lines == min(seen, len(iterations))
    with open(path, "ab") as file:
        file.truncate(max(kept, path.stat().st_size - torn))
    assert prefix_of(path, kept) == settled
    folder.cut_metrics(kept)
    assert [line["iteration"] for line in folder.metrics()] == iterations[: settled.lines]


def test_a_line_that_is_lost_changed_or_there_twice_shows(folder: RunFolder) -> None:
    for iteration in range(4):
        folder.log({"iteration": iteration})
    settled, path = folder.settled_metrics(), folder.path / "metrics.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    for wrong in (lines[:2] + lines[3:], [*lines[:2], *lines[1:3]], [*lines[:3], "x" * 17 + "\n"]):
        path.write_text("".join(wrong))
        assert prefix_of(path, settled.num_bytes) != settled


def test_what_is_no_finite_number_is_null_in_valid_json(folder: RunFolder) -> None:
    folder.log({"iteration": 1, "loss": float("nan"), "test_auc": float("inf")})
    text = (folder.path / "metrics.jsonl").read_text()
    assert text == '{"iteration": 1, "loss": null, "test_auc": null}\n'


def test_result_is_whole_or_not_there(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folder.result() is None

    def killed(*paths: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "replace", killed)
        folder.finish({"status": "finished"})
    assert folder.result() is None
    folder.finish({"status": "finished"})
    assert folder.result() == {"status": "finished", "primary_metric": None}


@pytest.mark.parametrize("text", ["", '{"status": "fini', "3"])
def test_a_torn_result_counts_as_none(folder: RunFolder, text: str) -> None:
    (folder.path / "result.json").write_text(text)
    assert folder.result() is None


def test_a_held_folder_is_refused_naming_the_process(folder: RunFolder) -> None:
    sentence = f"is being run by process {os.getpid()}"
    with folder.lock(), pytest.raises(UserError, match=sentence), RunFolder(folder.path).lock():
        pass
    with RunFolder(folder.path).lock():
        pass


def test_preparing_forgets_the_last_attempt_but_not_its_checkpoint(
    folder: RunFolder, make_experiment: MakeExperiment
) -> None:
    folder.log({"iteration": 1})
    folder.heartbeat(0, "train", 1, 2)
    folder.note_failure(0, "no luck")
    folder.finish({"status": "failed"})
    (folder.path / "checkpoint").mkdir()
    folder.prepare(make_experiment(epochs=3).config())
    assert folder.result() is None
    assert folder.heartbeats() == {}
    assert folder.failures() == []
    assert folder.metrics() == [{"iteration": 1}]
    assert folder.config()["epochs"] == 3
    (folder.path / "checkpoint").rmdir()
    folder.prepare(make_experiment().config())
    assert folder.metrics() == []


def test_heartbeats_are_written_once_a_second_and_at_every_new_phase(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(record.time, "monotonic", lambda: now)

    def done_after(phase: str, done: int, seconds: float) -> tuple[str, int]:
        nonlocal now
        now += seconds
        folder.heartbeat(3, phase, done, 10)
        beat = folder.heartbeats()[3]
        return beat["phase"], beat["done"]

    assert done_after("train", 1, 0.0) == ("train", 1)
    assert done_after("train", 2, 0.5) == ("train", 1)
    assert done_after("train", 3, 0.6) == ("train", 3)
    assert done_after("train", 10, 0.1) == ("train", 10)
    assert done_after("validation", 1, 0.1) == ("validation", 1)


def test_a_killed_process_is_named_before_those_that_failed_because_of_it(
    folder: RunFolder,
) -> None:
    folder.note_failure(0, "rank 0: connection closed by peer", "lost a peer")
    folder.note_failure(3, "rank 3 was ended by SIGTERM", "ended")
    folder.note_failure(2, "rank 2 ended with exit code 3")
    folder.note_failure(1, "rank 1 was killed by SIGKILL", "killed")
    assert [failure["rank"] for failure in folder.failures()] == [1, 2, 3, 0]
    (folder.path / "failure-rank1.json").write_text("{")
    (folder.path / "failure-rank2.json").write_bytes(b"\xff")
    assert [failure["rank"] for failure in folder.failures()] == [3, 0]


def test_values_of_tensors_and_arrays_are_written_as_numbers(folder: RunFolder) -> None:
    class Scalar:
        def __float__(self) -> float:
            return 0.5

    folder.log({"iteration": 1, "loss": Scalar()})
    assert json.loads((folder.path / "metrics.jsonl").read_text()) == {"iteration": 1, "loss": 0.5}
