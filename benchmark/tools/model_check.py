"""Whether a network keeps the contract of ``benchmark.models.contract``, found out on a toy stream.

Everything is computed in float64, so that what should be equal is equal but for rounding.
"""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.errors import UserError
from benchmark.models.contract import TemporalModel
from benchmark.models.memory_write import Mails
from benchmark.models.node_state import NodeState
from benchmark.models.pairwise import PairwiseModel, candidate_scores
from benchmark.models.roots import RootPairs
from benchmark.models.subgraph import Subgraph
from benchmark.models.toy_stream import ToyStream, mails_of_all
from benchmark.tools.model_shapes import shape_problems

Build = Callable[..., nn.Module]
# What a method computes of some rows of its input, and how many rows there are, by its name.
Results = dict[str, tuple[Callable[[Tensor], Tensor], int]]
FEATURES = (3, 5)  # widths of edge features and of node features
WIDTHS = {"With features": FEATURES, "Without any features": (0, 0)}
TOLERANCE = 1e-9
SEED = 0


def find_problems(build: Build) -> list[str]:
    """What is wrong with the network that ``build`` makes, one sentence each; empty if nothing.

    ``build`` is called as a system does, with ``edge_features`` and ``node_features``. Where
    shapes or types are wrong, or hidden state makes every answer another one, nothing else is
    looked at.
    """
    for case, widths in WIDTHS.items():
        try:
            problems = shape_problems(*_built(build, ToyStream(*widths)))
        except UserError as error:
            return [str(error)]
        except Exception as error:  # whatever a stranger's code may raise
            return [f"{case}, in float64, it fails: {_named(error)}."]
        if problems:
            return problems
    try:
        return list(_state_problems(build)) or [
            problem
            for check in (_leak_problems, _batch_problems, _gradient_problems)
            for problem in check(build)
        ]
    except Exception as error:  # as above
        return [f"Of other batches, or in training, it fails: {_named(error)}."]


