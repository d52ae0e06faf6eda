"""What the methods of a network return, and whether they leave alone what they are given."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

from benchmark.models.contract import TemporalModel
from benchmark.models.node_state import NodeState
from benchmark.models.pairwise import PairwiseModel
from benchmark.models.toy_stream import ToyStream, mails_of_all


def shape_problems(model: TemporalModel, stream: ToyStream) -> list[str]:
    """Wrong shapes, types or values of what the methods return, before and amid the stream."""
    problems = list(_shape_problems_from(stream.empty_state(model), model, stream))
    return problems or list(_shape_problems_from(stream.state_before_batch(model), model, stream))


def _shape_problems_from(
    state: NodeState, model: TemporalModel, stream: ToyStream
) -> Iterator[str]:
    subgraph = stream.subgraph(model)
    num_nodes = subgraph.nodes.numel()
    rows = state.rows(subgraph.nodes)
    subgraph = subgraph.known_from(rows)
    memory = yield from _called("update_memory", model.update_memory, (rows,))
    yield from _wrong("update_memory", memory, (num_nodes, model.memory_dim))
    if model.adds_mails:
        mails = yield from _called("make_mails", model.make_mails, (mails_of_all(rows, memory),))
        yield from _wrong("make_mails", mails, (num_nodes, model.mail_dim))
    else:
        mail = yield from _called("make_mail", model.make_mail, (memory, memory.flip(0)))
        yield from _wrong("make_mail", mail, (num_nodes, model.mail_dim))
    shape = tuple(stream.candidates.shape)  # systems ask about the candidates of each source
    if isinstance(model, PairwiseModel):
        pairs = stream.roots.pairs
        asked = (memory, subgraph, pairs)
        embeddings = yield from _embedded(
            "embed_pairs", model.embed_pairs, asked, len(pairs.sources)
        )
        if embeddings is not None:
            rows_of_each = (embeddings.unflatten(0, shape),)
            scores = yield from _called("score_pairs", model.score_pairs, rows_of_each)
            yield from _wrong("score_pairs", scores, shape)
        return
    embeddings = yield from _embedded("embed", model.embed, (memory, subgraph), subgraph.num_roots)
    if embeddings is not None:
        ends = tuple(stream.roots.split(embeddings))
        scores = yield from _called("score_links", model.score_links, ends)
        yield from _wrong("score_links", scores, shape)


def _embedded(
    name: str, embed: Callable[..., Tensor], given: tuple[Any, ...], count: int
) -> Generator[str, None, Tensor | None]:
    """The embeddings [count, any width] that a method returns; None where they are no such."""
    embeddings = yield from _called(name, embed, given)
    width = embeddings.shape[-1] if isinstance(embeddings, Tensor) and embeddings.dim() else 1
    wrong = list(_wrong(name, embeddings, (count, width)))
    yield from wrong
    return None if wrong else embeddings


def _called(
    name: str, method: Callable[..., Tensor], given: tuple[Any, ...]
) -> Generator[str, None, Tensor]:
    """What a method returns; it may not change what it is given."""
    kept = [tensor.clone() for tensor in _tensors(given)]
    returned = method(*given)
    if not all(map(torch.equal, _tensors(given), kept)):
        yield f"{name} changes what it is given; return new tensors instead."
    return returned


def _tensors(given: Any) -> Iterator[Tensor]:
    """The tensors in tuples and dataclasses."""
    if isinstance(given, Tensor):
        yield given
    elif isinstance(given, tuple):
        for part in given:
            yield from _tensors(part)
    elif is_dataclass(given):
        yield from _tensors(tuple(getattr(given, each.name) for each in fields(given)))


def _wrong(name: str, values: Any, shape: tuple[int, ...]) -> Iterator[str]:
    if not isinstance(values, Tensor):
        yield f"{name} returns {type(values).__name__}, and it must be a tensor."
    elif tuple(values.shape) != shape:
        yield f"{name} returns the shape {list(values.shape)}, and it must be {list(shape)}."
    elif values.dtype != torch.float64:
        yield f"{name} returns {values.dtype} where weights and inputs are torch.float64."
    elif not values.isfinite().all():
        yield f"{name} returns NaN or infinity."
