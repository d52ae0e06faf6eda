"""The words of the command line: what each of them sets, and what this command does not know."""

import itertools
import re
import shlex
from functools import lru_cache
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, RangeSweep, Sweep
from hydra.errors import HydraException

from benchmark.errors import UserError
from benchmark.parallelism import Parallelism
from benchmark.records.identity import GROUPS as CHOSEN
from benchmark.records.identity import NOT_IDENTITY

FOLDER = "--config-dir"
SWEEPS = "several values are written KEY=A,B and run one after the other"
# What Hydra takes and this command does not, with the way here.
FLAGS = {
    "-m": SWEEPS,
    "--multirun": SWEEPS,
    "--cfg": "--show prints the resolved configuration",
    "-c": "--show prints the resolved configuration",
    "--resolve": "--show prints the resolved configuration",
    "--info": "--show prints the resolved configuration",
    "-cd": f"a folder of your own is {FOLDER} DIR",
    "-cp": f"a folder of your own is {FOLDER} DIR",
    "--config-path": f"a folder of your own is {FOLDER} DIR",
    "-cn": "a suite of your own is suite=NAME",
    "--config-name": "a suite of your own is suite=NAME",
    "--hydra-help": "--help shows every key",
    "--run": "the command runs its suite without it",
    "-r": "the command runs its suite without it",
}
KEYS = {
    "hydra.searchpath": f"a folder of your own is {FOLDER} DIR",
    "hydra.run": "records go to results_dir=DIR",
    "hydra.sweep": "records go to results_dir=DIR",
    "hydra.mode": SWEEPS,
    "hydra.sweeper": SWEEPS,
    "hydra.launcher": SWEEPS,
}
GROUPS = ("suite", *CHOSEN)
NOT_UNDERSTOOD = "write KEY=VALUE, such as suite=quick; --help shows every key"
OTHERWISE = "leave it out; --help shows every key"
PARSER = OverridesParser.create()


def complete(words: list[str]) -> list[str]:
    """The words, each complete in itself.

    ``--config-dir DIR`` becomes one word, and ``model=custom`` is added where ``model._target_``
    names a class and no file does.
    """
    joined, rest = [], iter(words)
    for word in rest:
        joined.append(f"{FOLDER}={_folder_after(rest)}" if word == FOLDER else word)
    keys = {word.partition("=")[0] for word in joined}
    own = "model._target_" in keys and "model" not in keys
    return ["model=custom", *joined] if own else joined


def config_dir(words: list[str]) -> str | None:
    """What ``--config-dir`` names."""
    named = [word.partition("=")[2] for word in words if word.startswith(f"{FOLDER}=")]
    if len(named) > 1:
        raise UserError(f"{FOLDER} is given {len(named)} times; write it once.")
    return named[0] if named else None


def spelled_out(words: list[str]) -> list[str]:
    """The words for Hydra: ``parallelism=IxJxK`` as three, no folder; each key once, one value.

    Raises ``UserError``.
    """
    plain = []
    for override in _parse(words):
        if override.is_sweep_override():
            word = str(override.input_line)
            raise UserError(
                f"{word!r} names several values, and one is wanted here; "
                f"where that is one value, write {_quoted(word)}."
            )
        plain += _degrees(override) or [str(override.input_line)]
    return plain


def given_values(words: list[str]) -> dict[str, Any]:
    """The keys written on the command line and their values; raises ``UserError``."""
    return {one.key_or_group: one.value() for one in _parse(spelled_out(words))}


def combinations(words: list[str]) -> list[list[str]]:
    """The words of every experiment that they sweep over, the last key fastest.

    Raises ``UserError``, also where several values of a key would make one experiment.
    """
    folder = [word for word in words if word.startswith(f"{FOLDER}=")]
    choices = []
    for override in _parse(words):
        if override.is_sweep_override():
            _check_sweep(override)
            key = str(override.input_line).partition("=")[0]
            choices.append([f"{key}={value}" for value in override.sweep_string_iterator()])
        else:
            choices.append([str(override.input_line)])
    return [[*folder, *one] for one in itertools.product(*choices)]


def changes_nothing(key: str) -> bool:
    """Whether runs are the same whatever the key is set to."""
    return any(f"{key}.".startswith(f"{known}.") for known in NOT_IDENTITY)


def to_word(key: str, value: Any) -> str:
    """``key=value`` as it is written on the command line."""
    return f"{key}={_literal(value)}"


def _folder_after(words: Any) -> str:
    folder = next(words, None)
    if folder is None:
        raise UserError(f"{FOLDER} needs a folder: {FOLDER} DIR.")
    return str(folder)


