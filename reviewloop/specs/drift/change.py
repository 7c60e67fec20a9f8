"""The drift that a change introduces: drift of its tree that its base does not have."""

from collections.abc import Mapping, Sequence

from reviewloop.analysis.contract import Tree
from reviewloop.domain.drift import Drift
from reviewloop.specs.checks import read_view
from reviewloop.specs.dialect import is_living_spec
from reviewloop.specs.discover import find_specs
from reviewloop.specs.drift.code import Code
from reviewloop.specs.drift.compare import NameComparison, compare_names, named
from reviewloop.specs.drift.criteria import is_test_text, lost_tests, without_tests
from reviewloop.specs.files import Files


def drift_of_change(base: Files, new: Files, project: str) -> tuple[Drift, ...]:
    """Return the drift of a tree that is absent from its base."""
    found = _drift(new, project)
    known = {(one.kind, one.name, one.spec) for one in _drift(base, project)} if found else set()
    newly = [one for one in found if (one.kind, one.name, one.spec) not in known]
    return (*newly, *_lost_tests(base, new, project))


def diverging_by_change(base: Files, new: Files, project: str) -> Mapping[str, float]:
    """Return the specs that a change makes diverge from the code, with the share of each.

    A spec that lost the only test of a criterion diverges as a whole.
    """
    newly = drift_of_change(base, new, project)
    compared = _compared(new, project) if newly else None
    shares = compared.drift_shares if compared else {}
    lost = {one.spec for one in newly if one.kind == "criterion"}
    return {one.spec: 1.0 if one.spec in lost else shares.get(one.spec, 0.0) for one in newly}


def _drift(files: Files, project: str) -> Sequence[Drift]:
    compared = _compared(files, project)
    return compared.drifts if compared else ()


def _compared(files: Files, project: str) -> NameComparison | None:
    refs = find_specs(files, project)
    if not refs:
        return None
    paths = [path for path in files.paths() if not project or path.startswith(f"{project}/")]
    tree = Tree(read=lambda path: _text(files, path), paths=lambda: paths)
    views = [read_view(files, ref, tree) for ref in refs]
    own = {path for view in views for path in view.spec.files}
    code = Code.of(paths, tree.read, apart_from=own)
    living = [_text(files, path) or "" for path in paths if is_living_spec(path)]
    return compare_names([named(view, code) for view in views], (), living, code)


def _lost_tests(base: Files, new: Files, project: str) -> Sequence[Drift]:
    before = {path: base.content_id(path) for path in base.paths() if is_test_text(path)}
    now = {path: new.content_id(path) for path in new.paths() if is_test_text(path)}
    changed = [path for path, oid in before.items() if now.get(path) != oid]
    if not changed:
        return ()
    refs = find_specs(new, project)
    old = {path: _text(base, path) or "" for path in changed}
    texts = {path: _text(new, path) or "" for path in now}
    found: list[Drift] = []
    for ref in refs:
        view, alone = read_view(new, ref), len(refs) == 1
        missing = without_tests(view, texts, alone=alone)
        found += lost_tests(view, missing, old, "before this change", alone=alone)
    return found


def _text(files: Files, path: str) -> str | None:
    data = files.read(path)
    return None if data is None else data.decode("utf-8", "replace")
