"""From command-line words to settings; a mistake is refused in one sentence.

The only file that knows omegaconf: what leaves it is plain dictionaries, lists and values.
"""

import difflib
import os
import pickle
import re
from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from glob import glob
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.types import Override
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from benchmark.errors import UserError
from benchmark.runner.settings import Settings, SuiteSettings
from benchmark.runner.words import (
    FOLDER,
    GROUPS,
    config_dir,
    given_values,
    parsed,
    spelled_out,
    to_word,
)

CONF = Path(__file__).parents[1] / "conf"
NEAREST_SHOWN, SIMILAR = 5, 0.6
RENAMED = {"passes": "epochs"}  # words that older commands have
HYDRAS = re.compile(r"^hydra\b|^\s*-\s*(override\s+)?/?hydra/", re.MULTILINE)
TYPES = {"Integer": "a whole number", "Float": "a number", "Boolean": "true or false"}

ConfigStore.instance().store("schema", Settings)


def _of(name: str, value: Any, *, _root_: DictConfig) -> Any:
    """``${of:NAME,VALUE}`` in conf/dataset: the value where the data set is NAME, else null.

    No url, checksum or count of one set of a family is taken for another's.
    """
    return value if _root_.dataset.name == name else None


OmegaConf.register_new_resolver("of", _of, replace=True)


def own_folder(words: list[str]) -> Path | None:
    """The folder of one's own that is searched too: ``--config-dir DIR``, else ``conf`` here.

    Raises ``UserError`` for one whose files would not be used.
    """
    named = config_dir(words)
    folder = Path(named or "conf").absolute()
    groups = [folder / group for group in GROUPS if (folder / group).is_dir()]
    if named is not None and not groups:
        raise UserError(f"--config-dir {named} holds no folder {', '.join(GROUPS)}; make one.")
    if not groups or folder.samefile(CONF):
        return None
    if named is not None and (folder / "config.yaml").exists():
        raise UserError(f"{folder}/config.yaml is not read; set its keys in a file of suite/.")
    for path in sorted(path for group in groups for path in group.glob("*.y*ml")):
        if path.suffix != ".yaml":
            raise UserError(f"{path} is not read; rename it to {path.stem}.yaml.")
        if (CONF / path.parent.name / path.name).exists():
            raise UserError(f"{path} has the name of one of the suite's own; rename it.")
        if HYDRAS.search(path.read_text()):
            raise UserError(f"{path} sets keys of Hydra, without effect here; leave them out.")
    return folder


def choices(group: str, words: Sequence[str] = ()) -> list[str]:
    """The names that may be written after ``group=``."""
    own = own_folder(list(words))
    folders = [CONF, own] if own else [CONF]
    return sorted(path.stem for folder in folders for path in (folder / group).glob("*.yaml"))


def question(suite: str, words: Sequence[str] = ()) -> str:
    """What a suite answers."""
    own = own_folder(list(words))
    path = CONF / "suite" / f"{suite}.yaml"
    found = OmegaConf.load(own / "suite" / path.name if own and not path.exists() else path)
    return str(OmegaConf.select(found, "suite.question", default=""))


def compose_settings(words: list[str]) -> dict[str, Any]:
    """The resolved settings for these command-line words, as plain values.

    ``choices`` holds the name chosen from each group. Whether the values can be run is for
    ``settings.check`` to say, once a suite has set all of them. Raises ``UserError``.
    """
    given = given_values(words)
    for group in GROUPS:
        if not isinstance(given.get(group, ""), str):
            names = ", ".join(choices(group, words))
            raise UserError(f"There is no {group} named {given[group]}; choose from {names}.")
    try:
        composed, chosen = _composed(words)
        resolved: Any = OmegaConf.to_container(composed, resolve=True)
    except yaml.YAMLError as error:
        raise UserError(f"A file of settings is no yaml: {' '.join(str(error).split())}") from error
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise UserError(_explain(error, words)) from error
    for key, value in given.items():  # omegaconf takes 2 for true
        if isinstance(OmegaConf.select(composed, key), bool) and not isinstance(value, bool):
            raise UserError(f"{key} must be true or false, not {value!r}.")
    known = [field.name for field in fields(Settings)]
    for key in resolved.keys() - known:
        raise UserError(f"There is no key {key!r}; {_nearest(key, known)}.")
    return {**resolved, "choices": chosen}


def _composed(words: list[str]) -> tuple[DictConfig, dict[str, str]]:
    """The configuration before interpolations are resolved, and what was chosen."""
    own, plain = own_folder(words), spelled_out(words)
    choosing = tuple(word for word in plain if word.lstrip("+").partition("=")[0] in GROUPS)
    known, chosen = _of_choices(choosing, own, _versions(own))
    composed = pickle.loads(known)
    for word in (word for word in plain if word not in choosing):
        _set(composed, parsed(word), words)
    untyped = OmegaConf.create(dict(composed.items_ex(resolve=False)))  # ``check`` has the words
    return untyped, dict(chosen)


