"""Figure 6: pairs of runs with and without static node memory."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from paper_figures import static_memory
from paper_figures.claim import Verdict
from paper_figures.collection import load_records
from tests.paper_figures.conftest import WriteRun


def write(write_run: WriteRun, value: str, mrr: list[float], **changes: Any) -> None:
    """A run with ``system.static_memory`` as given, on uci unless changed."""
    changes = {"dataset": "uci", **changes}
    name = "-".join(str(part) for part in (value, *changes.values()))
    write_run(name, mrr=mrr, config={"system": {"static_memory": value}}, **changes)


def test_only_runs_that_have_their_like_are_drawn(results: Path, write_run: WriteRun) -> None:
    for value in ("off", "pretrained"):
        write(write_run, value, [0.5], passes=12)
    write(write_run, "off", [0.5], passes=100)
    write(write_run, "off", [0.5], dataset="wikipedia")
    write_run("unknown", dataset="uci", passes=12)
    chosen = static_memory.select(load_records(results)[0])
    assert [record.folder.name for record in chosen] == ["off-uci-12", "pretrained-uci-12"]


def test_published_curves_count_the_iterations_trained() -> None:
    paper = static_memory.published_curves()
    flights = paper[paper["dataset"] == "flights"]
    assert flights["iteration"].min() == 1605
    assert set(paper["static_memory"]) == {"off", "pretrained"}
    assert static_memory.published_best() == {
        "flights": {"pretrained": 0.8251, "off": 0.7652},
        "mooc": {"pretrained": 0.6209, "off": 0.5264},
    }


def test_a_layout_that_ran_one_way_only_is_left_out(results: Path, write_run: WriteRun) -> None:
    for value in ("off", "pretrained"):
        write(write_run, value, [0.5])
    write(write_run, "off", [0.6], parallelism={"i": 1, "j": 1, "k": 2})
    chosen = static_memory.select(load_records(results)[0])
    assert [record.parallelism for record in chosen] == ["1x1x1", "1x1x1"]


def test_the_gain_is_that_of_the_mean_best_validation_mrr(
    results: Path, write_run: WriteRun
) -> None:
    write(write_run, "off", [0.5, 0.4], seed=0)
    write(write_run, "off", [0.5, 0.6], seed=1)
    write(write_run, "pretrained", [0.6, 0.5], seed=0)
    write(write_run, "pretrained", [0.8, 0.9], seed=1)
    (claim,) = static_memory.claims(load_records(results)[0])
    assert claim.measured == "uci 0.5500 to 0.7500, +0.2000"
    assert claim.published == ("flights 0.7652 to 0.8251, +0.0599; mooc 0.5264 to 0.6209, +0.0945")
    assert claim.verdict is Verdict.INCOMPARABLE, "the paper does not show uci"


@pytest.mark.parametrize(
    ("gained", "passes", "verdict"),
    [
        (0.09, 100, Verdict.REPRODUCED),
        (0.03, 100, Verdict.PARTLY),
        (-0.03, 100, Verdict.CONTRADICTED),
        (0.09, 12, Verdict.INCOMPARABLE),
    ],
)
def test_a_data_set_of_the_paper_compares_after_as_many_passes(
    results: Path, write_run: WriteRun, gained: float, passes: int, verdict: Verdict
) -> None:
    write(write_run, "off", [0.5], dataset="mooc", passes=passes)
    write(write_run, "pretrained", [0.5 + gained], dataset="mooc", passes=passes)
    (claim,) = static_memory.claims(load_records(results)[0])
    assert claim.published == "mooc 0.5264 to 0.6209, +0.0945"
    assert claim.verdict is verdict


def test_published_data_sets_have_panels_of_their_own(
    tmp_path: Path, results: Path, write_run: WriteRun
) -> None:
    for value in ("off", "pretrained"):
        write(write_run, value, [0.5, 0.6])
        write(write_run, value, [0.5, 0.6], dataset="wikipedia")
        write(write_run, value, [0.5, 0.6], dataset="synthetic", protocol="tgb")
    paths = static_memory.draw(load_records(results)[0], tmp_path / "out")
    assert [path.name for path in paths if path.suffix == ".csv"] == [
        "static_memory_disttgl.csv",
        "static_memory_tgb.csv",
    ]
    table = pd.read_csv(paths[2])
    assert table["source"].notna().all()
    assert table.groupby("origin")["dataset"].unique().map(set).to_dict() == {
        "measured": {"uci", "wikipedia"},
        "published": {"flights", "mooc"},
    }
    assert set(pd.read_csv(paths[5])["origin"]) == {"measured"}
