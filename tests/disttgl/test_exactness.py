"""What n logical trainers compute does not depend on how many processes host them."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmark.disttgl.system import NODE_MEMORIES
from benchmark.training.gradients import GRADIENT_SUMS
from tests.disttgl.trajectory import Layout, Trajectory, stop_and_go_on, train
from tests.worlds import Job, run_jobs

PARALLELISMS = ("8x1x1", "1x8x1", "1x1x8", "2x2x2", "1x2x4")
TOLERANCES = {"float64": 1e-9, "float32": 2e-5}  # where the order of summation may differ
# Training enlarges roundings: until here two orders of summation in float32 are 4e-6 apart, after
# 60 iterations 7e-3, and by then float32 has left float64 by 1e-1.
FLOAT32_ITERATIONS = 30
SWAPPED = 2e-4  # of a metric of 40 events, where two scores change places that rounding parts

Run = tuple[Layout, int]  # the same layout may run more than once
Results = dict[Run, list[Trajectory]]  # of every process
Resumed = dict[Layout, list[tuple[Tensor, Tensor]]]  # losses without and with a stop


def representative_runs() -> list[Run]:
    """Every parallelism on one process and on as many as share a copy in different ways."""
    layouts = [Layout(parallelism, size) for parallelism in PARALLELISMS for size in (1, 4)]
    layouts += [Layout("8x1x1", 2), Layout("1x2x4", 2)]
    layouts += [Layout("8x1x1", 2, network=True), Layout("2x2x2", 4, network=True)]
    layouts.append(Layout("1x3x2", 3, "replica", "float32", "ordered", network=True))
    layouts += [Layout("2x2x2", size, precision="float32") for size in (1, 4)]
    layouts += [
        Layout(parallelism, size, node_memory)
        for node_memory in NODE_MEMORIES
        if node_memory != "replica"
        for parallelism, size in (("2x2x2", 4), ("1x2x4", 2))
    ]
    layouts += [
        Layout(parallelism, size, precision=precision, gradient_sum="ordered")
        for parallelism, precision in (
            ("2x2x2", "float32"),
            ("1x2x4", "float64"),
            ("1x3x2", "float32"),
        )
        for size in (1, 2)
    ]
    layouts.append(Layout("1x3x2", 3, precision="float32", gradient_sum="ordered"))
    return [(layout, 0) for layout in layouts] + [(Layout("2x2x2", 4), 1)]


def all_runs() -> list[Run]:
    """Everything on 1, 2, 4 and 8 processes, and each layout on 4 of them once more."""
    return [
        (Layout(parallelism, size, node_memory, precision, gradient_sum), repeat)
        for gradient_sum in GRADIENT_SUMS
        for parallelism in PARALLELISMS
        for node_memory in NODE_MEMORIES
        for precision in TOLERANCES
        for size, repeat in ((1, 0), (2, 0), (4, 0), (4, 1), (8, 0))
    ]


def iterations_compared(layout: Layout, most: int) -> int:
    """All, unless the order of summation may differ in float32."""
    if layout.precision == "float32" and layout.gradient_sum != "ordered":
        return min(most, FLOAT32_ITERATIONS)
    return most


def train_all(runs: list[Run], num_iterations: int, folder: Path) -> tuple[Results, Resumed]:
    """All runs; and with a stop a layout that has copies in mid-pass and inputs read ahead."""
    stopped = [Layout("1x2x2", 4, node_memory, "float32") for node_memory in NODE_MEMORIES]
    stopped.append(replace(stopped[0], network=True))
    jobs = [
        Job(layout.world_size, train, (layout, iterations_compared(layout, num_iterations)))
        for layout, _ in runs
    ]
    jobs += [Job(layout.world_size, stop_and_go_on, (layout,)) for layout in stopped]
    results = run_jobs(jobs, folder)
    trained, resumed = results[: len(runs)], results[len(runs) :]
    return dict(zip(runs, trained, strict=True)), dict(zip(stopped, resumed, strict=True))


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Resumed]:
    """Enough iterations to cross the end of every round, of 21 iterations in the longest."""
    return train_all(representative_runs(), 17, tmp_path_factory.mktemp("few"))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Resumed]:
    return train_all(all_runs(), 60, tmp_path_factory.mktemp("many"))


def assert_alike(results: Results, swapped: float = 0.0) -> None:
    """Every run equals that of one process with replicated memory; ordered sums bit for bit.

    Where the order of summation may differ in float32, metrics may differ by ``swapped``.
    """
    assert len(results) > len(PARALLELISMS)
    for (layout, repeat), processes in results.items():
        ordered = layout.gradient_sum == "ordered"
        reference = replace(layout, world_size=1, node_memory="replica", network=False)
        tolerance = 0.0 if ordered else TOLERANCES[layout.precision]
        of_metrics = max(tolerance, swapped) if tolerance == TOLERANCES["float32"] else tolerance
        assert_same_trajectory(processes, results[reference, 0][0], layout, tolerance, of_metrics)
        for process in processes:
            assert torch.equal(process.weights, processes[0].weights), layout
        if repeat:
            assert_bitwise_equal(processes, results[layout, 0], layout)


def assert_same_trajectory(
    processes: list[Trajectory],
    expected: Trajectory,
    layout: Layout,
    tolerance: float,
    of_metrics: float,
) -> None:
    """The processes' parts add up to the losses of one process; the rest each has in full."""
    losses = torch.stack([process.losses.double() for process in processes]).sum(0)
    assert torch.allclose(losses, expected.losses.double(), rtol=tolerance, atol=0.0), layout
    counts = [sum(parts) for parts in zip(*(p.num_events for p in processes), strict=True)]
    assert counts == expected.num_events, layout
    for process in processes:
        assert len(process.metrics) == len(expected.metrics) > 0
        for mine, other in zip(process.metrics, expected.metrics, strict=True):
            assert mine == pytest.approx(other, rel=of_metrics, abs=0), layout
        if tolerance == 0 or layout.precision == "float64":  # Adam enlarges float32's roundings
            torch.testing.assert_close(process.weights, expected.weights, rtol=0, atol=tolerance)
            torch.testing.assert_close(process.memory, expected.memory, rtol=0, atol=tolerance)


