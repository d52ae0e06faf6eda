"""On an accelerator, here a pretended one: the numbers of a CPU, and nothing that is waited for."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import islice
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmark.disttgl import trainer
from benchmark.machine import device
from benchmark.models.layers import dropout, neighbor_attention, node_memory
from benchmark.models.tgn_attention import TGNAttention
from tests.baselines.tgl_toy import tgl_system
from tests.disttgl.small import BATCH_SIZE, MODEL, small_dataset, small_system
from tests.disttgl.test_variants import NETWORKS
from tests.models.closeness import assert_close
from tests.pretend_device import DEVICE, PretendTensor, counting, launched

CPU = torch.device("cpu")
MOST_LAUNCHES = 150
# For the number of tokens that there are, and for which slots hold a neighbour.
WAITS = {"dygformer": 1, "tpnet": 3}


def trained(make: Callable[..., Any], device: torch.device, steps: int | None) -> list[Tensor]:
    """Losses of so many steps of a round, what is remembered after it, weights, and scores."""
    system, dataset = make(device=device), small_dataset()
    losses = [step.loss.detach() for step in islice(system.train_round(), steps)]
    if steps is not None:  # the round has left no node memory to evaluate from
        system.restart()
        system.observe(dataset.batch(0, BATCH_SIZE))
    memory = [field.clone() for field in system.evaluation.state]
    events = dataset.batch(system.position, system.position + BATCH_SIZE)
    candidates = torch.arange(dataset.num_nodes).expand(BATCH_SIZE, -1)
    scores = system.score(events, candidates)
    system.close()
    weights = [parameter.detach() for parameter in system.model.parameters()]
    return [tensor.cpu().double() for tensor in (torch.stack(losses), *memory, *weights, scores)]


def with_static_memory(**of_job: Any) -> TGNAttention:
    """Of which a training step drops rows."""
    network = TGNAttention(**MODEL, **of_job)
    rows = torch.randn(small_dataset().num_nodes, 5, generator=torch.Generator().manual_seed(0))
    network.use_static_memory(rows, dropout=0.3)
    return network


def systems() -> dict[str, Callable[..., Any]]:
    made = {
        f"disttgl {layout} {node_memory}": lambda device, layout=layout, kind=node_memory: (
            small_system(layout, node_memory=kind, device=device)
        )
        for layout in ("1x1x1", "2x2x1")
        for node_memory in ("replica", "daemon", "sharded")
    }
    made["tgl"] = lambda device: tgl_system("2x1x1", device=device)
    for name, network in (NETWORKS | {"static memory": with_static_memory}).items():
        made[name] = lambda device, network=network: small_system(network=network, device=device)
    return made


@pytest.mark.parametrize("name", systems())
def test_a_device_computes_what_a_cpu_does(name: str) -> None:
    make, steps = systems()[name], 4 if name in NETWORKS or "2x2x1" in name else None
    pairs = zip(trained(make, DEVICE, steps), trained(make, CPU, steps), strict=True)
    for there, here in pairs:
        assert_close(there, here, 10 * max(1.0, float(here.norm())), name)  # to 1e-9


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", systems())
def test_a_gpu_computes_what_a_cpu_does(name: str) -> None:
    make = systems()[name]
    gpu = torch.device("cuda", 0)
    pairs = zip(trained(make, gpu, None), trained(make, CPU, None), strict=True)
    for there, here in pairs:
        assert float((there - here).norm()) <= 1e-8 * max(1.0, float(here.norm())), name


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", NETWORKS)
def test_a_gpu_reads_edge_features_that_stay_on_the_host(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, gpu = systems()[name], torch.device("cuda", 0)
    on_device = trained(make, gpu, None)
    monkeypatch.setattr(device, "MOST_OF_DEVICE", 0.0)
    for there, here in zip(trained(make, gpu, None), on_device, strict=True):
        assert float((there - here).norm()) <= 1e-8 * max(1.0, float(here.norm())), name


class AtOnce(ThreadPoolExecutor):
    """Has done what it is asked for as soon as it is asked."""

    def submit(self, *call: Any, **named: Any) -> Any:
        future = super().submit(*call, **named)
        wait([future])
        return future


@pytest.fixture
def prepared_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step prepares the next batch while it is counted, and not at times after its end."""
    monkeypatch.setattr(trainer, "ThreadPoolExecutor", AtOnce)


