"""Checks the dependency files of a change: pins, names, sources, scripts, lock files, holes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from reviewloop.analysis.contract import NIT, ChangeView, Hit, Rule, SourceFile, Span
from reviewloop.rules.deps import rules
from reviewloop.rules.deps.advisories import COVERED, Advisory, allowed, look_up
from reviewloop.rules.deps.manifest import Ecosystem, Entry, Index, Manifest, Origin, Script
from reviewloop.rules.deps.readers import Format, format_of, lock_of


@dataclass(frozen=True)
class ChangedManifest:
    """One manifest of the change beside its base version."""

    file: SourceFile
    format: Format
    new: Manifest
    base: Manifest
    lock: str  # path of the lock file that pins it, "" when none does
    lock_changed: bool  # or it may have: a part of the change does not tell
    old_names: frozenset[tuple[Ecosystem, str]] = field(default=frozenset())

    def entries(self) -> Iterator[Entry]:
        """Yield the dependencies that the change adds or changes, not those it moves about."""
        before = {_content(entry) for entry in self.base.entries}
        for entry in self.new.entries:
            if self.file.touched(entry.line, entry.end_line) and _content(entry) not in before:
                yield entry

    def indexes(self) -> Iterator[Index]:
        """Yield the package indexes that the change adds."""
        before = {(index.address, index.extra) for index in self.base.indexes}
        for index in self.new.indexes:
            known = (index.address, index.extra) in before
            if self.file.touched(index.line, index.line) and not known:
                yield index

    def scripts(self) -> Iterator[Script]:
        """Yield the install scripts that the change adds or changes."""
        before = {(script.name, script.command) for script in self.base.scripts}
        for script in self.new.scripts:
            known = (script.name, script.command) in before
            if self.file.touched(script.line, script.line) and not known:
                yield script

    def is_new(self, entry: Entry) -> bool:
        """Whether the base version did not ask for the package at all."""
        return (entry.ecosystem, entry.name) not in self.old_names


def _content(entry: Entry) -> tuple[object, ...]:
    return (entry.name, entry.requirement, entry.origin, entry.address, entry.revision)


def changed_manifests(view: ChangeView) -> Iterator[ChangedManifest]:
    """Yield the manifests among the files under review."""
    found = [(file, known) for file in view.files if (known := format_of(file.path))]
    if not found:
        return
    paths, changed = frozenset(view.list_new()), frozenset(view.changed_paths)
    for file, known in found:
        base = known.read(view.read_base(file.path) or "")
        lock = lock_of(file.path, known, paths, view.read_new) if known.locks else ""
        names = frozenset((entry.ecosystem, entry.name) for entry in base.entries)
        yield ChangedManifest(
            file, known, known.read(file.text), base, lock, view.partial or lock in changed, names
        )


class Abandoned(NamedTuple):
    """One row of the table."""

    name: str
    instead: str  # what to use, ends the sentence "use ..."
    source: str  # where it is said


_ABANDONED_PYPI = (
    ("pycrypto", "pycryptodome or cryptography", "github.com/pycrypto/pycrypto/issues/301"),
    ("nose", "pytest", "nose.readthedocs.io/en/latest"),
    ("sklearn", "scikit-learn", "pypi.org/project/sklearn"),
    ("bs4", "beautifulsoup4", "pypi.org/project/bs4"),
    ("oauth2client", "google-auth", "pypi.org/project/oauth2client"),
    ("fabric3", "fabric", "pypi.org/project/Fabric3"),
    ("django-jsonfield", "django.db.models.JSONField", "pypi.org/project/django-jsonfield"),
    ("django-rest-swagger", "drf-spectacular", "github.com/marcgibbons/django-rest-swagger"),
    ("flask-script", "Flask's own command line", "pypi.org/project/Flask-Script"),
    ("flask-restplus", "flask-restx", "pypi.org/project/flask-restplus"),
    ("flask-jwt", "flask-jwt-extended", "pypi.org/project/Flask-JWT"),
    ("aioredis", "redis (redis.asyncio)", "github.com/aio-libs-abandoned/aioredis-py"),
    ("asynctest", "unittest.IsolatedAsyncioTestCase", "github.com/Martiusweb/asynctest"),
    ("msgpack-python", "msgpack", "pypi.org/project/msgpack-python"),
    ("pyjwkest", "authlib or joserfc", "github.com/IdentityPython/pyjwkest"),
    ("pep8", "pycodestyle", "pypi.org/project/pep8"),
    ("pep257", "pydocstyle or ruff", "pypi.org/project/pep257"),
    ("pydocstyle", "ruff (rules D)", "github.com/PyCQA/pydocstyle"),
    ("tensorflow-gpu", "tensorflow", "pypi.org/project/tensorflow-gpu"),
    ("pypdf2", "pypdf", "pypi.org/project/PyPDF2"),
    ("fuzzywuzzy", "thefuzz or rapidfuzz", "github.com/seatgeek/fuzzywuzzy"),
    ("slackclient", "slack-sdk", "pypi.org/project/slackclient"),
    ("raven", "sentry-sdk", "pypi.org/project/raven"),
    ("google-cloud", "the google-cloud-* package of the service", "pypi.org/project/google-cloud"),
    ("opentracing", "opentelemetry-api", "opentracing.io"),
    ("jaeger-client", "opentelemetry-sdk", "github.com/jaegertracing/jaeger-client-python"),
    ("opencensus", "opentelemetry-api", "github.com/census-instrumentation/opencensus-python"),
    ("azure", "the azure-* package of the service", "pypi.org/project/azure"),
    ("distribute", "setuptools", "pypi.org/project/distribute"),
    ("argparse", "the standard library's argparse", "pypi.org/project/argparse"),
    ("enum34", "the standard library's enum", "pypi.org/project/enum34"),
    ("pathlib", "the standard library's pathlib", "pypi.org/project/pathlib"),
    ("typing", "the standard library's typing", "pypi.org/project/typing"),
    ("dataclasses", "the standard library's dataclasses", "pypi.org/project/dataclasses"),
    ("futures", "the standard library's concurrent.futures", "pypi.org/project/futures"),
)
_ABANDONED_NPM = (
    ("request", "fetch or undici", "github.com/request/request/issues/3142"),
    ("request-promise", "fetch or undici", "github.com/request/request/issues/3142"),
    ("request-promise-native", "fetch or undici", "github.com/request/request/issues/3142"),
    ("node-uuid", "uuid or crypto.randomUUID", "npmjs.com/package/node-uuid"),
    ("tslint", "eslint with typescript-eslint", "github.com/palantir/tslint/issues/4534"),
    ("node-sass", "sass", "npmjs.com/package/node-sass"),
    ("babel-eslint", "@babel/eslint-parser", "npmjs.com/package/babel-eslint"),
    ("babel-core", "@babel/core", "npmjs.com/package/babel-core"),
    ("babel-preset-env", "@babel/preset-env", "npmjs.com/package/babel-preset-env"),
    ("babel-polyfill", "core-js", "npmjs.com/package/babel-polyfill"),
    ("@babel/polyfill", "core-js", "babeljs.io/docs/babel-polyfill"),
    ("istanbul", "nyc or c8", "npmjs.com/package/istanbul"),
    ("jade", "pug", "npmjs.com/package/jade"),
    ("gulp-util", "the modules it bundled", "npmjs.com/package/gulp-util"),
    ("popper.js", "@popperjs/core or @floating-ui/dom", "npmjs.com/package/popper.js"),
    ("phantomjs", "puppeteer or playwright", "github.com/ariya/phantomjs"),
    ("phantomjs-prebuilt", "puppeteer or playwright", "github.com/ariya/phantomjs"),
    ("protractor", "playwright or cypress", "github.com/angular/protractor/issues/5502"),
    ("codelyzer", "angular-eslint", "github.com/mgechev/codelyzer"),
    ("har-validator", "ajv", "npmjs.com/package/har-validator"),
    ("left-pad", "String.prototype.padStart", "npmjs.com/package/left-pad"),
    ("querystring", "URLSearchParams", "npmjs.com/package/querystring"),
    ("graphql-tools", "@graphql-tools/*", "npmjs.com/package/graphql-tools"),
    ("apollo-server", "@apollo/server", "npmjs.com/package/apollo-server"),
    ("apollo-server-express", "@apollo/server", "npmjs.com/package/apollo-server-express"),
    ("aws-sdk", "@aws-sdk/client-*", "github.com/aws/aws-sdk-js"),
    ("enzyme", "@testing-library/react", "github.com/enzymejs/enzyme/issues/2429"),
    ("sinon-as-promised", "sinon", "npmjs.com/package/sinon-as-promised"),
    ("vm2", "isolated-vm or a process of its own", "github.com/patriksimek/vm2/issues/533"),
    ("xmldom", "@xmldom/xmldom", "npmjs.com/package/xmldom"),
    ("uglify-es", "terser", "npmjs.com/package/uglify-es"),
    ("eslint-loader", "eslint-webpack-plugin", "npmjs.com/package/eslint-loader"),
    ("extract-text-webpack-plugin", "mini-css-extract-plugin",
     "npmjs.com/package/extract-text-webpack-plugin"),
    ("react-loadable", "React.lazy or @loadable/component", "npmjs.com/package/react-loadable"),
)  # fmt: skip
_ABANDONED_CRATES = (
    ("failure", "thiserror and anyhow", "rustsec.org/advisories/RUSTSEC-2020-0036.html"),
    ("term", "crossterm or termcolor", "rustsec.org/advisories/RUSTSEC-2018-0015.html"),
    ("tempdir", "tempfile", "rustsec.org/advisories/RUSTSEC-2018-0017.html"),
    ("rustc-serialize", "serde", "github.com/rust-lang-deprecated/rustc-serialize"),
    ("atty", "std::io::IsTerminal", "rustsec.org/advisories/RUSTSEC-2024-0375.html"),
    ("ansi_term", "nu-ansi-term or anstyle", "rustsec.org/advisories/RUSTSEC-2021-0139.html"),
    ("dotenv", "dotenvy", "rustsec.org/advisories/RUSTSEC-2021-0141.html"),
    ("serde_yaml", "serde_norway or serde_yaml_ng", "github.com/dtolnay/serde-yaml"),
    ("structopt", "clap 4 with its derive feature", "docs.rs/structopt"),
    ("mach", "mach2", "rustsec.org/advisories/RUSTSEC-2020-0168.html"),
    ("net2", "socket2", "rustsec.org/advisories/RUSTSEC-2020-0016.html"),
    ("instant", "web-time", "rustsec.org/advisories/RUSTSEC-2024-0384.html"),
    ("proc-macro-error", "proc-macro-error2", "rustsec.org/advisories/RUSTSEC-2024-0370.html"),
)
_ABANDONED_GO = (
    ("github.com/dgrijalva/jwt-go", "github.com/golang-jwt/jwt/v5", "github.com/dgrijalva/jwt-go"),
    ("github.com/golang/protobuf", "google.golang.org/protobuf", "github.com/golang/protobuf"),
    ("github.com/pkg/errors", "errors and fmt.Errorf with %w", "github.com/pkg/errors"),
    ("github.com/satori/go.uuid", "github.com/google/uuid", "github.com/satori/go.uuid"),
    ("github.com/boltdb/bolt", "go.etcd.io/bbolt", "github.com/boltdb/bolt"),
    ("github.com/golang/mock", "go.uber.org/mock", "github.com/golang/mock"),
    ("gopkg.in/yaml.v2", "go.yaml.in/yaml/v3", "github.com/go-yaml/yaml"),
    ("github.com/aws/aws-sdk-go", "github.com/aws/aws-sdk-go-v2", "github.com/aws/aws-sdk-go"),
    ("github.com/opentracing/opentracing-go", "go.opentelemetry.io/otel", "opentracing.io"),
    ("github.com/mitchellh/mapstructure", "github.com/go-viper/mapstructure/v2",
     "github.com/mitchellh/mapstructure"),
    ("github.com/jinzhu/gorm", "gorm.io/gorm", "github.com/jinzhu/gorm"),
)  # fmt: skip


ABANDONED: dict[tuple[Ecosystem, str], Abandoned] = {
    (ecosystem, name): Abandoned(name, instead, f"https://{source}")
    for ecosystem, rows in (
        (Ecosystem.PYPI, _ABANDONED_PYPI),
        (Ecosystem.NPM, _ABANDONED_NPM),
        (Ecosystem.CRATES, _ABANDONED_CRATES),
        (Ecosystem.GO, _ABANDONED_GO),
    )
    for name, instead, source in rows
}


_SHORTEST = 6  # shorter names have too many honest neighbours
_LONGEST = 60

_KNOWN_PYPI = """
    aiobotocore aiofiles aiohttp alembic annotated-types argcomplete asgiref async-timeout attrs
    authlib awscli azure-core azure-identity babel backoff beautifulsoup4 bleach boto3 botocore
    cachetools celery certifi charset-normalizer cloudpickle colorama coverage cryptography
    databricks-sdk datadog decorator defusedxml deprecated distlib django django-cors-headers
    djangorestframework dnspython docker docutils email-validator fastapi filelock flask
    flask-cors fsspec gitpython google-api-core google-auth google-cloud-storage
    googleapis-common-protos greenlet grpcio gunicorn httpcore httplib2 httptools
    huggingface-hub hypothesis importlib-metadata iniconfig ipython isodate itsdangerous jedi
    jinja2 jmespath joblib jsonschema jupyter keyring kubernetes langchain loguru markdown
    markupsafe marshmallow matplotlib mistune more-itertools msgpack multidict mypy-extensions
    networkx nltk numpy oauthlib openai openpyxl opentelemetry-api opencv-python oscrypto
    packaging pandas paramiko pathspec pexpect pillow platformdirs playwright pluggy poetry
    portalocker prometheus-client prompt-toolkit protobuf psutil psycopg2 psycopg2-binary
    pyarrow pyasn1 pycodestyle pycparser pycryptodome pydantic pydantic-core pydantic-settings
    pyflakes pygments pyjwt pylint pymongo pymysql pynacl pyopenssl pyparsing pyspark pytest
    pytest-asyncio pytest-cov pytest-mock pytest-xdist python-dateutil python-dotenv
    python-multipart pyyaml rapidfuzz referencing regex requests requests-oauthlib
    requests-toolbelt rsa ruamel-yaml s3transfer scikit-learn scipy seaborn selenium sentry-sdk
    setuptools shapely simplejson sniffio snowflake-connector-python sortedcontainers soupsieve
    sphinx sqlalchemy sqlparse starlette streamlit tabulate tenacity tensorboard tensorflow
    termcolor threadpoolctl tiktoken tokenizers tomlkit torchvision tornado traitlets
    transformers typing-extensions typing-inspection tzdata ujson urllib3 uvicorn uvloop
    virtualenv watchdog watchfiles wcwidth websocket-client websockets werkzeug wrapt xmltodict
    yarl zipp zstandard