def _built(build: Build, stream: ToyStream) -> tuple[TemporalModel, ToyStream]:
    """The network over the stream, in evaluation mode, its weights the same in every call."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = build(edge_features=stream.edge_features, node_features=stream.node_features)
    if not isinstance(model, TemporalModel):
        raise UserError(
            f"{type(model).__name__} is not a TemporalModel; derive it from "
            "benchmark.models.contract.TemporalModel."
        )
    return model.double().eval(), stream


def _leak_problems(build: Build) -> Iterator[str]:
    """Scores must not change with the events of the batch itself and those after it."""
    model, stream = _built(build, ToyStream(*FEATURES))
    other, changed = _built(build, ToyStream(*FEATURES, changed=True))
    scores = _scores(model, stream, stream.state_before_batch(model))
    if not _equal(scores, _scores(other, stream, changed.state_before_batch(other))):
        yield (
            "The future leaks: scores change with the events of the batch itself or later ones; "
            "look at no edge features but those of subgraph.events and state.mail_event."
        )


def _state_problems(build: Build) -> Iterator[str]:
    """Nothing may be remembered outside of ``NodeState``."""
    model, stream = _built(build, ToyStream(*FEATURES))
    states = (stream.empty_state(model), stream.state_before_batch(model))
    before = [_scores(model, stream, state) for state in states]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        for _ in range(2):
            model.train()
            _scores(model, stream, states[1])
            stream.state_before_batch(model)
    model.eval()
    after = [_scores(model, stream, state) for state in states]
    if not all(map(_equal, before, after)):
        yield (
            "It keeps hidden state: from the same node memory scores differ before and after "
            "other batches; what a node remembers belongs in its memory and mail."
        )


def _batch_problems(build: Build) -> Iterator[str]:
    """A row of a result may depend on its own row of the input and on no other."""
    model, stream = _built(build, ToyStream(*FEATURES))
    subgraph = stream.subgraph(model)
    rows = stream.state_before_batch(model).rows(subgraph.nodes)
    memory, subgraph = model.update_memory(rows), subgraph.known_from(rows)
    results: Results = {
        "update_memory": (lambda some: model.update_memory(rows.rows(some)), len(memory)),
    }
    if model.adds_mails:
        mails = mails_of_all(rows, memory)
        results["make_mails"] = (
            lambda some: model.make_mails(Mails(*(field[some] for field in mails))),
            len(memory),
        )
    else:
        results["make_mail"] = (
            lambda some: model.make_mail(memory[some], memory.flip(0)[some]),
            len(memory),
        )
    if isinstance(model, PairwiseModel):
        results |= _results_of_pairs(model, memory, subgraph, stream.roots.pairs)
    else:
        results |= _results_of_nodes(model, memory, subgraph, stream)
    for name, (compute, count) in results.items():
        yield from _row_problems(name, compute, count)


def _results_of_nodes(
    model: TemporalModel, memory: Tensor, subgraph: Subgraph, stream: ToyStream
) -> Results:
    """What a network that embeds nodes computes for some roots, events or candidates."""
    source, destinations = stream.roots.split(model.embed(memory, subgraph))
    return {
        "embed": (lambda some: model.embed(memory, subgraph.select(some)), subgraph.num_roots),
        "score_links": (
            lambda some: model.score_links(source[some], destinations[some]),
            len(source),
        ),
        "score_links, of candidates,": (
            lambda some: model.score_links(source, destinations[:, some]).T,
            destinations.shape[1],
        ),
    }


def _results_of_pairs(
    model: PairwiseModel, memory: Tensor, subgraph: Subgraph, pairs: RootPairs
) -> Results:
    """What a pairwise network computes for some pairs, and from roots that come in their order."""
    embeddings = model.embed_pairs(memory, subgraph, pairs)

    def embed(some: Tensor) -> Tensor:
        ends = torch.cat(pairs.select(some))
        roots, rows = ends.unique(return_inverse=True)
        order = torch.full_like(roots, len(ends)).scatter_reduce_(
            0, rows, torch.arange(len(ends)), "amin"
        )
        first_asked = order.argsort()
        part = RootPairs(*first_asked.argsort()[rows].view(2, -1))
        return model.embed_pairs(memory, subgraph.select(roots[first_asked]), part)

    return {
        "embed_pairs": (embed, len(embeddings)),
        "score_pairs": (lambda some: model.score_pairs(embeddings[some]), len(embeddings)),
    }


def _row_problems(name: str, compute: Callable[[Tensor], Tensor], count: int) -> Iterator[str]:
    everything = torch.arange(count)
    whole, reverse = compute(everything), everything.flip(0)
    some = torch.randperm(count, generator=torch.Generator().manual_seed(SEED))
    parts = [*everything.tensor_split(2), some[: (count + 1) // 2].sort().values]
    if not _equal(compute(reverse), whole[reverse]):
        yield f"{name} depends on the order of the batch: a row must not know its position."
    elif not all(_equal(compute(part), whole[part]) for part in parts):
        yield f"{name} depends on the rest of the batch: compute every row from its own inputs."


def _gradient_problems(build: Build) -> Iterator[str]:
    """Several processes wait for the gradient of every parameter."""
    model, stream = _built(build, ToyStream(*FEATURES))
    scores = _scores(model.train(), stream, stream.state_before_batch(model))
    F.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.int64)).backward()
    missing = [name for name, one in model.named_parameters() if one.grad is None]
    if missing:
        yield (
            f"No gradient reaches {', '.join(missing)}: let every parameter take part in the "
            "loss, or make it a buffer."
        )


def _scores(model: TemporalModel, stream: ToyStream, state: NodeState) -> Tensor:
    """Scores of the batch's candidates."""
    subgraph = stream.subgraph(model)
    rows = state.rows(subgraph.nodes)
    memory, subgraph = model.update_memory(rows), subgraph.known_from(rows)
    return candidate_scores(model, memory, subgraph, stream.roots)


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE)


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
