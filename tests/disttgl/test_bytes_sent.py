"""What crosses between processes: gradients where no copy is shared, else the rows written too."""

import pytest
from torch import Tensor

from benchmark.disttgl.memory.backend import Turn
from benchmark.models.node_state import WORD, NodeState, RowLayout
from benchmark.training.processes import Processes
from tests.disttgl.small import small_system
from tests.worlds import Job, run_jobs

LAYOUTS = (("1x1x2", "replica"), ("1x1x2", "daemon"), ("1x1x2", "sharded"), ("2x1x1", "replica"))
Sent = tuple[dict[str, int], int, int]  # bytes by purpose, those of the gradients, rows written


def train(processes: Processes, parallelism: str, node_memory: str) -> Sent:
    """A round of a small system: what its counters say, and what it must have sent."""
    system = small_system(parallelism, processes, precision="float32", node_memory=node_memory)
    memory, rows = system.memory, [0]
    write = memory.write

    def counted(turn: Turn, nodes: Tensor, values: NodeState) -> None:
        rows[0] += nodes.numel()
        write(turn, nodes, values)

    memory.write = counted  # type: ignore[method-assign]
    iterations = sum(1 for _ in system.train_round())
    weights = sum(parameter.nbytes for parameter in system.learner.gradients.loss.parameters())
    processes.barrier()
    memory.close()
    return dict(processes.bytes_sent), iterations * weights, rows[0]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], list[Sent]]:
    jobs = [Job(2, train, layout) for layout in LAYOUTS]
    return dict(zip(LAYOUTS, run_jobs(jobs, tmp_path_factory.mktemp("sent")), strict=True))


@pytest.mark.parametrize("node_memory", ["replica", "daemon"])
def test_memory_parallelism_sends_weights_only(
    sent: dict[tuple[str, str], list[Sent]], node_memory: str
) -> None:
    """Its copies stay where they are (DistTGL, Table 1)."""
    for by_purpose, weights, _ in sent["1x1x2", node_memory]:
        assert weights <= sum(by_purpose.values()) <= 1.05 * weights


def test_replicas_of_a_shared_copy_send_the_rows_written(
    sent: dict[tuple[str, str], list[Sent]],
) -> None:
    """An id and a row each, to the one other process, whatever the table could hold."""
    width = RowLayout(small_system(precision="float32").memory.release(0)).num_words
    for by_purpose, _, rows in sent["2x1x1", "replica"]:
        assert by_purpose["node_memory"] == rows * (width + 1) * WORD.itemsize > 0


def test_sharding_sends_node_memory_beside_the_same_weights(
    sent: dict[tuple[str, str], list[Sent]],
) -> None:
    for by_purpose, weights, _ in sent["1x1x2", "sharded"]:
        assert by_purpose["gradients"] == weights
        assert by_purpose["node_memory"] > 0
