"""Kept runs over links: the counts agree with the interface, the prediction with what it was not
fitted on."""

import pandas as pd
import pytest

from benchmark.records.reader import Records
from benchmark.records.selection import select
from paper_figures.machines import FITTED_ON, PURPOSES, draw_links, over_links

COUNTED = [name for name in PURPOSES if name != "megabytes.interface"]


@pytest.fixture(scope="module")
def links(reference: Records) -> pd.DataFrame:
    (group,), _ = select(draw_links.rule, reference)
    return over_links(group)


def test_every_layout_is_kept_over_every_link(links: pd.DataFrame) -> None:
    assert links.groupby("link")["series"].nunique().tolist() == [4] * 4
    assert (links["num_runs"] == 3).all()


def test_the_interface_sent_what_was_counted(links: pd.DataFrame) -> None:
    """Headers and acknowledgements come on top, of 66 bytes to each packet of 1,448."""
    excess = links["megabytes.interface"] / links[COUNTED].sum(axis=1) - 1
    assert excess.between(0, 0.07).all()


def test_copies_that_stay_send_weights_only(links: pd.DataFrame) -> None:
    local = links[links["series"] == "1x1x2 daemon"]
    assert (local["megabytes.node_memory"] == 0).all()
    assert local["megabytes.gradients"].nunique() == 1


def test_bytes_and_rates_predict_links_that_nothing_was_fitted_on(links: pd.DataFrame) -> None:
    others = links[links["link"] != FITTED_ON]
    errors = (others["predicted"] / others["iteration_ms"] - 1).abs()
    assert len(errors) == 12
    assert errors.median() < 0.15
    assert errors.max() < 0.35
