"""Where outside data does harm: one row per call."""

from typing import NamedTuple


class Sink(NamedTuple):
    """A call whose arguments must not be decided from outside.

    `callee` is a whole dotted name, or ".method" for a method of anything. `test` names a further
    condition (see `sink_tests`).
    """

    rule: str
    callee: str
    args: tuple[int | str, ...] = (0,)  # positions and keywords
    test: str = ""
    what: str = ""  # for the message; "" is the call itself
    sure: bool = True


def _rows(
    rule: str, callees: str, *args: int | str, test: str = "", sure: bool = True
) -> tuple[Sink, ...]:
    return tuple(Sink(rule, name, args or (0,), test, "", sure) for name in callees.split())


COMMAND = (
    *_rows(
        "command-injection",
        "os.system os.popen os.popen2 os.popen3 os.popen4 commands.getoutput popen2.popen2 "
        "commands.getstatusoutput popen2.popen3 subprocess.getoutput subprocess.getstatusoutput "
        "asyncio.create_subprocess_shell asyncio.subprocess.create_subprocess_shell "
        "platform.popen pty.spawn os.startfile",
        0,
        "cmd",
        "command",
    ),
    *_rows(
        "command-injection",
        "subprocess.run subprocess.call subprocess.check_call subprocess.check_output "
        "subprocess.Popen anyio.run_process trio.run_process",
        0,
        "args",
        test="process",
    ),
    *_rows(
        "command-injection",
        "os.execl os.execle os.execlp os.execlpe os.execv os.execve os.execvp os.execvpe "
        "os.posix_spawn os.posix_spawnp asyncio.create_subprocess_exec",
        0,
        test="program",
    ),
    *_rows(
        "command-injection",
        "os.spawnl os.spawnle os.spawnlp os.spawnlpe os.spawnv os.spawnve os.spawnvp os.spawnvpe",
        1,
        test="program",
    ),
    *_rows("command-injection", ".exec_command", 0, "command"),
    *_rows("command-injection", ".create_subprocess_shell", 0, "cmd"),
    *_rows("command-injection", "pexpect.spawn pexpect.run pexpect.runu", 0, "command"),
    *_rows(
        "command-injection",
        "fabric.api.run fabric.api.local fabric.api.sudo fabric.operations.run invoke.run",
        0,
        "command",
    ),
    *_rows("command-injection", ".run .sudo .local", 0, "command", test="remote shell"),
)
CODE = (
    *_rows("code-injection", "eval exec builtins.eval builtins.exec execfile", 0),
    *_rows("code-injection", "compile builtins.compile", 0, "source", test="whole"),
    *_rows(
        "code-injection",
        "code.interact .runsource .runcode timeit.timeit timeit.repeat cProfile.run profile.run "
        "asteval.Interpreter().eval numexpr.evaluate pandas.eval",
        0,
        "stmt",
        "source",
    ),
    *_rows("code-injection", "importlib.import_module __import__ runpy.run_module", 0, sure=False),
    *_rows("code-injection", "runpy.run_path imp.load_source", 0, sure=False),
)
TEMPLATE = (
    *_rows(
        "template-injection",
        "flask.render_template_string flask.templating.render_template_string "
        "quart.render_template_string jinja2.Template mako.template.Template Template "
        "django.template.Template django.template.base.Template tornado.template.Template "
        "bottle.template bottle.SimpleTemplate chameleon.PageTemplate jinja2.nativetypes."
        "NativeTemplate render_template_string genshi.template.MarkupTemplate "
        "django.template.engines[].from_string jinja2.sandbox.Template",
        0,
        "source",
        "template_string",
        test="template",
    ),
    *_rows("template-injection", ".from_string", 0, "source", test="whole"),
)
_FILES = (
    "open io.open codecs.open os.open os.fdopen builtins.open file aiofiles.open anyio.open_file "
    "gzip.open bz2.open lzma.open os.remove os.unlink os.rmdir os.removedirs os.mkdir os.makedirs "
    "os.listdir os.scandir os.walk os.chmod os.chown os.truncate shutil.rmtree linecache.getline "
    "linecache.getlines tarfile.open zipfile.ZipFile tarfile.TarFile zipfile.PyZipFile "
    "flask.send_file send_file flask.helpers.send_file quart.send_file "
    "starlette.responses.FileResponse fastapi.responses.FileResponse FileResponse "
    "aiohttp.web.FileResponse sanic.response.file sanic.response.file_stream sanic.file "
    "django.http.FileResponse pyramid.response.FileResponse fileinput.input shelve.open "
    "logging.FileHandler sqlite3.connect PIL.Image.open cv2.imread numpy.loadtxt "
    "numpy.genfromtxt pandas.read_csv pandas.read_excel pandas.read_json "
    "xml.etree.ElementTree.parse xml.dom.minidom.parse lxml.etree.parse configparser.read"
)
PATHS = (
    *_rows("path-traversal", _FILES, 0, "path", "file", "filename", "path_or_file", test="a path"),
    *_rows(
        "path-traversal",
        "os.path.exists os.path.isfile os.path.isdir os.path.getsize os.stat os.access os.lstat "
        "os.path.getmtime os.readlink os.utime",
        0,
        "path",
        sure=False,
    ),
    *_rows(
        "path-traversal",
        "os.rename os.renames os.replace os.link os.symlink shutil.copy shutil.copy2 "
        "shutil.copyfile shutil.copytree shutil.move shutil.copymode shutil.unpack_archive "
        "shutil.make_archive",
        0,
        1,
        "src",
        "dst",
    ),
    *_rows(
        "path-traversal",
        "flask.send_from_directory send_from_directory quart.send_from_directory",
        0,
        "directory",
    ),
    *_rows("path-traversal", "bottle.static_file", "root", 1),
    *_rows(
        "path-traversal",
        ".read_text .read_bytes .write_text .write_bytes .unlink .rmdir .mkdir .touch .iterdir "
        ".open .rename .replace .glob .rglob .symlink_to",
        -1,
        test="path object",
    ),
    *_rows("path-traversal", ".exists .is_file .is_dir .stat", -1, test="path object", sure=False),
    *_rows("path-traversal", "glob.glob glob.iglob", 0, sure=False),
    *_rows("path-traversal", ".save", 0, "dst", test="upload"),
    *_rows(
        "path-traversal", ".extract .extractall .download_file .upload_file", "path", sure=False
    ),
)


