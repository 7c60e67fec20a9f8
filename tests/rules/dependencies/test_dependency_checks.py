import json
import zipfile

import pytest
from support.change_views import change_view

from reviewloop.analysis.contract import AnalyserStatus, Options
from reviewloop.domain.finding import Severity
from reviewloop.rules.deps import CHANGE_CHECKS, advisory_status
from reviewloop.rules.deps.readers import FORMATS, format_of


def hits(base, new, **options):
    (check,) = CHANGE_CHECKS
    return list(check.run(change_view(base, new, Options(**options))))


def told(base, new, **options):
    return [(hit.rule, hit.span.line) for hit in hits(base, new, **options)]


REQUIREMENTS = """\
# a comment
flask==3.0.3 \\
    --hash=sha256:0000 \\
    --hash=sha256:1111
rich[jupyter] ; python_version < "4"  # no version
click>=8,<9
-r other.txt
-e .
-e git+https://example.com/acme/tool.git@main#egg=tool
lib @ https://example.com/lib-1.0.tar.gz
moving @ https://github.com/acme/moving/archive/main.zip
pinned @ git+ssh://git@example.com/acme/pinned.git@0123456789abcdef0123456789abcdef01234567
"""


def test_requirements_are_read_line_by_line():
    assert told({}, {"requirements.txt": REQUIREMENTS}) == [
        ("deps/unpinned", 5),
        ("deps/unpinned-source", 9),
        ("deps/unpinned-source", 11),
    ]


def test_only_what_the_change_brings_is_reported():
    base = {"requirements.txt": "flask\nrich\n"}
    assert told(base, {"requirements.txt": "click\nrich\nflask\n"}) == [("deps/unpinned", 1)]


def test_constraints_pin_requirements():
    assert told({}, {"requirements.txt": "-c constraints.txt\nflask\n"}) == []


def test_what_only_developers_need_is_a_nit():
    (hit,) = hits({}, {"requirements-dev.txt": "pytest\n"})
    assert hit.severity is Severity.NIT


PYPROJECT = """\
[project]
name = "shop"  # an application
dependencies = [
  "flask",
  "rich>=13", "click",
]
[project.optional-dependencies]
s3 = ["boto3"]

[dependency-groups]
dev = ["pytest", {include-group = "lint"}]

[tool.uv.sources]
flask = { git = "https://example.com/flask.git", branch = "main" }
"""


def test_pyproject_entries_have_their_own_lines():
    found = [
        (hit.rule, hit.span.line, hit.severity) for hit in hits({}, {"pyproject.toml": PYPROJECT})
    ]
    assert found == [
        ("deps/unpinned-source", 4, None),
        ("deps/unpinned", 5, None),
        ("deps/unpinned", 8, Severity.NIT),
        ("deps/unpinned", 11, Severity.NIT),
    ]


def test_a_lock_file_pins_what_the_manifest_leaves_open():
    assert told({}, {"pyproject.toml": PYPROJECT, "uv.lock": "version = 1\n"}) == []


def test_a_library_leaves_versions_open():
    text = '[build-system]\nrequires = ["hatchling"]\n[project]\ndependencies = ["click"]\n'
    assert told({}, {"pyproject.toml": text}) == []


POETRY = """\
[tool.poetry.dependencies]
python = "^3.11"
flask = "*"
rich = { version = "^13", extras = ["jupyter"] }
tool = { git = "https://example.com/tool.git" }
here = { path = "../here" }

[tool.poetry.group.dev.dependencies]
pytest = "*"

[tool.poetry.dependencies.long]
git = "https://example.com/long.git"
branch = "main"

[[tool.poetry.source]]
name = "acme"
url = "http://pypi.acme.example/simple"
"""


