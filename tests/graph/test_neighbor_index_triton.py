"""The neighbour search in Triton, by its interpreter, equals the compiled loops."""

import pytest
import torch

from benchmark.graph import neighbor_index_cpu
from benchmark.graph.neighbor_index import NeighborIndex


@pytest.mark.skipif(torch.cuda.is_available(), reason="Triton compiles where there is a GPU")
@pytest.mark.parametrize("num_roots", [0, 1, 300])
@pytest.mark.parametrize(("num_nodes", "num_events"), [(5, 1), (30, 400)])
def test_kernels_equal_loops(num_roots: int, num_nodes: int, num_events: int) -> None:
    kernels = pytest.importorskip("benchmark.graph.neighbor_index_triton")
    generator = torch.Generator().manual_seed(num_events)

    def integers(below: int, count: int) -> torch.Tensor:
        return torch.randint(below, (count,), generator=generator)

    src, dst = integers(num_nodes, num_events), integers(num_nodes, num_events)
    index = NeighborIndex(src, dst, integers(50, num_events).sort().values, num_nodes)
    nodes, cutoffs = integers(num_nodes, num_roots), integers(num_events + 2, num_roots)
    found = []
    for lookup in (neighbor_index_cpu, kernels):
        ends = torch.full_like(nodes, -1)
        lookup.search(index._bounds, index._entries, nodes, cutoffs, ends, index._halvings)
        slots = torch.arange(4)
        positions = (ends - 1).unsqueeze(1) - slots
        mask = slots < (ends - index.first_entry(nodes)).unsqueeze(1)
        columns = [torch.full_like(positions, -1) for _ in range(3)]
        lookup.fetch(index._entries, index.times, positions, mask, *columns)
        found.append([ends, *columns])
    assert all(torch.equal(loops, kernel) for loops, kernel in zip(*found, strict=True))
