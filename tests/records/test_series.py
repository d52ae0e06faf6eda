"""Records of one experiment that disagree are all named and none is drawn."""

import pandas as pd
import pytest

from benchmark.records.reader import Records
from benchmark.records.series import FIELDS, without_disagreements


def records(*values: float | None, seeds: tuple[int, ...] = (0, 0)) -> Records:
    runs = pd.DataFrame({"metrics.test_mrr": values, "metrics.other": 1.0, "seed": seeds})
    runs = runs.assign(**dict.fromkeys(("task", "parallelism", *FIELDS), "x"))
    return Records(runs.set_axis(["a/one", "b/two"]), pd.DataFrame(), [])


@pytest.mark.parametrize("values", [(0.5, 0.6), (0.5, None)])
def test_different_metrics_are_named(values: tuple[float, float | None]) -> None:
    found = without_disagreements(records(*values))
    assert found.runs.empty
    assert [str(one) for one in found.unreadable] == [
        f"{run}: runs of one experiment disagree in test_mrr: a/one, b/two; remove wrong ones"
        for run in ("a/one", "b/two")
    ]


def test_rounding_and_other_seeds_are_no_disagreement() -> None:
    assert len(without_disagreements(records(0.5, 0.5 + 1e-8)).runs) == 2
    assert len(without_disagreements(records(0.5, 0.6, seeds=(0, 1))).runs) == 2
