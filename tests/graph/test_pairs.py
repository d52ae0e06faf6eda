import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark.graph.distinct import Pairs

BOUND = 6
PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, BOUND - 1)), max_size=30)


def columns(pairs):
    return tuple(torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).unbind(1))


@given(pairs=PAIRS, asked=PAIRS)
def test_against_python_sets(pairs, asked):
    known = sorted(set(pairs))
    index = Pairs(*columns(pairs), BOUND)
    assert len(index) == len(known)
    positions = index.positions(*columns(asked)).tolist()
    assert positions == [known.index(pair) if pair in known else -1 for pair in asked]


@given(pairs=PAIRS, first=st.lists(st.integers(0, 5), max_size=8))
def test_seconds_against_a_loop(pairs, first):
    rows, seconds = Pairs(*columns(pairs), BOUND).seconds(torch.tensor(first, dtype=torch.int64))
    expected = [
        (row, second)
        for row, one in enumerate(first)
        for begin, second in sorted(set(pairs))
        if begin == one
    ]
    assert list(zip(rows.tolist(), seconds.tolist(), strict=True)) == expected


def test_positions_keep_the_shape():
    index = Pairs(torch.tensor([1, 0]), torch.tensor([2, 3]), BOUND)
    asked = torch.tensor([[1, 1], [0, 1]]), torch.tensor([[2, 3], [3, 2]])
    assert index.positions(*asked).tolist() == [[1, -1], [0, 1]]
