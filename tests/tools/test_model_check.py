"""What the checker says of networks that keep the contract and of those that break it."""

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import nn

from benchmark.check_model import main
from benchmark.runner.compose import CONF, choices
from benchmark.tools.model_check import find_problems
from tests.tools import broken_pairs as pairs
from tests.tools import broken_variants as broken
from tests.tools import rarely_broken_pairs as rarely

SHIPPED = [
    name
    for name in choices("model")
    if str(OmegaConf.load(CONF / "model" / f"{name}.yaml").get("_target_", "")).startswith(
        "benchmark.models."
    )
]


@pytest.mark.parametrize("variant", [broken.Sound, pairs.SoundPairs])
def test_a_sound_network_has_no_problem(variant: type[nn.Module]) -> None:
    assert find_problems(variant) == []


@pytest.mark.parametrize("name", SHIPPED)
def test_every_network_that_is_shipped_keeps_the_contract(name: str) -> None:
    assert find_problems(instantiate(OmegaConf.load(CONF / "model" / f"{name}.yaml"))) == []


def test_several_networks_are_shipped() -> None:
    assert {"tgn_attention", "jodie", "apan", "tgat", "graph_mixer", "dysat"} <= set(SHIPPED)
    assert {"dygformer", "tpnet"} <= set(SHIPPED)


@pytest.mark.parametrize(
    ("variant", "sentences"),
    [
        (
            broken.PeeksAtItsBatch,
            [
                "The future leaks: scores change with the events of the batch itself or later "
                "ones; look at no edge features but those of subgraph.events and state.mail_event."
            ],
        ),
        (broken.ScalesByTheFuture, ["The future leaks"]),
        (broken.KeepsAScaleOfTheFuture, ["The future leaks"]),
        (
            broken.KeepsHiddenState,
            [
                "It keeps hidden state: from the same node memory scores differ before and after "
                "other batches; what a node remembers belongs in its memory and mail."
            ],
        ),
        (broken.RemembersTheLastBatch, ["It keeps hidden state"]),
        (
            broken.ReturnsWrongShapes,
            [
                "update_memory returns the shape [12, 1, 4], and it must be [12, 4].",
                "make_mail returns the shape [12, 1, 8], and it must be [12, 8].",
                "embed returns the shape [104, 1, 6], and it must be [104, 6].",
            ],
        ),
        (
            broken.ReturnsSingles,
            ["embed returns torch.float32 where weights and inputs are torch.float64."],
        ),
        (broken.DividesByZero, ["score_links returns NaN or infinity."]),
        (broken.ChangesItsInput, ["update_memory changes what it is given"]),
        (broken.NormalisesOverTheBatch, ["embed depends on the rest of the batch"]),
        (broken.KnowsPositions, ["score_links, of candidates, depends on the order of the batch"]),
        (
            broken.HasAnIdleParameter,
            ["With features, no gradient reaches idle.weight, idle.bias: let"],
        ),
        (
            broken.NeedsEdgeFeatures,
            ["Without any features, in float64, it fails: ZeroDivisionError: float division"],
        ),
        (pairs.PairsPeekAtTheirBatch, ["The future leaks: scores change with the events of"]),
        (pairs.PairsKeepHiddenState, ["It keeps hidden state: from the same node memory scores"]),
        (
            pairs.PairsKnowTheirPlaces,
            ["embed_pairs depends on the order of the batch: a row must not know its position."],
        ),
        (
            pairs.PairsCompareCandidates,
            ["embed_pairs depends on the rest of the batch: compute every row from its own inputs"],
        ),
        (pairs.PairsKnowTheOrderOfRoots, ["embed_pairs depends on the order of the batch"]),
        (pairs.PairsKnowTheOrderOfSources, ["embed_pairs depends on the order of the batch"]),
        (pairs.PairsCountDestinations, ["embed_pairs depends on the rest of the batch"]),
        (pairs.PairsTakeTheTimeOfTheBatch, ["embed_pairs depends on the rest of the batch"]),
        (rarely.PairsTakeRowsForIds, ["Scores depend on what else is asked about: roots and"]),
        (rarely.PairsCountNodes, ["Scores depend on what else is asked about"]),
        (
            rarely.PairsCompareCandidatesInTraining,
            ["score_pairs, of candidates, depends on the rest of the batch"],
        ),
        (
            rarely.PairsAreCentredInTraining,
            ["In training, embed_pairs depends on the rest of the batch"],
        ),
        (rarely.PairsCountBatchesInTraining, ["It keeps hidden state"]),
        (rarely.PairsKeepTheirFirstAnswer, ["It keeps hidden state"]),
        (rarely.PairsReadTheClock, ["It keeps hidden state"]),
        (rarely.PairsDrawTheirWeightsElsewhere, ["Its weights differ each time it is made: draw"]),
        (
            rarely.PairsSqueezeTheirScores,
            ["score_pairs returns the shape [] for 1 of 96 rows, and it must be [1]."],
        ),
        (
            rarely.PairsNeedEdgesToLearn,
            ["Without any features, no gradient reaches scale: let every parameter"],
        ),
        (rarely.PairsHaveNoSlopeAtZero, ["With features, the gradient of "]),
        (rarely.PairsChangeWhatTheyMail, ["make_mail changes what it is given; return new"]),
        (
            pairs.PairsChangeTheirSubgraph,
            ["embed_pairs changes what it is given; return new tensors instead."],
        ),
        (pairs.PairsChangeTheirEmbeddings, ["score_pairs changes what it is given"]),
        (
            pairs.PairsReturnNothing,
            ["embed_pairs returns NoneType, and it must be a tensor."],
        ),
        (pairs.PairsReturnSingles, ["embed_pairs returns torch.float32 where weights and"]),
        (pairs.PairsReturnNaN, ["embed_pairs returns NaN or infinity."]),
        (
            pairs.PairsScoreRowsOnly,
            ["score_pairs returns the shape [8, 1], and it must be [8, 12]."],
        ),
        (
            pairs.PairsFailInTraining,
            ["Of other batches, or in training, it fails: IndexError: no such batch."],
        ),
        (broken.NoTemporalModel, ["NoTemporalModel is not a TemporalModel; derive"]),
    ],
)
def test_every_way_of_breaking_it_is_named(variant: type[nn.Module], sentences: list[str]) -> None:
    problems = find_problems(variant)
    assert len(problems) == len(sentences), problems
    for problem, sentence in zip(problems, sentences, strict=True):
        assert problem.startswith(sentence)


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["model=jodie", "model.memory_dim=8"], 0, "jodie keeps the contract."),
        (["model._target_=tests.tools.broken_variants.Sound"], 0, "Sound keeps the contract."),
        (["model._target_=tests.tools.broken_variants.PeeksAtItsBatch"], 1, "The future leaks"),
        (["model=none"], 2, "error: Name the network"),
        (["model=jodei"], 2, "error: There is no model named 'jodei'; did you mean jodie?"),
        (["model._target_=tests.tools.broken_variants.Nobody"], 2, "error: ImportError: "),
        (["model=custom"], 2, "error: model._target_ has no default; add model._target_=VALUE."),
        ([], 2, "Tell the author"),
    ],
)
def test_the_command(
    words: list[str], code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == code
    written = capsys.readouterr()
    assert (written.out + written.err).startswith(text)
