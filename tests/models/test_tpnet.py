"""TPNet against its formulas, and its node memory against the walks that it stands for."""

import math
from itertools import combinations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.datasets.dataset import Dataset
from benchmark.graph.past import Visibility
from benchmark.models.streaming import StreamingModel
from benchmark.models.tpnet import Mixer, TPNet
from tests.models.closeness import assert_close
from tests.models.plain import plain_neighbors
from tests.models.streams import empty_state, random_dataset, sampler_of
from tests.models.variants import normalised, random_rows, without_zeros

DECAY = 0.02
STEPS = 2
BATCH = 6
NUM_TOKENS = 4


def small_tpnet(dataset: Dataset, node_features: Tensor | None = None) -> TPNet:
    network = TPNet(
        dataset.stream.msg,
        node_dim=6,
        time_dim=5,
        embedding_dim=8,
        num_neighbors=NUM_TOKENS,
        walk_length=STEPS,
        time_decay=DECAY,
        projection_factor=3,
        node_features=node_features,
    )
    return without_zeros(network)


def streaming(model: TPNet, dataset: Dataset) -> StreamingModel:
    return StreamingModel(model, sampler_of(dataset, model), empty_state(dataset, model))


class PlainTPNet:
    """The random feature propagation and the network of the paper, in dictionaries and loops."""

    def __init__(self, model: TPNet, dataset: Dataset) -> None:
        self.model = model
        self.dataset = dataset
        own = model._own_rows(torch.arange(dataset.num_nodes)).squeeze(1)
        self.walks = [[own[node]] for node in range(dataset.num_nodes)]
        for rows in self.walks:
            rows += [torch.zeros_like(rows[0]) for _ in range(STEPS)]
        self.time = 0

    def at(self, node: int, time: int) -> list[Tensor]:
        fading = math.exp(-DECAY * (time - self.time))
        return [row * fading**step for step, row in enumerate(self.walks[node])]

    def observe(self, first: int, last: int) -> None:
        """All events of a batch start from the walks before it, as in the released code."""
        stream = self.dataset.stream
        now = int(stream.t[last - 1])
        before = [self.at(node, now) for node in range(self.dataset.num_nodes)]
        after = [list(rows) for rows in before]
        for event in range(first, last):
            src, dst, time = (int(x[event]) for x in (stream.src, stream.dst, stream.t))
            weight = math.exp(-DECAY * (now - time))
            for step in range(1, STEPS + 1):
                after[src][step] = after[src][step] + weight * before[dst][step - 1]
                after[dst][step] = after[dst][step] + weight * before[src][step - 1]
        self.walks, self.time = after, now

    def related(self, one: int, other: int, time: int) -> Tensor:
        rows = torch.stack(self.at(one, time) + self.at(other, time))
        products = torch.stack([torch.dot(a, b) for a in rows for b in rows])
        return self.model.relation(torch.log(torch.relu(products) + 1))

    def known(self, node: int) -> Tensor:
        static = self.model.node_features
        if static is None:
            return torch.zeros(6, dtype=torch.float64)
        return static(torch.tensor([node]))[0]

    def embedding(self, node: int, pair: tuple[int, int], time: int, first_event: int) -> Tensor:
        model = self.model
        seen = plain_neighbors(self.dataset, Visibility.EVENT, node, time, first_event)
        tokens = torch.zeros(NUM_TOKENS, 8, dtype=torch.float64)
        for slot, (other, event, then) in enumerate(seen[:NUM_TOKENS]):
            age = model.time_encoding(torch.tensor(math.log(time - then + 1), dtype=torch.float64))
            inputs = torch.cat([self.known(other), model.edge_features[event], age])
            relations = torch.cat([self.related(other, end, time) for end in pair])
            hidden = model.of_event(inputs) + model.of_relations.weight @ relations
            tokens[slot] = model.token(torch.relu(hidden))
        for mixer in model.mixers:
            assert isinstance(mixer, Mixer)
            tokens = plain_mixer(mixer, tokens)
        return tokens.mean(0)

    def score(self, source: int, other: int, time: int, first_event: int) -> Tensor:
        pair = (source, other)
        ends = [self.embedding(node, pair, time, first_event) for node in pair]
        both = torch.cat([*ends, self.related(source, other, time)])
        decoder = self.model.link_decoder
        return decoder.output(torch.relu(decoder.hidden(both)))  # type: ignore[operator]


