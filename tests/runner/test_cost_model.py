"""The cost model: its terms by hand, what it recovers, and what it cannot tell apart."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import nnls

from benchmark.tools.cost_model import CostModel, Layout, Link, Traffic, fit, over
from paper_figures.published import published

EVERY_TERM = [  # layouts that determine all five terms
    Layout(1, 1, 1),
    Layout(2, 1, 1),
    Layout(1, 4, 1),
    Layout(1, 1, 2),
    Layout(1, 1, 8),
    Layout(2, 2, 2),
    Layout(1, 1, 8, machines=2),
    Layout(2, 1, 8, machines=4),
]
milliseconds = st.integers(0, 1000).map(lambda number: number / 1000)


@pytest.mark.parametrize(
    ("layout", "loads"),
    [
        (Layout(1, 1, 1), (1, 0, 0, 0, 0)),
        (Layout(1, 1, 4), (1, 0, 3, 1.5, 0)),
        (Layout(2, 2, 1), (1, 3, 0, 1.5, 0)),
        (Layout(2, 2, 2, machines=2), (1, 3, 0, 1.75, 1)),
        (Layout(1, 1, 32, machines=4), (1, 0, 7, 1.9375, 3)),
    ],
)
def test_how_often_each_term_counts(layout: Layout, loads: tuple[float, ...]) -> None:
    assert layout.loads() == loads


def test_seconds_and_throughput_by_hand() -> None:
    model = CostModel(alone=0.04, sharer=0.002, copy=0.003, exchange=0.004, machine=0.005)
    layout = Layout(2, 2, 2, machines=2)
    assert model.seconds(layout) == pytest.approx(0.04 + 3 * 0.002 + 1.75 * 0.004 + 0.005)
    assert model.throughput(layout, 600) == pytest.approx(8 * 600 / 0.058)


def test_parallelism_is_parsed() -> None:
    assert Layout.parse("2x3x4") == Layout(2, 3, 4)
    assert Layout.parse("2x3x4").num_trainers == 24


def test_impossible_layouts_are_refused() -> None:
    with pytest.raises(ValueError, match=r"j=0.*below 1"):
        Layout(1, 0, 1)
    with pytest.raises(ValueError, match=r"k=3, machines=2.*multiple of machines"):
        Layout(1, 1, 3, machines=2)


@pytest.mark.parametrize("seconds", [[], [0.1, 0.0], [0.1, float("nan")]])
def test_unusable_seconds_are_refused(seconds: list[float]) -> None:
    with pytest.raises(ValueError, match="all > 0"):
        fit(EVERY_TERM[: len(seconds)], seconds)


@given(st.tuples(*[milliseconds] * 5))
def test_exact_terms_are_recovered(terms: tuple[float, ...]) -> None:
    assume(terms[0] > 0)
    (found,) = fit(EVERY_TERM, [CostModel(*terms).seconds(layout) for layout in EVERY_TERM])
    assert found.seconds(Layout(4, 2, 4, machines=4)) == pytest.approx(
        CostModel(*terms).seconds(Layout(4, 2, 4, machines=4))
    )
    fields = (found.alone, found.sharer, found.copy, found.exchange, found.machine)
    assert fields == pytest.approx(terms, abs=1e-9)


@given(st.lists(st.floats(0.01, 1), min_size=8, max_size=8))
def test_fit_is_the_best_of_all_non_negative_ones(seconds: list[float]) -> None:
    design = np.array([layout.loads() for layout in EVERY_TERM]) / np.array(seconds)[:, None]
    _, smallest = nnls(design, np.ones(len(seconds)))
    for model in fit(EVERY_TERM, seconds):
        terms = (model.alone, model.sharer, model.copy, model.exchange, model.machine)
        assert min(terms) >= 0
        errors = [model.seconds(x) / s - 1 for x, s in zip(EVERY_TERM, seconds, strict=True)]
        assert np.linalg.norm(errors) == pytest.approx(smallest, abs=1e-5)


def test_two_sizes_do_not_tell_copies_from_the_exchange() -> None:
    models = fit([Layout(1, 1, 1), Layout(1, 1, 2)], [0.040, 0.046])
    assert {(round(m.copy, 9), round(m.exchange, 9)) for m in models} == {(0.006, 0), (0, 0.006)}
    eight = sorted(model.seconds(Layout(1, 1, 8)) for model in models)
    assert eight == pytest.approx([0.040 + 1.75 * 0.006, 0.040 + 7 * 0.006])


def test_what_no_layout_has_is_nothing() -> None:
    (model,) = fit([Layout(1, 1, 1)], [0.04])
    assert model.alone == pytest.approx(0.04)
    assert (model.sharer, model.copy, model.exchange, model.machine) == (0, 0, 0, 0)


@given(st.tuples(*[milliseconds] * 5), st.sampled_from([1, 2, 4, 8]), st.booleans())
def test_more_trainers_are_faster_where_one_more_costs_less_than_it_brings(
    terms: tuple[float, ...], k: int, on_another_machine: bool
) -> None:
    model = CostModel(*terms)
    assume(model.copy + model.exchange + model.machine < model.alone)
    fewer, more = Layout(2, 1, k), Layout(2, 1, 2 * k, 1 + on_another_machine)
    assert model.throughput(more, 600) > model.throughput(fewer, 600)


def test_more_trainers_are_slower_where_copies_cost_more_than_they_bring() -> None:
    model = CostModel(alone=0.01, sharer=0, copy=0.02, exchange=0)
    one, two = (model.throughput(Layout(1, 1, k), 600) for k in (1, 2))
    assert one == pytest.approx(60_000)
    assert two == pytest.approx(40_000)


@pytest.mark.parametrize(
    ("dataset", "batch_size", "largest_error"), [("wikipedia", 600, 0.021), ("gdelt", 3200, 0.026)]
)
def test_the_terms_explain_every_strategy_on_one_machine(
    dataset: str, batch_size: int, largest_error: float
) -> None:
    bars = published("figure_12b", dataset=dataset, system="disttgl", num_machines=1)
    layouts = [Layout.parse(parallelism) for parallelism in bars["parallelism"]]
    seconds = [batch_size / (1000 * rate) for rate in bars["thousand_events_per_second_per_gpu"]]
    (model,) = fit(layouts, seconds)
    assert len(layouts) == 7
    errors = [
        abs(s / model.seconds(layout) - 1) for layout, s in zip(layouts, seconds, strict=True)
    ]
    assert max(errors) < largest_error
    if dataset == "gdelt":  # the text: many copies are bound by the bandwidth of main memory
        assert model.copy > 4 * model.sharer


def test_what_a_network_adds_by_hand() -> None:
    """A megabyte and seven messages: of a ring of two machines 2, of sharded node memory 5."""
    slow, fast = Link(rate=12.5e6, message=0.04), Link(rate=1e9)
    sent = Traffic.of_iteration(1e6, machines=2, sharded=True)
    assert sent == Traffic(1e6, 7)
    assert sent.seconds(slow) == pytest.approx(0.08 + 0.28)
    assert over(slow, 0.051, measured_over=fast, sent=sent) == pytest.approx(0.41)
    assert Traffic.of_iteration(1e6, machines=4, sharded=False) == Traffic(1e6, 6)
