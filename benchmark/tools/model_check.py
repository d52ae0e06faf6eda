"""Whether a network keeps the contract of ``benchmark.models.contract``, found out on a toy stream.

Everything is computed in float64, so that what should be equal is equal but for rounding.
"""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.errors import UserError
from benchmark.models.contract import TemporalModel
from benchmark.models.node_state import NodeState
from benchmark.models.toy_stream import ToyStream
from benchmark.tools.model_rows import SEED, equal, row_problems
from benchmark.tools.model_shapes import shape_problems

Build = Callable[..., nn.Module]
FEATURES = (3, 5)  # widths of edge features and of node features
WIDTHS = {"With features": FEATURES, "Without any features": (0, 0)}


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
            for check in (_leak_problems, _row_problems, _gradient_problems)
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
    scores = stream.scores(model, stream.state_before_batch(model))
    if not equal(scores, stream.scores(other, changed.state_before_batch(other))):
        yield (
            "The future leaks: scores change with the events of the batch itself or later ones; "
            "look at no edge features but those of subgraph.events and state.mail_event."
        )


def _state_problems(build: Build) -> Iterator[str]:
    """Nothing may be remembered outside of ``NodeState``, nor be drawn but from torch's seed."""
    model, stream = _built(build, ToyStream(*FEATURES))
    twin, _ = _built(build, stream)
    if not all(map(torch.equal, model.state_dict().values(), twin.state_dict().values())):
        yield (
            "Its weights differ each time it is made: draw them with torch, whose seed the suite "
            "sets; elsewhere every process would have its own."
        )
        return
    states = (stream.empty_state(model), stream.state_before_batch(model))
    cases = [(state, training) for training in (False, True) for state in states]
    before = [_seeded_scores(*_built(build, stream), *case) for case in cases]
    model.train()
    for _ in range(2):
        _seeded_scores(model, stream, states[1], training=True)
        stream.state_before_batch(model)
    after = [_seeded_scores(model, stream, *case) for case in cases]
    if not all(map(torch.equal, before, after)):
        yield (
            "It keeps hidden state: from the same node memory scores differ before and after "
            "other batches; what a node remembers belongs in its memory and mail."
        )


def _seeded_scores(
    model: TemporalModel, stream: ToyStream, state: NodeState, training: bool
) -> Tensor:
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(SEED)
        return stream.scores(model.train(training), state)


def _row_problems(build: Build) -> Iterator[str]:
    yield from row_problems(*_built(build, ToyStream(*FEATURES)))


def _gradient_problems(build: Build) -> Iterator[str]:
    """Several processes wait for the gradient of every parameter."""
    for case, widths in WIDTHS.items():
        model, stream = _built(build, ToyStream(*widths))
        for state in (stream.empty_state(model), stream.state_before_batch(model)):
            model.zero_grad()
            scores = stream.scores(model.train(), state)
            F.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.int64)).backward()
            problems = list(_wrong_gradients(case, dict(model.named_parameters())))
            yield from problems
            if problems:
                return


def _wrong_gradients(case: str, parameters: dict[str, nn.Parameter]) -> Iterator[str]:
    missing = [name for name, one in parameters.items() if one.grad is None]
    wrong = [
        name
        for name, one in parameters.items()
        if one.grad is not None and not one.grad.isfinite().all()
    ]
    if missing:
        yield (
            f"{case}, no gradient reaches {', '.join(missing)}: let every parameter take part in "
            "the loss, or make it a buffer."
        )
    if wrong:
        yield f"{case}, the gradient of {', '.join(wrong)} is NaN or infinity."


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
