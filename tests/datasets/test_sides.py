import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.datasets.sides import appearing, is_bipartite

IDS = st.lists(st.integers(0, 9), max_size=6)


@settings(deadline=None)
@given(IDS, IDS)
def test_sides_are_those_of_sets(sources: list[int], destinations: list[int]) -> None:
    src, dst = np.array(sources, np.int64), np.array(destinations, np.int64)
    assert np.flatnonzero(appearing(src, 10)).tolist() == sorted({*sources})
    assert is_bipartite(src, dst, 10) == {*sources}.isdisjoint(destinations)
