"""A pytest plugin, kept as text: it tells coverage which test runs and keeps pytest-cov out.

It is written beside the logs and loaded by the project's own Python, so that nothing of
reviewloop has to be importable there. What fixtures shared by several tests do is left without a
name, because it would otherwise belong to the first of them alone.
"""

PLUGIN = "reviewloop_contexts"

SOURCE = """\
import os

import pytest

_config = os.environ.get("REVIEWLOOP_COVERAGE")
_running = [""]
_worker = None

if _config:
    import coverage

    if os.environ.get("PYTEST_XDIST_WORKER") and coverage.Coverage.current() is None:
        _worker = coverage.Coverage(config_file=_config)
        _worker.start()


def _switch(name):
    measurement = coverage.Coverage.current() if _config else None
    if measurement is not None:
        measurement.switch_context(name)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config):
    # Two measurements in one process undo each other, and a part of the tests cannot reach a
    # minimum that is meant for all of them.
    early_config.known_args_namespace.no_cov = True
    yield


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    _running[0] = item.nodeid
    _switch(item.nodeid)
    yield
    _running[0] = ""
    _switch("")


@pytest.hookimpl(hookwrapper=True)
def pytest_fixture_setup(fixturedef):
    shared = fixturedef.scope != "function"
    if shared:
        _switch("")
    yield
    if shared:
        _switch(_running[0])


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish():
    if _worker is not None:
        _worker.stop()
        _worker.save()
"""
