"""The attention layer alone: dropout, and the algebra that moves projections past sums."""

import pytest
import torch
from torch import Tensor, nn

from benchmark.graph.past import Visibility
from benchmark.models.layers.attention import TemporalAttention
from benchmark.models.subgraph import Queries, Subgraph
from tests.models.closeness import assert_close, assert_gradients_close
from tests.models.plain import PlainTGN
from tests.models.streams import empty_state, random_dataset, small_model

NUM_ROOTS, NUM_NEIGHBORS, NUM_NODES, NUM_EVENTS = 7, 4, 9, 11


class Factors(nn.Module):
    """Dropout with factors chosen by the test."""

    probability = 0.5

    def __init__(self, chosen: Tensor) -> None:
        super().__init__()
        self.chosen = chosen

    def factors(self, like: Tensor) -> Tensor:
        return self.chosen

    def forward(self, values: Tensor) -> Tensor:
        return values * self.chosen


def dropout_factors(shape: tuple[int, ...], probability: float, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    kept = torch.rand(shape, generator=generator, dtype=torch.float64) >= probability
    return kept.double() / (1 - probability)


@pytest.mark.parametrize("edge_dim", [0, 3])
@pytest.mark.parametrize("seed", range(5))
def test_dropped_attention_weights_drop_their_share_of_the_value_bias(
    seed: int, edge_dim: int
) -> None:
    """The bias must count sum(a) times, which is 1 only without dropout and with a neighbour."""
    dataset = random_dataset(edge_dim=edge_dim)
    model = small_model(dataset, seed=seed)
    layer = model.attention
    known, edges, subgraph = random_inputs(6, edge_dim, seed, torch.float64)
    keep_weights = dropout_factors((NUM_ROOTS, 2, NUM_NEIGHBORS), 0.5, seed)
    keep_output = dropout_factors((NUM_ROOTS, 8), 0.3, seed + 1)
    layer.attention_dropout = Factors(keep_weights)  # type: ignore[assignment]
    layer.dropout = Factors(keep_output)  # type: ignore[assignment]

    fast = layer.train()(known, edges, subgraph)

    reference = PlainTGN(model, dataset, Visibility.EVENT, empty_state(dataset, model))
    plain = []
    for row, node in enumerate(subgraph.roots):
        slots = subgraph.mask[row]
        plain.append(
            reference.attention(
                known[node],
                list(known[subgraph.neighbors[row, slots]]),
                list(edges[subgraph.events[row, slots]]),
                subgraph.elapsed[row, slots].tolist(),
                keep_weights[row, :, slots],
                keep_output[row],
            )
        )
    expected = torch.stack(plain)
    assert_close(fast, expected)
    direction = torch.randn(fast.shape, dtype=torch.float64)
    assert_gradients_close(layer, (fast * direction).sum(), (expected * direction).sum())


def random_inputs(
    node_dim: int, edge_dim: int, seed: int = 0, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor, Subgraph]:
    """What is known of nodes, edge features, and roots of which some are the same node.

    The first root has no neighbour, the second as many as fit.
    """
    generator = torch.Generator().manual_seed(seed)
    shape = (NUM_ROOTS, NUM_NEIGHBORS)
    known = torch.randn(NUM_NODES, node_dim, generator=generator, dtype=dtype)
    edges = torch.randn(NUM_EVENTS, edge_dim, generator=generator, dtype=dtype)
    count = torch.randint(NUM_NEIGHBORS + 1, (NUM_ROOTS,), generator=generator)
    count[:2] = torch.tensor([0, NUM_NEIGHBORS])
    roots = torch.randint(NUM_NODES // 2, (NUM_ROOTS,), generator=generator)
    subgraph = Subgraph(
        torch.arange(NUM_NODES),
        roots,
        torch.randint(NUM_NODES, shape, generator=generator),
        torch.randint(NUM_EVENTS, shape, generator=generator),
        torch.randint(1_000_000, shape, generator=generator),
        torch.arange(NUM_NEIGHBORS) < count.unsqueeze(1),
        torch.zeros(NUM_ROOTS, dtype=torch.int64),
        Queries.of(roots, NUM_NODES),
    )
    return known, edges, subgraph


def test_what_stands_in_padding_does_not_matter() -> None:
    layer = TemporalAttention(3, 2, 5, 8, 2, 0.0, 0.0)
    known, edges, subgraph = random_inputs(3, 2)
    expected = layer(known, edges, subgraph)
    padding = ~subgraph.mask
    subgraph.neighbors[padding], subgraph.events[padding], subgraph.elapsed[padding] = 0, 0, 77
    assert torch.equal(layer(known, edges, subgraph), expected)


@pytest.mark.parametrize(("dropout", "attention_dropout"), [(0.5, 0.0), (0.0, 0.5)])
def test_both_dropouts_act_in_training_only(dropout: float, attention_dropout: float) -> None:
    layer = TemporalAttention(3, 2, 5, 8, 2, dropout, attention_dropout)
    inputs = random_inputs(3, 2)
    assert not torch.equal(layer(*inputs), layer(*inputs))
    layer.eval()
    assert torch.equal(layer(*inputs), layer(*inputs))


def test_dropout_keeps_the_mean_of_the_weighted_sum() -> None:
    layer = TemporalAttention(3, 2, 5, 8, 2, 0.0, 0.4)
    known, edges, subgraph = random_inputs(3, 2)
    many = torch.ones(20_000, dtype=torch.int64)  # the root with as many neighbours as fit
    subgraph = subgraph.select(many)
    contexts = []
    layer.norm.register_forward_hook(lambda _, inputs, __: contexts.append(inputs[0]))
    layer.output.weight.data[:8, :8] = torch.eye(8)
    layer.output.bias.data.fill_(100.0)  # far from where ReLU acts
    with torch.no_grad():
        torch.manual_seed(0)
        layer(known, edges, subgraph)
        layer.eval()
        layer(known, edges, subgraph)
    dropped, whole = contexts
    error = (dropped.mean(0) - whole[0]) / (dropped.std(0) / 20_000**0.5)
    assert float(error.abs().max()) < 4.5
