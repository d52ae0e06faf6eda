"""DistTGL beside TGN: ratios by repeat, and the share of the floor."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from paper_figures import peers
from paper_figures.claim import Verdict
from paper_figures.collection import load_records
from tests.paper_figures.conftest import WriteRun

RATES = {"tgn": [5_000.0, 10_000.0, 8_000.0], "disttgl": [15_000.0, 20_000.0, 20_000.0]}
RATIOS = [3.0, 2.0, 2.5]


def write_repeats(write_run: WriteRun, rates: dict[str, list[float]], **changes: Any) -> list[Path]:
    config = changes.pop("config", {})
    name = changes.pop("name", "")
    return [
        write_run(
            f"{name}{system}{seed}",
            suite="peers",
            task="link_speed",
            system=system,
            seed=seed,
            throughput_events_per_second=rate,
            config={"random_edge_features": 172, "system": {"name": system}} | config,
            **({"dataset": "wikipedia"} | changes),
        )
        for system, values in rates.items()
        for seed, rate in enumerate(values)
    ]


def write_floor(folder: Path, events_per_second: float, gflop_per_second: float) -> None:
    result = json.loads((folder / "result.json").read_text())
    floor = {"events_per_second": events_per_second, "gflop_per_second": gflop_per_second}
    (folder / "result.json").write_text(json.dumps(result | {"operation_floor": floor}))


def test_ratios_are_those_of_one_repeat(results: Path, write_run: WriteRun) -> None:
    write_repeats(write_run, RATES)
    table = peers.measured(peers.select(load_records(results)[0]))
    ours = table[table["system"] == "disttgl"]
    assert ours["seed"].tolist() == [0, 1, 2]
    assert ours[peers.RATIO].tolist() == RATIOS
    assert ours["case"].unique().tolist() == ["batch 600, 172 random edge features"]
    assert ours[peers.SHARE].isna().all()


def test_the_floor_is_at_the_fastest_products_of_all_repeats(
    results: Path, write_run: WriteRun
) -> None:
    one, two = write_repeats(write_run, {"disttgl": [20_000.0, 30_000.0]})
    write_floor(one, 40_000.0, 100.0)  # at 150 GFLOP/s it would be 60,000
    write_floor(two, 60_000.0, 150.0)
    table = peers.measured(peers.select(load_records(results)[0]))
    assert table[peers.SHARE].tolist() == pytest.approx([1 / 3, 1 / 2])
    assert table[peers.RATIO].isna().all()


def test_only_what_shares_its_conditions_is_compared(results: Path, write_run: WriteRun) -> None:
    write_repeats(write_run, {"tgn": [5_000.0]})
    write_repeats(write_run, {"disttgl": [9_000.0]}, config={"random_edge_features": None})
    write_repeats(write_run, {"disttgl": [8_000.0]}, name="short", config={"max_events": 100})
    table = peers.measured(peers.select(load_records(results)[0]))
    assert table.loc[table["system"] == "disttgl", peers.RATIO].isna().all()
    assert table["case"].tolist() == [
        "batch 600, 172 random edge features, max_events=100",
        "batch 600, 172 random edge features, max_events=None",
        "batch 600, no edge features, max_events=None",
    ]


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [(30_000.0, Verdict.REPRODUCED), (20_000.0, Verdict.PARTLY), (9_000.0, Verdict.CONTRADICTED)],
)
def test_the_verdict_at_the_papers_batch_size(
    results: Path, write_run: WriteRun, ours: float, verdict: Verdict
) -> None:
    write_repeats(write_run, {"tgn": [10_000.0], "disttgl": [ours]})
    (claim,) = peers.claims(load_records(results)[0])
    assert (claim.published, claim.measured) == ("3.7 on a GPU", f"{ours / 10_000:.1f}")
    assert claim.verdict is verdict
    assert claim.conditions == "wikipedia, batch 600, 172 random edge features, TGN is PyG's"


@pytest.mark.parametrize("changes", [{"batch_size": 200}, {"dataset": "uci"}])
def test_without_a_published_number_there_is_no_claim(
    results: Path, write_run: WriteRun, changes: dict[str, Any]
) -> None:
    write_repeats(write_run, RATES, **changes)
    assert peers.claims(load_records(results)[0]) == []


def test_claims_are_the_median_and_range_over_repeats(results: Path, write_run: WriteRun) -> None:
    write_repeats(write_run, RATES)
    (claim,) = peers.claims(load_records(results)[0])
    assert claim.measured == "2.5 [2.0, 3.0] over 3 repeats"


def test_several_trainers_are_left_out(results: Path, write_run: WriteRun) -> None:
    write_repeats(write_run, {"disttgl": [9_000.0]}, parallelism={"i": 1, "j": 1, "k": 2})
    assert peers.select(load_records(results)[0]) == []


def test_the_published_ratio_is_that_of_the_printed_rates() -> None:
    assert peers.published_ratio("wikipedia") == pytest.approx(23.77 / 6.45)
    assert peers.published_ratio("gdelt") is None  # TGN was not done after 10 hours
    assert peers.published_ratio("uci") is None


def test_files_are_written(results: Path, write_run: WriteRun, tmp_path: Path) -> None:
    for folder in write_repeats(write_run, RATES)[3:]:
        write_floor(folder, 60_000.0, 150.0)
    write_repeats(write_run, RATES, name="small", batch_size=200)
    pdf, png, table = peers.draw(load_records(results)[0], tmp_path / "out")
    assert pdf.read_bytes().startswith(b"%PDF") and png.stat().st_size > 1000
    rows = pd.read_csv(table)
    assert rows.groupby("origin").size().to_dict() == {"measured": 12, "published": 1}
    assert rows["source"].notna().all()
