"""``stub.py RUN_FOLDER`` stands for a launcher: an experiment that has finished at once.

Without imports but of the standard library, for it is started hundreds of times.
"""

import json
import sys
from pathlib import Path

folder = Path(sys.argv[1])
description = {
    "suite": "trial", "dataset": "d", "task": "t", "protocol": "p", "system": "s", "model": "m",
    "parallelism": {"i": 1, "j": 1, "k": 1}, "processes": 1, "emulated": False, "seed": 0,
    "epochs": 2, "batch_size": 100, "learning_rate": 1e-4, "visibility": None,
    "primary_metric": None, "command": "c",
}  # fmt: skip
result = {
    "status": "finished", **description, "metrics": {"validation_mrr_best": 0.5},
    "throughput_events_per_second": None, "peak_memory_bytes": 1,
    "seconds": {"train": 1.0, "evaluate": 1.0, "total": 2.0},
}  # fmt: skip
(folder / "result.json").write_text(json.dumps(result))
