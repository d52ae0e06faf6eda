"""Classification by the DistTGL system: the same on any processes, better than a constant."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset, LabelKind
from benchmark.datasets.synthetic import Synthetic
from benchmark.protocol.evaluator import MajorityClass, evaluate_classes
from benchmark.protocol.walk import Sharing
from benchmark.storage.locations import Locations
from benchmark.training.processes import Processes
from benchmark.training.system import Goal
from tests.disttgl.small import BATCH_SIZE, small_dataset, small_system
from tests.models.closeness import assert_close
from tests.models.plain import PlainTGN
from tests.worlds import Job, run_jobs

GOALS = (Goal.EDGE_CLASSES, Goal.LINKS_AND_NODE_CLASSES)
MODEL = {"dropout": 0.0, "attention_dropout": 0.0}


def labelled() -> Dataset:
    dataset = small_dataset()
    dataset.stream.y = (dataset.stream.src + dataset.stream.dst) % 3
    return replace(dataset, label_kind=LabelKind.EDGE, num_classes=3)


@dataclass(frozen=True)
class Course:
    """Losses [iterations] of one process, its weights at the end, metrics after every round."""

    losses: Tensor
    weights: Tensor
    metrics: list[dict[str, float]]


def train(processes: Processes, parallelism: str, goal: Goal, num_rounds: int) -> Course:
    dataset = labelled()
    system = small_system(parallelism, processes, dataset=dataset, goal=goal)
    losses, metrics = [], []
    for _ in range(num_rounds):
        losses += [step.loss for step in system.train_round()]
        metrics.append(
            evaluate_classes(
                system,
                dataset,
                "validation",
                BATCH_SIZE,
                Sharing(processes.rank, processes.world_size, processes.sum),
            )
        )
    processes.barrier()
    system.close()
    parameters = [parameter.detach().flatten() for parameter in system.objective.parameters()]
    return Course(torch.stack(losses), torch.cat(parameters), metrics)


def test_processes_do_not_matter(tmp_path: Path) -> None:
    layouts = [("2x2x1", goal) for goal in GOALS] + [("1x1x2", Goal.EDGE_CLASSES)]
    jobs = [Job(2, train, (parallelism, goal, 1)) for parallelism, goal in layouts]
    for (parallelism, goal), courses in zip(layouts, run_jobs(jobs, tmp_path), strict=True):
        alone = train(Processes(), parallelism, goal, 1)
        total = torch.stack([course.losses for course in courses]).sum(0)
        torch.testing.assert_close(total, alone.losses, rtol=1e-9, atol=0)
        for course in courses:
            torch.testing.assert_close(course.weights, alone.weights, rtol=0, atol=1e-9)
            assert course.metrics == alone.metrics


@pytest.mark.parametrize("goal", GOALS)
def test_a_resumed_system_classifies_as_before(goal: Goal) -> None:
    dataset = labelled()
    first, second = (small_system(dataset=dataset, goal=goal) for _ in range(2))
    for _ in first.train_round():
        pass
    second.load_state_dict(first.state_dict())
    for system in (first, second):
        system.restart()
    events = dataset.batch(0, 10)
    assert torch.equal(first.classify(events), second.classify(events))


def test_logits_are_those_of_the_plain_model_in_the_middle_of_the_stream() -> None:
    dataset = labelled()
    system = small_system(dataset=dataset, goal=Goal.EDGE_CLASSES, model=MODEL)
    system.restart()
    plain = PlainTGN(system.model, dataset, system.visibility, system.evaluation.state)
    for start in range(0, 60, BATCH_SIZE):
        events = dataset.batch(start, start + BATCH_SIZE)
        system.observe(events)
        plain.observe(events)
    events = dataset.batch(60, 70)
    expected = [
        torch.stack(
            [
                plain.embedding(int(node), int(time), 60)
                for node, time in zip(nodes, events.t, strict=True)
            ]
        )
        for nodes in (events.src, events.dst)
    ]
    answers = system.evaluation.answer(events)
    assert_close(answers.pairs(), torch.cat(expected, dim=1).detach())
    assert_close(system.embed_sources(events), expected[0].detach())
    assert_close(system.classify(events), system.objective.logits(answers).detach())


@pytest.mark.parametrize("parallelism", ["1x1x1", "1x1x2"])
def test_memory_learns_what_the_majority_class_misses(parallelism: str, tmp_path: Path) -> None:
    """The label is the latest signal of the source: a memory knows it, but for the event's own.

    Three in four events have no signal, so that 7 / 8 of the labels can be known.
    """
    stream = Synthetic(num_nodes=40, num_events=1500, edge_dim=2).load(Locations(None, tmp_path))
    dataset = replace(stream, label_kind=LabelKind.EDGE)
    system = small_system(
        parallelism,
        dataset=dataset,
        goal=Goal.EDGE_CLASSES,
        batch_size=25,
        learning_rate=1e-2,
        precision="float32",
        model={"memory_dim": 16, "time_dim": 8, "embedding_dim": 16, **MODEL},
    )
    for _ in range(12 // system.epochs_per_round):
        for _ in system.train_round():
            pass
    found = evaluate_classes(system, dataset, "validation", 25)["f1_micro"]
    majority = evaluate_classes(MajorityClass(dataset), dataset, "validation", 25)["f1_micro"]
    assert majority < 0.65
    assert found > majority + 0.1
