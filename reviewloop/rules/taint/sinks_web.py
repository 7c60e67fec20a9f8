"""Where outside data reaches a browser, a network address or a session: one row per call."""

from reviewloop.rules.taint.sinks_code import Sink


def _rows(
    rule: str, callees: str, *args: int | str, test: str = "", sure: bool = True
) -> tuple[Sink, ...]:
    return tuple(Sink(rule, name, args or (0,), test, "", sure) for name in callees.split())


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
