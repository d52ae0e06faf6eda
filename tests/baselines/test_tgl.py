"""The TGL system as the training loop uses it, and beside DistTGL."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch import Tensor

import benchmark
from benchmark.baselines.tgl import TGLSystem
from benchmark.datasets.dataset import LabelKind
from benchmark.disttgl.system import DistTGLSystem
from benchmark.graph.past import Visibility
from benchmark.models.node_state import NodeState
from benchmark.protocol.evaluator import evaluate_links
from benchmark.protocol.walk import Sharing
from benchmark.runner.suites import expand
from benchmark.training.processes import Processes
from benchmark.training.system import Goal
from tests.baselines.tgl_toy import TRAIN_EVENTS, round_losses, tgl_system
from tests.disttgl.small import BATCH_SIZE, PROTOCOL, small_dataset, small_job, small_system
from tests.worlds import Job, run_jobs

CONF = Path(benchmark.__file__).parent / "conf"
AGREE = 1e-10  # relative, of float64
Trained = tuple[list[Tensor], Tensor, NodeState, list[dict[str, float]]]


def train(system: TGLSystem | DistTGLSystem, processes: Processes) -> Trained:
    """Losses, weights, memory and validation metrics of three rounds, evaluation in between."""
    losses, metrics = [], []
    dataset = small_dataset()
    sharing = Sharing(processes.rank, processes.world_size, processes.sum)
    for _ in range(3):
        losses += [step.loss for step in system.train_round()]
        memory = NodeState(*(field.clone() for field in system.evaluation.state))
        metrics.append(
            evaluate_links(
                system,
                dataset,
                "validation",
                PROTOCOL,
                BATCH_SIZE,
                sharing,
            )
        )
    weights = torch.cat([parameter.detach().flatten() for parameter in system.model.parameters()])
    return losses, weights, memory, metrics


def train_tgl(processes: Processes, parallelism: str, num_chunks: int) -> Trained:
    return train(tgl_system(parallelism, processes, num_chunks=num_chunks), processes)


def assert_agree(one: list[Trained], other: Trained) -> None:
    """The parts of several processes against the whole of one."""
    losses = torch.stack([torch.stack(losses) for losses, *_ in one]).sum(0)
    torch.testing.assert_close(losses, torch.stack(other[0]), rtol=AGREE, atol=0.0)
    for _, weights, memory, metrics in one:
        torch.testing.assert_close(weights, other[1], rtol=0.0, atol=AGREE)
        torch.testing.assert_close(memory, other[2], rtol=0.0, atol=AGREE)
        assert metrics == [pytest.approx(expected, rel=AGREE) for expected in other[3]]


@pytest.mark.parametrize("visibility", list(Visibility))
@pytest.mark.parametrize("parallelism", ["1x1x1", "2x1x1", "8x1x1"])
def test_with_its_options_set_alike_disttgl_computes_the_same(
    parallelism: str, visibility: Visibility
) -> None:
    """With dropout, a short last batch, and trainers that it leaves without events."""
    protocol = replace(PROTOCOL, visibility=visibility)
    tgl = tgl_system(parallelism, loss="softmax", learning_rate_scale="linear", protocol=protocol)
    disttgl = small_system(parallelism, protocol=protocol)
    assert_agree([train(tgl, Processes())], train(disttgl, Processes()))


@pytest.mark.parametrize("goal", [Goal.EDGE_CLASSES, Goal.LINKS_AND_NODE_CLASSES])
def test_classes_are_learned_as_by_disttgl(goal: Goal) -> None:
    dataset = small_dataset()
    dataset.stream.y = dataset.stream.src % 3
    dataset = replace(dataset, label_kind=LabelKind.EDGE, num_classes=3)
    tgl = tgl_system("2x1x1", dataset=dataset, goal=goal, learning_rate_scale="linear")
    disttgl = small_system("2x1x1", dataset=dataset, goal=goal)
    losses, expected = ([step.loss for step in s.train_round()] for s in (tgl, disttgl))
    torch.testing.assert_close(losses, expected, rtol=AGREE, atol=0.0)
    events = dataset.batch(TRAIN_EVENTS, TRAIN_EVENTS + 8)
    found = (tgl.classify(events), tgl.embed_sources(events))
    others = (disttgl.classify(events), disttgl.embed_sources(events))
    torch.testing.assert_close(found, others, rtol=0.0, atol=AGREE)
    tgl.restart()
    assert not tgl.evaluation.state.memory.any()


@pytest.mark.parametrize("changed", [{"loss": "softmax"}, {"learning_rate_scale": "linear"}])
def test_either_option_matters(changed: dict[str, str]) -> None:
    assert round_losses(tgl_system("2x1x1", **changed)) != round_losses(tgl_system("2x1x1"))


def test_several_processes_compute_what_one_does(tmp_path: Path) -> None:
    """Two trainers on each, the last of them without events at the end, and one on each."""
    settings = [("4x1x1", 1), ("2x1x1", 5)]
    results = run_jobs([Job(2, train_tgl, one) for one in settings], tmp_path)
    for (parallelism, num_chunks), result in zip(settings, results, strict=True):
        assert_agree(result, train_tgl(Processes(), parallelism, num_chunks))
        for _, weights, *_ in result:
            assert torch.equal(weights, result[0][1])


def test_chunks_cut_every_round_elsewhere_and_lose_no_event() -> None:
    system = tgl_system("2x1x1", num_chunks=20)
    rounds = [[step.num_events for step in system.train_round()] for _ in range(4)]
    assert [sum(events) for events in rounds] == [TRAIN_EVENTS] * 4
    assert {len(events) for events in rounds} == {system.iterations_per_round} == {8}
    assert len({events[0] for events in rounds}) > 1
    assert (system.evaluation.state.mail_event >= 0).sum() == 28  # all nodes that have events


def test_an_iteration_without_events_changes_nothing() -> None:
    """Global batches of 135 in 135 chunks: a whole first batch leaves the last one empty."""
    system = tgl_system("1x1x1", batch_size=TRAIN_EVENTS, num_chunks=TRAIN_EVENTS)
    in_round = system.iterations_per_round
    while system.schedule.first_size(system.iteration // in_round) != TRAIN_EVENTS:
        system.iteration += in_round
    steps = system.train_round()
    assert next(steps).num_events == TRAIN_EVENTS
    before = [parameter.clone() for parameter in system.model.parameters()]
    memory = system.memory.snapshot()
    assert tuple(next(steps)) == (torch.zeros(()), 0)
    for parameter, expected in zip(system.model.parameters(), before, strict=True):
        assert torch.equal(parameter, expected)
    for field, expected in zip(system.memory.snapshot(), memory, strict=True):
        assert torch.equal(field, expected)


def test_a_resumed_system_trains_on_bit_for_bit() -> None:
    system = tgl_system("2x1x1", num_chunks=5)
    round_losses(system)
    file = BytesIO()
    torch.save(system.state_dict(), file)
    expected = round_losses(system)
    file.seek(0)
    resumed = tgl_system("2x1x1", num_chunks=5)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert round_losses(resumed) == expected


def test_evaluation_leaves_training_alone() -> None:
    one, other = tgl_system("2x1x1"), tgl_system("2x1x1")
    assert round_losses(one) == round_losses(other)
    evaluate_links(one, small_dataset(), "validation", PROTOCOL, BATCH_SIZE)
    assert round_losses(one) == round_losses(other)


@pytest.mark.parametrize("parallelism", ["1x2x1", "1x1x2", "2x2x2"])
def test_epoch_and_memory_parallelism_are_refused(parallelism: str) -> None:
    with pytest.raises(ValueError, match=rf"j=1 and parallelism.k=1, not {parallelism}; choose"):
        tgl_system(parallelism)


def test_an_unknown_loss_is_refused() -> None:
    with pytest.raises(ValueError, match=r"system\.loss is 'hinge'; choose one of binary, softmax"):
        tgl_system(loss="hinge")


def test_the_configuration_is_that_of_the_released_code(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        f"hydra: {{searchpath: ['file://{CONF}']}}\n"
        "defaults: [_self_, {model: none}, {system: none}]\n"
    )
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        config = compose("config", ["system=tgl", "model.memory_dim=8"])
    assert config.system == {
        "_target_": "benchmark.baselines.tgl.TGLSystem",
        "sampler": "strict",
        "loss": "binary",
        "learning_rate_scale": "none",
        "precision": "float32",
        "num_chunks": 1,
    }
    system = instantiate(config.system, _partial_=True)(
        job=small_job(network=instantiate(config.model))
    )
    assert system.memory.state.memory.shape[1] == system.model.memory_dim == 8


def test_the_scaling_suite_has_tgl_at_every_size() -> None:
    experiments = expand(["suite=scaling", "system=tgl", "suite.fit_hardware=false"]).experiments
    layouts = [(str(one.parallelism), one.processes) for one in experiments]
    assert layouts == [(f"{n}x1x1", n) for n in (1, 2, 4, 8)]
