"""Records of earlier versions, read as those of today; nothing else knows how they differ."""

from typing import Any

RESULT_NAMES = {"passes": "epochs"}
LINE_NAMES = {"pass": "epoch"}
CONFIG_NAMES = {"passes": "epochs"}
CONFIG_DEFAULTS = {
    "pin_cores": False,
    "max_events": None,
    "random_edge_features": None,
    "class_features": None,
    "evaluation_mebibytes": 64,
}
# Options that said where the files of a data set are or what is published of them.
LOCATING = ("path", "url", "sha256", "num_nodes", "num_events", "num_labels", "num_relations")
MADE_UP = ("synthetic", "sessions")  # of which such numbers are what is made


def config_of_today(config: dict[str, Any]) -> dict[str, Any]:
    """The settings of ``config.yaml`` under the names of today."""
    config = _renamed(config, CONFIG_NAMES)
    dataset = config.get("dataset", {})
    if "class_features" in dataset:
        dataset = dict(dataset)
        config |= {"class_features": dataset.pop("class_features"), "dataset": dataset}
    config = CONFIG_DEFAULTS | config
    made_up = config.get("choices", {}).get("dataset") in MADE_UP
    return {"content": {}, "locating": [] if made_up else list(LOCATING)} | config


def result_of_today(result: dict[str, Any]) -> dict[str, Any]:
    """The fields of ``result.json`` under the names of today, the primary metric among them."""
    result = _renamed(result, RESULT_NAMES)
    if "primary_metric" not in result:
        best = [name for name in result.get("metrics", {}) if name.endswith("_best")]
        chosen = best[0].removeprefix("validation_").removesuffix("_best") if best else None
        result["primary_metric"] = chosen
    return result


def line_of_today(line: dict[str, Any]) -> dict[str, Any]:
    """One line of ``metrics.jsonl`` under the names of today."""
    return _renamed(line, LINE_NAMES)


def _renamed(values: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in values.items()}