SQL = (
    *_rows(
        "sql-injection",
        ".execute .executemany .executescript .mogrify",
        0,
        "sql",
        "query",
        "statement",
        "operation",
        test="database",
    ),
    *_rows(
        "sql-injection",
        ".fetch .fetchrow .fetchval .fetch_all .fetch_one .fetch_val .iterate .query .select "
        ".copy_expert .execute_sql .sql .execute_query .run_query .raw_sql .exec_driver_sql "
        ".execute_query_dict .execute_insert .execute_fetchall .cursor_execute .execute_async "
        ".prepare",
        0,
        "sql",
        "query",
        test="sql text",
    ),
    *_rows("sql-injection", ".raw", 0, "raw_query", test="sql text or manager"),
    *_rows("sql-injection", ".extra", "where", "tables", "order_by", 0),
    *_rows(
        "sql-injection",
        "sqlalchemy.text sqlalchemy.sql.text sqlalchemy.sql.expression.text "
        "sqlalchemy.literal_column sqlalchemy.sql.literal_column flask_sqlalchemy.text "
        "django.db.models.expressions.RawSQL django.db.models.RawSQL RawSQL "
        "psycopg2.sql.SQL psycopg.sql.SQL pandas.read_sql pandas.read_sql_query "
        "pandas.io.sql.read_sql peewee.SQL peewee.RawQuery sqlmodel.text "
        "sqlalchemy.DDL duckdb.sql duckdb.query duckdb.execute",
        0,
        "text",
        "sql",
        "con_sql",
    ),
    *_rows("sql-injection", "text", 0, test="sql text"),
)
LDAP = (
    *_rows(
        "ldap-injection",
        ".search .search_s .search_st .search_ext .search_ext_s .paged_search "
        ".search_subtree .paged_search_generator",
        0,
        1,
        2,
        "search_filter",
        "filterstr",
        "search_base",
        "base",
        test="directory",
    ),
    *_rows(
        "ldap-injection",
        ".simple_bind_s .bind_s .simple_bind .delete_s .modify_s .add_s",
        0,
        "who",
        "dn",
        test="directory",
        sure=False,
    ),
)
XPATH = (
    *_rows("xpath-injection", ".xpath .xpathEval", 0, "_path", "query", "path", test="whole"),
    *_rows(
        "xpath-injection",
        "lxml.etree.XPath lxml.etree.ETXPath lxml.etree.XPathEvaluator() etree.XPath XPath "
        "lxml.etree.XPathDocumentEvaluator() libxml2.xmlXPathNewContext() lxml.etree.XSLT",
        0,
        "path",
    ),
    *_rows(
        "xpath-injection",
        "elementpath.select elementpath.iter_select elementpath.Selector",
        1,
        "path",
    ),
    *_rows("xpath-injection", "elementpath.Selector elementpath.XPath2Parser().parse", 0, "path"),
    *_rows("xpath-injection", ".find .findall .iterfind .findtext", 0, "path", test="element"),
)
OBJECTS = (
    *_rows(
        "deserialization",
        "pickle.loads pickle.load pickle.Unpickler cPickle.loads cPickle.load cPickle.Unpickler "
        "_pickle.loads _pickle.load dill.loads dill.load cloudpickle.loads cloudpickle.load "
        "joblib.load marshal.loads marshal.load jsonpickle.decode jsonpickle.loads "
        "yaml.unsafe_load yaml.unsafe_load_all pandas.read_pickle torch.load "
        "sklearn.externals.joblib.load hickle.load shelve.open",
        0,
        "data",
        "file",
        "string",
        "stream",
        test="raw bytes",
    ),
    *_rows("deserialization", "yaml.full_load yaml.full_load_all", 0, "stream", sure=False),
    *_rows("deserialization", "yaml.load yaml.load_all", 0, "stream", test="yaml loader"),
    *_rows("deserialization", "numpy.load", 0, "file", test="allows pickle"),
    *_rows("deserialization", "ruamel.yaml.load", 0, test="yaml loader"),
)
XML = (
    *_rows(
        "xxe",
        "lxml.etree.fromstring lxml.etree.XML lxml.etree.parse lxml.etree.iterparse "
        "lxml.etree.fromstringlist xml.dom.minidom.parseString xml.dom.minidom.parse "
        "xml.sax.parseString xml.sax.parse xml.dom.pulldom.parseString xml.dom.pulldom.parse "
        "lxml.objectify.fromstring lxml.objectify.parse etree.fromstring etree.parse "
        "xml.etree.ElementTree.fromstring xml.etree.ElementTree.parse "
        "xml.etree.ElementTree.XML",
        0,
        "text",
        "source",
        "string",
        test="xml parser",
    ),
    *_rows("xxe", ".parse .feed", 0, "source", test="xml parser object"),
)
NOSQL = (
    *_rows(
        "nosql-injection",
        ".find .find_one .update_one .update_many .delete_one .delete_many .count_documents "
        ".aggregate .find_one_and_update .find_one_and_delete .find_one_and_replace .replace_one "
        ".distinct .count",
        0,
        "filter",
        test="mongo",
    ),
)


