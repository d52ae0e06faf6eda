"""Processes that test are set up; the one that hands tests out imports nothing."""

import pytest


def pytest_sessionstart(session: pytest.Session) -> None:
    """Before any test is collected; xdist says whether others collect."""
    plugins = session.config.pluginmanager
    if not plugins.hasplugin("dsession"):
        plugins.import_plugin("tests.each_process")
