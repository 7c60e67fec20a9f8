"""What makes outside data harmless, and for what."""

import re

from reviewloop.rules.taint.values import FLOWS

XSS = frozenset({"xss", "template-injection"})
PATH = frozenset({"path-traversal"})
SQL = frozenset({"sql-injection"})
COMMAND = frozenset({"command-injection"})
LDAP = frozenset({"ldap-injection"})
URL = frozenset({"open-redirect", "ssrf"})
CODE = frozenset({"code-injection"})
XPATH = frozenset({"xpath-injection"})


def _table(*rows: tuple[frozenset[str], str]) -> dict[str, frozenset[str]]:
    return {name: cleared for cleared, names in rows for name in names.split()}


# Dotted names, or the last part of a name where the library does not matter (".name").
CLEANERS = _table(
    (
        FLOWS,
        "int float bool len ord hash id abs round sum complex type isinstance issubclass callable "
        "hasattr uuid.UUID decimal.Decimal fractions.Fraction datetime.date datetime.datetime "
        "datetime.date.fromisoformat datetime.datetime.fromisoformat datetime.datetime.strptime "
        "datetime.strptime datetime.time.fromisoformat ipaddress.ip_address "
        "ipaddress.IPv4Address ipaddress.IPv6Address bson.ObjectId bson.objectid.ObjectId "
        "django.utils.dateparse.parse_date django.utils.dateparse.parse_datetime "
        "dateutil.parser.parse flask.url_for url_for django.urls.reverse reverse "
        "django.urls.reverse_lazy flask.jsonify jsonify flask.render_template render_template "
        "django.shortcuts.render render quart.render_template "
        "django.http.JsonResponse JsonResponse fastapi.responses.JSONResponse JSONResponse "
        "starlette.responses.JSONResponse aiohttp.web.json_response sanic.response.json "
        "fastapi.responses.PlainTextResponse starlette.responses.PlainTextResponse "
        "sanic.response.text sanic.response.empty django.template.loader.render_to_string "
        "django.shortcuts.get_object_or_404 zlib.crc32 zlib.adler32 secrets.token_hex "
        "secrets.token_urlsafe secrets.compare_digest hmac.compare_digest "
        "slugify slugify.slugify django.utils.text.slugify mimetypes.guess_type "
        "time.strptime struct.unpack divmod pow math.floor math.ceil "
        "django.utils.http.base36_to_int werkzeug.security.generate_password_hash "
        "werkzeug.security.check_password_hash operator.index range "
        "flask.abort abort logging.getLogger print",
    ),
    (
        XSS,
        "html.escape cgi.escape markupsafe.escape flask.escape jinja2.escape escape "
        "xml.sax.saxutils.escape xml.sax.saxutils.quoteattr django.utils.html.escape "
        "django.utils.html.conditional_escape django.utils.html.strip_tags conditional_escape "
        "django.utils.html.escapejs bleach.clean nh3.clean bleach.linkify lxml.html.clean."
        "clean_html django.utils.html.format_html_join tornado.escape.xhtml_escape xhtml_escape "
        "werkzeug.utils.escape werkzeug.escape json.dumps simplejson.dumps ujson.dumps "
        "orjson.dumps django.core.serializers.serialize json.dump tornado.escape.json_encode "
        "django.utils.html.json_script flask.json.dumps pprint.pformat markupsafe.Markup.escape "
        "markupsafe.Markup().format",
    ),
    (XSS | URL | LDAP | COMMAND | XPATH | SQL, "urllib.parse.quote urllib.quote quote"),
    (
        XSS | URL | LDAP | COMMAND | XPATH | SQL | PATH,
        "urllib.parse.quote_plus urllib.quote_plus urllib.parse.urlencode urllib.urlencode "
        "quote_plus urlencode django.utils.http.urlencode django.utils.http.urlquote",
    ),
    (COMMAND, "shlex.quote pipes.quote shlex.join"),
    (
        PATH,
        "os.path.basename ntpath.basename posixpath.basename werkzeug.utils.secure_filename "
        "secure_filename werkzeug.secure_filename werkzeug.utils.safe_join flask.safe_join "
        "flask.helpers.safe_join safe_join django.utils._os.safe_join "
        "django.utils.text.get_valid_filename get_valid_filename pathvalidate.sanitize_filename "
        "sanitize_filename",
    ),
    (
        LDAP,
        "ldap.filter.escape_filter_chars escape_filter_chars ldap3.utils.conv.escape_filter_chars "
        "ldap.dn.escape_dn_chars escape_dn_chars ldap3.utils.dn.escape_rdn escape_rdn "
        "ldap.filter.filter_format filter_format escape_bytes ldap3.utils.conv.escape_bytes",
    ),
    (
        SQL,
        "psycopg2.extensions.quote_ident psycopg2.sql.Identifier psycopg2.sql.Literal "
        "psycopg.sql.Identifier psycopg.sql.Literal MySQLdb.escape_string pymysql.escape_string "
        "pymysql.converters.escape_string psycopg2.extensions.adapt sqlalchemy.select "
        "sqlalchemy.insert sqlalchemy.update sqlalchemy.delete sqlalchemy.bindparam "
        "django.db.models.Q Q F select insert update delete bindparam",
    ),
    (CODE | frozenset({"deserialization"}), "ast.literal_eval literal_eval"),
    (frozenset({"deserialization"}), "itsdangerous.URLSafeSerializer().loads"),
)
CLEANING_METHODS = _table(
    (
        FLOWS,
        "isdigit isalpha isalnum isnumeric isdecimal isidentifier islower isupper istitle isspace "
        "isascii isprintable startswith endswith find rfind index rindex count hexdigest digest "
        "fileno tell is_absolute bit_length url_for reverse_url static_url is_integer "
        "match_hostname url_path_for is_valid route_url current_route_url relative_url "
        "render_template render_to_response render render_string render_async",
    ),
    (SQL, "quote_name quote_ident escape_string escape_literal quote_identifier"),
    (PATH, "get_valid_name get_available_name generate_filename"),
    (XSS, "xhtml_escape escape"),
)
# Names of functions we cannot see that say they make their argument harmless.
CLEANS_BY_NAME = re.compile(
    r"(?:saniti[sz]e|escape(?!d_?by)|purify|bleach|\bclean(?:se|ed|_|$)|slugify|strip_tags|"
    r"encrypt|(?:^|_)hash(?:_|$)|digest|whitelist|allow_?list|quote_|_quote|safe_(?:join|path|url|"
    r"redirect|filename|next|name|value)|make_safe|to_safe|neutrali[sz]e|normalize_safe|"
    r"valid(?:ate)?_|_valid(?:ate)?|^validate)",
    re.IGNORECASE,
)
_CLEANS_WHAT = (
    (re.compile(r"html|xss|markup|javascript|bleach|strip_tags|_js", re.IGNORECASE), XSS),
    (re.compile(r"sql|ident|like", re.IGNORECASE), SQL),
    (re.compile(r"shell|command|cmd|shlex", re.IGNORECASE), COMMAND),
    (re.compile(r"file|path", re.IGNORECASE), PATH),
    (re.compile(r"ldap", re.IGNORECASE), LDAP),
    (re.compile(r"xpath", re.IGNORECASE), XPATH),
    (re.compile(r"ur[il]|redirect|host", re.IGNORECASE), URL | XSS),
)


