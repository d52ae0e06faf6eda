"""The pass that only compiles."""

import torch

from tests.disttgl.small import small_system


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
