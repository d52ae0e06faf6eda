"""Every rule reaches every verdict; claims.csv is what the papers' numbers give."""

from dataclasses import replace

import pandas as pd
import pytest

from benchmark.records.reader import Records
from benchmark.records.selection import Group
from benchmark.records.statistics import Estimate, first_reaching, target_of
from paper_figures import convergence
from paper_figures.claims import (
    COUNTED,
    RULES,
    Claim,
    Judged,
    Verdict,
    claims_of,
    totals_by_kind,
    verdict,
)
from paper_figures.figure import all_figures
from paper_figures.measures import MEASURES
from paper_figures.published import published

GOOD, PART, NO_EFFECT, BAD, NONE, NOT_ATTEMPTED = Verdict
# Of each rule a published number and tolerances, and an estimate for each verdict.
CASES: dict[str, tuple[str, str, dict[Verdict, Estimate]]] = {
    "ratio": ("2", "1.5", {
        GOOD: Estimate(1.9, 1.7, 2.1), PART: Estimate(5.0, 4.8, 5.2),
        NO_EFFECT: Estimate(1.1, 0.9, 1.3), BAD: Estimate(0.8, 0.7, 0.9),
    }),
    "at_least": ("256", "1.5", {
        GOOD: Estimate(500, 400, 600), PART: Estimate(8, 7, 9),
        NO_EFFECT: Estimate(1.2, 0.8, 1.6), BAD: Estimate(0.5, 0.4, 0.6),
    }),
    "difference": ("0.02", "0.01", {
        GOOD: Estimate(0.015, 0.01, 0.02), PART: Estimate(0.2, 0.1, 0.3),
        NO_EFFECT: Estimate(0.0015, -0.007, 0.01), BAD: Estimate(-0.02, -0.03, -0.01),
    }),
    "order": ("-3", "0", {
        GOOD: Estimate(-1, -2, -0.5), PART: Estimate(-1, -2, -0.5),
        NO_EFFECT: Estimate(-1, -2, 1), BAD: Estimate(1, 0.5, 2),
    }),
    "at_most": ("0", "0.01;0.03", {
        GOOD: Estimate(-0.1, -0.2, 0.02), PART: Estimate(0.02, 0.01, 0.025),
        NO_EFFECT: Estimate(0.02, -0.01, 0.05), BAD: Estimate(0.05, 0.04, 0.06),
    }),
    "at_most_times": ("2", "1;1.5", {
        GOOD: Estimate(1, 0.9, 1.1), PART: Estimate(2.5, 2.4, 2.6),
        NO_EFFECT: Estimate(2.9, 2.7, 3.3), BAD: Estimate(4, 3.9, 4.1),
    }),
    "at_least_share": ("0.12", "0.5;0.03", {
        GOOD: Estimate(0.1, 0.08, 0.12), PART: Estimate(0.04, 0.035, 0.05),
        NO_EFFECT: Estimate(0.04, 0.01, 0.07), BAD: Estimate(0.02, 0.01, 0.025),
    }),
    "equal": ("100", "0.01;0.1", {
        GOOD: Estimate(100.5), PART: Estimate(105), NO_EFFECT: Estimate(100, 50, 150),
        BAD: Estimate(120, 115, 125),
    }),
    "level": ("98;90", "1;3", {
        GOOD: Estimate(98.5, 98, 99), PART: Estimate(96, 95.5, 96.5),
        NO_EFFECT: Estimate(98, 80, 106), BAD: Estimate(80, 79, 81),
    }),
}  # fmt: skip


def claim(rule: str = "ratio", stated: str = "2", tolerance: str = "1.5", **more: str) -> Claim:
    return Claim("f", "m", "{dataset} is good", stated, rule, tolerance, **more)


def judged_as(rule: str, expected: Verdict) -> Verdict:
    stated, tolerance, cases = CASES[rule]
    one, values = claim(rule, stated, tolerance), {"": cases.get(expected, Estimate(1))}
    if (rule, expected) == ("order", PART):  # as near as it gets, so that it takes two numbers
        one = replace(one, published="-3;other=-3")
        values = {"": cases[GOOD], "other": cases[NO_EFFECT]}
    return verdict(one, values, "too few epochs" if expected is NONE else "")


@pytest.mark.parametrize("expected", [one for one in Verdict if one is not NOT_ATTEMPTED])
@pytest.mark.parametrize("rule", RULES)
def test_every_rule_reaches_every_verdict(rule: str, expected: Verdict) -> None:
    assert judged_as(rule, expected) is expected


@pytest.mark.parametrize(
    ("value", "noise", "expected"),
    [
        (0.98, "5%", NO_EFFECT), (0.98, "1%", BAD), (0.98, "", BAD), (1.0, "", NO_EFFECT),
        (1.02, "0.01", PART), (1.02, "0.05", NO_EFFECT),
    ],
)  # fmt: skip
def test_one_run_is_off_by_what_the_claim_says(value: float, noise: str, expected: Verdict) -> None:
    assert verdict(claim(noise=noise), {"": Estimate(value)}) is expected


def test_seeds_say_more_than_the_noise_of_one_run() -> None:
    assert verdict(claim(noise="50%"), {"": Estimate(0.9, 0.85, 0.95)}) is BAD


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (2.0, 2.0, GOOD), (2.0, 9.0, PART), (2.0, 1.0, PART), (1.0, 1.0, NO_EFFECT),
        (2.0, 0.5, BAD), (1.0, 0.5, BAD), (2.0, float("nan"), NONE),
    ],
)  # fmt: skip
def test_several_numbers_of_one_claim(first: float, second: float, expected: Verdict) -> None:
    values = {"a": Estimate(first), "b": Estimate(second)}
    assert verdict(claim(stated="a=2;b=2", noise="1%"), values) is expected


