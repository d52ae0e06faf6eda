"""What the kept records do not reach: other protocols, several machines, damaged and odd runs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.records.reader import read_records
from benchmark.records.series import without_disagreements
from paper_figures.claims import Judged
from paper_figures.figure import Drawing, draw
from paper_figures.registry import FIGURES

Write = Callable[..., Path]


def drawn_of(tmp_path: Path, name: str) -> Drawing:
    records = without_disagreements(read_records(tmp_path / "runs"))
    drawing = draw(FIGURES[name], records, tmp_path / "out")
    assert drawing.problem == ""
    return drawing


def judged_by_measure(tmp_path: Path, name: str) -> dict[str, Judged]:
    return {one.claim.measure: one for one in drawn_of(tmp_path, name).judged}


def tgl_run(write_run: Write, name: str, ap: float, seconds: float, **fields: object) -> None:
    metrics = {"validation_ap": ap, "validation_ap_best": ap, "test_ap": ap}
    write_run(
        name, suite="variants", protocol="tgl", primary_metric="ap", metrics=metrics, epochs=4,
        seconds={"train": seconds}, **fields,
    )  # fmt: skip


def test_claims_under_the_protocol_of_tgl(write_run: Write, tmp_path: Path) -> None:
    for seed, (ours, theirs) in enumerate(((0.98, 0.95), (0.981, 0.951))):
        tgl_run(write_run, f"a{seed}", ours, 8.0, seed=seed)
        tgl_run(write_run, f"b{seed}", theirs, 8.0, seed=seed, model="jodie")
    tgl_run(write_run, "c", 0.98, 8.0, system="tgl")
    tgl_run(write_run, "d", 0.98, 80.0, system="tgn", model="tgn_pyg")
    claims = judged_by_measure(tmp_path, "link_prediction")
    assert claims["tgl order"].verdict == "reproduced"
    assert claims["tgl order"].measured.text.startswith("98.05")
    assert claims["tgl speed"].measured.text == "20 by 2 s an epoch, 10x"
    assert claims["tgl speed"].verdict == "reproduced"
    assert claims["tgl speed"].conditions.endswith("TGN is PyG's example, on CPU cores.")
    assert "tgn level" not in claims


def test_runs_of_several_machines_are_said_to_differ(write_run: Write, tmp_path: Path) -> None:
    for name, cpu in (("a", "a core"), ("b", "another core")):
        folder = write_run(name, suite="variants", seed=int(name == "b"))
        environment = {"cpu": cpu, "cores": 2, "gpus": []}
        (folder / "environment.json").write_text(json.dumps(environment))
    caption = drawn_of(tmp_path, "link_prediction").outputs[0].caption
    assert "The machines differ (a core, 2 cores; another core, 2 cores)" in caption
    assert "times do not compare" in caption


def test_throughput_of_two_machines_is_drawn_of_one(write_run: Write, tmp_path: Path) -> None:
    for seed, name in enumerate("abc"):
        write_run(name, suite="scaling", seed=seed)
    (tmp_path / "runs" / "c" / "environment.json").write_text('{"gpus": ["H100"]}')
    drawing = drawn_of(tmp_path, "throughput")
    assert [Path(run).name for run in drawing.groups[0].runs.index] == ["a", "b"]
    (reason,) = drawing.left_out
    assert reason.startswith("1 run of suite scaling on wikipedia: hardware=H100 where a core, 2")


def test_a_curve_that_still_rises_is_incomparable(write_run: Write, tmp_path: Path) -> None:
    write_run("a", curve=(0.5, 0.7, 0.8))
    write_run("b", curve=(0.4, 0.5, 0.6), parallelism={"i": 1, "j": 2, "k": 1})
    claim = judged_by_measure(tmp_path, "convergence")["iterations 1x1x1 to 1x2x1"]
    assert claim.verdict == "incomparable"
    assert claim.conditions.endswith("; 1x2x1 was still getting better when it ended")


def test_a_curve_that_stopped_short_is_contradicted(write_run: Write, tmp_path: Path) -> None:
    write_run("a", curve=(0.5, 0.7, 0.8))
    write_run("b", curve=(0.4, 0.6, 0.5), parallelism={"i": 1, "j": 2, "k": 1})
    claim = judged_by_measure(tmp_path, "convergence")["iterations 1x1x1 to 1x2x1"]
    assert claim.measured.text == "not reached against 300"
    assert claim.verdict == "contradicted"


def test_too_few_epochs_are_incomparable(write_run: Write, tmp_path: Path) -> None:
    write_run("a", epochs=16)
    write_run("b", epochs=16, parallelism={"i": 1, "j": 2, "k": 1})
    claims = judged_by_measure(tmp_path, "convergence").values()
    assert {(str(c.verdict), c.measured.unlike) for c in claims} == {
        ("incomparable", "too few epochs to compare")
    }


def test_runs_that_disagree_are_not_drawn(write_run: Write, tmp_path: Path) -> None:
    write_run("a")
    write_run("b", curve=(0.5, 0.6, 0.7))
    records = without_disagreements(read_records(tmp_path / "runs"))
    assert len(records.runs) == 0
    assert all("disagree in" in str(one) for one in records.unreadable)
    assert draw(FIGURES["convergence"], records, tmp_path / "out").missing


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("split,node\ntest,1\n", "not readable as split, node, degree, num_events, mrr"),
        (None, "No such file"),
    ],
)
def test_a_damaged_table_is_named_and_nothing_is_drawn(
    write_run: Write, tmp_path: Path, content: str | None, said: str
) -> None:
    kinds = {"static": ("tgat_one_layer", "pretrained"), "dynamic": ("tgn_attention", "off")}
    for name, (model, memory) in kinds.items():
        settings = {"system": {"static_memory": memory}, "task": {"name": "node_accuracy"}}
        where = {"suite": "node_accuracy", "task": "node_accuracy"}
        folder = write_run(name, model=model, settings=settings, **where)
        if content is not None:
            (folder / "nodes.csv").write_text(content)
    drawing = draw(FIGURES["node_accuracy"], read_records(tmp_path / "runs"), tmp_path / "out")
    assert drawing.problem.startswith("node_accuracy: not drawn (ValueError: ")
    assert "nodes.csv" in drawing.problem and said in drawing.problem
    assert drawing.paths == [] and not drawing.missing


def test_an_agreement_without_a_column_is_named(write_run: Write, tmp_path: Path) -> None:
    write_run("a", suite="exactness")
    (tmp_path / "runs" / "agreement.csv").write_text("precision,processes\nfloat64,1\n")
    drawing = draw(FIGURES["exactness"], read_records(tmp_path / "runs"), tmp_path / "out")
    assert "agreement.csv: the column 'i x j x k' is missing; make it again" in drawing.problem
