"""Tracing is off whatever the shell exported, also while another thread imports what reads that."""

import os
import sys
from types import ModuleType

from reviewloop.llm.door import silence_tracing


def test_tracing_is_silenced_while_its_reader_is_being_imported(monkeypatch):
    monkeypatch.setenv("LANGCHAIN_TRACING_V2", "true")
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setitem(sys.modules, "langsmith.utils", ModuleType("langsmith.utils"))
    silence_tracing()
    assert "LANGCHAIN_TRACING_V2" not in os.environ
    assert os.environ["LANGSMITH_TRACING"] == "false"
