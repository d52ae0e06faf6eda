"""Negative samplers by name, and what is refused of one of a user's own."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate

import benchmark
from benchmark.graph.past import Visibility
from benchmark.protocol.link_protocol import SAMPLERS, LinkProtocol, sampler_class
from benchmark.protocol.negatives import NO_NODE, NegativePool, RandomNegatives
from benchmark.runner.compose import compose_settings
from tests.protocol.streams import candidates_of, protocol_with, random_dataset

CONF = Path(benchmark.__file__).parent / "conf" / "protocol"
VALID = {
    "name": "mine",
    "visibility": "event",
    "num_negatives": 49,
    "negative_pool": "nodes",
    "seed": 0,
    "primary_metric": "ap",
}


@pytest.mark.parametrize(
    ("name", "visibility", "num_negatives", "pool", "primary_metric"),
    [
        ("disttgl", Visibility.EVENT, 49, NegativePool.BIPARTITE, "mrr"),
        ("tgl", Visibility.EVENT, 1, NegativePool.NODES, "ap"),
        ("tgn", Visibility.EVENT, 1, NegativePool.DESTINATIONS, "ap"),
        ("tgb", Visibility.BATCH, 999, NegativePool.DESTINATIONS, "mrr"),
    ],
)
def test_the_four_protocols(name, visibility, num_negatives, pool, primary_metric):
    protocol = instantiate(compose_settings([f"protocol={name}"])["protocol"])
    expected = LinkProtocol(name, visibility, num_negatives, pool, 0, primary_metric)
    assert protocol == replace(expected, inductive=name == "tgn")
    assert protocol.negative_sampling == "random"
    assert isinstance(protocol.visibility, Visibility)
    assert isinstance(protocol.negative_pool, NegativePool)


def test_there_are_no_others():
    assert {path.stem for path in CONF.glob("*.yaml")} == {"disttgl", "tgl", "tgn", "tgb"}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("visibility", "all", "visibility must be one of event, batch, not 'all'"),
        (
            "negative_pool",
            "sources",
            "negative_pool must be one of destinations, nodes, bipartite, not 'sources'",
        ),
        (
            "negative_sampling",
            "hard",
            "must be one of random, historical, inductive, tgb, not 'hard'",
        ),
        ("primary_metric", "f1", r"primary_metric must be one of mrr, .*hits@10, not 'f1'"),
        ("num_negatives", 0, "num_negatives must be a whole number of at least 1, not 0"),
        ("num_negatives", 1.5, "num_negatives must be a whole number of at least 1, not 1.5"),
        ("num_negatives", "many", "at least 1, not 'many'"),
        ("seed", -1, "seed must be a whole number of at least 0, not -1"),
    ],
)
def test_a_wrong_choice_is_refused_in_one_sentence(field, value, message):
    with pytest.raises(ValueError, match=f"^protocol 'mine': .*{message}"):
        LinkProtocol(**(VALID | {field: value}))


DATASET = random_dataset(1000)
IDS = torch.arange(100, 130)


class Given(RandomNegatives):
    """Gives whatever the test asks for."""

    rows: torch.Tensor

    def evaluation(self, events, split):
        return self.rows


def test_every_word_names_a_sampler():
    for name in SAMPLERS:
        assert sampler_class(name) is SAMPLERS[name]


def test_a_class_of_ones_own_is_named_by_its_place():
    negatives = protocol_with(3, negative_sampling=f"{__name__}.Given").negatives(DATASET)
    assert type(negatives) is Given
    assert (negatives.dataset.name, negatives.protocol.num_negatives) == ("toy", 3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hard", "protocol 'toy': negative_sampling must be one of random, historical, induct"),
        ("no_such.Sampler", r"class no_such\.Sampler, which cannot be imported"),
        (f"{__name__}.Nobody", r"test_link_protocol\.Nobody, which cannot be imported"),
        (f"{__name__}.random_dataset", "which cannot be imported"),
        (f"{__name__}.torch.Tensor", r"torch\.Tensor, which is no NegativeSampler"),
    ],
)
def test_a_name_of_none_is_refused(name, message):
    with pytest.raises(ValueError, match=message) as refused:
        protocol_with(3, negative_sampling=name)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (torch.full((29, 2), 200), r"shape \(29, 2\) for 30 events; it must give one row"),
        (torch.full((30,), 200), r"shape \(30,\) for 30 events"),
        (torch.full((30, 2), 300), "the negative 300, which is none of the 300 nodes of data set"),
        (torch.full((30, 2), -2), "the negative -2, which is none"),
        (torch.tensor([[NO_NODE, 0]] * 30), "a row in which a negative follows NO_NODE"),
        (DATASET.stream.dst[IDS, None], "Given gave event 100 its own destination as a negative"),
    ],
)
def test_negatives_that_break_the_contract_are_refused(monkeypatch, rows, message):
    monkeypatch.setattr(Given, "rows", rows, raising=False)
    with pytest.raises(ValueError, match=message):
        candidates_of(DATASET, protocol_with(3, negative_sampling=f"{__name__}.Given"), IDS)


def test_rows_of_any_length_are_taken(monkeypatch):
    rows = torch.tensor([[0, 1], [2, NO_NODE], [NO_NODE, NO_NODE]] * 10)
    monkeypatch.setattr(Given, "rows", rows, raising=False)
    protocol = protocol_with(3, negative_sampling=f"{__name__}.Given")
    assert torch.equal(candidates_of(DATASET, protocol, IDS)[:, 1:], rows)
