"""What holds for every test: one thread, examples that are the same each time, no stopwatch."""

import os

from hypothesis import HealthCheck, settings

from tests.experiments import make_experiment  # noqa: F401 - a fixture

# On small tensors more threads only cost time; processes that a test starts inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")
