"""Compiles the rule files into the one file that a review loads, when a wheel is built."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

RULES = "reviewloop/rules"


class CompileRules(BuildHookInterface):  # type: ignore[type-arg]
    """Puts `rules.json` beside the rule files of the wheel; an editable one reads the files."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile into a folder of its own: the sources stay as they are."""
        if self.target_name != "wheel" or version == "editable":
            return
        target = Path(mkdtemp()) / "rules.json"
        # By its path: nothing of the package can be imported before its requirements are there.
        source = Path(self.root, "reviewloop/analysis/rule_files.py")
        spec = spec_from_file_location("rule_files", source)
        assert spec is not None and spec.loader is not None  # noqa: S101 - a file of ours
        rule_files = sys.modules["rule_files"] = module_from_spec(spec)
        spec.loader.exec_module(rule_files)
        rule_files.write_compiled(Path(self.root, RULES), target)
        build_data["force_include"][str(target)] = f"{RULES}/{target.name}"
