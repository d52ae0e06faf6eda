"""Whether the options of an experiment fit the classes they choose, before anything is built."""

import difflib
import importlib
import inspect
import math
import re
import types
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from enum import EnumMeta
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from benchmark.experiment import Experiment
from benchmark.records.identity import is_own

# The packages that are not always there, by the extra that brings them.
EXTRAS = {"tgm": "peers", "tgb": "tgb", "pyarrow": "parquet"}
# What a class is given beside its options, by the group it is chosen from.
GIVEN: dict[str, tuple[str, ...]] = {
    "dataset": ("locations",),
    "protocol": ("locations",),
    "system": ("job",),
}
Class = Callable[..., Any]


def class_of(experiment: Experiment, group: str) -> Class | None:
    """The class that was chosen from ``group``, or None where the choice names none.

    Raises:
        ValueError: If it cannot be imported; says what to install or to write.
    """
    target = getattr(experiment, group).get("_target_")
    if target is None:
        return None
    module, _, name = str(target).rpartition(".")
    try:
        found: Class = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        missing = str(error.name).partition(".")[0] if isinstance(error, ImportError) else ""
        if missing in EXTRAS:
            raise ValueError(
                f"{group}={experiment.choices[group]} needs the package {missing}: "
                f"pip install 'disttgl-benchmark[{EXTRAS[missing]}]'."
            ) from error
        raise ValueError(f"{group}._target_={target} cannot be imported: {error}.") from error
    return found


def check_group(experiment: Experiment, group: str) -> None:
    """Refuse options that the chosen class does not take, or lacks; other types, other ranges."""
    chosen = class_of(experiment, group)
    if chosen is None:
        return
    options = {k: v for k, v in getattr(experiment, group).items() if not k.startswith("_")}
    later = bool(getattr(experiment, group).get("_partial_"))
    taking = getattr(chosen, "options", None) or chosen  # a system may name them in a data class
    check_options(group, taking, options, GIVEN.get(group, ()), may_lack=later)
    if is_own(str(getattr(experiment, group)["_target_"])):
        check_ranges(group, options)


def check_network(experiment: Experiment) -> None:
    """Refuse a missing system, and a model that the system does not train.

    Raises:
        ValueError: Says which two choices do not fit.
    """
    system = class_of(experiment, "system")
    if system is None:
        raise ValueError(_missing(experiment, "system"))
    model = class_of(experiment, "model")
    trains: Any = system.trains  # type: ignore[attr-defined]
    chosen = f"system={experiment.choices['system']}"
    network = f"model={experiment.choices['model']}"
    if trains is None:
        if model is not None:
            raise ValueError(f"{chosen} trains no model; leave {network} out.")
    elif model is None:
        raise ValueError(_missing(experiment, "model"))
    elif not (inspect.isclass(model) and issubclass(model, trains)):
        raise ValueError(
            f"{chosen} trains a {trains.__name__}, and {network} is a {model.__name__}; "
            "leave model out or choose another."
        )


def _missing(experiment: Experiment, group: str) -> str:
    return (
        f"task {experiment.name_of('task')} trains a {group}, but {group}="
        f"{experiment.choices[group]} names none; leave {group} out or choose another."
    )


CONTAINERS: dict[Any, tuple[type, ...]] = {
    list: (list, tuple),
    tuple: (list, tuple),
    Sequence: (list, tuple),
    dict: (dict,),
    Mapping: (dict,),
}
PLAIN: dict[Any, tuple[type, ...]] = {
    type(None): (type(None),),
    int: (int,),
    float: (int, float),
    str: (str,),
}
NAMES = {int: "a whole number", float: "a number", str: "a word", bool: "true or false"}


def check_options(
    group: str,
    chosen: Callable[..., Any],
    options: Mapping[str, Any],
    given: Collection[str],
    may_lack: bool,
) -> None:
    """Refuse ``options`` that ``chosen`` does not take, lacks, or takes in another type.

    ``given`` names arguments that others pass; ``may_lack`` says that these have any name.

    Raises:
        ValueError: Names the key, and what to write.
    """
    parameters = inspect.signature(chosen).parameters
    hints = _hints(chosen)
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for key, value in options.items():
        if key not in parameters:
            if takes_any:
                continue
            near = difflib.get_close_matches(key, parameters, n=1)
            guess = f"; did you mean {group}.{near[0]}?" if near else "; leave it out."
            raise ValueError(f"{_name(chosen)} takes no {group}.{key}{guess}")
        if key in hints and not _fits(value, hints[key]):
            raise ValueError(f"{group}.{key} must be {_wanted(hints[key])}, not {value!r}.")
    for key, parameter in parameters.items():
        open_ended = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        needed = parameter.default is parameter.empty and not open_ended
        if needed and not may_lack and key not in options and key not in given:
            raise ValueError(f"{group}.{key} has no default; add {group}.{key}=VALUE.")


