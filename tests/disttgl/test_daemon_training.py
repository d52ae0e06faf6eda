"""The same trajectory, bit for bit, with the daemon as with a replica in every process."""

from pathlib import Path

import pytest
import torch

from benchmark.models.node_state import NO_EVENT
from benchmark.training.processes import Processes
from tests.disttgl.small import small_system
from tests.disttgl.test_daemon import same_rows
from tests.disttgl.trajectory import Layout, Trajectory, train
from tests.worlds import Job, run_jobs


class TestTraining:
    """The same trajectory, bit for bit, as with a replica in every process."""

    @pytest.mark.parametrize("parallelism", ["1x1x1", "2x2x1", "1x2x2", "2x1x2"])
    def test_on_one_process(self, parallelism: str) -> None:
        replica, served = (
            train(Processes(), Layout(parallelism, 1, node_memory), 17)
            for node_memory in ("replica", "daemon")
        )
        assert_equal(replica, served)

    def test_on_two_processes(self, tmp_path: Path) -> None:
        layouts = [
            Layout(parallelism, 2, node_memory)
            for parallelism in ("2x2x1", "1x2x2", "2x1x2")
            for node_memory in ("replica", "daemon")
        ]
        jobs = [Job(2, train, (layout, 17)) for layout in layouts]
        results = run_jobs(jobs, tmp_path)
        for replica, served in zip(results[::2], results[1::2], strict=True):
            for rank in range(2):
                assert_equal(replica[rank], served[rank])

    def test_goes_on_from_a_checkpoint_as_if_nothing_had_been(self) -> None:
        straight = small_system("2x2x2", node_memory="daemon")
        losses = [[step.loss for step in straight.train_round()] for _ in range(2)]
        first = small_system("2x2x2", node_memory="daemon")
        for _ in first.train_round():
            pass
        state = first.state_dict()
        first.memory.close()
        second = small_system("2x2x2", node_memory="daemon")
        second.load_state_dict(state)
        assert [step.loss for step in second.train_round()] == losses[1]
        assert same_rows(second.memory.release(1), straight.memory.release(1))
        second.memory.close()
        straight.memory.close()


def assert_equal(one: Trajectory, other: Trajectory) -> None:
    assert torch.equal(one.losses, other.losses)
    assert torch.equal(one.weights, other.weights)
    assert one.metrics == other.metrics
    assert same_rows(one.memory, other.memory)
    assert (one.memory.mail_event != NO_EVENT).any()
