"""Packages whose own authors say that they are deprecated, renamed or given up, and what to use."""

from typing import NamedTuple

from reviewloop.rules.dependencies.manifest import Ecosystem


class Abandoned(NamedTuple):
    """One row of the table."""

    name: str
    instead: str  # what to use, ends the sentence "use ..."
    source: str  # where it is said


_PYPI = (
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
_NPM = (
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
_CRATES = (
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
_GO = (
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
        (Ecosystem.PYPI, _PYPI),
        (Ecosystem.NPM, _NPM),
        (Ecosystem.CRATES, _CRATES),
        (Ecosystem.GO, _GO),
    )
    for name, instead, source in rows
}
