"""The rules of the taint pass."""

from reviewloop.analysis.contract import MUST, NIT, SECURITY, SHOULD, Example, Rule

_IMPORTS = "import os, re, shlex, subprocess\nfrom flask import request\n\n\n"


def _example(body: str, imports: str = _IMPORTS) -> Example:
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    return Example("shop/views.py", f"{imports}def view(cursor):\n{lines}")


CODE_RULES: tuple[Rule, ...] = (
    Rule(
        "taint/command-injection",
        SECURITY,
        MUST,
        "Data from a request becomes part of an operating system command",
        "A shell runs whatever follows a `;`, `|` or backtick in the data, with the rights of the "
        "server.",
        "Pass the arguments as a list without `shell=True`; quote with `shlex.quote` where a shell "
        "is needed, or choose the command from a fixed set.",
        "injection",
        "CWE-78",
        bad=(
            _example('os.system("ping " + request.args["host"])'),
            _example('host = request.form["host"]\nsubprocess.run(f"ping {host}", shell=True)'),
            _example('subprocess.run(["sh", "-c", request.form["script"]])'),
        ),
        good=(
            _example('subprocess.run(["ping", "-c", "1", request.args["host"]])'),
            _example('os.system("ping " + shlex.quote(request.args["host"]))'),
            _example(
                'host = request.args["host"]\nif not re.fullmatch(r"[a-z0-9.-]+", host):\n'
                '    return "bad"\nos.system("ping " + host)'
            ),
        ),
    ),
    Rule(
        "taint/code-injection",
        SECURITY,
        MUST,
        "Data from a request is run as Python code",
        "Whoever sends the request runs any code in the server's process.",
        "Read literals with `ast.literal_eval`, numbers with `int` or `float`; choose functions "
        "from a dictionary of allowed ones.",
        "injection",
        "CWE-95",
        bad=(
            _example('return str(eval(request.args["expression"]))'),
            _example('exec("x = " + request.form["value"])'),
        ),
        good=(
            _example("import ast\nreturn ast.literal_eval(request.args['expression'])"),
            _example('return eval("2 ** %d" % int(request.args["n"]))'),
        ),
    ),
    Rule(
        "taint/template-injection",
        SECURITY,
        MUST,
        "Data from a request becomes part of a template's source",
        "Template languages reach Python objects: `{{ ... }}` in the data reads secrets or runs "
        "code.",
        "Keep the template fixed and pass the data as a variable of it.",
        "injection",
        "CWE-1336",
        bad=(
            _example(
                'return render_template_string("Hi " + request.args["name"])',
                "from flask import render_template_string, request\n\n\n",
            ),
        ),
        good=(
            _example(
                'return render_template_string("Hi {{ name }}", name=request.args["name"])',
                "from flask import render_template_string, request\n\n\n",
            ),
        ),
    ),
    Rule(
        "taint/path-traversal",
        SECURITY,
        MUST,
        "Data from a request decides which file is used",
        "`../` in the data leaves the folder: any file the server may read or write is open.",
        "Use `werkzeug.utils.secure_filename`, `os.path.basename` or `send_from_directory`; or "
        "resolve the path and check `is_relative_to` the folder before using it.",
        "injection",
        "CWE-22",
        bad=(
            _example('return open(os.path.join("/srv", request.args["name"])).read()'),
            _example(
                'path = os.path.join("/srv", request.args["name"])\n'
                'if path.startswith("/srv"):\n    os.remove(path)'
            ),
        ),
        good=(
            _example('open(os.path.join("/srv", os.path.basename(request.args["name"])))'),
            _example(
                'path = os.path.realpath(os.path.join("/srv", request.args["name"]))\n'
                'if not path.startswith("/srv/"):\n    return "no"\nopen(path)'
            ),
        ),
    ),
)


_DATA_IMPORTS = "import pickle\nimport random\nimport yaml\nfrom flask import request\n\n\n"


def _data(body: str, imports: str = _DATA_IMPORTS) -> Example:
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    return Example("shop/views.py", f"{imports}def view(cursor, conn, tree):\n{lines}")


_LXML = "from flask import request\nfrom lxml import etree\n\n\n"
_LDAP = "import ldap\nfrom flask import request\nfrom ldap.filter import escape_filter_chars\n\n\n"
_MONGO = "from flask import request\nfrom pymongo import MongoClient\n\n\n"