def plain_mixer(mixer: Mixer, tokens: Tensor) -> Tensor:
    def feed(layers: torch.nn.Sequential, row: Tensor) -> Tensor:
        return layers[3](F.gelu(layers[0](row)))

    def norm(layer: torch.nn.LayerNorm, rows: Tensor) -> Tensor:
        return torch.stack([normalised(row, layer.weight, layer.bias) for row in rows])

    columns = norm(mixer.token_norm, tokens.T)
    tokens = tokens + torch.stack([feed(mixer.tokens, column) for column in columns]).T
    rows = norm(mixer.channel_norm, tokens)
    return tokens + torch.stack([feed(mixer.channels, row) for row in rows])


@pytest.mark.parametrize("featured", [False, True])
def test_scores_equal_a_plain_computation_along_the_stream(featured: bool) -> None:
    dataset = random_dataset(5, num_events=24)
    model = small_tpnet(dataset, random_rows(3) if featured else None)
    fast, plain = streaming(model, dataset), PlainTPNet(model, dataset)
    for start in range(0, 24, BATCH):
        events = dataset.batch(start, start + BATCH)
        candidates = torch.arange(dataset.num_nodes).expand(BATCH, -1)[:, ::3]
        expected = [
            torch.cat([plain.score(int(s), int(o), int(t), start) for o in others])
            for s, t, others in zip(events.src, events.t, candidates, strict=True)
        ]
        assert_close(fast.score(events, candidates), torch.stack(expected).detach())
        fast.observe(events)
        plain.observe(start, start + BATCH)


def test_node_memory_counts_temporal_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the identity for a projection, and events one by one, it is the walk matrix itself."""
    dataset = random_dataset(8, num_events=9, num_nodes=6)
    model = small_tpnet(dataset)
    model.projection_dim = model.projection_dim // 6 * 6 or 6
    identity = torch.eye(6, model.projection_dim, dtype=torch.float64)
    monkeypatch.setattr(TPNet, "_own_rows", lambda self, nodes: identity[nodes].unsqueeze(1))
    model.memory_dim = model.mail_dim = STEPS * model.projection_dim
    stream = streaming(model, dataset)
    for event in range(9):
        stream.observe(dataset.batch(event, event + 1))
    state, now = stream.state, int(dataset.stream.t[-1])
    memory = model.update_memory(state).unflatten(1, (STEPS, -1))[..., :6]
    fading = torch.exp(-DECAY * (now - state.mail_time).double())
    for steps in range(1, STEPS + 1):
        found = memory[:, steps - 1] * (fading**steps).unsqueeze(1)
        assert_close(found, counted_walks(dataset, steps, now))


def counted_walks(dataset: Dataset, steps: int, now: int) -> Tensor:
    """Walks of so many steps, each over an earlier event than the one before it."""
    stream, walks = dataset.stream, torch.zeros(6, 6, dtype=torch.float64)
    for events in combinations(range(9), steps):
        weight = math.exp(-DECAY * sum(now - int(stream.t[event]) for event in events))
        for start in range(6):
            ends = [start]
            for event in reversed(events):
                pair = (int(stream.src[event]), int(stream.dst[event]))
                ends = [pair[1 - side] for node in ends for side in (0, 1) if pair[side] == node]
            for end in ends:
                walks[start, end] += weight
    return walks


def test_walks_cannot_be_pretrained() -> None:
    dataset = random_dataset()
    with pytest.raises(ValueError, match="TPNet keeps walks in node memory"):
        small_tpnet(dataset).use_static_memory(torch.zeros(10, 6))
