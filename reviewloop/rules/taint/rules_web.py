"""Rules about outside data that reaches a browser, another server or a session."""

from reviewloop.analysis.contract import MUST, NIT, SECURITY, SHOULD, Example, Rule

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
