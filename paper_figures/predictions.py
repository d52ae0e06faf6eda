"""Figure 12(a) on several machines, predicted from its bars of one machine.

Bars of one machine cannot tell what crossing machines costs: a model fitted on them takes it for
nothing, as if the links between machines were as fast as those inside.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from paper_figures.cost_model import CostModel, Layout, fit
from paper_figures.published import published

DATASETS = ("wikipedia", "reddit", "flights", "mooc", "gdelt")
BATCH_SIZE, GDELT_BATCH_SIZE = 600, 3200  # events per GPU
PUBLISHED = "thousand_events_per_second"
PREDICTORS = {
    "linear": "as on one GPU",
    "same_efficiency": "as on 8 GPUs",
    "model": "cost model of 1 to 8 GPUs",
    "model_and_machines": "the same, cost of a machine from other data sets",
}


def predicted() -> pd.DataFrame:
    """The bars of Figure 12(a) with a column for each of ``PREDICTORS``, in thousand events/s.

    ``held_out`` are the bars of several machines. No predictor has seen those of its own data set;
    ``model_and_machines`` has seen those of the others.
    """
    tables = []
    for dataset in DATASETS:
        model = one_machine_model(dataset)
        cost = machine_cost([other for other in DATASETS if other != dataset])
        tables.append(_with_predictions(dataset, model, replace(model, machine=cost)))
    return pd.concat(tables, ignore_index=True)


def _with_predictions(
    dataset: str, model: CostModel, model_and_machines: CostModel
) -> pd.DataFrame:
    table = published("figure_12a", dataset=dataset)
    gpus, rates = table["num_gpus"], table.set_index("num_gpus")[PUBLISHED]
    layouts = [layout for layout, _ in observed(dataset)]

    def by(known: CostModel) -> list[float]:
        return [known.throughput(layout, batch_size(dataset)) / 1000 for layout in layouts]

    return table.assign(
        held_out=table["num_machines"] > 1,
        linear=rates[1] * gpus,
        same_efficiency=rates[8] / 8 * gpus,
        model=by(model),
        model_and_machines=by(model_and_machines),
    )


def observed(dataset: str) -> list[tuple[Layout, float]]:
    """Layout and seconds per iteration of each bar of Figure 12(a)."""
    table = published("figure_12a", dataset=dataset)
    columns = (table[name] for name in ("num_machines", "gpus_per_machine", PUBLISHED))
    bars = [
        (best_layout(dataset, m, gpus), 1000 * rate) for m, gpus, rate in zip(*columns, strict=True)
    ]
    return [(layout, layout.num_trainers * batch_size(dataset) / rate) for layout, rate in bars]


def batch_size(dataset: str) -> int:
    """Events of one GPU and iteration."""
    return GDELT_BATCH_SIZE if dataset == "gdelt" else BATCH_SIZE


def best_layout(dataset: str, machines: int, gpus: int) -> Layout:
    """The strategy drawn: GDELT's GPUs of a machine share one copy, others have one each."""
    if dataset == "gdelt":
        return Layout(gpus, 1, machines, machines)
    return Layout(1, 1, machines * gpus, machines)


def one_machine_model(dataset: str) -> CostModel:
    """The fit to the bars of one machine, which they determine."""
    known = [bar for bar in observed(dataset) if bar[0].machines == 1]
    (model,) = fit([layout for layout, _ in known], [seconds for _, seconds in known])
    return model


def machine_cost(datasets: Sequence[str]) -> float:
    """Seconds per further machine that best explain what one-machine models miss, at least 0.

    By least squares of relative errors over the bars of several machines of ``datasets``.
    """
    further, missed = [], []
    for dataset in datasets:
        model = one_machine_model(dataset)
        for layout, seconds in observed(dataset):
            if layout.machines > 1:
                further.append((layout.machines - 1) / seconds)
                missed.append(1 - model.seconds(layout) / seconds)
    return max(0.0, float(np.dot(further, missed) / np.dot(further, further)))


def errors(bars: pd.DataFrame) -> pd.DataFrame:
    """What each of ``PREDICTORS`` is off by, as a share of the published bar."""
    return bars[list(PREDICTORS)].div(bars[PUBLISHED], axis=0) - 1