def test_poetry_tables_are_read():
    assert told({}, {"pyproject.toml": POETRY}) == [
        ("deps/unpinned", 3),
        ("deps/unpinned-source", 5),
        ("deps/unpinned", 9),
        ("deps/unpinned-source", 12),
        ("deps/insecure-source", 17),
    ]


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (
            "setup.cfg",
            "[options]\ninstall_requires =\n    pycrypto\n    rich\n",
            [("deps/abandoned", 3)],
        ),
        ("setup.py", "setup(install_requires=[\n  'nose',\n  'rich'])\n", [("deps/abandoned", 2)]),
        ("Pipfile", '[packages]\nflask = "*"\nrich = "==13"\n', [("deps/unpinned", 2)]),
        ("Gemfile", 'gem "rails"\ngem "pg", "~> 1.5"\n', [("deps/unpinned", 1)]),
        (
            "Cargo.toml",
            '[package]\nversion = "1"\n[dependencies]\nserde = { version = "1" }\nx = "*"\n'
            '[dependencies.y]\ngit = "https://example.com/y"\n',
            [("deps/unpinned", 5), ("deps/unpinned-source", 7)],
        ),
        (
            "go.mod",
            "module a\nrequire (\n\tgithub.com/pkg/errors v0.9.1\n"
            "\tgithub.com/golang/mock v1.6.0 // indirect\n)\n",
            [("deps/abandoned", 3)],
        ),
        (
            "pom.xml",
            "<dependency><groupId>a</groupId><artifactId>b</artifactId>\n"
            "<version>LATEST</version></dependency>\n",
            [("deps/unpinned", 2)],
        ),
        (
            "build.gradle",
            'implementation "a:b:1.+"\nimplementation "a:c:1.2"\n',
            [("deps/unpinned", 1)],
        ),
        (
            "package.json",
            '{"dependencies": {\n"a": "latest",\n"b": "acme/b#main",\n"c": "^1.0.0",\n'
            '"d": "workspace:*",\n"e": "npm:real@*",\n"f": "acme/f#semver:^2.0.0"},\n'
            '"peerDependencies": {"p": "*"}}',
            [("deps/unpinned", 2), ("deps/unpinned-source", 3), ("deps/unpinned", 6)],
        ),
    ],
)
def test_manifests_of_many_kinds(path, text, expected):
    assert told({}, {path: text}) == expected


@pytest.mark.parametrize(
    "text", ['{"dependencies": {"a": "latest", ', '{"dependencies": {"a": "latest"]', "[[[[{{{{"]
)
def test_broken_manifests_tell_what_they_can(text):
    rules = {hit.rule for hit in hits({}, {"package.json": text, "pyproject.toml": text})}
    assert rules <= {"deps/unpinned"}


def test_deeply_nested_files_are_no_trouble():
    deep = "[" * 100_000
    assert hits({}, {"package.json": deep, "Cargo.toml": f"a = {deep}"}) == []


def test_lock_file_left_behind():
    base = {"package.json": '{"dependencies": {\n"a": "1.0.0"}}', "package-lock.json": "{}"}
    new = base | {"package.json": '{"dependencies": {\n"a": "1.0.0",\n"b": "2.0.0"}}'}
    (hit,) = hits(base, new)
    assert (hit.rule, hit.span.line) == ("deps/lock-not-updated", 3)
    assert hits(base, new | {"package-lock.json": '{"b": 1}'}) == []


def test_lock_of_a_workspace_counts_for_its_members():
    root = {"Cargo.toml": '[workspace]\nmembers = ["a"]\n', "Cargo.lock": "x"}
    member = {"a/Cargo.toml": '[dependencies]\nserde = "1"\n'}
    assert told(root, root | member) == [("deps/lock-not-updated", 2)]
    alone = {"Cargo.toml": "[package]\n", "Cargo.lock": "x"}
    assert told(alone, alone | member) == []


def test_go_sum_that_knows_the_module_is_up_to_date():
    base = {"go.mod": "module a\n", "go.sum": "example.com/b v1.0.0 h1:x\n"}
    new = base | {"go.mod": "module a\nrequire example.com/b v1.0.0\n"}
    assert told(base, new) == []
    assert told(base | {"go.sum": ""}, new | {"go.sum": ""}) == [("deps/lock-not-updated", 2)]


def test_version_bump_of_an_abandoned_package_is_a_nit():
    (hit,) = hits({"requirements.txt": "nose==1.3.6\n"}, {"requirements.txt": "nose==1.3.7\n"})
    assert (hit.rule, hit.severity) == ("deps/abandoned", Severity.NIT)