def _set(composed: DictConfig, override: Override, words: list[str]) -> None:
    """Set one key, as Hydra's ``compose`` would; raises ``UserError``."""
    key, value = override.key_or_group, override.value()
    if (
        override.is_add()
        and not isinstance(value, dict | list)
        and OmegaConf.select(composed, key, throw_on_missing=False) is not None
    ):
        raise UserError(f"{key} is there already: write {to_word(key, value)}.")
    adds = override.is_add() or override.is_force_add()
    try:
        OmegaConf.update(composed, key, value, force_add=adds)
    except OmegaConfBaseException as error:
        if isinstance(error, ConfigAttributeError | ConfigKeyError) and not adds:
            raise UserError(_no_key(key, words)) from error
        reason = _what_fits(_first_line(error))
        raise UserError(f"{override.input_line!r} is refused: {reason}.") from error


@cache
def _of_choices(
    words: tuple[str, ...], own: Path | None, versions: object
) -> tuple[bytes, dict[str, str]]:
    """What the files of these choices say, and what was chosen from each group.

    Read once, as long as the ``versions`` of the files are the same. It is pickled as every point
    of a suite changes a copy, and to copy it deeply would take six times as long.
    """
    searched = [to_word("hydra.searchpath", [f"file://{own}"])] if own else []
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = compose("config", [*searched, *words], return_hydra_config=True)
    chosen = {group: composed.hydra.runtime.choices[group] for group in GROUPS}
    with open_dict(composed):
        del composed["hydra"]
    return pickle.dumps(composed), chosen


def _versions(own: Path | None) -> tuple[tuple[str, int, int], ...]:
    """What tells of a change to a file of settings."""
    folders = (str(folder) for folder in (CONF, own) if folder)
    files = [file for folder in folders for file in glob(f"{folder}/**/*.yaml", recursive=True)]
    return tuple((file, (found := os.stat(file)).st_mtime_ns, found.st_size) for file in files)


def _explain(error: Exception, words: list[str]) -> str:
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, name = str(error.missing_cfg_file).partition("/")
        return f"There is no {group} named {name!r}; {_nearest(name, list(error.options))}."
    if unknown := re.match(r"Could not override '([^']+)'", str(error)):  # by a file of suite/
        return _no_key(unknown[1], words)
    if isinstance(error, ConfigCompositionException) and error.__context__ is not None:
        return f"{str(error).split(chr(39))[1]}.yaml: {_of_file(error.__context__, words)}."
    if error.__cause__ is not None:
        return _what_fits(_first_line(error.__cause__)) + "."
    return _first_line(error) + "."


def _of_file(error: BaseException, words: list[str]) -> str:
    """What is wrong with a file of settings that Hydra has named."""
    key = str(getattr(error, "full_key", ""))
    if not isinstance(error, ConfigAttributeError | ConfigKeyError):
        return f"{_first_line(error)} ({key or 'on top'}); see the files of benchmark/conf"
    if key.startswith("suite."):
        known = ", ".join(field.name for field in fields(SuiteSettings))
        return f"a suite has {known}, not {key!r}, below a first line '# @package _global_'"
    return _no_key(key, [word for word in words if not word.startswith("suite=")]).rstrip(".")


def _no_key(key: str, words: list[str]) -> str:
    known = _known_keys(words)
    parent = key.rpartition(".")[0]
    siblings = [one for one in known if one.rpartition(".")[0] == parent and "._" not in one]
    if parent in GROUPS and not siblings:  # a class of one's own, without a file
        return f"There is no key {key!r}; +{key}=VALUE hands it to the class of {parent}."
    below = [one for one in known if one.endswith(f".{key}")]
    return f"There is no key {key!r}; {_nearest(key, siblings or known, below)}."


def _what_fits(reason: str) -> str:
    """omegaconf's reason to refuse a value, in the words of whoever wrote it."""
    if found := re.fullmatch(r"Value '.*' of type '(\w+)' could not be converted to (\w+)", reason):
        several = "; several values are written KEY=A,B" if found[1] == "list" else ""
        return f"the value must be {TYPES.get(found[2], found[2])}{several}"
    if "is not a valid bool" in reason:
        return f"the value must be {TYPES['Boolean']}"
    return "it needs a value" if reason.endswith("is not Optional") else reason


def _known_keys(words: list[str]) -> list[str]:
    """Every key of the configuration these words choose from the groups, also without a value."""
    config, _ = _composed([word for word in words if word.split("=")[0] in (*GROUPS, FOLDER)])
    keys: list[str] = []

    def collect(node: DictConfig, prefix: str) -> None:
        for key, value in node.items_ex(resolve=False):
            keys.append(f"{prefix}{key!s}")
            if isinstance(value, DictConfig) and key != "suite":
                collect(value, f"{prefix}{key!s}.")

    collect(config, "")
    return keys


def _nearest(name: str, known: list[str], sure: Sequence[str] = ()) -> str:
    """What may have been meant, ``sure`` first, and all there is beside it in its place."""
    name = RENAMED.get(name, name)
    likely = difflib.get_close_matches(name, known, n=NEAREST_SHOWN, cutoff=SIMILAR)
    near = [*sure, *(one for one in likely if one not in sure)]
    rest = [one for one in known if one not in near and ("." in one) is ("." in name)]
    guess = f"did you mean {near[0]}? Choose" if near else "choose"
    return f"{guess} from {', '.join(near + rest)}"


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")
