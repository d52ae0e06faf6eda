"""How much faster the model scores candidates than the plain one: no test, but a command.

``python -m tests.models.evaluation_speed`` takes a batch from the middle of Wikipedia's validation
split and 49 negatives per event. The plain model, one node at a time, scores the first events only
and is compared by the time per candidate; the scores must agree.
"""

import os
from pathlib import Path
from time import perf_counter

import torch

from benchmark.datasets.jodie import JODIE
from benchmark.graph.past import Visibility
from benchmark.models.streaming import StreamingModel
from benchmark.models.tgn_attention import TGNAttention
from benchmark.storage.locations import Locations
from benchmark.tasks.build import default_cache
from tests.models.plain import PlainTGN
from tests.models.streams import random_state, sampler_of

BATCH, CANDIDATES, PLAIN_EVENTS, ROUNDS = 600, 50, 2, 5


@torch.no_grad()
def main() -> None:
    """Score the same candidates with both models and print the ratio of their times."""
    root = Path(os.environ.get("DATASETS_ROOT", "../shared/data"))
    dataset = JODIE("wikipedia").load(Locations(root, default_cache()))
    model = TGNAttention(dataset.stream.msg).eval()
    state = random_state(dataset, model)
    fast = StreamingModel(model, sampler_of(dataset, model), state)
    middle = (dataset.split.train_end + dataset.split.validation_end) // 2
    events = dataset.batch(middle, middle + BATCH)
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randint(len(dataset.destinations), (BATCH, CANDIDATES - 1), generator=generator)
    candidates = torch.cat([events.dst.unsqueeze(1), dataset.destinations[drawn]], dim=1)
    scores = fast.score(events, candidates)  # once before, for the compiler
    start = perf_counter()
    for _ in range(ROUNDS):
        fast.score(events, candidates)
    fast_time = (perf_counter() - start) / (ROUNDS * candidates.numel())
    plain = PlainTGN(model, dataset, Visibility.EVENT, state)
    start = perf_counter()
    expected = plain.scores(events.select(slice(PLAIN_EVENTS)), candidates[:PLAIN_EVENTS])
    plain_time = (perf_counter() - start) / expected.numel()
    torch.testing.assert_close(scores[:PLAIN_EVENTS], expected, rtol=1e-4, atol=1e-5)
    print(
        f"microseconds per candidate: fast {1e6 * fast_time:.1f}, plain {1e6 * plain_time:.0f}; "
        f"ratio {plain_time / fast_time:.0f}"
    )


if __name__ == "__main__":
    main()
