"""The compiled loops equal the same thing in torch operations, and do not care about threads."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from benchmark.models.layers.neighbor_attention import attend, attend_in_kernels, attend_in_torch
from benchmark.models.layers.time_encoding import TimeEncoding
from benchmark.models.subgraph import Subgraph
from tests.models.closeness import assert_close
from tests.models.layers.test_attention import dropout_factors, random_inputs

NODE_DIM, TIME_DIM, NUM_HEADS = 5, 6, 2


@pytest.fixture(params=[1, 2, 3])
def num_threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def results(
    attention: object, dtype: torch.dtype, edge_dim: int, dropout: bool, seed: int
) -> list[Tensor]:
    """The weighted sums, and the gradients of everything that has one."""
    known, edges, subgraph = random_inputs(NODE_DIM, edge_dim, seed, dtype)
    encoding = TimeEncoding(TIME_DIM).to(dtype)
    torch.nn.init.normal_(encoding.bias, generator=torch.Generator().manual_seed(seed))
    shape = (NUM_HEADS, subgraph.queries.nodes.numel(), NODE_DIM + edge_dim + TIME_DIM + 1)
    queries = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)
    keep = dropout_factors((*subgraph.mask.shape, NUM_HEADS), 0.5, seed).to(dtype)
    keep = keep.transpose(1, 2).contiguous()
    inputs = (queries, known, *encoding.parameters())
    for tensor in inputs[:2]:
        tensor.requires_grad_()
    summed = attention(queries, known, edges, encoding, subgraph, keep if dropout else None)  # type: ignore[operator]
    direction = torch.randn(summed.shape, generator=torch.Generator().manual_seed(seed)).to(dtype)
    return [summed, *torch.autograd.grad((summed * direction).sum(), inputs)]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("edge_dim", "dropout"), [(0, False), (3, True)])
@pytest.mark.parametrize("seed", range(3))
def test_loops_equal_torch(
    num_threads: int, dtype: torch.dtype, edge_dim: int, dropout: bool, seed: int
) -> None:
    arguments = (dtype, edge_dim, dropout, seed)
    names = ("sums", "to queries", "to known", "to frequencies", "to shifts")
    pairs = zip(results(attend, *arguments), results(attend_in_torch, *arguments), strict=True)
    for name, (loops, torch_operations) in zip(names, pairs, strict=True):
        assert_close(loops, torch_operations, name=name)


def kernels(
    queries: Tensor,
    known: Tensor,
    edge_features: Tensor,
    encoding: TimeEncoding,
    subgraph: Subgraph,
    keep: Tensor | None,
) -> Tensor:
    """``attend`` in Triton, on a CPU by its interpreter."""
    triton = pytest.importorskip("benchmark.models.layers.neighbor_attention_triton")
    weights = (encoding.weight, encoding.bias)
    return attend_in_kernels(triton, queries, known, *weights, edge_features, subgraph, keep)


@pytest.mark.skipif(torch.cuda.is_available(), reason="Triton compiles where there is a GPU")
@pytest.mark.parametrize(
    ("dtype", "edge_dim", "dropout"),
    [(torch.float64, 0, False), (torch.float64, 3, True), (torch.float32, 3, True)],
)
def test_kernels_equal_torch(dtype: torch.dtype, edge_dim: int, dropout: bool) -> None:
    """The streams of ``random_inputs`` have ties, roots without neighbours and self-loops."""
    pairs = zip(
        results(kernels, dtype, edge_dim, dropout, 0),
        results(attend_in_torch, dtype, edge_dim, dropout, 0),
        strict=True,
    )
    for kernel, torch_operations in pairs:
        assert_close(kernel, torch_operations)


@pytest.mark.usefixtures("num_threads")
def test_no_root_at_all() -> None:
    known, edges, subgraph = random_inputs(NODE_DIM, 0)
    nobody: Subgraph = subgraph.select(slice(0, 0))
    queries = torch.zeros(NUM_HEADS, 0, NODE_DIM + TIME_DIM + 1)
    summed = attend(queries, known, edges, TimeEncoding(TIME_DIM), nobody, None)
    assert summed.shape == (NUM_HEADS, 0, NODE_DIM + TIME_DIM + 1)
