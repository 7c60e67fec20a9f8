"""Write the pages of docs/rules from the rules: `python docs/write_rules.py`."""

from pathlib import Path

from reviewloop.analysis.pages import pages

folder = Path(__file__).with_name("rules")
folder.mkdir(exist_ok=True)
texts = pages()
for old in folder.glob("*.md"):
    if old.name not in texts:
        old.unlink()
for name, text in texts.items():
    (folder / name).write_text(text, encoding="utf-8")
