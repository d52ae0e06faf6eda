"""One experiment, from the command line to the record: everything that decides what is computed.

``Experiment`` is frozen; ``benchmark.run.experiment`` makes one from the words of the command line.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from benchmark.machine.place import available_cores
from benchmark.parallelism import Parallelism
from benchmark.records.identity import GROUPS, fingerprint
from benchmark.records.run_folder import RunFolder
from benchmark.storage.files import writing_into

Options = Mapping[str, Any]  # of a choice from a group, with the class that takes them: _target_


@dataclass(frozen=True)
class Question:
    """The suite that an experiment belongs to, and what it answers."""

    name: str
    question: str = ""


@dataclass(frozen=True)
class WandbMirror:
    """The mirror of the record on Weights & Biases."""

    mode: str = "auto"
    project: str = "disttgl-benchmark"


@dataclass(frozen=True)
class Machines:
    """The machines that an experiment runs on, and where this one finds the others."""

    number: int = 1
    here: int | None = None
    meet_at: str | None = None
    address: str | None = None
    launcher: str = "auto"
    restarts: int = 0
    link: str | None = None


@dataclass(frozen=True)
class Experiment:
    """One system, model, data set, task, protocol, parallelism and seed.

    The fields are the settings of conf/config.yaml, which explains them. ``choices`` names what was
    chosen from each group. ``content`` holds the sha256 of every file that is read: under "data"
    those of the data set, under a group that of the class of one's own that was chosen from it;
    ``locating`` names the options of the data set that say where its files lie and not what they
    hold.
    """

    dataset: Options
    task: Options
    protocol: Options
    system: Options
    model: Options
    choices: Mapping[str, str]
    suite: Question
    epochs: int
    batch_size: int
    learning_rate: float
    parallelism: Parallelism = field(default_factory=Parallelism)
    processes: int = 1
    machines: Machines = Machines()
    threads: int | None = None
    pin_cores: bool = False
    seed: int = 0
    evaluate_every: int | None = None
    max_events: int | None = None
    random_edge_features: int | None = None
    class_features: int | None = None
    device: str = "auto"
    results_dir: str = "results/runs"
    datasets_root: str | None = None
    cache_dir: str | None = None
    time_limit_minutes: float | None = None
    evaluation_mebibytes: int = 64
    heartbeat_seconds: float = 300.0
    wandb: WandbMirror = WandbMirror()
    command: str = ""
    content: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    locating: tuple[str, ...] = ()

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Experiment":
        """The experiment that ``config.yaml`` describes; keys that are no field are left out."""
        known = {each.name: config[each.name] for each in fields(cls) if each.name in config}
        if known.get("seed") is None:  # the settings of a suite leave it to ``seeds``
            known.pop("seed", None)
        return cls(
            **known
            | {
                "suite": Question(config["suite"]["name"], config["suite"].get("question", "")),
                "parallelism": Parallelism(**config["parallelism"]),
                "machines": Machines(**config.get("machines", {})),
                "wandb": WandbMirror(**config["wandb"]),
                "locating": tuple(config.get("locating", ())),
            }
        )

    def config(self) -> dict[str, Any]:
        """The content of ``config.yaml``; ``from_config`` makes an equal experiment of it."""
        return asdict(self) | {"locating": list(self.locating)}

    def name_of(self, group: str) -> str:
        """The name of what was chosen: the one it gives itself, its file's, or its class's."""
        options, chosen = getattr(self, group), self.choices[group]
        if chosen == "custom":
            return str(options["_target_"]).rpartition(".")[2]
        return str(options.get("name") or chosen)

    @property
    def label(self) -> str:
        """What a person calls it; the fingerprint tells equal labels apart."""
        groups = ("dataset", "system", "model")
        names = [self.name_of(group) for group in groups if self.choices[group] != "none"]
        return "-".join([*names, str(self.parallelism), f"seed{self.seed}"])

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digits that name what it computes."""
        return fingerprint(self.config())

    @property
    def folder(self) -> RunFolder:
        """The record: a folder of its own for every fingerprint, whatever it was called before."""
        suite, fingerprint = Path(self.results_dir) / self.suite.name, self.fingerprint
        with writing_into(suite, "results_dir"):  # a name may be too long even to look for
            known = sorted(suite.glob(f"*-{fingerprint}"))
        return RunFolder(known[0] if known else suite / f"{self.label}-{fingerprint}")

    @property
    def threads_per_process(self) -> int:
        """CPU threads of each process."""
        if self.threads is not None:
            return self.threads
        return max(1, available_cores() // self.processes_per_machine)

    @property
    def processes_per_machine(self) -> int:
        """How many processes every machine hosts; one where the number is no multiple."""
        return max(1, self.processes // self.machines.number)

    def describe(self) -> dict[str, Any]:
        """The fields of ``result.json`` that are known before it runs."""
        return {
            "suite": self.suite.name,
            **{group: self.name_of(group) for group in GROUPS},
            "parallelism": asdict(self.parallelism),
            "processes": self.processes,
            "machines": self.machines.number,
            "emulated": self.parallelism.num_trainers > self.processes,
            "seed": self.seed,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "visibility": None,
            "primary_metric": None,
            "command": self.command,
        }