def assert_bitwise_equal(
    processes: list[Trajectory], others: list[Trajectory], layout: Layout
) -> None:
    for process, other in zip(processes, others, strict=True):
        assert torch.equal(process.losses, other.losses), layout
        assert torch.equal(process.weights, other.weights), layout
        assert process.metrics == other.metrics, layout
        for values, expected in zip(process.memory, other.memory, strict=True):
            assert torch.equal(values, expected), layout


def assert_resumed_bit_for_bit(resumed: Resumed) -> None:
    for layout, processes in resumed.items():
        for whole, with_a_stop in processes:
            assert torch.equal(whole, with_a_stop), layout


def test_a_representative_choice_of_layouts(few: tuple[Results, Resumed]) -> None:
    assert_alike(few[0])


def test_processes_resume_bit_for_bit(few: tuple[Results, Resumed]) -> None:
    assert_resumed_bit_for_bit(few[1])


@pytest.mark.parametrize("parallelism", PARALLELISMS)
def test_the_share_of_every_trainer_in_loss_and_events(
    few: tuple[Results, Resumed], parallelism: str
) -> None:
    """Losses are means over events near log 2, and every trainer's events are counted."""
    trajectory = few[0][Layout(parallelism, 1), 0][0]
    full = 80  # events of 8 trainers
    assert max(trajectory.num_events) == full
    complete = torch.tensor(trajectory.num_events) == full
    assert float((trajectory.losses[complete] - 0.7).abs().max()) < 0.4


@pytest.mark.slow
def test_all_layouts_backends_and_precisions(many: tuple[Results, Resumed]) -> None:
    assert_alike(many[0], SWAPPED)
    assert_resumed_bit_for_bit(many[1])
