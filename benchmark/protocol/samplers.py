"""Negative samplers by the word or class that ``protocol.negative_sampling`` names."""

from hydra.utils import get_class

from benchmark.protocol.linked_negatives import HistoricalNegatives, InductiveNegatives
from benchmark.protocol.negatives import NegativeSampler
from benchmark.protocol.random_negatives import RandomNegatives
from benchmark.protocol.tgb_negatives import TGBNegatives

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
