"""The choices that make one evaluation of link prediction comparable with another."""

from dataclasses import dataclass, field
from typing import Any

from hydra.utils import get_class

from benchmark.datasets.dataset import Dataset
from benchmark.graph.past import Visibility
from benchmark.protocol.hard_negatives import HistoricalNegatives, InductiveNegatives, TGBNegatives
from benchmark.protocol.metrics import LINK_METRICS
from benchmark.protocol.negatives import NegativePool, NegativeSampler, RandomNegatives
from benchmark.storage.locations import Locations

SAMPLERS: dict[str, type[NegativeSampler]] = {
    "random": RandomNegatives,
    "historical": HistoricalNegatives,
    "inductive": InductiveNegatives,
    "tgb": TGBNegatives,
}


def sampler_class(name: str) -> type[NegativeSampler]:
    """What ``SAMPLERS`` calls ``name``, or the class of one's own at ``package.module.Class``.

    Raises ValueError if there is none.
    """
    if name in SAMPLERS:
        return SAMPLERS[name]
    if "." not in str(name):
        raise ValueError(
            f"negative_sampling must be one of {', '.join(SAMPLERS)}, not {name!r}, or name a "
            "class of your own as package.module.Class."
        )
    try:
        found = get_class(name)
    except (ImportError, ValueError) as problem:
        raise ValueError(
            f"negative_sampling names the class {name}, which cannot be imported "
            f"({str(problem).splitlines()[0]}); run where Python finds it, or set PYTHONPATH."
        ) from problem
    if not issubclass(found, NegativeSampler):
        raise ValueError(f"negative_sampling names {name}, which is no NegativeSampler.")
    return found


@dataclass(frozen=True)
class LinkProtocol:
    """What may be seen when, which negatives, which metric decides; ``docs/protocol.md`` says all.

    ``seed`` is that of the evaluation negatives and stays the same for every experiment, whatever
    seed it trains with. ``primary_metric`` decides when validation has improved. ``inductive``
    asks for metrics over the events with a node that no training event has, and over the others,
    beside those over all. ``negative_sampling`` names the ``NegativeSampler``.
    ``locations`` is where published negatives are found.
    """

    name: str
    visibility: Visibility
    num_negatives: int
    negative_pool: NegativePool
    seed: int
    primary_metric: str
    negative_sampling: str = "random"
    inductive: bool = False
    locations: Locations | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "visibility", Visibility(self._one_of("visibility", list(Visibility)))
        )
        object.__setattr__(
            self, "negative_pool", NegativePool(self._one_of("negative_pool", list(NegativePool)))
        )
        self._sampler_class()
        self._one_of("primary_metric", list(LINK_METRICS))
        self._whole_number("num_negatives", 1)
        self._whole_number("seed", 0)

    def negatives(self, dataset: Dataset) -> NegativeSampler:
        """Whatever draws the negatives of ``dataset``, in training and in evaluation."""
        return self._sampler_class()(dataset, self)

    def _sampler_class(self) -> type[NegativeSampler]:
        try:
            return sampler_class(self.negative_sampling)
        except ValueError as problem:
            raise ValueError(f"protocol '{self.name}': {problem}") from problem

    def _one_of(self, field: str, choices: list[Any]) -> str:
        value = getattr(self, field)
        if value not in choices:
            raise ValueError(
                f"protocol '{self.name}': {field} must be one of {', '.join(choices)}, "
                f"not {value!r}."
            )
        return str(value)

    def _whole_number(self, field: str, smallest: int) -> None:
        value = getattr(self, field)
        if not isinstance(value, int) or value < smallest:
            raise ValueError(
                f"protocol '{self.name}': {field} must be a whole number of at least {smallest}, "
                f"not {value!r}."
            )
