"""Whether a network computes every row of a batch from its own inputs alone."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from benchmark.models.contract import TemporalModel
from benchmark.models.layers.dropout import Dropout
from benchmark.models.memory_write import Mails
from benchmark.models.node_state import NodeState
from benchmark.models.pairwise import PairwiseModel
from benchmark.models.roots import CandidateRoots, RootPairs
from benchmark.models.subgraph import Subgraph
from benchmark.models.toy_stream import ToyStream, mails_of_all

# What a method computes of some rows of its input, and how many rows there are, by its name.
Results = dict[str, tuple[Callable[[Tensor], Tensor], int]]
TOLERANCE = 1e-9
SEED = 0


def row_problems(model: TemporalModel, stream: ToyStream) -> Iterator[str]:
    """What depends on the other rows of a batch, or on its order; the model is left in training."""
    state = stream.state_before_batch(model)
    problems = list(_part_problems(model, stream, state)) or list(
        _alone_problems(model, stream, state)
    )
    yield from problems
    if not problems and _trains_without_chance(model, stream, state):
        for problem in _part_problems(model, stream, state):
            yield f"In training, {problem}"


def equal(one: Tensor, other: Tensor) -> bool:
    """Whether they are equal but for rounding."""
    return one.shape == other.shape and torch.allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE)


def _trains_without_chance(model: TemporalModel, stream: ToyStream, state: NodeState) -> bool:
    """Whether the ``model``, now in training without dropout, draws nothing at random."""
    model.train()
    for module in model.modules():
        if isinstance(module, nn.Dropout | Dropout):
            module.eval()
    return torch.equal(stream.scores(model, state), stream.scores(model, state))


def _part_problems(model: TemporalModel, stream: ToyStream, state: NodeState) -> Iterator[str]:
    """What the methods make of parts of their input."""
    subgraph = stream.subgraph(model)
    rows = state.rows(subgraph.nodes)
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
        results |= _results_of_pairs(model, memory, subgraph, stream.roots)
    else:
        results |= _results_of_nodes(model, memory, subgraph, stream)
    for name, (compute, count) in results.items():
        problems = list(_row_problems(name, compute, count))
        yield from problems
        if problems:
            return


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
    model: PairwiseModel, memory: Tensor, subgraph: Subgraph, roots: CandidateRoots
) -> Results:
    """What a pairwise network computes for some pairs, and from roots that come in their order."""
    pairs = roots.pairs
    embeddings = model.embed_pairs(memory, subgraph, pairs)
    of_events = embeddings.unflatten(0, roots.shape)

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
        "score_pairs, of candidates,": (
            lambda some: model.score_pairs(of_events[:, some]).T,
            roots.shape[1],
        ),
    }


def _row_problems(name: str, compute: Callable[[Tensor], Tensor], count: int) -> Iterator[str]:
    everything = torch.arange(count)
    whole, reverse = compute(everything), everything.flip(0)
    some = torch.randperm(count, generator=torch.Generator().manual_seed(SEED))
    parts = [*everything.tensor_split(2), some[: (count + 1) // 2].sort().values, some[:1]]
    answers = [compute(part) for part in parts]
    for part, answer in zip(parts, answers, strict=True):
        if answer.shape != whole[part].shape:
            yield (
                f"{name} returns the shape {list(answer.shape)} for {len(part)} of {count} rows, "
                f"and it must be {list(whole[part].shape)}."
            )
            return
    if not equal(compute(reverse), whole[reverse]):
        yield f"{name} depends on the order of the batch: a row must not know its position."
    elif not all(equal(answer, whole[part]) for part, answer in zip(parts, answers, strict=True)):
        yield f"{name} depends on the rest of the batch: compute every row from its own inputs."


def _alone_problems(model: TemporalModel, stream: ToyStream, state: NodeState) -> Iterator[str]:
    """A candidate's score must be the same when nothing else is asked about."""
    whole = stream.scores(model, state)
    pairs = [(event, 5 * event % whole.shape[1]) for event in range(len(whole))]
    if not all(
        equal(stream.asked_alone(*pair).scores(model, state), whole[pair].view(1, 1))
        for pair in pairs
    ):
        yield (
            "Scores depend on what else is asked about: roots and neighbors are rows of memory "
            "and of subgraph.nodes, not ids, and what other rows hold is of other questions."
        )
