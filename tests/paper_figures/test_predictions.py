"""Figure 12(a) predicted: who sees which bars, and how far off predictions are."""

import pandas as pd
import pytest

from paper_figures import predictions
from paper_figures.cost_model import Layout
from paper_figures.predictions import PREDICTORS, errors, machine_cost, one_machine_model, predicted
from paper_figures.published import published

# Errors in per cent of the published bars, which none of these predictors has seen.
HELD_OUT = {  # data set: (2x8, 4x8) of the one-machine model
    "wikipedia": (2.9, 13.4),
    "reddit": (3.0, 9.6),
    "flights": (6.2, 17.0),
    "mooc": (2.9, 12.9),
    "gdelt": (1.0, 21.6),
}
MEAN = {
    "linear": (14.8, 27.9),
    "same_efficiency": (3.2, 15.0),
    "model": (3.2, 14.9),
    "model_and_machines": (1.5, 5.7),
}


def held_out_errors() -> pd.DataFrame:
    bars = predicted()
    bars = bars[bars["held_out"]]
    return (100 * errors(bars)).assign(dataset=bars["dataset"], machines=bars["num_machines"])


def test_errors_of_the_held_out_bars() -> None:
    table = held_out_errors().set_index(["dataset", "machines"])["model"]
    found = {dataset: (table[dataset, 2], table[dataset, 4]) for dataset in HELD_OUT}
    for dataset, expected in HELD_OUT.items():
        assert found[dataset] == pytest.approx(expected, abs=0.051), dataset


def test_mean_errors_beside_those_of_naive_predictors() -> None:
    table = held_out_errors()
    mean = table[list(PREDICTORS)].abs().groupby(table["machines"]).mean()
    for name, expected in MEAN.items():
        assert (mean[name][2], mean[name][4]) == pytest.approx(expected, abs=0.051), name


def test_fitted_bars_are_met_within_three_per_cent() -> None:
    bars = predicted()
    assert errors(bars[~bars["held_out"]])["model"].abs().max() < 0.03


def test_naive_predictions_by_hand() -> None:
    bars = predicted()
    (row,) = bars[(bars["dataset"] == "wikipedia") & (bars["num_gpus"] == 16)].to_dict("records")
    assert row["linear"] == pytest.approx(16 * 23.8)
    assert row["same_efficiency"] == pytest.approx(2 * 170.9)


def test_bars_of_one_machine_are_not_held_out() -> None:
    sizes = predicted().groupby("held_out")["num_gpus"].unique()
    assert {held_out: [*found] for held_out, found in sizes.items()} == {
        False: [1, 2, 4, 8],
        True: [16, 32],
    }


def test_no_prediction_depends_on_its_own_held_out_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    def distorted(name: str, **where: str | int) -> pd.DataFrame:
        table = published(name, **where)
        several = (table["num_machines"] > 1) & (table["dataset"] == "mooc")
        table.loc[several, "thousand_events_per_second"] *= 0.5
        return table

    before = predicted()
    monkeypatch.setattr(predictions, "published", distorted)
    after = predicted()
    mooc = before["dataset"] == "mooc"
    columns = list(PREDICTORS)
    pd.testing.assert_frame_equal(after.loc[mooc, columns], before.loc[mooc, columns])
    own = ["linear", "same_efficiency", "model"]
    pd.testing.assert_frame_equal(after[own], before[own])
    changed = after["model_and_machines"] != before["model_and_machines"]
    assert changed.tolist() == (before["held_out"] & ~mooc).tolist()


def test_strategies_of_the_bars() -> None:
    layouts = [layout for layout, _ in predictions.observed("wikipedia")]
    assert layouts[3:] == [Layout(1, 1, 8), Layout(1, 1, 16, 2), Layout(1, 1, 32, 4)]
    layouts = [layout for layout, _ in predictions.observed("gdelt")]
    assert layouts[3:] == [Layout(8, 1, 1), Layout(8, 1, 2, 2), Layout(8, 1, 4, 4)]


def test_seconds_per_iteration_by_hand() -> None:
    assert predictions.observed("wikipedia")[1][1] == pytest.approx(2 * 600 / 43_700)
    assert predictions.observed("gdelt")[1][1] == pytest.approx(2 * 3200 / 49_100)


def test_cost_of_a_machine_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    bars = {
        "two": [(Layout(1, 1, 1), 0.1), (Layout(1, 1, 2, 2), 0.11)],
        "four": [(Layout(1, 1, 1), 0.1), (Layout(1, 1, 4, 4), 0.16)],
        "faster": [(Layout(1, 1, 1), 0.1), (Layout(1, 1, 2, 2), 0.09)],
    }
    monkeypatch.setattr(predictions, "observed", bars.__getitem__)
    assert one_machine_model("two").seconds(Layout(1, 1, 2, 2)) == pytest.approx(0.1)
    assert machine_cost(["two"]) == pytest.approx(0.01)
    assert machine_cost(["four"]) == pytest.approx(0.02)
    # (1 x .01 / .11^2 + 3 x .06 / .16^2) / (1 / .11^2 + 9 / .16^2)
    assert machine_cost(["two", "four"]) == pytest.approx(7.857696 / 434.207128, rel=1e-5)
    assert machine_cost(["faster"]) == 0
