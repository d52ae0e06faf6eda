"""Which runs compare: of some suites, those that differ in nothing but what is to vary."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import isnan
from typing import Any

import pandas as pd

from benchmark.records.reader import Records
from benchmark.records.series import Runs, alike, column, size_order
from benchmark.records.words import difference, list_of, plain

PAPER_MODEL = "tgn_attention"
CHANGES_OF_STREAM = ("max_events", "random_edge_features", "system.last_training_events")
USUAL_SHARE = 0.15  # of the events that validate
APART = {  # what may be told apart, and the usual value
    "system.static_memory": "off", "system.sampler": "strict",
    "dataset.validation_fraction": USUAL_SHARE,
}  # fmt: skip
# Where trainers run and what is watched: iterations and MRR depend on it by rounding at most.
WITHOUT_EFFECT = (
    "processes", "threads", "pin_cores", "device", "hardware", "system.node_memory",
    "system.gradient_sum", "evaluate_every", "task.log_interval", "task.test", "protocol.inductive",
)  # fmt: skip

Mask = Callable[[Runs], "pd.Series[bool]"]


@dataclass(frozen=True, eq=False)
class Group:
    """Runs that compare, as one picture or table draws them, and the records they are part of.

    ``mark`` names the settings that change the stream of all of them, such as "max_events=5000";
    empty where the data set was taken as it is. ``mixed`` runs need not be alike in anything.
    """

    runs: Runs
    records: Records
    mark: str = ""
    mixed: bool = False

    @property
    def first(self) -> Any:
        """The first run, for what all have in common."""
        return self.runs.iloc[0]

    @property
    def dataset(self) -> str:
        return str(self.first["dataset"])

    @property
    def protocol(self) -> str:
        return str(self.first["protocol"])

    def curves(self, runs: Runs) -> list[pd.DataFrame]:
        """The evaluations of each of ``runs``, in order of training."""
        table = self.records.evaluations
        return [table[table["run"] == run] for run in runs.index]

    def validations(self, runs: Runs) -> tuple[str, list[pd.DataFrame]]:
        """The primary metric's column, and the evaluations of each run that has several of it."""
        name = f"validation_{runs['primary_metric'].iloc[0]}"
        return name, [run for run in self.curves(runs) if len(run) > 1 and name in run]

    def by_parallelism(self, runs: Runs | None = None) -> dict[str, Runs]:
        """A run of each seed, by "ixjxk"; the first where two suites made the same one."""
        chosen = self.runs if runs is None else runs
        distinct = chosen.drop_duplicates(["parallelism", "seed"])
        names = sorted(distinct["parallelism"].unique(), key=size_order)
        return {name: distinct[distinct["parallelism"] == name] for name in names}


def foremost(runs: Runs) -> tuple[Any, ...]:
    """Ranks sets of runs: the paper's network, most epochs, most layouts, most runs."""
    model, epochs = runs.iloc[0][["model", "epochs"]]
    return model == PAPER_MODEL, epochs, runs["parallelism"].nunique(), len(runs)


@dataclass(frozen=True)
class Rule:
    """How runs are picked.

    ``needs`` says of each run whether it can be used, under the reason why not. Those that can are
    split by data set, protocol and the settings ``apart``, and drawn in one where ``together``. Of
    runs that differ in more than ``varies``, the set that comes highest by ``rank`` is taken; of
    None nothing need be alike. ``any_stream`` takes cut streams and random features as they are.
    """

    suites: tuple[str, ...]
    tasks: tuple[str, ...] = ("link_prediction",)
    needs: Mapping[str, Mask] = field(default_factory=dict)
    varies: tuple[str, ...] | None = ()
    apart: Mapping[str, Any] = field(default_factory=dict)
    rank: Callable[[Runs], Any] = foremost
    together: bool = False
    any_stream: bool = False


def select(rule: Rule, records: Records) -> tuple[list[Group], list[str]]:
    """The groups of ``rule`` by data set and protocol, and a sentence for each set left out."""
    runs, groups = records.runs, []
    if runs.empty:
        return [], []
    runs = runs[runs["suite"].isin(rule.suites) & runs["task"].isin(rule.tasks)]
    reasons = pd.Series("", runs.index)  # why a run is left out
    for reason, keeps in rule.needs.items():
        known = runs[reasons == ""]
        reasons[known.index[~keeps(known).astype(bool)]] = reason
    apart = [column(runs, f"settings.{name}").fillna(usual) for name, usual in rule.apart.items()]
    for _, part in runs[reasons == ""].groupby(["dataset", "protocol", *apart]):
        changes = "" if rule.any_stream else part.apply(changes_of_stream, axis=1)
        changes, chosen, mark = pd.Series(changes, part.index), part, ""
        if (changes == "").any():
            reasons.update(changes)
            chosen = part[changes == ""]
        else:
            mark = list_of(sorted(changes.unique()))
        if rule.varies is not None:
            *others, chosen = sorted(alike(chosen, rule.varies), key=rule.rank)
            for other in others:
                reasons[other.index] = difference(other, chosen)
        groups.append(Group(chosen, records, mark, rule.varies is None))
    return groups, [
        f"{len(part)} run{'s' if len(part) > 1 else ''} of suite {suite} on {dataset}: {reason}"
        for (reason, suite, dataset), part in runs.groupby([reasons, "suite", "dataset"])
        if reason
    ]


def joined(groups: list[Group]) -> Group:
    """All runs as one group, which are still marked by data set."""
    marks = dict.fromkeys(f"{group.dataset}: {group.mark}" for group in groups if group.mark)
    runs = pd.concat([group.runs for group in groups])
    return replace(groups[0], runs=runs, mark="; ".join(marks))


def changes_of_stream(run: "pd.Series[Any]") -> str:
    """ "max_events=5000" of a run whose data set was not taken as it is, otherwise nothing."""
    values = {name: run.get(f"settings.{name}") for name in CHANGES_OF_STREAM}
    return ", ".join(f"{n}={v:g}" for n, v in values.items() if pd.notna(v) and v)


def variant_of(run: "pd.Series[Any]") -> list[str]:
    """How a run differs in what is told ``APART`` from the usual one, in words."""
    said = {"system.static_memory": ("pretrained", "static memory"),
            "system.sampler": ("paper", "released sampler")}  # fmt: skip
    words = [word for name, (value, word) in said.items() if run.get(f"settings.{name}") == value]
    return [*words, *filter(None, [trained_share(run)])]


def trained_share(run: "pd.Series[Any]") -> str:
    """ "50% train" where other than the usual share of the events does, otherwise nothing."""
    names = ("validation_fraction", "test_fraction")
    shares = [float(run.get(f"settings.dataset.{name}", USUAL_SHARE)) for name in names]
    usual = any(isnan(share) or share == USUAL_SHARE for share in shares)
    return "" if usual else f"{1 - sum(shares):.0%} train"


def fits(said: str) -> Mask:
    """Whether words describe a run, such as "system=disttgl|tgl model!=none metrics.test_mrr".

    A column without "=" must have a value; "~" stands for a space.
    """

    def mask(runs: Runs) -> "pd.Series[bool]":
        found = pd.Series(True, runs.index)
        for word in said.split():
            key, equals, values = word.replace("~", " ").partition("=")
            of = column(runs, key.removesuffix("!"))
            known = of.map(plain).isin(values.split("|")) != key.endswith("!")
            found &= known if equals else of.notna()
        return found

    return mask
