"""From command-line words to settings; a mistake is refused in one sentence.

The only file that knows omegaconf: what leaves it is plain dictionaries, lists and values.
"""

import difflib
import re
import shlex
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from benchmark.errors import UserError
from benchmark.runner.settings import Settings

CONF = Path(__file__).parents[1] / "conf"
GROUPS = ("suite", "dataset", "task", "protocol", "system", "model")
NEAREST_SHOWN = 5
RENAMED = {"passes": "epochs"}  # words that older commands have

ConfigStore.instance().store("schema", Settings)


def _of(name: str, value: Any, *, _root_: DictConfig) -> Any:
    """``${of:NAME,VALUE}`` in conf/dataset: the value where the data set is NAME, else null.

    No url, checksum or count of one set of a family is taken for another's.
    """
    return value if _root_.dataset.name == name else None


OmegaConf.register_new_resolver("of", _of, replace=True)


def choices(group: str) -> list[str]:
    """The names that may be written after ``group=``."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


@cache
def question(suite: str) -> str:
    """What a suite answers."""
    return str(OmegaConf.load(CONF / "suite" / f"{suite}.yaml").suite.question)


def given_values(words: list[str]) -> dict[str, Any]:
    """The keys written on the command line and their values; raises ``UserError``."""
    return {override.key_or_group: override.value() for override in _parse(words)}


def complete(words: list[str]) -> list[str]:
    """The words, with ``model=custom`` where ``model._target_`` names a class and no file does."""
    given = given_values(words)
    own = "model._target_" in given and "model" not in given
    return ["model=custom", *words] if own else words


def to_word(key: str, value: Any) -> str:
    """``key=value`` as it is written on the command line."""
    return f"{key}={_literal(value)}"


def compose_settings(words: list[str]) -> dict[str, Any]:
    """The resolved settings for these command-line words, as plain values.

    ``choices`` holds the name chosen from each group. Whether the values can be run is for
    ``settings.check`` to say, once a suite has set all of them. Raises ``UserError``.
    """
    _parse(words)
    try:
        composed, chosen = _composed(words)
        resolved: Any = OmegaConf.to_container(composed, resolve=True)
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise UserError(_explain(error, words)) from error
    known = [field.name for field in fields(Settings)]
    for key in resolved.keys() - known:
        raise UserError(f"There is no key {key!r}; {_nearest(key, known)}.")
    return {**resolved, "choices": chosen}


def _composed(words: list[str]) -> tuple[DictConfig, dict[str, str]]:
    """The configuration before interpolations are resolved, and what was chosen."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = compose("config", words, return_hydra_config=True)
    chosen = {group: composed.hydra.runtime.choices[group] for group in GROUPS}
    values = {key: node for key, node in composed.items_ex(resolve=False) if key != "hydra"}
    return OmegaConf.create(values), chosen


def _parse(words: list[str]) -> list[Override]:
    overrides = []
    for word in words:
        if "=" not in word[1:]:
            raise UserError(f"{word!r} is not understood; write key=value, or --help for the keys.")
        try:
            override = OverridesParser.create().parse_override(word)
        except HydraException as error:
            raise UserError(
                f"{word!r} is not understood: {_first_line(error)}; "
                f"where that is one value, write {_quoted(word)}."
            ) from error
        if override.is_sweep_override():
            raise UserError(
                f"{word!r} names several values; write one, a suite walks the others; "
                f"where that is one value, write {_quoted(word)}."
            )
        group, value = override.key_or_group, override.value()
        if group in GROUPS and not isinstance(value, str):
            raise UserError(
                f"There is no {group} named {value}; choose from {', '.join(choices(group))}."
            )
        overrides.append(override)
    return overrides


def _quoted(word: str) -> str:
    """The word with its value in the parser's quotes, and those kept from the shell."""
    key, _, value = word.partition("=")
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1]
    escaped = re.sub(r'(\\*)"', lambda found: 2 * found[1] + '\\"', value)
    ending = len(escaped) - len(escaped.rstrip("\\"))
    return shlex.quote(f'{key}="{escaped}{ending * chr(92)}"')


def _explain(error: Exception, words: list[str]) -> str:
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, name = str(error.missing_cfg_file).partition("/")
        return f"There is no {group} named {name!r}; {_nearest(name, list(error.options))}."
    unknown = re.match(r"Could not override '([^']+)'", str(error))
    if unknown:
        key, known = unknown.group(1), _known_keys(words)
        parent = key.rpartition(".")[0]
        siblings = [one for one in known if one.rpartition(".")[0] == parent]
        return f"There is no key {key!r}; {_nearest(key, siblings or known)}."
    if error.__cause__ is not None:
        word = re.match(r"Error merging override (.*)", str(error))
        where = f"{word.group(1)!r} is refused: " if word else ""
        return where + _first_line(error.__cause__) + "."
    return _first_line(error) + "."


def _known_keys(words: list[str]) -> list[str]:
    """Every key of the configuration these words choose from the groups, also without a value."""
    config, _ = _composed([word for word in words if word.split("=")[0] in GROUPS])
    keys: list[str] = []

    def collect(node: DictConfig, prefix: str) -> None:
        for key, value in node.items_ex(resolve=False):
            keys.append(f"{prefix}{key!s}")
            if isinstance(value, DictConfig) and key != "suite":
                collect(value, f"{prefix}{key!s}.")

    collect(config, "")
    return keys


def _nearest(name: str, known: list[str]) -> str:
    name = RENAMED.get(name, name)
    near = difflib.get_close_matches(name, known, n=NEAREST_SHOWN, cutoff=0.5)
    rest = [one for one in known if one not in near and "." not in one]
    guess = f"did you mean {near[0]}? Choose" if near else "choose"
    return f"{guess} from {', '.join(near + rest)}"


def _literal(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return "[" + ",".join(_literal(item) for item in value) + "]"
    if isinstance(value, str) and not re.fullmatch(r"[A-Za-z_][\w./-]*", value):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return str(value)


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")
