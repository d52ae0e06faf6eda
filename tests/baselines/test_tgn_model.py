import pytest
import torch

from benchmark.baselines.tgn_model import TGN, LastMessage


def test_last_message_takes_the_latest_and_leaves_others_at_zero() -> None:
    msg = torch.tensor([[1.0], [2.0], [3.0], [4.0], [5.0], [6.0]])
    index = torch.tensor([0, 0, 3, 3, 3, 0])
    t = torch.tensor([5, 9, 1, 7, 2, 3])
    # PyG's own aggregator gives nodes 1 and 2 the message at position 3 here.
    aggregated = LastMessage()(msg, index, t, dim_size=4)
    assert aggregated.tolist() == [[2.0], [0.0], [0.0], [4.0]]


def test_last_message_of_no_message_at_all() -> None:
    none = torch.zeros(0, dtype=torch.int64)
    aggregated = LastMessage()(torch.zeros(0, 2), none, none, dim_size=3)
    assert aggregated.tolist() == [[0.0, 0.0]] * 3


@pytest.mark.parametrize("edge_dim", [0, 1, 3])
def test_message_holds_both_memories_the_features_and_the_time(edge_dim: int) -> None:
    model = TGN(5, edge_dim, memory_dim=4, time_dim=2, embedding_dim=6)
    assert model.memory.gru.input_size == 4 + 4 + edge_dim + 2
    src, dst, t = torch.tensor([0, 1, 0]), torch.tensor([2, 3, 3]), torch.tensor([1, 2, 3])
    model.memory.update_state(src, dst, t, torch.ones(3, edge_dim))
    memory, last_update = model.memory(torch.arange(5))
    assert memory.shape == (5, 4)
    assert last_update.tolist() == [3, 2, 1, 3, 0]


def test_time_differences_are_exact_where_float32_times_are_not() -> None:
    model = TGN(3, 0, memory_dim=4, time_dim=2, embedding_dim=6).eval()
    start = 1_700_000_000
    edge = torch.tensor([[1], [0]])
    embeddings = []
    for shift in (0, 1):
        model.memory.last_update.fill_(start + shift)
        embeddings.append(
            model.embed(torch.arange(3), edge, torch.tensor([start]), torch.zeros(1, 0))[0]
        )
    assert (embeddings[0] - embeddings[1]).abs().max() > 1e-3


def test_refuses_an_embedding_that_heads_do_not_divide() -> None:
    with pytest.raises(ValueError, match="embedding_dim 100 is not a multiple of heads 3"):
        TGN(5, 0, heads=3)