def _hints(chosen: Callable[..., Any]) -> dict[str, Any]:
    target = chosen.__init__ if isinstance(chosen, type) else chosen  # type: ignore[misc]
    try:
        return get_type_hints(target)
    except Exception:  # annotations of a stranger's code may name what is not there
        return {}


def _fits(value: Any, hint: Any) -> bool:
    """Whether ``value``, as yaml gives it, is of the type; unknown kinds of types take anything."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in arguments)
    if origin is Literal:
        return value in arguments
    if (origin or hint) in CONTAINERS:
        inner = Any if isinstance(value, dict) or not arguments else arguments[0]
        kinds: Any = CONTAINERS[origin or hint]
        return isinstance(value, kinds) and all(_fits(v, inner) for v in value)
    if isinstance(hint, EnumMeta):
        return value in _values(hint)
    if isinstance(value, bool) or hint is bool:
        return hint is type(value) or hint not in {*NAMES, type(None)}
    return isinstance(value, PLAIN.get(hint, object))


def _values(hint: Any) -> list[Any]:
    return [one.value for one in hint]


def _wanted(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(map(_wanted, arguments))
    if origin is Literal:
        return f"one of {', '.join(map(str, arguments))}"
    if hint is type(None):
        return "null"
    if isinstance(hint, EnumMeta):
        return f"one of {', '.join(map(str, _values(hint)))}"
    if (origin or hint) in CONTAINERS:
        return "a list" if list in CONTAINERS[origin or hint] else "a group of keys"
    return NAMES.get(hint, str(hint))


def _name(chosen: Callable[..., Any]) -> str:
    return getattr(chosen, "__name__", str(chosen))


class Range(NamedTuple):
    """The numbers that an option may have; ``open`` leaves out that end."""

    least: float
    most: float
    open_below: bool = False
    open_above: bool = False

    def holds(self, value: float) -> bool:
        """Whether ``value`` lies within; NaN does not."""
        above = value > self.least if self.open_below else value >= self.least
        return above and (value < self.most if self.open_above else value <= self.most)

    def __str__(self) -> str:
        low = f"above {self.least:g}" if self.open_below else f"at least {self.least:g}"
        if math.isinf(self.most):
            return f"{low} and finite"
        return f"{low} and {'below' if self.open_above else 'at most'} {self.most:,g}"


COUNT, WIDTH = Range(1, 10**9), Range(1, 10**5)
SHARE, PROBABILITY = Range(0, 1, open_below=True), Range(0, 1, open_above=True)
POSITIVE = Range(0, math.inf, open_below=True, open_above=True)
RATE, PART = Range(0, 1000, open_below=True), Range(0, 1, open_below=True, open_above=True)
# By the last part of an option's name; the first that matches holds.
RANGES = {
    r"num_.*_features|edge_dim|num_labels": Range(0, 10**5),  # a stream may have none
    r".*_dim|(num_)?heads|num_layers|.*_layers|num_neighbors|mailbox_size": WIDTH,
    r"num_.*|.*_events|events_per_.*|.*_factor|log_interval|.*_length|.*_size": COUNT,
    r"(.*_)?epochs|.*_patience": COUNT,
    r"(.*_)?learning_rate": RATE,
    r"snapshot_duration|time_window": POSITIVE,
    r"time_decay": Range(0, math.inf, open_above=True),
    r"(.*_)?dropout": PROBABILITY,
    r"window": SHARE,
    r".*_held_out|.*_fraction": PART,
    r"seed": Range(0, 2**31 - 1),
}


def check_ranges(group: str, options: Mapping[str, Any]) -> None:
    """Refuse a number that is out of its range; raises ValueError that names the key."""
    for key, value in _numbers(options, f"{group}."):
        name = key.rpartition(".")[2]
        known = next((one for words, one in RANGES.items() if re.fullmatch(words, name)), None)
        if known is not None and not known.holds(value):
            raise ValueError(f"{key} must be {known}, not {value!r}.")
        if not math.isfinite(value):
            raise ValueError(f"{key} must be finite, not {value!r}.")


def _numbers(options: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, float]]:
    for key, value in options.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{prefix}{key}", value