def cleaned_by(name: str) -> frozenset[str]:
    """Return what a function we cannot see makes harmless, judging by its name."""
    if not CLEANS_BY_NAME.search(name):
        return frozenset()
    for pattern, cleared in _CLEANS_WHAT:
        if pattern.search(name):
            return cleared
    return FLOWS


_CLAIMS = re.compile(
    r"(?:^|_)(?:safe|clean|valid)|saniti[sz]e|escape|(?<=[a-z])(?:Safe|Clean|Valid)"
)


def names_clean(name: str) -> bool:
    """Whether a name of the project's own claims that a value is clean; how far is for people."""
    return _CLAIMS.search(name) is not None


# Calls whose result is something of our own that the argument only selects.
SELECTS_BY_NAME = re.compile(
    r"(?:get|find|load|fetch|lookup|look_up|query|filter|filter_by|select|search|count|exists|"
    r"create|save|store|insert|update|delete|remove|add|send|log|debug|info|warning|error|"
    r"exception|render|authenticate|login|is|has|check|verify|can|should|compare|sign|register|"
    r"list|first|last|one|all|scalar|execute|commit|put|push|publish|emit|notify|track|resolve|"
    r"compute|calculate|predict|generate|retrieve|require|ensure|assert|schedule|enqueue|submit|"
    r"upload|download|start|run|call|invoke|set|write|print|translate|gettext|ugettext|pgettext|"
    r"ngettext|solve|classify|ask|chat|complete|embed|match|test|fullmatch|finditer|dispatch|"
    r"apply_async|delay|abort|flash|redirect|success|fail|raise|handle|annotate|order|connect|"
    r"open|bind|exclude|patch|head|options|post|request|ping|hmac|contains|index|describe|"
    r"resize|spawn|join_room|leave|url|reverse|static|media|jsonify|dump|serialize|respond|"
    r"response|make_response|group|authorize|permission|perform|process_request|super|head)"
    r"(?:_.*|[A-Z].*)?$"
)
# Functions that return their argument in another form.
SAME = frozenset(
    {
        "str",
        "unicode",
        "repr",
        "ascii",
        "os.fspath",
        "os.fsdecode",
        "os.fsencode",
        "copy.copy",
        "copy.deepcopy",
        "typing.cast",
        "django.utils.encoding.force_str",
        "django.utils.encoding.smart_str",
        "django.utils.encoding.force_text",
        "six.text_type",
        "asyncio.wait_for",
        "sys.intern",
        "werkzeug.utils.cached_property",
    }
)
# Encodings that leave only harmless characters, and their way back.
ENCODES = frozenset(
    [
        "base64.b64encode",
        "base64.urlsafe_b64encode",
        "base64.standard_b64encode",
        "base64.b32encode",
        "base64.b16encode",
        "base64.encodebytes",
        "binascii.hexlify",
        "binascii.b2a_hex",
        "binascii.b2a_base64",
        "base64.b85encode",
        "base64.encodestring",
        "zlib.compress",
        "gzip.compress",
        "bz2.compress",
        "codecs.encode",
    ]
)
DECODES = frozenset(
    [
        "base64.b64decode",
        "base64.urlsafe_b64decode",
        "base64.standard_b64decode",
        "base64.b32decode",
        "base64.b16decode",
        "base64.decodebytes",
        "binascii.unhexlify",
        "binascii.a2b_hex",
        "binascii.a2b_base64",
        "base64.b85decode",
        "base64.decodestring",
        "zlib.decompress",
        "gzip.decompress",
        "bz2.decompress",
        "codecs.decode",
        "bytes.fromhex",
    ]
)
# Turn a text into objects, which may be operators of a query.
PARSES = frozenset(
    {"json.loads", "simplejson.loads", "ujson.loads", "orjson.loads", "xmltodict.parse"}
)
# Undoes quoting: what was cleared is dangerous again.
UNQUOTES = frozenset(
    [
        "urllib.parse.unquote",
        "urllib.parse.unquote_plus",
        "urllib.unquote",
        "urllib.unquote_plus",
        "html.unescape",
        "HTMLParser().unescape",
        "unquote",
        "unquote_plus",
        "xml.sax.saxutils.unescape",
    ]
)
# Functions of libraries that hand their argument on as text, path or parsed data.
CARRIES = re.compile(
    r"(?:urllib|urlparse|os\.path|ntpath|posixpath|pathlib|json|simplejson|ujson|orjson|string|"
    r"textwrap|re|io|StringIO|bytes|bytearray|memoryview|list|tuple|set|frozenset|dict|sorted|"
    r"reversed|iter|next|map|filter|zip|enumerate|max|min|any_of|shlex|codecs|collections|"
    r"itertools|functools|copy|email|tempfile|operator|yarl|furl|builtins|six|chain|format|"
    r"django\.utils|csv|toml|tomllib|tomli|yaml|xmltodict|quopri|unicodedata|locale|"
    r"multidict|werkzeug\.datastructures|werkzeug\.urls|asyncio|contextlib|difflib|"
    r"configparser|dateutil|pprint|io\.StringIO|io\.BytesIO|getattr|vars|gzip|zipfile)\b"
)
# Checks we cannot see that say by their name whether the argument is harmless.
NAMED_SAFE = re.compile(
    r"(?:is_?safe|safe_|_safe|valid|allow|permit|trust|whitelist|authori[sz]|accept|secure|"
    r"sanit|same_origin|same_host|within|inside|is_relative|is_local|is_internal_url|known|"
    r"is_uuid|is_int|is_numeric|is_number|is_alpha|can_access|has_allowed|legal|approved|exists_in)",
    re.IGNORECASE,
)
NAMED_UNSAFE = re.compile(
    r"(?:unsafe|invalid|malicious|dangerous|forbidden|blocked|is_bad|has_bad|traversal|injection|"
    r"suspicious|illegal|evil|is_private|is_internal|blacklist|denied|not_allowed|disallowed|"
    r"contains_|has_special|is_external|untrusted)",
    re.IGNORECASE,
)
CHECKS_FILE_TYPE = re.compile(r"(?:allowed_?(?:file|ext)|extension|mime|file_?type)", re.IGNORECASE)
PIECE = re.compile(
    r"\.(?:r?split|r?partition|splitext|suffix|suffixes|scheme|port|splitlines|content_type)\b|"
    r"\[:\]|splitext\(\)|\.ext\b"
)
HOST_PIECE = re.compile(r"\.(?:netloc|hostname|host|domain|registered_domain|authority)\b")
RESOLVED = re.compile(
    r"(?:\.resolve\(\)|realpath\(\)|abspath\(\)|normpath\(\)|\.absolute\(\)|canonical\w*\(\))"
)