"""
_KNOWN_NPM = """
    accepts acorn anymatch apollo-client archiver axios babel-loader bcrypt bluebird body-parser
    bootstrap browserslist buffer chalk chokidar cheerio classnames coffee-script colors
    commander compression concurrently cookie-parser core-js cors cross-env cross-spawn
    css-loader cypress date-fns debug dotenv electron ember-cli enquirer esbuild eslint
    eslint-config-airbnb eslint-config-prettier eslint-plugin-import eslint-plugin-react
    eventemitter3 execa express express-session fast-glob fs-extra glob-parent graceful-fs
    graphql handlebars helmet html-webpack-plugin http-proxy-middleware husky i18next immer
    immutable inquirer ioredis jasmine jquery js-yaml jsdom jsonwebtoken lint-staged lodash
    lodash.merge lru-cache mariadb markdown-it marked micromatch minimatch minimist mkdirp mocha
    moment moment-timezone mongodb mongoose multer mysql2 nanoid next-auth node-fetch nodemailer
    nodemon normalize.css npm-run-all passport playwright postcss postcss-loader prettier prisma
    prop-types puppeteer query-string react-dom react-hook-form react-native react-redux
    react-router react-router-dom react-scripts readable-stream redux-thunk reflect-metadata
    reselect rimraf rollup sass-loader selenium-webdriver semver sequelize shelljs sinon
    socket.io socket.io-client source-map storybook string-width style-loader styled-components
    stylelint superagent supertest svelte tailwindcss terser through2 ts-jest ts-loader ts-node
    tsconfig-paths typeorm typescript underscore validator vue-router webpack webpack-cli
    webpack-dev-server winston xml2js yargs zod-to-json-schema zustand