@pytest.mark.parametrize("name", ["requets", "djagno", "fastapii", "python-dateutils"])
def test_slips_of_the_pen(name):
    assert told({}, {"requirements.txt": f"{name}==1\n"}) == [("deps/similar-name", 1)]


@pytest.mark.parametrize("name", ["httpx2", "boto", "sphinx2", "pytest-cov", "acme-billing"])
def test_honest_neighbours(name):
    assert told({}, {"requirements.txt": f"{name}==1\n"}) == []


def test_password_of_an_index_is_not_repeated():
    text = "--index-url http://me:" + "s3cret" + "@pypi.acme.example/simple\n"
    (hit,) = hits({}, {"requirements.txt": text})
    assert "s3cret" not in hit.message


def record(ident, ecosystem, name, events, *, versions=(), kind="ECOSYSTEM", **more):
    package = {"ecosystem": ecosystem, "name": name}
    ranges = [{"type": kind, "events": events}]
    return {
        "id": ident,
        "affected": [{"package": package, "ranges": ranges, "versions": list(versions)}],
        **more,
    }


RECORDS = [
    record(
        "GHSA-1", "PyPI", "Shop_Kit", [{"introduced": "1.0"}, {"fixed": "1.4.2"}],
        aliases=["CVE-2024-1"], summary="Orders leak", database_specific={"severity": "HIGH"},
    ),
    record(
        "PYSEC-1", "PyPI", "shop-kit", [{"introduced": "0"}, {"fixed": "1.4.2"}],
        aliases=["CVE-2024-1"],
    ),
    record(
        "GHSA-2", "npm", "@acme/cart", [{"introduced": "0"}, {"last_affected": "2.3.0"}],
        kind="SEMVER",
        severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L"}],
    ),
    record("MAL-1", "npm", "evil", [{"introduced": "0"}], kind="SEMVER"),
    record("GO-1", "Go", "example.com/b", [{"introduced": "0"}, {"fixed": "1.2.0"}], kind="SEMVER"),
    record(
        "RUSTSEC-1", "crates.io", "smol", [{"introduced": "0.0.0-0"}, {"fixed": "0.4.0"}],
        kind="SEMVER",
    ),
    record(
        "GHSA-5", "PyPI", "newer", [{"introduced": "0"}], summary="It leaks",
        severity=[{
            "type": "CVSS_V4",
            "score": "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
        }],
    ),
    record("GHSA-3", "PyPI", "gone", [{"introduced": "0"}], withdrawn="2024-01-01T00:00:00Z"),
    record("GHSA-4", "PyPI", "listed", [], versions=["1.0.0"]),
]  # fmt: skip


@pytest.fixture(params=["folder", "zip", "folder of zips"])
def advisories(request, tmp_path):
    source = tmp_path / "osv"
    source.mkdir()
    if request.param == "folder":
        for each in RECORDS:
            (source / f"{each['id']}.json").write_text(json.dumps(each))
        (source / "broken.json").write_text('{"id": "shop-kit"')
        return str(source)
    with zipfile.ZipFile(source / "all.zip", "w") as archive:
        for each in RECORDS:
            archive.writestr(f"{each['id']}.json", json.dumps(each))
    return str(source if request.param == "folder of zips" else source / "all.zip")


