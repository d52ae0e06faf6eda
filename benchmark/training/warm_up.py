"""The first pass of a process, during which compilers run."""

import torch

from benchmark.models.node_state import NodeState
from benchmark.randomness import seeded
from benchmark.training.batch import BatchBuilder
from benchmark.training.objective import Objective


def warm_up(objective: Objective, builder: BatchBuilder, event: range, nobody: NodeState) -> None:
    """Go forward and backward over one ``event``, which counts nowhere.

    No clock shall see the compiler, also not after a resumption. ``nobody`` is the state of one
    node that nothing has happened to.
    """
    batch = builder.build(event, event, 0, 0)
    num_nodes = batch.subgraph.nodes.numel()
    state = NodeState(*(row.expand(num_nodes, *row.shape[1:]) for row in nobody))
    with seeded(state.memory.device, 0, "warm up"):
        loss, _ = objective(batch, state)
    torch.autograd.grad(loss, list(objective.parameters()))
