"""PyG's TGN on an accelerator, here a pretended one, computes what it does on a CPU."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import linear

from tests.baselines.toy import NUM_EVENTS, TRAIN_END, candidates_for, toy_system
from tests.pretend_device import DEVICE

CPU = torch.device("cpu")
AT_ONCE = 40


def trained(device: torch.device) -> list[Tensor]:
    """Losses of an epoch, and what a copy of the state scores in the batches after it."""
    # A device would draw other numbers for dropout.
    system, copy = (toy_system(device=device, model={"dropout": 0.0}) for _ in range(2))
    losses = [step.loss for step in system.train_round()]
    copy.load_state_dict(system.state_dict())
    scores = []
    for start in range(TRAIN_END, NUM_EVENTS - AT_ONCE, AT_ONCE):
        events = copy.dataset.batch(start, start + AT_ONCE)
        scores.append(copy.score(events, candidates_for(len(events))))
        copy.observe(events)
    return [tensor.cpu() for tensor in (torch.stack(losses), *scores)]


def gru_cell(cell: torch.nn.GRUCell, values: Tensor, memory: Tensor) -> Tensor:
    """The equations of ``GRUCell``, which torch has as one operation on CUDA only."""
    new = linear(values, cell.weight_ih, cell.bias_ih).chunk(3, 1)
    old = linear(memory, cell.weight_hh, cell.bias_hh).chunk(3, 1)
    reset, update = torch.sigmoid(new[0] + old[0]), torch.sigmoid(new[1] + old[1])
    proposed = torch.tanh(new[2] + reset * old[2])
    return proposed + update * (memory - proposed)


def test_a_device_computes_what_a_cpu_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.nn.GRUCell, "forward", gru_cell)
    there, here = trained(DEVICE), trained(CPU)
    assert len(there) == len(here) > 3
    for theirs, ours in zip(there, here, strict=True):
        torch.testing.assert_close(theirs, ours, rtol=0, atol=1e-5)
