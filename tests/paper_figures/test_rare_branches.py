"""What the kept records do not reach: other protocols, several machines, damaged and odd runs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.records.quantities import read
from paper_figures.claims import Judged
from paper_figures.figure import Drawing, all_figures, draw

Write = Callable[..., Path]


def drawn_of(tmp_path: Path, name: str) -> Drawing:
    records = read(tmp_path / "runs")
    drawing = draw(all_figures()[name], records, tmp_path / "out")
    assert drawing.problem == ""
    return drawing


def judged_by_name(tmp_path: Path, name: str) -> dict[str, Judged]:
    judged = drawn_of(tmp_path, name).judged
    return {one.claim.name: one for one in judged if one.verdict != "not attempted"}


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
    claims = judged_by_name(tmp_path, "tgl_link_prediction")
    assert claims["tgl order"].verdict == "reproduced"
    assert claims["tgl order"].measured.startswith("JODIE: 98.05 against 95.05, +3.00")
    assert claims["tgl speed"].measured == "10.0"
    assert claims["tgl speed"].verdict == "incomparable"
    assert (
        "; PyG's TGN and the authors' own code are two programs" in claims["tgl speed"].conditions
    )
    assert claims["tgl level"].measured.startswith("98.05")
    assert claims["tgl level"].verdict == "partly"


def test_runs_of_several_machines_are_said_to_differ(write_run: Write, tmp_path: Path) -> None:
    for name, cpu in (("a", "a core"), ("b", "another core")):
        folder = write_run(name, suite="variants", seed=int(name == "b"))
        environment = {"cpu": cpu, "cores": 2, "gpus": [], "threads_per_process": 1}
        (folder / "environment.json").write_text(json.dumps(environment))
    caption = drawn_of(tmp_path, "link_prediction").outputs[0].caption
    assert "The machines differ (a core, 2 cores; another core, 2 cores)" in caption
    assert "times do not compare" in caption


def test_throughput_of_two_machines_is_drawn_of_one(write_run: Write, tmp_path: Path) -> None:
    for seed, name in enumerate("abc"):
        write_run(name, suite="scaling", seed=seed)
    environment = {"cpu": "a core", "cores": 2, "gpus": ["H100"], "threads_per_process": 1}
    (tmp_path / "runs" / "c" / "environment.json").write_text(json.dumps(environment))
    drawing = drawn_of(tmp_path, "throughput")
    assert [Path(run).name for run in drawing.groups[0].runs.index] == ["a", "b"]
    (reason,) = drawing.left_out
    assert reason.startswith("1 run of suite scaling on wikipedia: hardware=H100 where a core, 2")


def test_a_curve_that_still_rises_is_incomparable(write_run: Write, tmp_path: Path) -> None:
    write_run("a", curve=(0.5, 0.7, 0.8))
    write_run("b", curve=(0.4, 0.5, 0.6), parallelism={"i": 1, "j": 2, "k": 1})
    claim = judged_by_name(tmp_path, "convergence")["iterations 1x1x1 to 1x2x1 at 95%"]
    assert claim.verdict == "incomparable"
    assert claim.conditions.endswith("; a run was still getting better when it ended")


def test_a_curve_that_stopped_short_is_contradicted(write_run: Write, tmp_path: Path) -> None:
    write_run("a", curve=(0.5, 0.7, 0.8))
    write_run("b", curve=(0.4, 0.6, 0.5), parallelism={"i": 1, "j": 2, "k": 1})
    claim = judged_by_name(tmp_path, "convergence")["iterations 1x1x1 to 1x2x1 at 95%"]
    assert claim.measured == "not reached against 300"
    assert claim.verdict == "no effect"


def test_too_few_epochs_are_incomparable(write_run: Write, tmp_path: Path) -> None:
    write_run("a", epochs=16)
    write_run("b", epochs=16, parallelism={"i": 1, "j": 2, "k": 1})
    claims = judged_by_name(tmp_path, "convergence").values()
    assert {(str(c.verdict), c.conditions.rpartition("; ")[2]) for c in claims} == {
        ("incomparable", "too few epochs to compare")
    }


def test_runs_that_disagree_are_not_drawn(write_run: Write, tmp_path: Path) -> None:
    write_run("a")
    write_run("b", curve=(0.5, 0.6, 0.7))
    records = read(tmp_path / "runs")
    assert len(records.runs) == 0
    assert all("disagree in" in str(one) for one in records.unreadable)
    assert draw(all_figures()["convergence"], records, tmp_path / "out").missing


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
    drawing = draw(all_figures()["node_accuracy"], read(tmp_path / "runs"), tmp_path / "out")
    assert drawing.problem.startswith("node_accuracy: not drawn (ValueError: ")
    assert "nodes.csv" in drawing.problem and said in drawing.problem
    assert drawing.paths == [] and not drawing.missing


def test_an_agreement_without_a_column_is_named(write_run: Write, tmp_path: Path) -> None:
    write_run("a", suite="exactness")
    (tmp_path / "runs" / "agreement.csv").write_text("precision,processes\nfloat64,1\n")
    drawing = draw(all_figures()["exactness"], read(tmp_path / "runs"), tmp_path / "out")
    assert "agreement.csv: not readable as i x j x k, precision, node_memory" in drawing.problem


def test_static_memory_is_judged_on_each_split_by_seeds_with_test_beside(
    write_run: Write, tmp_path: Path
) -> None:
    for share in (0.25, 0.15):
        for kind, best in (("off", 0.4), ("pretrained", 0.5)):
            for seed in (0, 1):
                settings = {
                    "system": {"static_memory": kind},
                    "dataset": {"validation_fraction": share, "test_fraction": share},
                }
                write_run(
                    f"{share}{kind}{seed}", suite="static_memory_mooc", dataset="mooc", epochs=8,
                    curve=(0.3, best + 0.01 * seed), seed=seed, settings=settings,
                )  # fmt: skip
    drawing = drawn_of(tmp_path, "static_memory")
    found = {
        (one.claim.name, one.conditions.split(", ")[1]): one
        for one in drawing.judged if one.claim.dataset == "mooc"
    }  # fmt: skip
    half, usual = found["gain at all", "50% train"], found["gain at all", "8 epochs (paper: 100)"]
    assert half.verdict == usual.verdict == "reproduced"
    assert half.measured.startswith("0.5050 against 0.4050, +0.1000")
    assert found["test gain", "50% train"].measured.startswith("0.4550 against 0.3550")
    assert found["gain", "50% train"].verdict == "incomparable"
    assert len({label for label in drawing.outputs[0].numbers["dataset"] if "mooc" in label}) == 2


def test_settings_that_a_figure_tells_apart_make_pictures_of_their_own(
    write_run: Write, tmp_path: Path
) -> None:
    variants = {
        "a": {"static_memory": "off"}, "b": {"static_memory": "pretrained"},
        "c": {"static_memory": "pretrained", "sampler": "paper"},
    }  # fmt: skip
    for name, system in variants.items():
        for k in (1, 8):
            write_run(f"{name}{k}", parallelism={"i": 1, "j": 1, "k": k},
                      settings={"system": system})  # fmt: skip
    drawing = drawn_of(tmp_path, "convergence")
    assert {o.name for o in drawing.outputs if o.picture} == {
        f"convergence_wikipedia_disttgl{more}"
        for more in ("", "_static_memory", "_static_memory_released_sampler")
    }
    said = {one.conditions.partition(", 100")[0] for one in drawing.judged if one.values}
    assert "wikipedia, static memory, released sampler" in said


def test_a_level_met_between_validations_is_met_somewhere_between_them(
    write_run: Write, tmp_path: Path
) -> None:
    write_run("a", curve=(0.1, 0.2, 0.3, 0.4, 0.5, 0.8))
    write_run("b", curve=(0.4, 0.8), parallelism={"i": 1, "j": 1, "k": 8})
    claims = judged_by_name(tmp_path, "convergence")
    for level, (low, value, high) in {"95%": (500 / 200, 3, 600 / 100)}.items():
        one = claims[f"iterations 1x1x1 to 1x1x8 at {level}"]
        assert one.values[""] == (value, low, high)
        assert one.measured == "200 (validation 2) against 600, 3.0x"


def test_tgl_with_the_loss_of_disttgl_is_a_race_of_its_own(
    write_run: Write, tmp_path: Path
) -> None:
    for system, curve in (("tgl", (0.5, 0.6)), ("tgl_softmax", (0.6, 0.75))):
        write_run(system, suite="time_to_accuracy", system=system, curve=curve, processes=2,
                  parallelism={"i": 2, "j": 1, "k": 1})  # fmt: skip
    write_run("b", suite="time_to_accuracy", curve=(0.7, 0.85), processes=2,
              parallelism={"i": 1, "j": 1, "k": 2})  # fmt: skip
    claims = judged_by_name(tmp_path, "time_to_accuracy")
    own = claims["disttgl 2 by tgl 2"].measured
    alike = claims["disttgl 2 by tgl_softmax 2"].measured
    assert "to 0.70 2 s against not reached, at least 2.0x" in own
    assert "to 0.70 2 s against 4 s, 2.0x; to 0.80 4 s against not reached, at least 1.0x" in alike


def test_a_precision_is_compared_with_the_same_of_tgn(write_run: Write, tmp_path: Path) -> None:
    rates = {("tgn", "float32"): 10, ("disttgl", "float32"): 20, ("tgn", "bfloat16"): 5,
             ("disttgl", "bfloat16"): 25}  # fmt: skip
    for (system, precision), rate in rates.items():
        write_run(
            f"{system}-{precision}", suite="peers", task="link_speed", system=system,
            settings={"system": {"precision": precision}},
            throughput_events_per_second=1000.0 * rate,
            operation_floor={"gflop_per_second": 50.0, "events_per_second": 40_000.0},
        )  # fmt: skip
    (output,) = drawn_of(tmp_path, "peers").outputs
    table = output.numbers[output.numbers["origin"] == "measured"]
    ours = table[table["system"] == "disttgl"].set_index("case")["times_tgn"]
    assert ours.to_dict() == {
        "batch 600, no edge features, precision=bfloat16": 5.0,
        "batch 600, no edge features, precision=float32": 2.0,
    }
    by_fastest = table[table["system"] == "disttgl"].set_index("case")["times_fastest_tgn"]
    assert by_fastest.tolist() == [2.0, 2.5]
    assert list(by_fastest.index) == [f"batch 600, no edge features, precision={precision}"
                                      for precision in ("float32", "bfloat16")]  # fmt: skip
