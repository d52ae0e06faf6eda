"""Rules name suites, tasks, settings and metrics that exist; a misspelt one would draw nothing."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.records.reader import Records
from benchmark.records.selection import Rule, fits, select
from benchmark.records.series import FIELDS
from paper_figures.figure import PaperFigure, all_figures

CONF = Path(__file__).parents[2] / "benchmark" / "conf"


def options(group: str) -> set[str]:
    return {path.stem for path in (CONF / group).glob("*.yaml")}


def unknown_names(rule: Rule, records: Records) -> set[str]:
    """Suites, tasks, settings and needs of ``rule`` that nothing answers to."""
    runs = records.runs[records.runs["suite"].isin(rule.suites)]
    settings = [name.removeprefix("settings.") for name in runs if name.startswith("settings.")]
    known = {*FIELDS, *settings} | {name.rpartition(".")[0] for name in settings}
    known |= {"threads", "device", "hardware", "evaluate_every"}
    missing = set(rule.suites) - options("suite") | set(rule.tasks) - options("task")
    missing |= {name for name in rule.varies or () if name not in known}
    runs = runs[runs["task"].isin(rule.tasks)]
    return missing | {why for why, keeps in rule.needs.items() if not keeps(runs).any()}


@pytest.mark.parametrize("figure", all_figures().values(), ids=all_figures())
def test_a_rule_names_what_exists(figure: PaperFigure, reference: Records) -> None:
    assert unknown_names(figure.rule, reference) == set()


def test_misspelt_names_are_found(reference: Records) -> None:
    rule = Rule(
        ("convergence", "convergance"), ("link_prediction", "links"),
        varies=("system.static_memori",), needs={"no mrr": fits("metrics.validation_mmr")},
    )  # fmt: skip
    wrong = {"convergance", "links", "system.static_memori", "no mrr"}
    assert unknown_names(rule, reference) == wrong


def test_a_misspelt_metric_leaves_all_runs_out_with_the_reason(reference: Records) -> None:
    rule = replace(
        all_figures()["convergence"].rule, needs={"no mrr": fits("metrics.validation_mmr")}
    )
    groups, left_out = select(rule, reference)
    assert groups == []
    assert all(sentence.endswith(": no mrr") for sentence in left_out) and left_out
