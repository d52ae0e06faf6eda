"""A damaged record is a sentence with the path, never a traceback, never other numbers."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.records.reader import read_records
from benchmark.records.run_folder import RunFolder
from tests.experiments import MakeExperiment

RESULT = {
    "metrics": {"validation_mrr_best": 0.5, "test_mrr": 0.25},
    "primary_metric": "mrr",
    "throughput_events_per_second": None,
    "seconds": {"train": 2.0, "evaluate": 1.0, "total": 4.0},
    "peak_memory_bytes": 1,
    "visibility": "event",
}
LINE = {"iteration": 10, "epoch": 1, "seconds": 2.0, "loss": 0.5, "validation_mrr": 0.5}
Damage = Callable[[Path], object]


def cut(name: str, keep: int) -> Damage:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:keep])


def write(name: str, content: bytes) -> Damage:
    return lambda folder: (folder / name).write_bytes(content)


def replace(name: str, old: str, new: str) -> Damage:
    def damage(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))

    return damage


def lines(change: Callable[[list[str]], list[str]]) -> Damage:
    def damage(folder: Path) -> None:
        path = folder / "metrics.jsonl"
        path.write_text("".join(change(path.read_text().splitlines(keepends=True))))

    return damage


def folder_at(name: str) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return damage


def pipe_at(name: str) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)  # reading it would wait for ever

    return damage


def drop(field: str) -> Damage:
    def damage(folder: Path) -> None:
        result = json.loads((folder / "result.json").read_text())
        del result[field]
        (folder / "result.json").write_text(json.dumps(result))

    return damage


DAMAGES: dict[str, tuple[Damage, str]] = {
    "result empty": (cut("result.json", 0), "result.json: not readable as JSON"),
    "result cut": (cut("result.json", 40), "result.json: not readable as JSON"),
    "result no text": (write("result.json", b"\xff\xfe"), "result.json: not readable as JSON"),
    "result a list": (write("result.json", b"[]"), "result.json: holds a list"),
    "result deep": (write("result.json", b"[" * 99_999), "result.json: not readable as JSON"),
    "result a folder": (folder_at("result.json"), "result.json: not readable as JSON"),
    "another number": (replace("result.json", "0.25", "0.26"), "result.json: not what was written"),
    "another status": (replace("result.json", "finished", "failed"), "not what was written"),
    "a field less": (drop("metrics"), "result.json: not what was written"),
    "seal damaged": (replace("result.json", '"seal": {', '"seal": [{'), "not readable as JSON"),
    "seal of no kind": (
        write("result.json", json.dumps({"status": "finished", "seal": 3}).encode()),
        "result.json: not what was written",
    ),
    "lines missing": (lambda folder: (folder / "metrics.jsonl").unlink(), "has 0 lines, not the 3"),
    "lines empty": (cut("metrics.jsonl", 0), "has 0 lines, not the 3 that were written"),
    "last line cut": (cut("metrics.jsonl", -5), "has 2 lines, not the 3 that were written"),
    "a hole": (lines(lambda found: [found[0], found[2]]), "has 2 lines, not the 3"),
    "a line twice": (lines(lambda found: [*found, found[2]]), "has 4 lines, not the 3"),
    "a line for another": (
        lines(lambda found: [found[0], found[0], found[2]]),
        "metrics.jsonl: not what was written",
    ),
    "lines a folder": (folder_at("metrics.jsonl"), "cannot be read"),
    "result a pipe": (pipe_at("result.json"), "result.json: not readable as JSON (no file)"),
    "lines a pipe": (pipe_at("metrics.jsonl"), "cannot be read (no file)"),
    "config empty": (cut("config.yaml", 0), "config.yaml: not what was written"),
    "config no yaml": (write("config.yaml", b"a: ["), "config.yaml: not what was written"),
    "config of another": (
        replace("config.yaml", "epochs: 2", "epochs: 3"),
        "config.yaml: not what was written",
    ),
    "config missing": (lambda folder: (folder / "config.yaml").unlink(), "config.yaml: not what"),
    "environment": (write("environment.json", b"{"), "environment.json: not what was written"),
    "another processor": (replace("environment.json", "a core", "b core"), "not what was written"),
    "nodes of another": (replace("nodes.csv", "0.5", "0.6"), "nodes.csv: not what was written"),
    "nodes missing": (lambda folder: (folder / "nodes.csv").unlink(), "nodes.csv: not what was"),
    "bars of another": (write("bars.csv", b"captured_events\n3\n"), "bars.csv: not what was"),
}


@pytest.fixture
def folder(tmp_path: Path, make_experiment: MakeExperiment) -> RunFolder:
    experiment = make_experiment()
    folder = RunFolder(tmp_path / "results" / "run")
    folder.prepare(experiment.config())
    for iteration in (10, 20, 30):
        folder.log(LINE | {"iteration": iteration})
    environment = {"cpu": "a core", "cores": 2, "gpus": [], "threads_per_process": 1}
    (folder.path / "environment.json").write_text(json.dumps(environment))
    (folder.path / "nodes.csv").write_text("split,node,degree,events,mrr\ntest,1,2,1,0.5\n")
    folder.finish({"status": "finished", **experiment.describe(), **RESULT})
    return folder


def test_a_whole_record_has_no_problem_and_its_lines_are_counted(folder: RunFolder) -> None:
    assert folder.problem() is None
    records = read_records(folder.path.parent)
    assert records.unreadable == []
    assert len(records.runs) == 1
    assert json.loads((folder.path / "result.json").read_text())["seal"]["lines"] == 3
    assert not [name for name in records.runs if str(name).startswith("seal")]


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_one_sentence_that_names_the_file(folder: RunFolder, name: str) -> None:
    damage, sentence = DAMAGES[name]
    damage(folder.path)
    records = read_records(folder.path.parent)
    (unreadable,) = records.unreadable
    assert records.runs.empty
    assert sentence in str(unreadable)
    assert str(folder.path) in str(unreadable)
    problem = folder.problem()
    assert problem is not None
    assert sentence in problem


def test_any_flipped_bit_of_a_result_or_its_lines_shows(folder: RunFolder) -> None:
    names = ("result.json", "metrics.jsonl", "config.yaml", "environment.json", "nodes.csv")
    for name in names:
        whole = (folder.path / name).read_bytes()
        for place in range(0, len(whole), 7):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << place % 8
            (folder.path / name).write_bytes(flipped)
            if folder.problem() is None:  # space between words, or the name of the seal
                now, before = json.loads((folder.path / name).read_text()), json.loads(whole)
                assert {field: now[field] for field in before if field != "seal"} == {
                    field: before[field] for field in before if field != "seal"
                }
        (folder.path / name).write_bytes(whole)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metrics.jsonl", b"{\n"),
        ("metrics.jsonl", b"\xff\n"),
        ("config.yaml", b"a: ["),
        ("config.yaml", b"dataset: 3"),
        ("config.yaml", b"- a"),
        ("environment.json", b"{"),
        ("environment.json", b"{}"),
        ("environment.json", b'{"cpu": 3, "cores": 2, "gpus": [], "threads_per_process": 1}'),
    ],
)
def test_damage_of_a_record_without_a_seal(folder: RunFolder, name: str, content: bytes) -> None:
    drop("seal")(folder.path)
    assert read_records(folder.path.parent).unreadable == []
    (folder.path / name).write_bytes(content)
    (unreadable,) = read_records(folder.path.parent).unreadable
    assert unreadable.path == folder.path / name
