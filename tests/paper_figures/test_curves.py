"""Means over seeds, and when a curve gets somewhere."""

from math import inf
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from paper_figures import claim_text, curves
from paper_figures.collection import load_records
from tests.paper_figures.conftest import WriteRun


def test_a_curve_is_the_mean_and_range_over_seeds(results: Path, write_run: WriteRun) -> None:
    for seed, mrr in {0: [0.5, 0.6], 1: [0.4, 0.9], 2: [0.3, 0.6]}.items():
        write_run(f"seed{seed}", seed=seed, mrr=mrr)
    curve = curves.mean_curve(load_records(results)[0])
    assert curve["iteration"].tolist() == [10, 20]
    assert curve["seconds"].tolist() == [5, 10]
    assert curve["validation_mrr"].tolist() == pytest.approx([0.4, 0.7])
    assert curve["lowest"].tolist() == [0.3, 0.6]
    assert curve["highest"].tolist() == [0.5, 0.9]
    assert curve["num_runs"].tolist() == [3, 3]


def test_trainers_that_share_a_process_have_hollow_markers_and_no_seconds(
    results: Path, write_run: WriteRun
) -> None:
    write_run("apart")
    write_run("shared", emulated=True, suite="scaling")
    lines = {}
    for record in load_records(results)[0]:
        curve = curves.mean_curve([record])
        assert curve["seconds"].isna().all() == record.emulated
        line = curves.plot_measured(plt.figure().gca(), curve, "iteration", ("red", "o"))
        lines[record.emulated] = line.get_markerfacecolor()
    plt.close("all")
    assert lines == {False: "red", True: "white"}


def test_a_metric_is_averaged_over_the_seeds_that_have_it(
    results: Path, write_run: WriteRun
) -> None:
    for seed, metrics in enumerate(({"test_mrr": 0.5}, {"test_mrr": 0.6}, {})):
        write_run(f"seed{seed}", seed=seed, metrics=metrics)
    records, _ = load_records(results)
    assert curves.mean_metric(records, "test_mrr") == pytest.approx(0.55)
    assert curves.mean_metric(records[2:], "test_mrr") is None


def test_the_first_evaluation_at_the_target_counts_even_if_it_falls_again() -> None:
    run = pd.DataFrame({"iteration": [10, 20, 30], "validation_mrr": [0.5, 0.7, 0.6]})
    assert curves.first_reaching(run, "iteration", 0.6) == 20
    assert curves.first_reaching(run, "iteration", 0.7) == 20
    assert curves.first_reaching(run, "iteration", 0.71) == inf


def test_numbers_of_several_seeds_are_written_with_their_range() -> None:
    assert claim_text.median_and_range([30.0], "{:.0f} s") == "30 s"
    assert claim_text.median_and_range([30.0, 10.0, 20.0], "{:.0f}") == "20 [10, 30]"
    assert claim_text.median_and_range([30.0, 10.0, inf], "{:.0f}") == "30 [10, not reached]"
    assert claim_text.factor(2.345) == ", 2.3x"
    assert claim_text.factor(inf) == claim_text.factor(0) == claim_text.factor(inf / inf) == ""