@pytest.mark.parametrize(
    ("stated", "value", "unlike"),
    [("2", 2.0, "too few epochs"), ("2", float("nan"), ""), ("mooc=2", 2.0, "")],
)
def test_what_does_not_compare_is_incomparable(stated: str, value: float, unlike: str) -> None:
    assert verdict(claim(stated=stated), {"": Estimate(value)}, unlike) is NONE


def test_an_unknown_rule_is_an_error() -> None:
    with pytest.raises(KeyError, match="better"):
        verdict(claim("better"), {"": Estimate(2)})


CLAIMS = [one for name in all_figures() for one in claims_of(name)]


def test_totals_leave_out_what_is_in_no_paper_and_tell_inputs_apart() -> None:
    counts = {name: sum(one.kind == kind for one in CLAIMS) for kind, name in COUNTED.items()}
    assert "ours" not in COUNTED and any(one.kind == "ours" for one in CLAIMS)
    totals = totals_by_kind(Judged(one, NOT_ATTEMPTED, "", "", "") for one in CLAIMS)
    assert {name: int(t.sum()) for name, t in totals.items()} == counts


def test_every_row_of_the_file_is_of_a_known_rule_and_kind_and_met_by_its_own_number() -> None:
    assert len(CLAIMS) == len(published("claims"))
    for one in CLAIMS:
        assert one.kind in {*COUNTED, "ours"}
        assert bool(one.needs) == bool(one.command) and (one.needs or one.measure)
        values = {name: Estimate(number) for name, number in one.numbers()}
        assert verdict(replace(one, noise=""), values) is GOOD, one


def test_every_row_of_the_file_names_a_measure_and_columns_that_exist(reference: Records) -> None:
    for one in CLAIMS:
        known = MEASURES | dict(all_figures()[one.figure].measures)
        assert not one.measure or one.measure in known, one
        names = {
            word.partition("=")[0] for word in (one.of + " " + one.against).split() if "=" in word
        }
        assert names <= set(reference.runs), one
        metrics = {one.metric.replace("{}", name) for name, _ in one.numbers()} - {""}
        assert metrics <= {*reference.runs, *reference.evaluations}, one


def runs_of(values: dict[str, list[float]]) -> Group:
    rows = [
        {"system": system, "seed": seed, "dataset": "uci", "metrics.x": value}
        for system, numbers in values.items()
        for seed, value in enumerate(numbers)
    ]
    runs = pd.DataFrame(rows)
    return Group(runs, Records(runs, runs, []))


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        ("ratio", Estimate(2, 1.5, 3)), ("gain", Estimate(1.5)), ("loss", Estimate(-1.5)),
        ("level", Estimate(3)), ("median", Estimate(3, 3, 3)),
    ],
)  # fmt: skip
def test_a_measure_of_a_column_pairs_runs_by_seed(measure: str, expected: Estimate) -> None:
    group = runs_of({"a": [2.0, 3.0, 4.0], "b": [1.0, 1.0, 2.5]} if measure == "ratio" else
                    {"a": [3.0, 3.0, 3.0], "b": [1.5, 1.5, 1.5], "c": [9.0]})  # fmt: skip
    if measure == "ratio":
        expected = Estimate(2, 1.6, 3)
    one = claim(of="system=a", against="system=b", metric="metrics.x", form=".1f")
    found = MEASURES[measure](one, group)
    assert found is not None and found.values[""].value == pytest.approx(expected.value)
    if measure == "ratio":
        assert found.values[""] == pytest.approx(expected)
    assert set(found.runs["system"]) <= {"a", "b"}


@pytest.mark.parametrize("measure", MEASURES)
def test_a_measure_without_runs_on_one_side_says_nothing(measure: str) -> None:
    one = claim(of="system=x", against="system=b", metric="metrics.x", form=".1f", at="0.9")
    group = runs_of({"b": [1.0]})
    group = replace(group, runs=group.runs.assign(parallelism="1x1x2"))
    assert MEASURES[measure](one, group) is None


LAYOUTS = ("1x2x1", "1x4x1", "1x8x1", "1x4x2", "1x2x4", "1x1x8")  # beside one trainer


@pytest.mark.parametrize("dataset", ["wikipedia", "mooc", "reddit", "flights"])
def test_the_stated_iterations_are_those_of_the_digitised_curves(dataset: str) -> None:
    runs = pd.DataFrame({"dataset": [dataset], "protocol": ["disttgl"]})
    curves = convergence.published_mrr(Group(runs, Records(runs, runs, [])))
    single = curves[(curves["panel"] == "a") & (curves["parallelism"] == "1x1x1")]
    levels = []
    for one in claims_of("convergence"):
        if one.dataset != dataset or one.measure != "iterations":
            continue
        layout, level = one.of.partition("=")[2], one.at
        target = target_of([single], "validation_mrr", float(level))
        panel = "a" if layout in ("1x2x1", "1x4x1") else "b"
        run = curves[(curves["panel"] == panel) & (curves["parallelism"] == layout)]
        ours, theirs = (first_reaching(r, "validation_mrr", target) for r in (single, run))
        assert float(one.published) == pytest.approx(ours / theirs, abs=1e-3)
        assert one.printed.startswith(f"{theirs:,.0f} against {ours:,.0f}")
        at_once = theirs == run["iteration"].min()
        assert one.rule == ("at_least" if at_once else "ratio")
        levels.append((layout, level))
    wanted = ("0.7", "0.8", "0.9", "0.95") if dataset in ("wikipedia", "mooc") else ("0.95",)
    assert levels == [(layout, level) for layout in LAYOUTS for level in wanted]
