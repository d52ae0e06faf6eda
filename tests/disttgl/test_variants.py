"""Networks other than the one that DistTGL comes with, under i x j x k."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from benchmark.baselines.tgl import TGLSystem
from benchmark.datasets.dataset import Dataset, LabelKind
from benchmark.disttgl.system import DistTGLSystem
from benchmark.models.apan import APAN
from benchmark.models.contract import TemporalModel
from benchmark.models.dygformer import DyGFormer
from benchmark.models.dysat import DySAT
from benchmark.models.graph_mixer import GraphMixer
from benchmark.models.jodie import JODIE
from benchmark.models.tgat import TGAT
from benchmark.models.tpnet import TPNet
from benchmark.protocol.evaluator import evaluate_links
from benchmark.training.processes import Processes
from benchmark.training.system import Goal
from tests.disttgl.small import BATCH_SIZE, PROTOCOL, small_dataset, small_job
from tests.worlds import Job, run_jobs

SIZES = {"node_dim": 6, "embedding_dim": 8, "num_neighbors": 4, "num_heads": 2}
ATTENTION_FREE = {"node_dim": 6, "time_dim": 6, "embedding_dim": 8, "num_neighbors": 4}
PAIRS = {"node_dim": 6, "time_dim": 6, "embedding_dim": 8, "dropout": 0.1}
NETWORKS: dict[str, Callable[..., TemporalModel]] = {
    "jodie": partial(JODIE, memory_dim=7, time_dim=6),
    "apan": partial(APAN, memory_dim=16, time_dim=5, num_neighbors=4, mailbox_size=3),
    "tgat": partial(TGAT, **SIZES, time_dim=6),  # type: ignore[arg-type]
    "dysat": partial(DySAT, **SIZES, snapshot_duration=20),  # type: ignore[arg-type]
    "dygformer": partial(DyGFormer, **PAIRS, channel_dim=4, sequence_length=5),  # type: ignore[arg-type]
    "tpnet": partial(TPNet, **PAIRS, num_neighbors=4, projection_factor=2),  # type: ignore[arg-type]
    "graph_mixer": partial(GraphMixer, **ATTENTION_FREE),  # type: ignore[arg-type]
}
LEARNING_RATE = 1e-2
LAYOUTS = ("2x1x1", "1x2x1", "1x1x2")


def system_of(
    network: Callable[..., TemporalModel],
    parallelism: str,
    processes: Processes = Processes(),  # noqa: B008 - frozen
    dataset: Dataset | None = None,
    node_memory: str = "replica",
    precision: str = "float64",
) -> DistTGLSystem:
    """A small DistTGL that trains ``network``."""
    return DistTGLSystem(
        small_job(
            parallelism, processes, dataset=dataset, network=network, learning_rate=LEARNING_RATE
        ),
        sampler="strict",
        num_training_negatives=1,
        loss="softmax",
        learning_rate_scale="none",
        precision=precision,
        node_memory=node_memory,
    )


def round_losses(system: DistTGLSystem) -> torch.Tensor:
    return torch.stack([step.loss for step in system.train_round()])


@pytest.mark.parametrize("name", NETWORKS)
def test_narrow_products_train_every_network_alike(name: str) -> None:
    """The first three losses: before a gradient, after one and after two."""
    exact, narrow = (
        round_losses(system_of(NETWORKS[name], "1x1x1", precision=precision))[:3]
        for precision in ("float32", "bfloat16_emulated")
    )
    assert narrow.dtype == torch.float32
    assert not torch.equal(narrow, exact)
    assert torch.allclose(narrow[0], exact[0], rtol=1e-3)
    assert torch.allclose(narrow, exact, rtol=1e-2)


def rule() -> Dataset:
    """Four nodes are the destinations of everything, and candidates are drawn from thirty."""
    dataset = small_dataset()
    dataset.stream.dst %= 4
    return dataset


@pytest.mark.parametrize(
    ("name", "layout"),
    [
        ("jodie", "2x1x1"),
        ("jodie", "1x2x2"),  # the end of a round trains batches that memory already holds
        ("apan", "1x1x2"),
        ("apan", "2x2x1"),
        ("tgat", "1x2x1"),
        ("graph_mixer", "1x1x2"),
        ("dysat", "2x1x1"),
        ("dygformer", "2x1x1"),
        ("dygformer", "1x1x2"),
        ("tpnet", "2x2x1"),
    ],
)
def test_every_network_learns_a_rule(name: str, layout: str) -> None:
    dataset = rule()
    system = system_of(NETWORKS[name], layout, dataset=dataset)
    losses: list[float] = []

    def learned() -> bool:
        """Train one more round."""
        losses.append(float(round_losses(system).mean()))
        return losses[-1] < 0.75 * losses[0] and _mrr(system, dataset) > 0.5

    assert any(learned() for _ in range(10)), losses


def _mrr(system: DistTGLSystem, dataset: Dataset) -> float:
    return evaluate_links(system, dataset, "validation", PROTOCOL, BATCH_SIZE)["mrr"]


@pytest.mark.parametrize("name", ["tgat", "apan", "tpnet"])
def test_a_node_state_of_any_width_fits_every_node_memory(name: str) -> None:
    """Without memory only times and events of the mails travel; with a mailbox, several mails."""
    losses = []
    for node_memory in ("replica", "daemon", "sharded"):
        system = system_of(NETWORKS[name], "1x1x2", node_memory=node_memory)
        losses.append(round_losses(system))
        system.close()
    assert torch.equal(losses[0], losses[1])
    assert torch.equal(losses[0], losses[2])


@pytest.mark.parametrize("layout", ["1x1x1", "2x1x1"])
@pytest.mark.parametrize("name", ["tgat", "dysat", "apan", "dygformer", "tpnet"])
def test_tgl_trains_every_kind_of_network_as_disttgl_does(name: str, layout: str) -> None:
    disttgl = system_of(NETWORKS[name], layout)
    tgl = TGLSystem(
        small_job(layout, network=NETWORKS[name], learning_rate=LEARNING_RATE),
        sampler="strict",
        loss="softmax",
        learning_rate_scale="none",
        precision="float64",
        num_chunks=1,
    )
    losses = torch.stack([step.loss for step in tgl.train_round()])
    torch.testing.assert_close(losses, round_losses(disttgl), rtol=1e-10, atol=0.0)
    validate = partial(
        evaluate_links,
        dataset=small_dataset(),
        split="validation",
        protocol=PROTOCOL,
        batch_size=BATCH_SIZE,
    )
    assert validate(tgl) == pytest.approx(validate(disttgl), rel=1e-10)


def test_a_sum_of_mails_does_not_depend_on_who_trains_their_events() -> None:
    """Walks are no function of the weights: two trainers leave what one of twice the batch does."""
    dataset = small_dataset()
    states = []
    for layout, batch_size in (("1x1x1", 2 * BATCH_SIZE), ("2x1x1", BATCH_SIZE)):
        job = small_job(layout, dataset=dataset, network=NETWORKS["tpnet"], batch_size=batch_size)
        system = DistTGLSystem(job, precision="float64")
        round_losses(system)
        states.append(system.snapshot())
    for one, other in zip(*states, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=0)
    assert states[0].memory.count_nonzero() > 900


@pytest.mark.parametrize(
    ("name", "layout", "enough"), [("dygformer", "1x1x1", 0.8), ("tpnet", "2x1x2", 0.95)]
)
def test_pairs_tell_the_class_of_an_event(name: str, layout: str, enough: float) -> None:
    """The destination's parity is the class, which its features or its neighbours' tell."""
    dataset = small_dataset()
    dataset.stream.y = dataset.stream.dst % 2
    dataset = replace(dataset, label_kind=LabelKind.EDGE, num_classes=2)
    features = torch.eye(30)
    dataset = replace(dataset, node_features=features)
    job = small_job(
        layout,
        dataset=dataset,
        network=NETWORKS[name],
        learning_rate=LEARNING_RATE,
        goal=Goal.EDGE_CLASSES,
    )
    system = DistTGLSystem(job, precision="float64", learning_rate_scale="none")
    losses = [float(round_losses(system).mean()) for _ in range(6)]
    assert losses[-1] < enough * losses[0]
    events = dataset.batch(135, 145)
    assert system.classify(events).shape == (10, 2)


def test_static_memory_joins_a_network_without_memory() -> None:
    network = NETWORKS["tgat"](edge_features=small_dataset().stream.msg)
    rows = torch.randn(30, network.node_dim, generator=torch.Generator().manual_seed(0))
    nodes = torch.tensor([4, 2])
    nothing = torch.zeros(2, 0)
    assert torch.equal(network.add_static(nothing, nodes), torch.zeros(2, 6))
    network.use_static_memory(rows)
    assert torch.equal(network.add_static(nothing, nodes), rows[nodes])


def losses_of(
    processes: Processes, name: str, layout: str, node_memory: str = "replica"
) -> torch.Tensor:
    system = system_of(NETWORKS[name], layout, processes, node_memory=node_memory)
    losses = round_losses(system)
    processes.barrier()
    system.close()
    return losses


@pytest.mark.slow
def test_two_processes_compute_what_one_does(tmp_path: Path) -> None:
    cases = [(name, layout, "replica") for name in NETWORKS for layout in LAYOUTS]
    cases += [
        (name, "2x1x1", node_memory)
        for name in ("tgat", "apan", "tpnet")
        for node_memory in ("daemon", "sharded")
    ]
    jobs = [Job(2, losses_of, case) for case in cases]
    for case, parts in zip(cases, run_jobs(jobs, tmp_path), strict=True):
        alone = losses_of(Processes(), *case)
        assert torch.allclose(torch.stack(parts).sum(0), alone, rtol=1e-9, atol=1e-12), case
