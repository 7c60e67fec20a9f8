"""A stand-in for a slow cfn-lint: a program on PATH that is done when a file says so.

It finds the word WRONG in templates, and notes when it begins and ends. Its file is written by the
test: what has to happen before a slow tool may end is then shown by order, not by the clock.
"""

import os
import sys
from pathlib import Path

from support.checkout import Checkout

TEMPLATE = """AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: WRONG
"""
RULE = "cfn-lint/E3012"
_SECONDS = "20"
"""How long it may take: what waits for it although it must not, fails instead of standing."""

_PROGRAM = """#!{python}
import json, os, pathlib, sys, time
here = pathlib.Path({folder!r})
if "--version" in sys.argv:
    print("cfn-lint 1.0.0")
    sys.exit()
with (here / "log").open("a") as log:
    log.write("began %d\\n" % os.getpid())
while not (here / "free").exists():
    time.sleep(0.02)
found = []
for name in sys.argv[sys.argv.index("--") + 1:]:
    for number, line in enumerate(open(name), 1):
        column = line.find("WRONG") + 1
        if column:
            place = {{"LineNumber": number, "ColumnNumber": column}}
            end = {{"LineNumber": number, "ColumnNumber": column + 5}}
            found.append({{
                "Filename": name, "Level": "Error", "Message": "The value is wrong",
                "Rule": {{"Id": "E3012"}}, "Location": {{"Start": place, "End": end}},
            }})
with (here / "log").open("a") as log:
    log.write("ended\\n")
if (here / "broken").exists():
    sys.exit("it broke")
print(json.dumps(found))
"""


class SlowTool:
    """The program in a folder of its own; `checkout` finds it on PATH."""

    def __init__(self, folder: Path, checkout: Checkout) -> None:
        self.folder = folder
        folder.mkdir()
        program = folder / "cfn-lint"
        program.write_text(_PROGRAM.format(python=sys.executable, folder=str(folder)))
        program.chmod(0o755)
        path = checkout.environ["PATH"]
        checkout.environ |= {
            "PATH": os.pathsep.join((str(folder), path)),
            "REVIEWLOOP_REVIEW__ANALYSERS_OFF": "[]",
            "REVIEWLOOP_REVIEW__ANALYSER_SECONDS": _SECONDS,
        }

    def free(self) -> None:
        """Let it end, now and from now on."""
        (self.folder / "free").touch()

    def breaks(self) -> None:
        """Let it fail when it ends."""
        (self.folder / "broken").touch()

    @property
    def log(self) -> list[str]:
        """What it noted: "began" with its process id, and "ended"."""
        log = self.folder / "log"
        return log.read_text().splitlines() if log.exists() else []

    @property
    def asked(self) -> int:
        """How often it was started over files."""
        return sum(line.startswith("began") for line in self.log)

    @property
    def ended(self) -> int:
        """How often it came to its end."""
        return self.log.count("ended")
