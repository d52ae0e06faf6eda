"""Rows side by side in one table."""

import pytest
import torch
from torch import Tensor

from benchmark.models.node_state import NO_EVENT, NodeState, RowLayout

WORDS = {torch.float16: 1 + 2 + 3, torch.float32: 2 + 4 + 3, torch.float64: 3 + 7 + 3}


def rows_of(dtype: torch.dtype, num_rows: int = 5) -> NodeState:
    def integers(first: int) -> Tensor:
        return torch.arange(first, first + num_rows)

    memory, mail = torch.randn(num_rows, 3), torch.randn(num_rows, 7)
    return NodeState(memory.to(dtype), mail.to(dtype), integers(2**40), integers(7), integers(-1))


@pytest.mark.parametrize("dtype", WORDS)
def test_rows_come_back_as_they_were(dtype: torch.dtype) -> None:
    rows = rows_of(dtype)
    layout = RowLayout(rows)
    table = layout.pack(rows)
    assert table.shape == (5, WORDS[dtype])
    order = torch.tensor([4, 0, 2])
    for field, back in zip(rows.rows(order), layout.unpack(table[order]), strict=True):
        assert back.is_contiguous()
        assert back.dtype == field.dtype
        assert torch.equal(back, field)


def test_fields_write_through_to_the_table() -> None:
    layout = RowLayout(rows_of(torch.float32))
    table = layout.pack(rows_of(torch.float32))
    layout.fields(table[1:3]).reset()
    rows = layout.unpack(table)
    assert not rows.memory[1:3].any()
    assert rows.mail_event.tolist() == [-1, NO_EVENT, NO_EVENT, 2, 3]
    assert rows.memory[[0, 3, 4]].all()


def test_no_rows() -> None:
    layout = RowLayout(rows_of(torch.float32))
    rows = layout.unpack(layout.pack(rows_of(torch.float32, 0)))
    assert [tuple(field.shape) for field in rows] == [(0, 3), (0, 7), (0,), (0,), (0,)]


def test_a_part_of_a_wider_table_is_read_bit_by_bit() -> None:
    """As rows behind their ids, also where they hold NaN and minus zero."""
    rows = rows_of(torch.float32)
    rows.memory[0] = torch.tensor([float("nan"), -0.0, float("inf")])
    layout = RowLayout(rows)
    table = torch.cat([torch.arange(5).unsqueeze(1), layout.pack(rows)], dim=1)
    arrived = layout.unpack(table[:, 1:])
    for field, sent in zip(arrived, rows, strict=True):
        assert torch.equal(field.view(torch.uint8), sent.view(torch.uint8))