@pytest.mark.parametrize(
    ("path", "text", "severity"),
    [
        ("requirements.txt", "shop_kit==1.4.1", Severity.MUST_FIX),
        ("requirements.txt", "shop-kit>=1.0,<1.4", Severity.MUST_FIX),
        ("requirements.txt", "shop-kit~=1.3.0", Severity.MUST_FIX),
        ("requirements.txt", "listed==1.0", Severity.SHOULD_FIX),
        ("package.json", '{"dependencies": {"@acme/cart": "2.3.0"}}', Severity.SHOULD_FIX),
        ("package.json", '{"dependencies": {"evil": "^1.0.0"}}', Severity.MUST_FIX),
        ("go.mod", "require example.com/b v1.1.9", Severity.SHOULD_FIX),
        ("Cargo.toml", '[dependencies]\nsmol = "0.3.1"', Severity.SHOULD_FIX),
    ],
)
def test_known_vulnerable_versions(advisories, path, text, severity):
    (hit,) = hits({}, {path: text + "\n"}, advisories=advisories)
    assert (hit.rule, hit.severity) == ("deps/known-vulnerable", severity)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("requirements.txt", "shop_kit==1.4.2"),
        ("requirements.txt", "shop-kit>=1.0"),
        ("requirements.txt", "shop-kit>=1.0,<2"),
        ("requirements.txt", "gone==1.0"),
        ("requirements.txt", "listed==1.0.1"),
        ("package.json", '{"dependencies": {"@acme/cart": "^2.3.0"}}'),
        ("package.json", '{"dependencies": {"@acme/cart": "2.3.1"}}'),
        ("go.mod", "require example.com/b v1.2.0"),
        ("Cargo.toml", '[dependencies]\nsmol = "0.4"'),
    ],
)
def test_versions_that_are_or_may_be_sound(advisories, path, text):
    assert hits({}, {path: text + "\n"}, advisories=advisories) == []


def test_one_hole_with_two_records_is_told_once(advisories):
    (hit,) = hits({}, {"requirements.txt": "shop-kit==1.2\n"}, advisories=advisories)
    assert hit.message == (
        "shop-kit ==1.2 is affected by GHSA-1 (CVE-2024-1): Orders leak. Fixed in 1.4.2."
    )


def test_a_record_with_a_newer_vector_alone_says_that_it_is_not_read(advisories):
    (hit,) = hits({}, {"requirements.txt": "newer==1.2\n"}, advisories=advisories)
    assert hit.severity is Severity.SHOULD_FIX
    assert "It leaks; how bad it is says only a CVSS 4 vector, which is not read" in hit.message


def test_without_records_the_list_says_not_checked(tmp_path):
    manifest = change_view({}, {"go.mod": "module a\n"}).files
    assert advisory_status(Options(), manifest).status is AnalyserStatus.NOT_CHECKED
    assert advisory_status(Options(), change_view({}, {"a.py": "\n"}).files) is None
    missing = advisory_status(Options(advisories=str(tmp_path / "none.zip")), manifest)
    assert missing.status is AnalyserStatus.FAILED
    (tmp_path / "GHSA-1.json").write_text("{}")
    assert advisory_status(Options(advisories=str(tmp_path))).status is AnalyserStatus.DONE


def test_compiled_requirements_pin_what_they_were_compiled_from():
    new = {"requirements/app.in": "flask\n", "requirements/app.txt": "flask==3.0.3\n"}
    assert told({}, new) == []
    behind = {"requirements/app.txt": "rich==13.0\n"}
    assert told(behind, behind | {"requirements/app.in": "flask\n"}) == [
        ("deps/lock-not-updated", 1)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("package.json", '"\\' * 50_000),
        ("pyproject.toml", '"""\\' * 50_000),
        ("pyproject.toml", "a=[" * 50_000),
        ("setup.py", "install_requires=[" * 50_000),
        ("requirements.txt", "a \\\n" * 50_000),
        ("requirements.txt", "".join(f"requestz{n:x}==1\n" for n in range(50_000))),
        ("pom.xml", "<dependency><version>" * 50_000),
    ],
    ids=["json", "toml texts", "toml lists", "setup", "continued", "names", "pom"],
)
@pytest.mark.timeout(20)
def test_cost_grows_with_the_text(path, text):
    hits({}, {path: text})


MANIFESTS = (
    *("requirements-dev.in", "requirements/test.txt", "requirements.in", "requirements.txt"),
    *("pyproject.toml", "Pipfile", "setup.cfg", "setup.py", "package.json", "Cargo.toml"),
    *("go.mod", "Gemfile", "gems.rb", "pom.xml", "build.gradle", "shop/build.gradle.kts"),
)


def test_every_manifest_that_can_be_read_is_taken_for_one(tmp_path):
    assert {format_of(path) for path in MANIFESTS} == set(FORMATS)
    (tmp_path / "record.json").touch()
    files = change_view({}, dict.fromkeys([*MANIFESTS, "part.py", "notes.txt"], "")).files

    assert advisory_status(Options(advisories=str(tmp_path)), files).files == len(MANIFESTS)
