"""What can be said of an experiment's choices from their classes, before anything is built."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from benchmark.experiment import Experiment
from benchmark.records.identity import is_own
from benchmark.tasks.options import check_options, check_ranges

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
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if missing in EXTRAS:
            raise ValueError(
                f"{group}={experiment.choices[group]} needs the package {missing}: "
                f"pip install 'disttgl-benchmark[{EXTRAS[missing]}]'."
            ) from error
        raise ValueError(f"{group}._target_={target} cannot be imported: {error}.") from error
    except (ImportError, AttributeError, ValueError) as error:
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


def check_trainers(experiment: Experiment) -> None:
    """Refuse a parallelism or options that the chosen system cannot train with (ValueError)."""
    check: Callable[[Any, int, Mapping[str, Any]], None] | None = getattr(
        class_of(experiment, "system"), "check", None
    )
    if check is not None:
        check(experiment.parallelism, experiment.processes, experiment.system)


def _missing(experiment: Experiment, group: str) -> str:
    return (
        f"task {experiment.name_of('task')} trains a {group}, but {group}="
        f"{experiment.choices[group]} names none; leave {group} out or choose another."
    )