"""
_WELL_KNOWN = {
    Ecosystem.PYPI: frozenset(_KNOWN_PYPI.split()),
    Ecosystem.NPM: frozenset(_KNOWN_NPM.split()),
}
# Honest packages that stand close to a well-known one.
_HONEST = frozenset(
    ("color", "decorators", "marker", "pymssql", "regexp", "validate", "validators", "websocket")
)


def _shorter(name: str) -> set[str]:
    """Return a name and what is left of it without any one of its letters."""
    return {name, *(name[:at] + name[at + 1 :] for at in range(len(name)))}


def _by_form() -> dict[tuple[Ecosystem, str], list[str]]:
    """Names that are one slip apart share one of these forms, so that few need comparing."""
    forms: dict[tuple[Ecosystem, str], list[str]] = {}
    for ecosystem, names in _WELL_KNOWN.items():
        for known in names:
            for form in _shorter(known) if len(known) >= _SHORTEST else ():
                forms.setdefault((ecosystem, form), []).append(known)
    return forms


_BY_FORM = _by_form()


def looks_like(ecosystem: Ecosystem, name: str) -> str:
    """Return the well-known name that `name` is one slip away from, "" when there is none.

    A slip is a letter too many, too few, wrong, or two in the wrong order; digits are no slips.
    """
    known = _WELL_KNOWN.get(ecosystem, frozenset())
    if not _SHORTEST - 1 <= len(name) <= _LONGEST or name in known or name in _HONEST:
        return ""
    near = {other for form in _shorter(name) for other in _BY_FORM.get((ecosystem, form), ())}
    return min((other for other in near if _one_slip(name, other)), default="")


def _one_slip(name: str, other: str) -> bool:
    start = 0
    while start < min(len(name), len(other)) and name[start] == other[start]:
        start += 1
    mine, theirs = name[start:], other[start:]
    end = 0
    while end < min(len(mine), len(theirs)) and mine[-1 - end] == theirs[-1 - end]:
        end += 1
    mine, theirs = mine[: len(mine) - end], theirs[: len(theirs) - end]
    changed = mine + theirs
    if not changed or not all(letter.isalpha() or letter in "-_." for letter in changed):
        return False
    if len(mine) <= 1 and len(theirs) <= 1:
        return True
    return len(mine) == 2 and mine == theirs[::-1]


_ANY = {"*", "latest", "x", "next", ">=0", ">0", ">=0.0.0", "release", "+"}
_MOVING_JVM = re.compile(r"(?:.*\+|latest\..*|LATEST|RELEASE|.*-SNAPSHOT)")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_RELEASE = re.compile(r"(?:[\w.-]*[/@-])?[vV]?[~^]?\d+(?:\.\d+)*[\w.+-]*")
_BRANCH_ARCHIVE = re.compile(
    r"/(?:archive|zipball|tarball)/(?:refs/heads/)?(?:main|master|HEAD|develop)\b"
)
_LOCAL_HOST = re.compile(r"http://(?:localhost|127\.|\[::1\]|0\.0\.0\.0)")
_PUBLIC_INDEXES = ("download.pytorch.org", "pypi.org", "www.piwheels.org", "pypi.nvidia.com")
_HARMLESS = re.compile(
    r"\s*(?:npx\s+|yarn\s+|pnpm\s+)?(?:husky|patch-package|prisma\s+generate|nuxt\s+prepare|"
    r"nuxi\s+prepare|electron-builder\s+install-app-deps|lefthook\s+install|ngcc|wxt\s+prepare|"
    r"simple-git-hooks|svelte-kit\s+sync|fumadocs-mdx|panda\s+codegen)\b[^&|;`$]*"
)
_SHOWN = 3


def check(view: ChangeView) -> Iterator[Hit]:
    """Yield what is wrong with the dependencies that the change adds or changes."""
    manifests = list(changed_manifests(view))
    for manifest in manifests:
        for entry in manifest.entries():
            if entry.origin is not Origin.LOCAL:
                yield from _pinning(manifest, entry)
                yield from _name(manifest, entry)
        yield from _indexes(manifest)
        yield from _scripts(manifest)
        yield from _lock(manifest, view)
    if view.options.advisories:
        yield from _vulnerable(manifests, Path(view.options.advisories))


def _hit(
    rule: Rule, manifest: ChangedManifest, lines: tuple[int, int], message: str, identity: str = ""
) -> Hit:
    return Hit(rule.id, manifest.file.path, Span(*lines), message, identity=identity)


def _about(rule: Rule, manifest: ChangedManifest, entry: Entry, message: str) -> Hit:
    return _hit(rule, manifest, (entry.line, entry.end_line), message, entry.name)


def _pinning(manifest: ChangedManifest, entry: Entry) -> Iterator[Hit]:
    shown = entry.name or entry.address
    if entry.address.startswith("http://") and not _LOCAL_HOST.match(entry.address):
        message = f"{shown} is fetched over plain HTTP."
        yield _about(rules.INSECURE_SOURCE, manifest, entry, message)
    if manifest.lock or entry.hashed or entry.transitive:
        return
    if entry.origin is Origin.GIT:
        if not _COMMIT.fullmatch(entry.revision) and not _RELEASE.fullmatch(entry.revision):
            at = f"the branch {entry.revision}" if entry.revision else "the default branch"
            message = f"{shown} follows {at} of a git repository."
            yield _about(rules.UNPINNED_SOURCE, manifest, entry, message)
    elif entry.origin is Origin.URL:
        if _BRANCH_ARCHIVE.search(entry.address):
            message = f"{shown} is the archive of a branch, which changes with every commit."
            yield _about(rules.UNPINNED_SOURCE, manifest, entry, message)
    elif _is_open(manifest, entry):
        asked = f"asks for {entry.requirement}" if entry.requirement else "names no version"
        hit = _about(rules.UNPINNED, manifest, entry, f"{entry.name} {asked}, and nothing pins it.")
        yield hit if not entry.development else _as_nit(hit)


def _as_nit(hit: Hit) -> Hit:
    return Hit(hit.rule, hit.path, hit.span, hit.message, NIT, identity=hit.identity)


def _is_open(manifest: ChangedManifest, entry: Entry) -> bool:
    if entry.ecosystem is Ecosystem.MAVEN:
        return bool(_MOVING_JVM.fullmatch(entry.requirement))
    if entry.requirement.replace(" ", "").lower() in _ANY:
        return True
    # Libraries leave the choice to who installs them; pip's constraints pin from elsewhere.
    return not entry.requirement and not manifest.new.library and not manifest.new.constrained


def _name(manifest: ChangedManifest, entry: Entry) -> Iterator[Hit]:
    if entry.transitive or entry.origin is not Origin.REGISTRY:
        return
    row = ABANDONED.get((entry.ecosystem, entry.name))
    if row is not None:
        message = (
            f"{entry.name} is no longer cared for by its authors; use {row.instead} ({row.source})."
        )
        hit = _about(rules.ABANDONED, manifest, entry, message)
        yield hit if manifest.is_new(entry) else _as_nit(hit)
    elif manifest.is_new(entry):
        other = looks_like(entry.ecosystem, entry.name)
        if other:
            message = f"{entry.name} is one slip away from {other}: is it the package you mean?"
            yield _about(rules.SIMILAR_NAME, manifest, entry, message)


def _indexes(manifest: ChangedManifest) -> Iterator[Hit]:
    hashed = bool(manifest.new.entries) and all(entry.hashed for entry in manifest.new.entries)
    for index in manifest.indexes():
        address = index.address.rpartition("@")[2]  # whatever stands before may be a password
        if index.address.startswith("http://") and not _LOCAL_HOST.match(index.address):
            message = (
                f"Packages are fetched over plain HTTP from {address.removeprefix('http://')}."
            )
            yield _hit(rules.INSECURE_SOURCE, manifest, (index.line, index.line), message)
        if index.extra and not hashed and not any(host in address for host in _PUBLIC_INDEXES):
            message = "A public package of the same name and a higher version would be taken."
            yield _hit(rules.EXTRA_INDEX, manifest, (index.line, index.line), message)


def _scripts(manifest: ChangedManifest) -> Iterator[Hit]:
    for script in manifest.scripts():
        if _HARMLESS.fullmatch(script.command):
            continue
        message = f"{script.name} runs whenever the package is installed."
        hit = _hit(rules.INSTALL_SCRIPT, manifest, (script.line, script.line), message, script.name)
        yield _as_nit(hit) if manifest.new.private else hit


def _lock(manifest: ChangedManifest, view: ChangeView) -> Iterator[Hit]:
    if not manifest.lock or manifest.lock_changed:
        return
    new = [entry for entry in manifest.entries() if manifest.is_new(entry) and not entry.transitive]
    if new and manifest.lock.endswith("go.sum"):
        sums = view.read_new(manifest.lock) or ""
        new = [entry for entry in new if f"{entry.name} {entry.requirement}" not in sums]
    if new:
        names = ", ".join(entry.name for entry in new[:_SHOWN])
        more = f" and {len(new) - _SHOWN} more" if len(new) > _SHOWN else ""
        message = f"{manifest.lock} was not changed, so it does not hold {names}{more}."
        yield _about(rules.LOCK_BEHIND, manifest, new[0], message)


def _vulnerable(manifests: list[ChangedManifest], source: Path) -> Iterator[Hit]:
    entries = [
        (manifest, entry)
        for manifest in manifests
        for entry in manifest.entries()
        if entry.origin is Origin.REGISTRY and entry.ecosystem in COVERED
    ]
    known = look_up(source, {(entry.ecosystem, entry.name) for _, entry in entries})
    for manifest, entry in entries:
        run = allowed(entry.ecosystem, entry.requirement)
        if run is None:
            continue
        exact = run.low == run.high and run.high_included
        version = entry.requirement.lstrip("=v ") if exact else ""
        advisories = [
            advisory
            for advisory in known.get((entry.ecosystem, entry.name), ())
            if advisory.concerns(entry.ecosystem, run, version)
        ]
        if advisories:
            yield _advised(manifest, entry, advisories)


def _advised(manifest: ChangedManifest, entry: Entry, advisories: list[Advisory]) -> Hit:
    """Return one hit for all advisories of an entry, those that name the same hole once."""
    seen: set[str] = set()
    holes: list[Advisory] = []
    for advisory in sorted(advisories, key=lambda a: (a.severity.rank, a.id)):
        if not seen & {advisory.id, *advisory.aliases}:
            holes.append(advisory)
        seen |= {advisory.id, *advisory.aliases}
    ids = ", ".join(_id(hole) for hole in holes[:_SHOWN])
    more = f" and {len(holes) - _SHOWN} more" if len(holes) > _SHOWN else ""
    asked = f"{entry.name} {entry.requirement}".strip()
    fixed = sorted({version for hole in holes for version in hole.fixed})
    mended = f" Fixed in {', '.join(fixed[:_SHOWN])}." if fixed else " No fixed version is known."
    summary = f": {holes[0].summary}" if holes[0].summary else ""
    message = f"{asked} is affected by {ids}{more}{summary.rstrip('.')}.{mended}"
    return Hit(
        rules.VULNERABLE.id, manifest.file.path, Span(entry.line, entry.end_line), message,
        holes[0].severity, identity=entry.name,
    )  # fmt: skip


def _id(advisory: Advisory) -> str:
    cve = next((alias for alias in advisory.aliases if alias.startswith("CVE-")), "")
    return f"{advisory.id} ({cve})" if cve else advisory.id
