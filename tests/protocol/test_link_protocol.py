from dataclasses import replace
from pathlib import Path

import pytest
from hydra.utils import instantiate

import benchmark
from benchmark.compose import compose_settings
from benchmark.graph.visibility import Visibility
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.pool import NegativePool

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
    protocol = instantiate(compose_settings([f"protocol={name}"]).protocol)
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
