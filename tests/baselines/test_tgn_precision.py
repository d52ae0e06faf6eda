"""PyG's TGN with dense products in bfloat16."""

import pytest
import torch

from tests.baselines.test_tgn import first_validation_batch, train
from tests.baselines.toy import candidates_for, toy_dataset, toy_stream, toy_system


@pytest.mark.parametrize("edge_dim", [0, 2])
def test_narrow_products_train_alike(edge_dim: int) -> None:
    exact, narrow = (
        toy_system(toy_dataset(toy_stream(edge_dim=edge_dim)), precision=precision)
        for precision in ("float32", "bfloat16_emulated")
    )
    losses, others = train(exact), train(narrow)
    assert others != losses
    assert others == pytest.approx(losses, rel=1e-2)
    events = first_validation_batch(exact.dataset)
    assert narrow.score(events, candidates_for(len(events))).dtype == torch.float32
    assert {x.dtype for x in (*narrow.model.parameters(), narrow.memory.memory)} == {torch.float32}
