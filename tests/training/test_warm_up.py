"""The pass that only compiles."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from benchmark.models.tgn_attention import TGNAttention
from tests.disttgl.small import MODEL, small_system


def test_it_takes_one_event_and_changes_nothing() -> None:
    system = small_system(model={"dropout": 0.5})
    weights = [parameter.clone() for parameter in system.objective.parameters()]
    random = torch.get_rng_state()
    batches = []
    system.objective.register_forward_pre_hook(lambda module, inputs: batches.append(inputs[0]))
    system._warm_up(range(1))
    assert [(batch.events, batch.subgraph.num_roots) for batch in batches] == [(range(1), 3)]
    assert torch.equal(torch.get_rng_state(), random)
    for parameter, before in zip(system.objective.parameters(), weights, strict=True):
        assert torch.equal(parameter, before)
        assert parameter.grad is None


def test_a_weight_that_plays_no_part_is_named() -> None:
    class Forgetful(TGNAttention):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.forgotten = nn.Linear(2, 3)

    with pytest.raises(ValueError) as refused:
        small_system(network=partial(Forgetful, **MODEL))
    assert str(refused.value) == (
        "the loss does not depend on model.forgotten.weight, model.forgotten.bias, so that nothing "
        "is learned there: use every weight of the network, or remove it"
    )
