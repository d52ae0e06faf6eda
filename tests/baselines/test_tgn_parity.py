"""The system against the training loop of PyG's example, written down plainly."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch_geometric.loader import TemporalDataLoader
from torch_geometric.nn import TGNMemory, TransformerConv
from torch_geometric.nn.models.tgn import IdentityMessage, LastNeighborLoader

from benchmark.baselines.tgn import TGNSystem
from benchmark.datasets.dataset import Dataset
from benchmark.randomness import seeded
from tests.baselines.toy import MODEL, NUM_GROUPS, TRAIN_END, toy_dataset, toy_stream, toy_system

MEMORY, TIME, EMBEDDING = MODEL["memory_dim"], MODEL["time_dim"], MODEL["embedding_dim"]
NEIGHBORS, BATCH, SEED = 10, 40, 3


class LatestByLoop(torch.nn.Module):
    """What PyG's ``LastAggregator`` is for: the last message of each node, else zeros."""

    def forward(self, msg: Tensor, index: Tensor, t: Tensor, dim_size: int) -> Tensor:
        rows = []
        for node in range(dim_size):
            mine = (index == node).nonzero().flatten()
            rows.append(msg[mine[t[mine].argmax()]] if len(mine) else torch.zeros(msg.shape[1]))
        return torch.stack(rows)


class Example(torch.nn.Module):
    def __init__(self, num_nodes: int, edge_dim: int) -> None:
        super().__init__()
        message = IdentityMessage(edge_dim, MEMORY, TIME)
        self.memory = TGNMemory(num_nodes, edge_dim, MEMORY, TIME, message, LatestByLoop())
        self.attention = TransformerConv(
            MEMORY, EMBEDDING // 2, heads=2, dropout=0.1, edge_dim=edge_dim + TIME
        )
        self.link_predictor = torch.nn.ModuleDict(
            {
                "lin_src": torch.nn.Linear(EMBEDDING, EMBEDDING),
                "lin_dst": torch.nn.Linear(EMBEDDING, EMBEDDING),
                "lin_final": torch.nn.Linear(EMBEDDING, 1),
            }
        )

    def predict(self, z_src: Tensor, z_dst: Tensor) -> Tensor:
        parts = self.link_predictor
        hidden = parts["lin_src"](z_src) + parts["lin_dst"](z_dst)
        return parts["lin_final"](hidden.relu())


def example_losses(model: Example, dataset: Dataset, negatives: Iterator[Tensor]) -> list[float]:
    data, device = dataset.stream, torch.device("cpu")
    loader = LastNeighborLoader(dataset.num_nodes, size=NEIGHBORS)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = torch.nn.BCEWithLogitsLoss()
    assoc = torch.empty(dataset.num_nodes, dtype=torch.long)
    losses = []
    model.train()
    model.memory.reset_state()
    loader.reset_state()
    for iteration, batch in enumerate(TemporalDataLoader(data[:TRAIN_END], BATCH)):
        optimizer.zero_grad()
        neg_dst = next(negatives)
        n_id = torch.cat([batch.src, batch.dst, neg_dst]).unique()
        n_id, edge_index, e_id = loader(n_id)
        assoc[n_id] = torch.arange(n_id.size(0))
        z, last_update = model.memory(n_id)
        rel_t = last_update[edge_index[0]] - data.t[e_id]
        rel_t_enc = model.memory.time_enc(rel_t.to(z.dtype))
        with seeded(device, SEED, 0, iteration, "dropout"):
            z = model.attention(z, edge_index, torch.cat([rel_t_enc, data.msg[e_id]], dim=-1))
        pos_out = model.predict(z[assoc[batch.src]], z[assoc[batch.dst]])
        neg_out = model.predict(z[assoc[batch.src]], z[assoc[neg_dst]])
        loss = criterion(pos_out, torch.ones_like(pos_out))
        loss += criterion(neg_out, torch.zeros_like(neg_out))
        model.memory.update_state(batch.src, batch.dst, batch.t, batch.msg)
        loader.insert(batch.src, batch.dst)
        loss.backward()
        optimizer.step()
        model.memory.detach()
        losses.append(loss.item())
    return losses


def negatives_of(system: TGNSystem, dataset: Dataset) -> Iterator[Tensor]:
    for iteration, start in enumerate(range(0, TRAIN_END, BATCH)):
        events = dataset.batch(start, min(start + BATCH, TRAIN_END))
        yield system.negatives.training(events, 1, SEED, 0, iteration, "negatives")[:, 0]


def most_events_of_a_node_in_a_batch(dataset: Dataset) -> int:
    ends = torch.cat([dataset.stream.src[:TRAIN_END], dataset.stream.dst[:TRAIN_END]])
    batches = (torch.arange(TRAIN_END) // BATCH).repeat(2)
    return int(torch.stack([batches, ends]).unique(dim=1, return_counts=True)[1].max())


def test_a_round_is_an_epoch_of_the_example() -> None:
    dataset = toy_dataset(toy_stream(NUM_GROUPS))
    # Within this, the neighbour loader of PyG is exact too.
    assert most_events_of_a_node_in_a_batch(dataset) <= NEIGHBORS
    system = toy_system(dataset, batch_size=BATCH, seed=SEED)
    example = Example(dataset.num_nodes, dataset.edge_dim)
    example.load_state_dict(system.model.state_dict())
    losses = [step.loss.item() for step in system.train_round()]
    expected = example_losses(example, dataset, negatives_of(system, dataset))
    assert losses == pytest.approx(expected, rel=1e-5)
    assert losses[0] != losses[-1]
    for name, weight in system.model.named_parameters():
        torch.testing.assert_close(weight, example.get_parameter(name), rtol=1e-4, atol=1e-5)
