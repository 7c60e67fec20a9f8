"""A very large change is read in little time and room, in one file and in a thousand."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

READ = """
import json, os, sys
from pathlib import Path
from reviewloop.git.comparison import CompareSpec, open_comparison

started = sum(os.times()[:4])  # of processors, git's too: a clock tells of others
with open_comparison(Path(sys.argv[1]), CompareSpec()) as two:
    change = two.private.change(two.old, two.new)
    lines = sum(len(hunk.lines) for file in change.files for hunk in file.hunks)
    ranges = sum(last - first + 1 for file in change.files for first, last in file.added_ranges)
seconds = sum(os.times()[:4]) - started
status = Path("/proc/self/status")  # getrusage would count the process that started this one
text = status.read_text() if status.exists() else "VmHWM: 0 kB"
room = int(text.split("VmHWM:")[1].split()[0]) // 1024
print(json.dumps([lines, ranges, seconds, room]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("files", "lines"), [(1, 100_000), (1000, 100)])
def test_a_hundred_thousand_lines(repo, files, lines):
    for number in range(files):
        folder = repo / f"d{number % 20}"
        folder.mkdir(exist_ok=True)
        text = "".join(f"    value_{n} = compute(items[{n}], {number})\n" for n in range(lines))
        (folder / f"f{number}.py").write_text(text)
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", READ, str(repo)], capture_output=True, check=True, cwd=root
    )
    read, added, seconds, room = json.loads(done.stdout)
    assert read == added == files * lines
    assert seconds < 6  # it is 1 on an idle machine
    assert room < 250  # megabytes