PAGES = (
    *_rows(
        "xss",
        "markupsafe.Markup flask.Markup jinja2.Markup Markup django.utils.safestring.mark_safe "
        "mark_safe django.utils.safestring.SafeString django.utils.safestring.SafeText "
        "wtforms.widgets.HTMLString webob.html.literal webhelpers.html.literal "
        "django.utils.safestring.SafeData jinja2.utils.markupsafe.Markup",
        0,
        test="page",
    ),
    *_rows("xss", "django.utils.html.format_html format_html", 0, test="page"),
    *_rows(
        "xss",
        "flask.Response flask.wrappers.Response flask.make_response quart.Response "
        "quart.make_response werkzeug.Response werkzeug.wrappers.Response make_response "
        "django.http.HttpResponse HttpResponse django.http.response.HttpResponse "
        "django.http.HttpResponseNotFound django.http.HttpResponseBadRequest "
        "django.http.HttpResponseForbidden django.http.HttpResponseServerError "
        "django.http.HttpResponseNotAllowed django.http.StreamingHttpResponse "
        "fastapi.responses.HTMLResponse starlette.responses.HTMLResponse HTMLResponse "
        "sanic.response.html sanic.html pyramid.response.Response webob.Response "
        "bottle.HTTPResponse bottle.HTTPError",
        0,
        "response",
        "content",
        "body",
        "text",
        test="html response",
    ),
    *_rows(
        "xss",
        "aiohttp.web.Response starlette.responses.Response fastapi.Response "
        "fastapi.responses.Response Response starlette.responses.StreamingResponse "
        "fastapi.responses.StreamingResponse sanic.response.HTTPResponse",
        0,
        "content",
        "body",
        "text",
        test="html declared",
    ),
    *_rows("xss", ".write .finish", 0, "chunk", test="page writer"),
    *_rows("xss", "print", 0, test="cgi page"),
)
REDIRECTS = (
    *_rows(
        "open-redirect",
        "flask.redirect werkzeug.utils.redirect quart.redirect django.shortcuts.redirect redirect "
        "django.http.HttpResponseRedirect django.http.HttpResponsePermanentRedirect "
        "HttpResponseRedirect HttpResponsePermanentRedirect bottle.redirect "
        "django.http.response.HttpResponseRedirect sanic.redirect sanic.response.redirect "
        "starlette.responses.RedirectResponse fastapi.responses.RedirectResponse RedirectResponse "
        "fastapi.RedirectResponse aiohttp.web.HTTPFound aiohttp.web.HTTPMovedPermanently "
        "aiohttp.web.HTTPSeeOther aiohttp.web.HTTPTemporaryRedirect "
        "aiohttp.web.HTTPPermanentRedirect pyramid.httpexceptions.HTTPFound "
        "pyramid.httpexceptions.HTTPSeeOther pyramid.httpexceptions.HTTPMovedPermanently "
        "pyramid.httpexceptions.HTTPTemporaryRedirect cherrypy.HTTPRedirect "
        "falcon.HTTPFound falcon.HTTPMovedPermanently falcon.HTTPSeeOther web.seeother "
        "web.redirect",
        0,
        "location",
        "url",
        "redirect_to",
        "to",
        test="open target",
    ),
    *_rows("open-redirect", ".redirect", 0, "url", test="open target of a handler"),
)
_CLIENTS = (
    "requests requests.Session() requests.session() httpx httpx.Client() httpx.AsyncClient() "
    "aiohttp.ClientSession() requests.sessions.Session() requests_html.HTMLSession()"
)
_METHODS = "get post put patch delete head options"
REQUESTS = (
    *_rows(
        "ssrf",
        " ".join(
            f"{client}.{method}" for client in _CLIENTS.split() for method in _METHODS.split()
        ),
        0,
        "url",
        test="open address",
    ),
    *_rows(
        "ssrf",
        " ".join(
            f"{client}.{name}" for client in _CLIENTS.split() for name in ("request", "stream")
        )
        + " requests.Request urllib3.PoolManager().request urllib3.request httpx.Request",
        1,
        "url",
        test="open address",
    ),
    *_rows(
        "ssrf",
        f"{' '.join('.' + name for name in _METHODS.split())} .fetch .request",
        0,
        1,
        "url",
        test="http client",
    ),
    *_rows(
        "ssrf",
        "urllib.request.urlopen urllib2.urlopen urllib.urlopen urllib.request.Request "
        "urllib.request.urlretrieve urllib2.Request urlopen urllib.urlretrieve treq.get treq.post "
        "httplib2.Http().request websocket.create_connection websockets.connect wget.download "
        "http.client.HTTPConnection http.client.HTTPSConnection ftplib.FTP "
        "telnetlib.Telnet tornado.httpclient.AsyncHTTPClient().fetch "
        "tornado.httpclient.HTTPClient().fetch feedparser.parse pycurl.Curl().setopt "
        "smtplib.SMTP xmlrpc.client.ServerProxy urllib.request.build_opener().open",
        0,
        "url",
        "fullurl",
        "host",
        test="open address",
    ),
    *_rows("ssrf", "socket.create_connection", 0, "address", test="open address"),
)
HEADERS = (*_rows("header-injection", ".set_cookie", 1, "value", sure=False, test="never"),)


ROWS: tuple[Sink, ...] = (
    *COMMAND,
    *CODE,
    *TEMPLATE,
    *PATHS,
    *PAGES,
    *REDIRECTS,
    *REQUESTS,
    *SQL,
    *LDAP,
    *XPATH,
    *OBJECTS,
    *XML,
    *NOSQL,
)


def _by_name() -> dict[str, tuple[Sink, ...]]:
    found: dict[str, list[Sink]] = {}
    for row in ROWS:
        found.setdefault(row.callee.rpartition(".")[2], []).append(row)
    return {name: tuple(rows) for name, rows in found.items()}


SINKS = _by_name()