def _parse(words: list[str]) -> list[Override]:
    """What the words set; raises ``UserError`` for one that sets nothing here, or a key twice."""
    overrides: dict[str, Override] = {}
    for word in words:
        if word.startswith(f"{FOLDER}="):
            continue
        override = parsed(word)
        for key in _keys(override):
            if key in overrides:
                raise UserError(
                    f"{key} is set twice, by {overrides[key].input_line!r} and {word!r}; "
                    "write it once."
                )
            overrides[key] = override
    return list({id(one): one for one in overrides.values()}.values())


def _keys(override: Override) -> list[str]:
    if override.key_or_group == "parallelism":
        return [f"parallelism.{letter}" for letter in "ijk"]
    return [override.key_or_group]


@lru_cache(maxsize=4096)  # every experiment of a suite has nearly the same words
def parsed(word: str) -> Override:
    """What a word sets; raises ``UserError``."""
    _refuse_foreign(word)
    key, equals, value = word.partition("=")
    if word.startswith("~"):
        raise UserError(f"{word!r} would remove a key, and all are needed; leave it out.")
    if not (key and equals):
        raise UserError(f"{word!r} is not understood; {NOT_UNDERSTOOD}.")
    if not value and key not in (*GROUPS, "parallelism"):
        raise UserError(f"{word!r} has no value; write {key}=VALUE.")
    try:
        override = PARSER.parse_override(word)
    except HydraException as error:
        raise UserError(
            f"{word!r} is not understood; write KEY=VALUE or KEY=A,B; "
            f"where that is one value, write {_quoted(word)}."
        ) from error
    if override.package is not None:
        group = override.key_or_group
        raise UserError(f"{word!r} puts a choice where nothing reads it; write {group}=NAME.")
    return override


def _refuse_foreign(word: str) -> None:
    """Raise ``UserError`` for a word that Hydra would take, or ignore."""
    name = word.partition("=")[0]
    if name.startswith("-"):
        raise UserError(f"{name} is not an option here; {FLAGS.get(name, OTHERWISE)}.")
    key = name.lstrip("+~").replace("/", ".")
    if key.partition(".")[0] == "hydra":
        way = next((KEYS[known] for known in KEYS if f"{key}.".startswith(f"{known}.")), OTHERWISE)
        raise UserError(f"{name} is Hydra's own and has no effect here; {way}.")
    last = key.rpartition(".")[2]
    if last.startswith("_") and last != "_target_":
        raise UserError(f"{name} is Hydra's own; {OTHERWISE}.")


def _check_sweep(override: Override) -> None:
    """Raise ``UserError`` where several values mean nothing, or are not written out."""
    value, word = override.value(), str(override.input_line)
    nested = [each for each in getattr(value, "list", []) if isinstance(each, Sweep)]
    if not isinstance(value, ChoiceSweep | RangeSweep) or value.shuffle or nested:
        raise UserError(f"{word!r} does not say which values; write them out, KEY=A,B.")
    key = override.key_or_group
    values = [str(each) for each in override.sweep_string_iterator()]
    if twice := sorted({each for each in values if values.count(each) > 1}):
        raise UserError(f"{word!r} names {', '.join(twice)} twice; write it once.")
    if key == "suite":
        raise UserError(f"{word!r} names several suites; a command runs one.")
    if key == "seeds":
        raise UserError(f"{word!r} names several numbers of seeds; write seeds=N, or seed=A,B.")
    if changes_nothing(key):
        raise UserError(
            f"{word!r} names several values, and {key} changes nothing of what is computed; write "
            f"one; where that is one value, write {_quoted(word)}."
        )


def _degrees(override: Override) -> list[str]:
    """The three words for ``parallelism=IxJxK``."""
    if override.key_or_group != "parallelism":
        return []
    try:
        degrees = Parallelism.parse(str(override.value()))
    except ValueError as error:
        raise UserError(f"{override.input_line!r} is refused: {error}") from error
    return [f"parallelism.{letter}={getattr(degrees, letter)}" for letter in "ijk"]


def _quoted(word: str) -> str:
    """The word with its value in the parser's quotes, and those kept from the shell."""
    key, _, value = word.partition("=")
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1]
    escaped = re.sub(r'(\\*)"', lambda found: 2 * found[1] + '\\"', value)
    ending = len(escaped) - len(escaped.rstrip("\\"))
    return shlex.quote(f'{key}="{escaped}{ending * chr(92)}"')


def _literal(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return "[" + ",".join(_literal(item) for item in value) + "]"
    if isinstance(value, str) and not re.fullmatch(r"[A-Za-z_][\w./-]*", value):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return str(value)