DATA_RULES: tuple[Rule, ...] = (
    Rule(
        "taint/sql-injection",
        SECURITY,
        MUST,
        "Data from a request becomes part of an SQL statement",
        "A quote in the data ends the value: the rest is run as SQL, which reads and changes any "
        "table.",
        "Pass the data as a parameter of the statement; choose names of columns from a fixed set.",
        "injection",
        "CWE-89",
        bad=(
            _data("cursor.execute(f\"SELECT * FROM users WHERE name = '{request.args['n']}'\")"),
            _data('sql = "DELETE FROM t WHERE id = " + request.form["id"]\ncursor.execute(sql)'),
        ),
        good=(
            _data('cursor.execute("SELECT * FROM t WHERE name = ?", (request.args["n"],))'),
            _data("cursor.execute(f\"SELECT * FROM t WHERE id = {int(request.args['id'])}\")"),
            _data(
                'column = request.args["sort"]\nif column not in ("name", "age"):\n'
                '    column = "name"\ncursor.execute(f"SELECT * FROM t ORDER BY {column}")'
            ),
        ),
    ),
    Rule(
        "taint/nosql-injection",
        SECURITY,
        MUST,
        "Data from a request becomes an operator of a MongoDB query",
        'A JSON body may hold `{"$ne": null}` where a text is expected, which matches everything.',
        "Turn the value into the type it must have, `str(...)`, before it goes into the query.",
        "injection",
        "CWE-943",
        bad=(_data('conn.db.users.find_one({"name": request.json["name"]})', _MONGO),),
        good=(_data('conn.db.users.find_one({"name": str(request.json["name"])})', _MONGO),),
    ),
    Rule(
        "taint/ldap-injection",
        SECURITY,
        MUST,
        "Data from a request becomes part of an LDAP query",
        "`*` and parentheses in the data change the filter: logins succeed, entries leak.",
        "Escape the data with `escape_filter_chars` or `escape_dn_chars`.",
        "injection",
        "CWE-90",
        bad=(_data('conn.search_s("dc=x", 2, "(uid=%s)" % request.args["u"])', _LDAP),),
        good=(
            _data(
                'user = escape_filter_chars(request.args["u"])\n'
                'conn.search_s("dc=x", 2, "(uid=%s)" % user)',
                _LDAP,
            ),
        ),
    ),
    Rule(
        "taint/xpath-injection",
        SECURITY,
        MUST,
        "Data from a request becomes part of an XPath expression",
        "A quote in the data ends the value: the rest decides which nodes are found.",
        "Pass the data as a variable: `tree.xpath('//user[name=$n]', n=name)`.",
        "injection",
        "CWE-643",
        bad=(_data("tree.xpath(\"//user[name='\" + request.args['n'] + \"']\")", _LXML),),
        good=(_data('tree.xpath("//user[name=$n]", n=request.args["n"])', _LXML),),
    ),
    Rule(
        "taint/deserialization",
        SECURITY,
        MUST,
        "Data from a request is turned into arbitrary objects",
        "pickle, marshal and the unsafe YAML loaders run code that the data names.",
        "Use `json.loads` or `yaml.safe_load`; sign data that must stay pickled.",
        "deserialization",
        "CWE-502",
        bad=(
            _data("return pickle.loads(request.data)"),
            _data("return yaml.load(request.data, Loader=yaml.Loader)"),
        ),
        good=(
            _data("return yaml.safe_load(request.data)"),
            _data("return yaml.load(request.data, Loader=yaml.SafeLoader)"),
        ),
    ),
    Rule(
        "taint/xxe",
        SECURITY,
        MUST,
        "XML from a request is parsed with external entities switched on",
        "An entity in the document reads files of the server or makes it fetch addresses.",
        "Leave `resolve_entities` and `feature_external_ges` off, or use `defusedxml`.",
        "injection",
        "CWE-611",
        bad=(
            _data(
                "parser = etree.XMLParser(resolve_entities=True)\n"
                "return etree.fromstring(request.data, parser)",
                _LXML,
            ),
        ),
        good=(
            _data(
                "parser = etree.XMLParser(resolve_entities=False)\n"
                "return etree.fromstring(request.data, parser)",
                _LXML,
            ),
        ),
    ),
    Rule(
        "taint/weak-random",
        SECURITY,
        SHOULD,
        "A secret is made with a random generator that can be predicted",
        "Some outputs of `random` reveal all later ones: tokens and passwords can be guessed.",
        "Use the `secrets` module.",
        "weak cryptography",
        "CWE-330",
        bad=(_data("reset_token = str(random.getrandbits(64))\nreturn reset_token"),),
        good=(
            _data("import secrets\nreset_token = secrets.token_urlsafe()\nreturn reset_token"),
            _data("delay = random.random() * 3\nreturn delay"),
        ),
    ),
    Rule(
        "taint/weak-hash",
        SECURITY,
        SHOULD,
        "The hash that a variable chooses is broken",
        "Collisions of MD5 and SHA-1 can be computed, so signatures and checks can be fooled.",
        "Use SHA-256 or better; for passwords `scrypt`, `bcrypt` or `argon2`.",
        "weak cryptography",
        "CWE-328",
        bad=(_data('import hashlib\nkind = "md5"\nreturn hashlib.new(kind, b"x")'),),
        good=(_data('import hashlib\nkind = "sha256"\nreturn hashlib.new(kind, b"x")'),),
    ),
)


