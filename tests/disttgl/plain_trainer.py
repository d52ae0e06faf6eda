"""One trainer, batch after batch: no schedule, no process, no thread, no memory backend."""

import torch
import torch.nn.functional as F

from benchmark.datasets.dataset import Dataset, EventBatch
from benchmark.models.node_state import NodeState
from benchmark.models.subgraph import Queries, Subgraph
from benchmark.models.tgn_attention import TGNAttention
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.randomness import seeded
from tests.models.plain import plain_neighbors

CPU = torch.device("cpu")


class PlainTrainer:
    """Trains ``model`` on the training events in order, with memory emptied before each pass.

    The tensor operations of the model are those of ``TGNAttention``, so that results can be equal
    bit for bit; everything around them is written out.
    """

    def __init__(
        self,
        model: TGNAttention,
        dataset: Dataset,
        protocol: LinkProtocol,
        batch_size: int,
        learning_rate: float,
        seed: int,
    ) -> None:
        self.model = model
        self.dataset = dataset
        self.protocol = protocol
        self.batch_size = batch_size
        self.seed = seed
        self.optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
        dtype = next(model.parameters()).dtype
        self.state = NodeState.empty(dataset.num_nodes, model.memory_dim, model.mail_dim, dtype)
        self.iteration = 0

    def train_pass(self) -> list[float]:
        """One sweep over the training events; the loss of each batch."""
        self.state.reset()
        self.model.train()
        end = self.dataset.split.train_end
        return [
            self._train(self.dataset.batch(start, min(start + self.batch_size, end)))
            for start in range(0, end, self.batch_size)
        ]

    def _train(self, events: EventBatch) -> float:
        key = (0, self.iteration, "negatives")
        sampler = self.protocol.negatives(self.dataset)
        negatives = sampler.training(events, 1, self.seed, *key).squeeze(1)
        subgraph = self._subgraph(events, negatives)
        read = NodeState(*(field[subgraph.nodes] for field in self.state))
        with seeded(CPU, self.seed, "dropout", 0, self.iteration):
            memory = self.model.update_memory(read)
            source, true, other = self.model.embed(memory, subgraph).chunk(3)
        scores = self.model.score_links(source, torch.stack([true, other], dim=1))
        loss = F.cross_entropy(scores, torch.zeros(len(events), dtype=torch.int64))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self._write(events, dict(zip(subgraph.nodes.tolist(), memory.detach(), strict=True)))
        self.iteration += 1
        return loss.item()

    def _subgraph(self, events: EventBatch, negatives: torch.Tensor) -> Subgraph:
        """Sources, destinations and negatives with their neighbours, found one by one."""
        roots = [*events.src.tolist(), *events.dst.tolist(), *negatives.tolist()]
        times = events.t.tolist() * 3
        width = self.model.num_neighbors
        found = [
            plain_neighbors(self.dataset, self.protocol.visibility, *root, events.start)[:width]
            for root in zip(roots, times, strict=True)
        ]
        nodes = sorted({*roots, *(other for row in found for other, _, _ in row)})
        place = {node: number for number, node in enumerate(nodes)}
        neighbors, ids, elapsed, mask = [], [], [], []
        for node, time, row in zip(roots, times, found, strict=True):
            padding = width - len(row)
            neighbors.append([place[other] for other, _, _ in row] + [place[node]] * padding)
            ids.append([event for _, event, _ in row] + [0] * padding)
            elapsed.append([time - event_time for _, _, event_time in row] + [0] * padding)
            mask.append([True] * len(row) + [False] * padding)
        rows = [place[node] for node in roots]
        parts = (nodes, rows, neighbors, ids, elapsed, mask, times)
        queries = Queries.of(torch.tensor(rows), len(nodes))
        return Subgraph(*(torch.tensor(part) for part in parts), queries)

    def _write(self, events: EventBatch, memory: dict[int, torch.Tensor]) -> None:
        """The last event of a node decides its mail."""
        mail_time = self.state.mail_time.clone()
        for event, src, dst, time in zip(events.ids, events.src, events.dst, events.t, strict=True):
            for own, other in ((int(src), int(dst)), (int(dst), int(src))):
                self.state.memory[own] = memory[own]
                self.state.mail[own] = memory[other]
                self.state.memory_time[own] = mail_time[own]
                self.state.mail_time[own] = time
                self.state.mail_event[own] = event
