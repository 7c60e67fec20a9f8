"""Packages whose `__init__` runs when a name of theirs is first asked for."""

import importlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.attack import MODEL
from support.bedrock import BedrockServer
from support.parts import cast
from support.play import agent_of

from reviewloop import deferred
from reviewloop.llm.bedrock import BedrockClients
from reviewloop.settings import Models

WHOLE = "import deferred_ledger\ndeferred_ledger.RUNS.append(1)\nfrom .part import PART\nMORE = 2\n"


@pytest.fixture
def package(tmp_path, monkeypatch) -> Iterator[list[int]]:
    """Return the ledger of how often the `__init__` of the deferred package `bulky` ran."""
    (tmp_path / "bulky").mkdir()
    (tmp_path / "bulky" / "__init__.py").write_text(WHOLE)
    (tmp_path / "bulky" / "part.py").write_text("PART = 1\n")
    (tmp_path / "deferred_ledger.py").write_text("RUNS = []\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    deferred.defer_packages(["bulky", "not_installed"])
    yield importlib.import_module("deferred_ledger").RUNS
    for name in ("bulky", "bulky.part", "deferred_ledger"):
        sys.modules.pop(name, None)


def test_a_module_of_a_package_is_imported_without_the_rest(package):
    assert importlib.import_module("bulky.part").PART == 1
    assert package == []


def test_the_rest_runs_once_when_a_name_is_asked_for(package):
    bulky = importlib.import_module("bulky")
    barrier, seen = threading.Barrier(8), []

    def ask() -> None:
        barrier.wait()
        seen.append((bulky.MORE, bulky.PART))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [(2, 1)] * 8
    assert package == [1]
    assert bulky.__spec__.loader is bulky.__loader__
    assert bulky.__file__.endswith("bulky/__init__.py")
    with pytest.raises(AttributeError, match="module 'bulky' has no attribute 'nothing'"):
        bulky.nothing  # noqa: B018  # asking is the test


def test_from_imports_find_names_of_the_whole_and_modules(package, tmp_path, monkeypatch):
    (tmp_path / "asks_well.py").write_text("from bulky import part, MORE\n")
    (tmp_path / "asks_ill.py").write_text("from bulky import nothing\n")
    asks = importlib.import_module("asks_well")
    assert (asks.part.PART, asks.MORE) == (1, 2)
    with pytest.raises(ImportError, match="cannot import name 'nothing' from 'bulky'"):
        importlib.import_module("asks_ill")
    monkeypatch.delitem(sys.modules, "asks_well")
    assert package == [1]


def test_a_package_that_cannot_be_loaded_says_so_each_time(package, tmp_path):
    (tmp_path / "bulky" / "__init__.py").write_text("import surely_not_there\n")
    bulky = importlib.import_module("bulky")
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="surely_not_there"):
            bulky.MORE  # noqa: B018  # asking is the test


def test_what_is_not_installed_is_still_not_there(package):
    with pytest.raises(ModuleNotFoundError, match="not_installed"):
        importlib.import_module("not_installed")


@pytest.mark.slow
def test_the_packages_of_our_libraries_are_whole_when_asked():
    script = (
        "import sys; from reviewloop.deferred import defer_packages; defer_packages()\n"
        "import langgraph.graph, langgraph.types\n"
        "assert 'langgraph_sdk.auth.types' in sys.modules\n"
        "assert 'langgraph_sdk.client' not in sys.modules\n"
        "from langgraph_sdk import get_client; from langchain_aws import ChatBedrock\n"
        "import langsmith; from langsmith.types import RunSelectField\n"
        "from langgraph.pregel.remote import RemoteGraph\n"
        "print(get_client.__name__, ChatBedrock.__module__)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.split() == ["get_client", "langchain_aws.chat_models.bedrock"], done.stderr


def test_aws_is_told_of_langchain_aws_though_its_package_never_ran(monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    clients = BedrockClients(Models()).pair()
    said = [client.meta.config.user_agent for client in clients]
    assert ["x-client-framework:langchain-aws" in each for each in said] == [True, True]


@pytest.mark.slow
def test_a_review_by_a_model_loads_none_of_them_whole(repo: Path):
    (repo / "a.py").write_text("def f(x):\n    return eval(x)\n")
    command = (sys.executable, "-X", "importtime", "-m", "reviewloop", "review", "--model", MODEL)
    with BedrockServer(cast(), agent_of=agent_of, over_http=True) as server:
        done = subprocess.run(
            command,
            cwd=repo,
            env={**os.environ, **server.env()},
            capture_output=True,
            text=True,
        )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "langchain_aws.chat_models.bedrock_converse" in loaded, done.stderr[-2000:]
    wholes = {"langgraph_sdk.client", "langsmith.types.run", "langchain_aws.llms", "yaml.loader"}
    assert not loaded & wholes


@pytest.fixture
def commands(tmp_path, monkeypatch) -> Iterator[list[int]]:
    """Return the ledger of how often `office.heavy` ran, which `office.desk` imports deferred."""
    (tmp_path / "office").mkdir()
    (tmp_path / "office" / "__init__.py").write_text("")
    (tmp_path / "office" / "heavy.py").write_text(
        "import deferred_ledger\n\ndeferred_ledger.RUNS.append(1)\n"
        "from office import beside\n\nONE = 1\n"
    )
    (tmp_path / "office" / "beside.py").write_text("import deferred_ledger\n")
    (tmp_path / "office" / "desk.py").write_text(
        "from reviewloop.deferred import defer_imports\n"
        "with defer_imports('office'):\n    from office import heavy\n"
        "from office import late\n\n\ndef work():\n    return heavy.ONE\n"
    )
    (tmp_path / "office" / "late.py").write_text("LOADED = True\n")
    (tmp_path / "deferred_ledger.py").write_text("RUNS = []\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("deferred_ledger").RUNS
    for name in ("office", *(f"office.{n}" for n in ("heavy", "beside", "desk", "late"))):
        sys.modules.pop(name, None)
    sys.modules.pop("deferred_ledger")


def test_a_module_imported_under_the_door_runs_once_at_its_first_use(commands):
    before = list(sys.meta_path)
    desk = importlib.import_module("office.desk")
    assert sys.meta_path == before
    assert (commands, "office.beside" in sys.modules) == ([], False)
    assert (desk.work(), desk.work()) == (1, 1)
    assert commands == [1]


def test_what_is_imported_after_the_door_runs_at_once(commands):
    desk = importlib.import_module("office.desk")
    assert "LOADED" in vars(desk.late)


def test_a_module_that_is_loaded_stays_as_it_is_under_the_door(commands):
    heavy = importlib.import_module("office.heavy")
    assert commands == [1]
    assert importlib.import_module("office.desk").heavy is heavy
    assert commands == [1]