_FLASK = "import requests\nfrom flask import make_response, redirect, request, session, url_for\n"


def _view(body: str, imports: str = "") -> Example:
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    return Example(
        "shop/views.py",
        f"{_FLASK}{imports}from shop import app\n\n\n@app.route('/x')\ndef view():\n{lines}",
    )


WEB_RULES: tuple[Rule, ...] = (
    Rule(
        "taint/xss",
        SECURITY,
        MUST,
        "Data from a request gets into a page without being escaped",
        "A script in the data runs in the visitor's browser, with the visitor's login.",
        "Render a template that escapes, or call `markupsafe.escape`; return JSON as JSON.",
        "injection",
        "CWE-79",
        bad=(
            _view('return "Hello " + request.args["name"]'),
            _view('return Markup("<b>" + request.args["name"])', "from markupsafe import Markup\n"),
        ),
        good=(
            _view('return "Hello " + escape(request.args["name"])', "from html import escape\n"),
            _view('return {"name": request.args["name"]}'),
            _view('return "%d items" % int(request.args["n"])'),
        ),
    ),
    Rule(
        "taint/open-redirect",
        SECURITY,
        MUST,
        "Data from a request decides where the browser is sent",
        "A link to your site leads to a copy of it elsewhere that asks for the password.",
        "Redirect to `url_for(...)`, or check the host (`url_has_allowed_host_and_scheme`).",
        "redirect",
        "CWE-601",
        bad=(_view('return redirect(request.args["next"])'),),
        good=(
            _view('return redirect(url_for("index", q=request.args["q"]))'),
            _view('return redirect("/search?q=" + request.args["q"])'),
            _view(
                'target = request.args["next"]\nif target not in ("/a", "/b"):\n'
                '    target = "/a"\nreturn redirect(target)'
            ),
        ),
    ),
    Rule(
        "taint/ssrf",
        SECURITY,
        MUST,
        "Data from a request decides which server is asked",
        "Internal services and the cloud's metadata address answer to the server, not to the "
        "visitor: their secrets leak.",
        "Keep scheme and host fixed, or check the host against a list of allowed ones.",
        "request forgery",
        "CWE-918",
        bad=(_view('return requests.get(request.args["url"]).json()'),),
        good=(
            _view('return requests.get("https://api.example.com/v1/" + request.args["id"]).json()'),
            _view(
                'url = request.args["url"]\nif urlparse(url).hostname not in {"a.example.com"}:\n'
                '    return "no"\nreturn requests.get(url).json()',
                "from urllib.parse import urlparse\n",
            ),
        ),
    ),
    Rule(
        "taint/trust-boundary",
        SECURITY,
        NIT,
        "Unchecked data from a request is stored in the session",
        "Code that reads the session takes its content for checked.",
        "Check the value before it is stored.",
        "trust boundary",
        "CWE-501",
        bad=(_view('session["role"] = request.form["role"]\nreturn {}'),),
        good=(_view('session["count"] = int(request.form["count"])\nreturn {}'),),
    ),
    Rule(
        "taint/header-injection",
        SECURITY,
        NIT,
        "Data from a request becomes a header of the response",
        "Where the framework lets line breaks through, the data adds headers or a page of its own.",
        "Check the value, or take it from a fixed set.",
        "injection",
        "CWE-113",
        bad=(
            _view(
                'page = make_response("")\npage.headers["X-Name"] = request.args["n"]\nreturn page'
            ),
        ),
        good=(_view('page = make_response("")\npage.headers["X-Name"] = "fixed"\nreturn page'),),
    ),
    Rule(
        "taint/secure-cookie",
        SECURITY,
        SHOULD,
        "A cookie may be sent over an unencrypted connection",
        "Whoever listens on the network takes over the session.",
        "Set it with `secure=True`, and `httponly=True` unless scripts need it.",
        "cookies",
        "CWE-614",
        bad=(
            _view(
                'page = make_response("")\npage.set_cookie("theme", "x", secure=False)\nreturn page'
            ),
            _view('page = make_response("")\npage.set_cookie("session_id", "x")\nreturn page'),
        ),
        good=(
            _view(
                'page = make_response("")\n'
                'page.set_cookie("session_id", "x", secure=True, httponly=True)\nreturn page'
            ),
            _view('page = make_response("")\npage.set_cookie("theme", "x")\nreturn page'),
        ),
    ),
)


RULES: tuple[Rule, ...] = (*CODE_RULES, *DATA_RULES, *WEB_RULES)
