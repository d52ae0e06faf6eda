"""Every figure from the kept records: files, verdicts, facts and numbers."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import paper_figures
from benchmark.records.quantities import read
from benchmark.records.reader import Records
from paper_figures.figure import Drawing, all_figures, draw

Drawn = tuple[Path, dict[str, Drawing]]
PICTURES = {
    "batch_size_icews18", "captured_events_mooc", "captured_events_wikipedia",
    "convergence_mooc_disttgl_static_memory_50_train", "convergence_wikipedia_disttgl",
    "convergence_wikipedia_disttgl_static_memory",
    "convergence_wikipedia_disttgl_static_memory_released_sampler",
    "edge_convergence_icews18",
    "machines_wikipedia", "node_accuracy_wikipedia",
    "node_memory_wikipedia",
    "peers_wikipedia_disttgl", "projection", "static_memory_disttgl",
    "throughput_wikipedia_disttgl", "time_to_accuracy_mooc_tgn",
    "time_to_accuracy_uci_disttgl", "time_to_accuracy_uci_tgn",
    "time_to_accuracy_wikipedia_disttgl", "time_to_accuracy_wikipedia_tgn",
    "trainer_grid_mooc_disttgl_static_memory_50_train", "trainer_grid_wikipedia_disttgl",
    "trainer_grid_wikipedia_disttgl_static_memory",
    "trainer_grid_wikipedia_disttgl_static_memory_released_sampler",
}  # fmt: skip
TABLES = {
    "convergence_mooc_disttgl_static_memory_50_train_speedups",
    "convergence_wikipedia_disttgl_speedups",
    "convergence_wikipedia_disttgl_static_memory_speedups", "dataset_statistics",
    "edge_classification", "exactness",
    "link_prediction_uci_disttgl", "link_prediction_uci_tgn", "link_prediction_wikipedia_disttgl",
    "link_prediction_mooc_tgn", "link_prediction_wikipedia_tgn", "tgl_link_prediction_mooc_tgl",
    "tgl_link_prediction_wikipedia_tgl", "node_classification_wikipedia_disttgl",
    "node_classification_mooc_disttgl", "time_to_accuracy_mooc_tgn_targets",
    "sampling_speed_wikipedia", "strategies", "tgl_scaling_wikipedia_disttgl",
    "time_to_accuracy_uci_disttgl_targets", "time_to_accuracy_uci_tgn_targets",
    "time_to_accuracy_wikipedia_disttgl_targets", "time_to_accuracy_wikipedia_tgn_targets",
}  # fmt: skip


def shown(drawn: Drawn, figure: str, output: str) -> pd.DataFrame:
    (one,) = (o for o in drawn[1][figure].outputs if o.name == output)
    assert one.shown is not None
    return one.shown


def caption(drawn: Drawn, figure: str, dataset: str) -> str:
    (one, *_) = (o for o in drawn[1][figure].outputs if dataset in o.name)
    return one.caption


def test_all_pictures_and_tables_are_there(drawn: Drawn) -> None:
    out, drawings = drawn
    assert [d.problem for d in drawings.values() if d.problem] == []
    wanted = {f"{n}.{e}" for n in PICTURES for e in ("png", "pdf", "csv")}
    wanted |= {f"{n}.{e}" for n in TABLES for e in ("csv", "md", "tex")}
    assert {path.name for path in out.iterdir()} == wanted


def test_the_verdicts_of_the_kept_records(drawn: Drawn) -> None:
    found: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for name, drawing in drawn[1].items():
        for one in drawing.judged:
            found[name, one.claim.name, one.dataset].add(str(one.verdict))
    assert found["throughput", "disttgl 1x1x1 by tgl 1x1x1", "wikipedia"] == {"no effect"}
    assert found["throughput", "disttgl 1x1x2 by tgl 2x1x1", "wikipedia"] == {"no effect"}
    assert found["throughput", "disttgl 1x1x1 by tgn 1x1x1", "wikipedia"] == {"incomparable"}
    assert found["peers", "ratio with edge features", "wikipedia"] == {"incomparable"}
    assert found["trainer_grid", "gain of 1x1x8", "wikipedia"] == {"no effect", "incomparable"}
    assert found["node_accuracy", "correlation", "wikipedia"] == {"contradicted"}
    assert found["dataset_statistics", "edge features", "wikipedia"] == {"contradicted"}
    assert found["dataset_statistics", "duration", "mooc"] == {"contradicted"}
    assert found["convergence", "iterations 1x1x1 to 1x1x8 at 95%", "reddit"] == {"not attempted"}


@pytest.mark.parametrize(
    ("figure", "name", "text"),
    [
        (
            "convergence",
            "iterations 1x1x1 to 1x8x1 at 95%",
            "573 (validation 3) against 3496 [2944, 3864], 6.1x",
        ),
        ("edge_convergence", "iterations 8x1x1 to 8x1x4 at 95%", "not reached against 234"),
        ("throughput", "disttgl 1x1x2 by disttgl 1x1x1", "1.75 [1.74, 1.77]"),
        ("node_memory", "growth", "1.8 on 2, 4.6 on 4"),
        ("captured_events", "max", "606, 368, 255, 132, 66"),
        ("peers", "ratio without edge features", "2.2 [2.1, 2.6]"),
        ("tgl_scaling", "speedup", "1.73 [1.71, 1.81]"),
        ("sampling_speed", "speedup TGN", "1.10 [1.07, 1.12]"),
        ("exactness", "float64", "55 of 55 runs the same bit for bit"),
        ("strategies", "captured dependency", "76569 against 62374, +14195"),
        ("edge_classification", "lost by a second copy", "33.94 against 33.77, +0.17"),
    ],
)
def test_what_is_measured(drawn: Drawn, figure: str, name: str, text: str) -> None:
    found = [j.measured for j in drawn[1][figure].judged if j.claim.name == name]
    assert text in found


def test_captions_take_the_edge_features_from_the_records(drawn: Drawn) -> None:
    assert "Edge features: 0 on wikipedia (paper: 172)." in caption(
        drawn, "convergence", "wikipedia"
    )
    assert "Edge features: 0 on mooc (paper: 0)." in caption(drawn, "convergence", "mooc")
    assert "Edge features: 32 on icews18." in caption(drawn, "edge_convergence", "icews18")


def test_figure_10_names_the_two_numbers_of_the_paper(drawn: Drawn) -> None:
    said = "The paper prints 0.8534 for 1x1x1 here and 0.8354 in Figure 9."
    assert said in caption(drawn, "trainer_grid", "wikipedia")


def test_rows_of_one_network_are_told_apart(drawn: Drawn) -> None:
    table = shown(drawn, "edge_classification", "edge_classification")
    ours = table[(table["origin"] == "measured") & (table["network"] == "TGN-attn")]
    assert set(ours["i x j x k"]) == {"1x1x1", "1x1x2"}
    for name in TABLES:
        figure = next(n for n, d in drawn[1].items() if any(o.name == name for o in d.outputs))
        rows = shown(drawn, figure, name)
        lead = [c for c in rows if not rows[c].str.match(r"^-?[\d.]+ \[").any()]
        assert not rows[rows["origin"] == "measured"][lead].duplicated().any(), name


def test_runs_left_out_are_named_with_the_reason(drawn: Drawn) -> None:
    assert any("epochs=16 where 100 is drawn" in s for s in drawn[1]["convergence"].left_out)
    assert "9 runs of suite scaling on wikipedia: another system" in (
        drawn[1]["strategies"].left_out
    )


def test_a_marked_run_says_so_in_its_caption(
    write_run: Callable[..., Path], tmp_path: Path
) -> None:
    for seed, layout in enumerate(({"i": 1, "j": 1, "k": 1}, {"i": 1, "j": 2, "k": 1})):
        settings = {"max_events": 5000, "system": {"static_memory": "off"}}
        write_run(str(seed), settings=settings, parallelism=layout)
    drawing = draw(all_figures()["convergence"], read(tmp_path / "runs"), tmp_path / "out")
    assert drawing.problem == ""
    assert drawing.outputs[0].caption.startswith("Not the whole stream as it is: max_events=5000.")


def test_a_figure_without_records_says_how_to_make_them(reference: Records, tmp_path: Path) -> None:
    empty = Records(reference.runs[:0], reference.evaluations[:0], [])
    drawing = draw(all_figures()["batch_size"], empty, tmp_path)
    assert drawing.missing and not drawing.paths
    assert drawing.problem == (
        "batch_size: no record of it; make some with: python -m benchmark.run suite=batch_size"
    )


def test_the_same_records_give_the_same_bytes(
    drawn: Drawn, reference: Records, tmp_path: Path
) -> None:
    again = draw(all_figures()["node_memory"], reference, tmp_path)
    for path in again.paths:
        assert path.read_bytes() == (drawn[0] / path.name).read_bytes(), path.name


NEW = '''
"""Seconds of training by seed."""
from paper_figures.figure import Output, figure


@figure("seconds")
def draw(group):
    table = group.runs[["seed", "seconds.train"]].assign(origin="measured")
    yield Output(table, shown=table.astype(str), facts={"count": len(table)})
'''


def test_a_figure_is_a_module_and_its_rows(
    write_run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else is touched: the registry finds the module, the csv files have its texts."""
    write_run("a")
    package, paper = tmp_path / "more", tmp_path / "paper"
    package.mkdir()
    paper.mkdir()
    (package / "seconds.py").write_text(NEW)
    (paper / "figures.csv").write_text(
        (published_folder() / "figures.csv").read_text()
        + "seconds,Figure 0,seconds,run,convergence,link_prediction,,no,,seconds,"
        "{count} run of {dataset}.,,,{seeds}\n"
    )
    (paper / "claims.csv").write_text(
        "figure,name,statement,measure,metric,form,published,rule,tolerance\n"
        "seconds,seconds,training is short,level,seconds.train,.0f,9,ratio,1.5\n"
    )
    monkeypatch.setattr("paper_figures.published.PAPER", paper)
    monkeypatch.setattr("paper_figures.__path__", [*paper_figures.__path__, str(package)])
    found = all_figures.__wrapped__()
    drawing = draw(found["seconds"], read(tmp_path / "runs"), tmp_path / "out")
    assert list(found)[-1] == "seconds"
    assert [(one.statement, str(one.verdict)) for one in drawing.judged] == [
        ("training is short", "reproduced")
    ]
    assert drawing.judged[0].conditions == "seed 0"
    assert drawing.outputs[0].caption == "1 run of wikipedia."
    assert (tmp_path / "out" / "seconds.tex").exists()
    assert len(NEW.splitlines()) < 80


def published_folder() -> Path:
    return Path(__file__).parents[2] / "results" / "paper"