@pytest.mark.usefixtures("prepared_at_once")
@pytest.mark.parametrize(
    ("node_memory", "uploads", "downloads"), [("replica", 1, 0), ("daemon", 2, 1)]
)
def test_a_step_waits_for_nothing(node_memory: str, uploads: int, downloads: int) -> None:
    """One batch and, where node memory is in the host's, the rows that are read and written."""
    system = small_system(node_memory=node_memory, precision="float32", device=DEVICE)
    steps = system.train_round()
    list(islice(steps, 2))
    with counting() as count:
        next(steps)
    system.close()
    assert not count.waits, count
    assert len(count.uploads) == uploads, count
    assert len(count.downloads) == downloads, count


@pytest.mark.usefixtures("prepared_at_once")
@pytest.mark.parametrize("name", [*NETWORKS, "static memory"])
def test_how_often_a_step_of_other_networks_waits(name: str) -> None:
    network = (NETWORKS | {"static memory": with_static_memory})[name]
    system = small_system(network=network, precision="float32", device=DEVICE, batch_size=20)
    steps = system.train_round()
    list(islice(steps, 2))
    with counting() as count:
        next(steps)
    assert len(count.waits + count.downloads) == WAITS.get(name, 0), count
    assert len(count.uploads) == 1, count


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton's interpreter in the place of a compiler, for the tensors of the pretended device."""
    attention = pytest.importorskip("benchmark.models.layers.neighbor_attention_triton")
    others = pytest.importorskip("benchmark.models.layers.elementwise_triton")

    def inside(launch: Callable[..., None]) -> Callable[..., None]:
        def launch_inside(*given: Any) -> None:
            launched(getattr(given[0], "fn", launch).__name__)
            launch(*(x.held if isinstance(x, PretendTensor) else x for x in given))

        return launch_inside

    monkeypatch.setattr(attention, "_launch", inside(attention._launch))
    monkeypatch.setattr(others, "_launch", inside(others._launch))
    monkeypatch.setattr(others, "draw", inside(others.draw))
    modules = {module.__name__: module for module in (attention, others)}
    for user in (neighbor_attention, node_memory, dropout):
        monkeypatch.setattr(user, "kernels_for", lambda device, loops, name: modules[name])


@pytest.mark.skipif(torch.cuda.is_available(), reason="Triton compiles where there is a GPU")
@pytest.mark.usefixtures("kernels", "prepared_at_once")
def test_a_step_is_few_launches() -> None:
    system = small_system(device=DEVICE, batch_size=3)
    steps = system.train_round()
    list(islice(steps, 2))
    with counting() as count:
        next(steps)
    assert not count.waits, count
    assert len(count.launches) <= MOST_LAUNCHES, str(count)


def test_what_cuda_refuses_is_refused() -> None:
    there, here = torch.ones(3, device=DEVICE), torch.ones(3)
    with pytest.raises(RuntimeError):
        there.numpy()
    with pytest.raises(RuntimeError, match="on pretend:0 and on the CPU"):
        there + here
    with pytest.raises(RuntimeError, match="would draw other numbers"):
        torch.nn.functional.dropout(there)


def test_what_is_counted() -> None:
    there = torch.ones(3, device=DEVICE)
    with counting() as count:
        there[1:].add_(1)
        there.sum().item()
        there[there > 1].cpu()
        torch.arange(2).to(DEVICE)
    assert len(count.launches) == 4, count  # add_, sum, gt, index
    assert len(count.waits) == 2, count  # item, and the size of what a mask selects
    assert (len(count.uploads), len(count.downloads)) == (1, 1), count
    assert all("test_on_device.py" in place for place in count.waits)
