"""The model once more, slow and plain: the definition of what the fast one has to compute.

Follows layers.py, memorys.py and gen_minibatch.py of amazon-science/disttgl, one node at a time:
neighbours by a walk through the whole stream, keys and values for every neighbour, concatenated
inputs, a loop for every write. It shares the parameters of a ``TGNAttention``, by name.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.datasets.dataset import Dataset, EventBatch
from benchmark.graph.past import Visibility
from benchmark.models.layers.node_memory import StaticRows
from benchmark.models.node_state import NO_EVENT, NodeState
from benchmark.models.tgn_attention import TGNAttention


def plain_neighbors(
    dataset: Dataset, visibility: Visibility, node: int, time: int, first_event: int
) -> list[tuple[int, int, int]]:
    """(other end, event, time) of all events that a query may see, newest first."""
    stream, found = dataset.stream, []
    columns = (stream.src.tolist(), stream.dst.tolist(), stream.t.tolist())
    for event, (src, dst, event_time) in enumerate(zip(*columns, strict=True)):
        if event_time < time if visibility is Visibility.EVENT else event < first_event:
            found += [(dst, event, event_time)] if src == node else []
            found += [(src, event, event_time)] if dst == node else []
    return found[::-1]


class PlainTGN:
    """A stream, its node memory ``state`` (all nodes) and the parameters of ``model``.

    Dropout is off, except where a caller passes factors (0 or 1 / (1 - p)) to ``attention``.
    """

    def __init__(
        self, model: TGNAttention, dataset: Dataset, visibility: Visibility, state: NodeState
    ) -> None:
        self.parameters = dict(model.named_parameters())
        self.features = model.edge_features
        self.static_rows = {
            name: module.rows
            for name, module in model.named_children()
            if isinstance(module, StaticRows)
        }
        self.num_neighbors = model.num_neighbors
        self.num_heads = model.attention.num_heads
        self.dataset = dataset
        self.visibility = visibility
        self.state = NodeState(*(field.clone() for field in state))
        self.own_ends = state.memory.clone()  # what a mail says of its own end, kept beside it

    def scores(self, events: EventBatch, candidates: Tensor) -> Tensor:
        """Scores [num_events, num_candidates] of the destinations ``candidates``."""
        rows = []
        for source, time, others in zip(events.src, events.t, candidates, strict=True):
            ends = [
                self.embedding(int(node), int(time), events.start) for node in (source, *others)
            ]
            rows.append(torch.stack([self.link_score(ends[0], end) for end in ends[1:]]))
        return torch.stack(rows)

    def loss(self, events: EventBatch, negatives: Tensor) -> Tensor:
        """Softmax cross entropy of the true destination among the ``negatives``."""
        scores = self.scores(events, torch.cat([events.dst.unsqueeze(1), negatives], dim=1))
        return torch.stack([row.logsumexp(0) - row[0] for row in scores]).mean()

    @torch.no_grad()
    def observe(self, events: EventBatch) -> None:
        """Every node of the batch takes in its old mail and gets one from its last event."""
        written = {}
        for event, src, dst, time in zip(events.ids, events.src, events.dst, events.t, strict=True):
            for own, other in ((int(src), int(dst)), (int(dst), int(src))):
                memory = self.memory(own)
                mail = self.memory(other)
                written[own] = (memory, mail, self.state.mail_time[own].clone(), time, event)
        for node, row in written.items():
            self.own_ends[node] = row[0]
            for field, value in zip(self.state, row, strict=True):
                field[node] = value

    def memory(self, node: int) -> Tensor:
        """Memory of a node after its cached mail: a GRU cell, written out."""
        memory, mail, memory_time, mail_time, event = (field[node] for field in self.state)
        features = self.features[event] if event != NO_EVENT else self.features.new_zeros(0)
        features = F.pad(features, (0, self.features.shape[1] - len(features)))
        elapsed = self.time_encoding("memory_time_encoding", int(mail_time - memory_time))
        inputs = torch.cat([self.own_ends[node], mail, features, elapsed])
        cell = {name: self.parameters[f"memory_cell.{name}"] for name in ("weight_ih", "bias_ih")}
        cell |= {name: self.parameters[f"memory_cell.{name}"] for name in ("weight_hh", "bias_hh")}
        from_input = (cell["weight_ih"] @ inputs + cell["bias_ih"]).chunk(3)
        from_memory = (cell["weight_hh"] @ memory + cell["bias_hh"]).chunk(3)
        reset = torch.sigmoid(from_input[0] + from_memory[0])
        update = torch.sigmoid(from_input[1] + from_memory[1])
        new = torch.tanh(from_input[2] + reset * from_memory[2])
        return (1 - update) * new + update * memory

    def known(self, node: int) -> Tensor:
        """Memory of a node plus its static rows, projected where they have another width."""
        known = self.memory(node)
        for name, rows in self.static_rows.items():
            same = rows.shape[1] == known.numel()
            known = known + (rows[node] if same else self.linear("projection", rows[node], name))
        return known

    def embedding(self, node: int, time: int, first_event: int) -> Tensor:
        """Embedding of a node at a time, asked by the batch that begins at ``first_event``."""
        visible = plain_neighbors(self.dataset, self.visibility, node, time, first_event)
        neighbors = visible[: self.num_neighbors]
        return self.attention(
            self.known(node),
            [self.known(other) for other, _, _ in neighbors],
            [self.features[event] for _, event, _ in neighbors],
            [time - event_time for _, _, event_time in neighbors],
        )

    def attention(
        self,
        root: Tensor,
        memories: list[Tensor],
        features: list[Tensor],
        elapsed: list[int],
        keep_weights: Tensor | None = None,
        keep_output: Tensor | None = None,
    ) -> Tensor:
        """The attention layer for one root and its neighbours.

        ``keep_weights`` [num_heads, number of neighbours] and ``keep_output`` [embedding_dim] are
        the factors of dropout.
        """
        query = self.linear(
            "query", torch.cat([root, self.time_encoding("attention.time_encoding", 0)])
        )
        context = torch.zeros_like(query)
        if memories:
            times = [self.time_encoding("attention.time_encoding", gap) for gap in elapsed]
            rows = [torch.cat(row) for row in zip(memories, features, times, strict=True)]
            keys = torch.stack([self.linear("key", row) for row in rows])
            values = torch.stack([self.linear("value", row) for row in rows])
            heads = [part.chunk(self.num_heads, dim=-1) for part in (query, keys, values)]
            sums = []
            for head, (q, k, v) in enumerate(zip(*heads, strict=True)):
                weights = F.leaky_relu((q * k).sum(1), 0.2).softmax(0)
                if keep_weights is not None:
                    weights = weights * keep_weights[head]
                sums.append((weights.unsqueeze(1) * v).sum(0))
            context = torch.cat(sums)
        hidden = self.linear("output", torch.cat([context, root]))
        if keep_output is not None:
            hidden = hidden * keep_output
        hidden = torch.relu(hidden)
        centred = hidden - hidden.mean()
        normal = centred / torch.sqrt((centred**2).mean() + 1e-5)
        return (
            normal * self.parameters["attention.norm.weight"]
            + self.parameters["attention.norm.bias"]
        )

    def link_score(self, source: Tensor, destination: Tensor) -> Tensor:
        """The score of one link."""
        hidden = self.linear("source", source, "link_decoder") + self.linear(
            "destination", destination, "link_decoder"
        )
        return self.linear("output", torch.relu(hidden), "link_decoder").squeeze()

    def linear(self, name: str, values: Tensor, module: str = "attention") -> Tensor:
        weight, bias = (self.parameters[f"{module}.{name}.{part}"] for part in ("weight", "bias"))
        return weight @ values + bias

    def time_encoding(self, module: str, elapsed: int) -> Tensor:
        weight, bias = (self.parameters[f"{module}.{part}"] for part in ("weight", "bias"))
        return torch.cos(weight * elapsed + bias)
