"""Tells a package name that is one slip away from one of the names everybody uses."""

from reviewloop.rules.dependencies.manifest import Ecosystem

_SHORTEST = 6  # shorter names have too many honest neighbours
_LONGEST = 60

_PYPI = """
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
_NPM = """
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
    Ecosystem.PYPI: frozenset(_PYPI.split()),
    Ecosystem.NPM: frozenset(_NPM.split()),
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
