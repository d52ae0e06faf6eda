"""One training trajectory as numbers that can be compared."""

from contextlib import nullcontext
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from unittest.mock import patch

import torch
from torch import Tensor

from benchmark.disttgl.system import DistTGLSystem
from benchmark.models.node_state import NodeState
from benchmark.protocol.evaluator import evaluate_links
from benchmark.protocol.walk import Sharing
from benchmark.training import shared_tables
from benchmark.training.processes import Processes
from benchmark.training.system import Step
from tests.disttgl.small import BATCH_SIZE, PROTOCOL, small_dataset, small_system


@dataclass(frozen=True)
class Layout:
    """Which system is trained on how many processes."""

    parallelism: str
    world_size: int
    node_memory: str = "replica"
    precision: str = "float64"
    gradient_sum: str = "overlapped"
    network: bool = False  # as if every process were on a machine of its own


@dataclass(frozen=True)
class Trajectory:
    """What one process saw: ``losses`` [iterations] are its part, everything else is the whole."""

    losses: Tensor
    num_events: list[int]
    metrics: list[dict[str, float]]  # of validation, after every whole round
    weights: Tensor
    memory: NodeState  # of the first copy, after the last whole round


def built(layout: Layout, processes: Processes) -> DistTGLSystem:
    """The system of ``layout`` on the small data set."""
    apart = patch.object(shared_tables, "machine_identity", lambda: str(processes.rank))
    with apart if layout.network else nullcontext():
        return small_system(
            layout.parallelism,
            processes,
            precision=layout.precision,
            node_memory=layout.node_memory,
            gradient_sum=layout.gradient_sum,
        )


def train(processes: Processes, layout: Layout, num_iterations: int) -> Trajectory:
    """Train ``num_iterations``, or past the first round if that is more; evaluate every round."""
    dataset, system = small_dataset(), built(layout, processes)
    num_iterations = max(num_iterations, system.iterations_per_round + 2)
    steps: list[Step] = []
    metrics = []
    while len(steps) < num_iterations:
        training = system.train_round()
        steps += islice(training, num_iterations - len(steps))
        if len(steps) % system.iterations_per_round == 0:
            assert next(training, None) is None  # the round ends after its last step
            memory = NodeState(*(field.clone() for field in system.evaluation.state))
            metrics.append(
                evaluate_links(
                    system,
                    dataset,
                    "validation",
                    PROTOCOL,
                    BATCH_SIZE,
                    Sharing(processes.rank, processes.world_size, processes.sum),
                )
            )
    processes.barrier()  # nobody leaves while others still train
    system.memory.close()
    return Trajectory(
        torch.stack([step.loss for step in steps]),
        [step.num_events for step in steps],
        metrics,
        torch.cat([parameter.detach().flatten() for parameter in system.model.parameters()]),
        memory,
    )


def stop_and_go_on(processes: Processes, layout: Layout) -> tuple[Tensor, Tensor]:
    """Losses of the second round [iterations]: without a stop, and by a new system that resumes."""
    system = built(layout, processes)
    for _ in system.train_round():
        pass
    file = BytesIO()
    torch.save(system.state_dict(), file)
    whole = torch.stack([step.loss for step in system.train_round()])
    processes.barrier()
    system.memory.close()
    file.seek(0)
    system = built(layout, processes)
    system.load_state_dict(torch.load(file, weights_only=True))
    resumed = torch.stack([step.loss for step in system.train_round()])
    processes.barrier()
    system.memory.close()
    return whole, resumed
