"""Make comment.png: a comment as it stands on a pull request, from a real review.

    python docs/pictures/make_comment.py

The recorded pull request of the tests is reviewed on a stand-in for GitHub; the text of its worst
comment is drawn as GitHub draws Markdown. Needs Chromium. Nothing goes over the network.
"""

import html
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from markdown_it import MarkdownIt  # noqa: E402
from support import recorded  # noqa: E402
from support.github_server import GitHubServer  # noqa: E402
from support.github_state import BOT  # noqa: E402

RED = '<span style="color: #d1242f">●</span>'  # not every machine has a font with emoji
WIDTH, HEIGHT = 860, 330
PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 16px; font: 14px/1.5 "Liberation Sans", Arial, sans-serif; color: #1f2328; }}
table {{ border-collapse: collapse; width: 100%; border: 1px solid #d1d9e0; }}
td {{ font: 12px/20px "Liberation Mono", "DejaVu Sans Mono", monospace; white-space: pre; }}
tr {{ background: #dafbe1; }} .n {{ width: 36px; text-align: right; padding-right: 10px;
  color: #59636e; background: #aceebb; }}
article {{ border: 1px solid #d1d9e0; border-radius: 6px; margin: 12px 24px; padding: 4px 16px; }}
header {{ color: #59636e; padding-top: 8px; }} b {{ color: #1f2328; }}
code {{ font: 12px "Liberation Mono", "DejaVu Sans Mono", monospace; background: #eff1f3;
  padding: 2px 5px; border-radius: 5px; }}
pre {{ background: #f6f8fa; padding: 12px; border-radius: 6px; }}
pre code {{ background: none; padding: 0; }} sub {{ color: #59636e; font-size: 12px;
  vertical-align: baseline; }}
</style><table>{rows}</table>
<article><header><b>github-actions</b> bot · now</header>{body}</article>"""


def main() -> None:
    """Review, draw the worst comment, photograph it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        work = recorded.make_repository(folder / "work")
        with GitHubServer(work, roles={"ada": "write"}) as github:
            github.open_pull(head="feature")
            command = [sys.executable, "-m", "reviewloop", "github", "review", "--pr", "7"]
            command += ["--repo", github.full, "--model", f"replay:{ROOT / recorded.RECORDING}"]
            home = {"HOME": name, "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
            subprocess.run(command, cwd=work, env={**home, **github.environ}, check=True)
            said = [c for c in github.state.review_comments if c.author == BOT]
        worst = next(comment for comment in said if "must fix" in comment.body)
        text = (work / worst.path).read_text().splitlines()[: worst.line]
        first = max(0, len(text) - 4)
        rows = "".join(
            f'<tr><td class="n">{number}<td>+ {html.escape(line)}'
            for number, line in enumerate(text[first:], first + 1)
        )
        dotted = worst.body.replace("🔴", RED)
        body = MarkdownIt("commonmark", {"html": True}).render(dotted)
        (folder / "page.html").write_text(PAGE.format(rows=rows, body=body))
        target = Path(__file__).with_name("comment.png")
        subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={target}",
             (folder / "page.html").as_uri()],
            check=True, capture_output=True, env={**os.environ, "HOME": name},
        )  # fmt: skip


if __name__ == "__main__":
    main()
