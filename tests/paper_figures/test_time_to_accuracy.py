"""Figure 1: whose seconds compare, and who gets there first."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from paper_figures import races, time_to_accuracy
from paper_figures.claim import Verdict
from paper_figures.collection import load_records
from tests.paper_figures.conftest import WriteRun

# Seconds to validation MRR .70, .80 and .82 (infinite: never), from the paper's Figure 1.
PUBLISHED = {
    "TGN, 1 GPU": (153, 391, 460),
    "TGL-TGN, 1 GPU": (41.7, 88.6, 125),
    "TGL-TGN, 8 GPUs": (60.3, 75.3, float("inf")),
    "DistTGL, 8 GPUs": (10.3, 15.4, 25.7),
    "DistTGL, 16 GPUs": (5.35, 10.7, 10.7),
}
TWO_COPIES = {"i": 1, "j": 1, "k": 2}
TWO_PARTS = {"i": 2, "j": 1, "k": 1}


def write_race(write_run: WriteRun, seed: int = 0, **mrr: list[float]) -> None:
    """Runs of both single trainers and both pairs; one point of ``mrr`` takes five seconds."""
    kinds: dict[str, dict[str, Any]] = {
        "tgn": {"system": "tgn", "model": "tgn_pyg", "visibility": "batch"},
        "tgl": {"system": "tgl"},
        "tgl2": {"system": "tgl", "parallelism": TWO_PARTS, "processes": 2},
        "disttgl": {},
        "disttgl2": {"parallelism": TWO_COPIES, "processes": 2},
    }
    for name, values in mrr.items():
        write_run(
            f"{name}{seed}",
            dataset="wikipedia",
            seed=seed,
            mrr=values,
            **kinds[name],
        )


def test_the_set_with_most_systems_is_drawn(results: Path, write_run: WriteRun) -> None:
    write_race(write_run, tgn=[0.5], tgl=[0.5], disttgl2=[0.5])
    write_run("emulated", dataset="wikipedia", parallelism=TWO_COPIES, emulated=True)
    write_run("longer", dataset="wikipedia", passes=100)
    static = {"system": {"static_memory": "pretrained"}}
    write_run("static", dataset="uci", config=static)
    write_run("smaller_batch", batch_size=200, dataset="wikipedia")
    write_run("elsewhere", dataset="uci")
    edgebank = {"system": "edgebank", "model": "none"}
    untrained = write_run("edgebank0", mrr=[0.5], dataset="wikipedia", **edgebank)
    (untrained / "metrics.jsonl").write_text(
        '{"iteration": 0, "pass": 0, "seconds": 0.003, "validation_mrr": 0.5}\n'
    )
    faster = write_run("machine", dataset="wikipedia")
    (faster / "environment.json").write_text('{"gpus": ["a GPU"]}')
    records, problems = load_records(results)
    assert problems == []
    drawn = [record.folder.name for record in time_to_accuracy.select(records)]
    assert drawn == ["elsewhere", "disttgl20", "tgl0", "tgn0"]


def test_processes_that_may_have_shared_a_core_have_no_seconds(
    results: Path, write_run: WriteRun
) -> None:
    two: dict[str, Any] = {"processes": 2, "parallelism": TWO_COPIES}
    loose = {"config": {"pin_cores": False}, **two}
    write_run("shared", dataset="uci", **loose)
    write_run("pinned", dataset="wikipedia", **two)
    on_gpus = write_run("gpus", dataset="synthetic", **loose)
    (on_gpus / "environment.json").write_text('{"gpus": ["a GPU", "a GPU"]}')
    drawn = time_to_accuracy.select(load_records(results)[0])
    assert {record.folder.name for record in drawn} == {"pinned", "gpus"}


def test_of_one_system_the_longest_runs_are_drawn(results: Path, write_run: WriteRun) -> None:
    write_run("short", passes=2)
    write_run("long", passes=16)
    drawn = time_to_accuracy.select(load_records(results)[0])
    assert [record.folder.name for record in drawn] == ["long"]


def test_other_negatives_are_another_set(results: Path, write_run: WriteRun) -> None:
    for name, number, seed in (("one", 1, 0), ("two", 49, 0), ("three", 49, 1)):
        write_run(name, seed=seed, config={"protocol": {"num_negatives": number}})
    table = time_to_accuracy.measured(load_records(results)[0])
    assert table.groupby("label")["num_runs"].max().to_dict() == {
        "disttgl 1x1x1, num_negatives=1": 1,
        "disttgl 1x1x1, num_negatives=49": 2,
    }


def test_published_curves_are_of_wikipedia_under_the_papers_protocol() -> None:
    table = time_to_accuracy.published_curves("wikipedia", "disttgl")
    assert table.groupby("label").size().to_dict() == {
        "TGN, 1 GPU": 59,
        "TGL-TGN, 1 GPU": 100,
        "TGL-TGN, 8 GPUs": 6,
        "DistTGL, 8 GPUs": 12,
        "DistTGL, 16 GPUs": 6,
    }
    assert len(time_to_accuracy.published_curves("wikipedia", "tgb")) == 0
    assert len(time_to_accuracy.published_curves("uci", "disttgl")) == 0


def test_seconds_to_targets_of_the_published_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(races, "TARGETS", (0.7, 0.8, 0.82))
    paper = time_to_accuracy.published_curves("wikipedia", "disttgl")
    table = races.seconds_to_targets([], paper)
    found = table.groupby("label")["seconds"].agg(tuple).to_dict()
    assert found.keys() == PUBLISHED.keys()
    for label, seconds in PUBLISHED.items():
        assert found[label] == pytest.approx(seconds, rel=0.003), label


def test_seconds_to_targets_are_medians_over_seeds(results: Path, write_run: WriteRun) -> None:
    for seed, mrr in enumerate(([0.7, 0.8], [0.6, 0.7], [0.5, 0.6, 0.7])):
        write_race(write_run, seed, disttgl=mrr)
    table = races.seconds_to_targets(load_records(results)[0], pd.DataFrame({"label": []}))
    never = float("inf")
    assert table["validation_mrr"].tolist() == [0.7, 0.8]
    assert table["seconds"].tolist() == [10, never]
    assert table["lowest"].tolist() == [5, 10]
    assert table["highest"].tolist() == [15, never]
    assert table["num_runs"].tolist() == [3, 3]


def test_claims_are_ratios_of_seconds(results: Path, write_run: WriteRun) -> None:
    slow = [0.1] * 13 + [0.7] + [0.7] * 3 + [0.8]  # 70 and 90 s
    write_race(write_run, tgn=slow, tgl=[0.1, 0.1, 0.1, 0.75, 0.8])  # 20 and 25 s
    write_race(write_run, tgl2=[0.1, 0.7, 0.8], disttgl2=[0.9])  # 10 and 15 s; 5 s
    first, second, third = time_to_accuracy.claims(load_records(results)[0])
    assert first.statement.startswith("TGL-TGN on 1 trainer reaches")
    assert first.measured.endswith(
        "to 0.70 20 s against 70 s, 3.5x; to 0.80 25 s against 90 s, 3.6x"
    )
    assert first.published == (
        "to 0.70 41.7 s against 153 s, 3.7x; to 0.80 88.6 s against 391 s, 4.4x"
    )
    assert "2 passes, on a processor, 2 cores, TGN is PyG's, seed 0" in first.conditions
    assert first.verdict is Verdict.REPRODUCED
    assert second.measured == (
        "DistTGL on 2 trainers against TGL-TGN on 2 trainers: "
        "to 0.70 5 s against 10 s, 2.0x; to 0.80 5 s against 15 s, 3.0x"
    )
    assert "10.3 s against 60.3 s, 5.9x" in second.published
    assert second.verdict is Verdict.PARTLY, "two trainers are not the paper's eight"
    assert "14.0x" in third.measured


def test_on_fewer_trainers_than_the_papers_nothing_is_contradicted(
    results: Path, write_run: WriteRun
) -> None:
    write_race(write_run, tgl2=[0.7, 0.8], disttgl2=[0.1, 0.7, 0.8])
    (claim,) = time_to_accuracy.claims(load_records(results)[0])
    assert claim.verdict is Verdict.INCOMPARABLE


def test_one_trainer_that_is_overtaken_contradicts(results: Path, write_run: WriteRun) -> None:
    write_race(write_run, tgn=[0.7, 0.8], tgl=[0.1, 0.7, 0.75])
    (claim,) = time_to_accuracy.claims(load_records(results)[0])
    assert claim.measured.endswith(
        "to 0.70 10 s against 5 s, 0.5x; to 0.80 not reached against 10 s"
    )
    assert claim.verdict is Verdict.CONTRADICTED


def test_networks_of_one_system_are_named_and_look_different(
    results: Path, write_run: WriteRun
) -> None:
    for model, dim in (("tgn_attention", 100), ("jodie", 100), ("jodie", 50)):
        config = {"model": {"_target_": f"models.{model}", "memory_dim": dim}}
        write_run(f"{model}{dim}", model=model, config=config)
    table = time_to_accuracy.measured(time_to_accuracy.select(load_records(results)[0]))
    assert table["label"].unique().tolist() == [
        "disttgl 1x1x1, model=jodie, memory_dim=100",
        "disttgl 1x1x1, model=jodie, memory_dim=50",
        "disttgl 1x1x1, model=tgn_attention",
    ]
    colors = time_to_accuracy._colors(table)
    assert len(set(colors.values())) == len(colors) == 2


def test_the_table_of_seconds_lies_beside_the_figure(
    tmp_path: Path, results: Path, write_run: WriteRun
) -> None:
    write_race(write_run, tgn=[0.5, 0.6], disttgl=[0.6, 0.9])
    paths = time_to_accuracy.draw(load_records(results)[0], tmp_path / "out")
    assert [path.name for path in paths] == [
        f"time_to_accuracy_wikipedia_disttgl{ending}"
        for ending in (".pdf", ".png", ".csv", "_targets.csv")
    ]
    table = pd.read_csv(paths[3])
    ours = table[table["origin"] == "measured"].set_index(["label", "validation_mrr"])["seconds"]
    assert ours["disttgl 1x1x1", 0.7] == 10
    assert pd.isna(ours["tgn 1x1x1", 0.7]), "never is an empty cell"
