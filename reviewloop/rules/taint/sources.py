"""Where outside data enters: requests of web frameworks, routes and what they pass."""

import re

# Types of parameters that leave nothing dangerous.
SAFE_TYPES = re.compile(
    r"(?:int|float|bool|UUID\d?|Decimal|date|datetime|timedelta|time|Enum|Literal|\w*Enum|"
    r"PositiveInt|NonNegativeInt|conint|confloat|IPvAnyAddress|IPv[46]Address|complex|"
    r"StrictInt|StrictBool|StrictFloat|ObjectId|PydanticObjectId|None|UUID4)"
)


TEXT_TYPES = re.compile(
    r"\b(?:str|bytes|Any|dict|Dict|list|List|EmailStr|SecretStr|constr|object)\b"
)


# Parameters that frameworks inject and that are not data.
INJECTED_TYPES = re.compile(
    r"(?:Depends|Security|Session|AsyncSession|Response|BackgroundTasks|Database|Connection|Engine|"
    r"Client|Service|Repository|Settings|Config|User|Logger|Inject|State|Context|App|Manager|"
    r"Pool|Redis|Cursor|SecurityScopes|Annotated\[.*Depends|Callable|Type\[|Dep\b)"
)


ROUTE_METHODS = frozenset(
    [
        "route",
        "get",
        "post",
        "put",
        "delete",
        "patch",
        "head",
        "options",
        "api_route",
        "websocket",
        "api_view",
        "page",
        "view",
        "get_route",
        "post_route",
        "action",
        "add_route",
        "api_operation",
        "exposed",
        "expose",
        "websocket_route",
    ]
)


ROUTE_PART = re.compile(
    r"<(?:(?P<kind>[\w.]+)(?:\([^)]*\))?:)?(?P<name>\w+)(?::(?P<filter>\w+)[^>]*)?>"
)


SAFE_CONVERTERS = frozenset({"int", "float", "uuid", "bool", "date", "ymd", "number"})

_ROUTED = re.compile(
    r"\b(?:path|url|re_path|add_url_rule|add_api_route|add_route|add_get|add_post|add_put)\(\s*"
    r"r?[\"']([^\"'\n]{0,300})[\"']([^\n)]{0,300})"
)


def routed_functions(text: str) -> dict[str, str]:
    """Return the functions that calls such as `path("x/<y>", view)` bind, and their paths."""
    found: dict[str, str] = {}
    for path, rest in _ROUTED.findall(text):
        for name in re.findall(r"[A-Za-z_]\w*", rest):
            found.setdefault(name, path)
    return found


def harmless_type(annotation: str) -> bool:
    """Whether a type leaves nothing dangerous: numbers, UUIDs, enumerations."""
    text = re.sub(
        r"\b(?:Optional|Union|List|Sequence|Set|list|set|tuple|typing|t)\b", " ", annotation
    )
    inner = re.match(r"\s*\[?\s*Annotated\[([^,\]]+)", text)
    words = re.findall(r"[\w.]+", inner[1] if inner else text)
    named = [word.rpartition(".")[2] for word in words]
    if "Literal" in named:
        return True
    return bool(named) and all(SAFE_TYPES.fullmatch(word) for word in named)


FRAMEWORKS = frozenset(
    [
        "flask",
        "quart",
        "django",
        "rest_framework",
        "ninja",
        "fastapi",
        "starlette",
        "litestar",
        "aiohttp",
        "tornado",
        "bottle",
        "pyramid",
        "sanic",
        "werkzeug",
        "webob",
        "falcon",
        "cherrypy",
        "connexion",
        "responder",
        "flask_restful",
        "flask_restx",
        "robyn",
        "blacksheep",
        "emmett",
        "web",
        "wsgiref",
        "webapp2",
        "channels",
        "strawberry",
        "azure",
        "functions_framework",
        "chalice",
        "masonite",
        "turbogears",
        "japronto",
        "uvicorn",
        "gunicorn",
        "apistar",
        "hug",
    ]
)
# Request objects that frameworks keep in a module.
REQUEST_OBJECTS = frozenset(
    {
        "flask.request",
        "flask.globals.request",
        "quart.request",
        "bottle.request",
        "cherrypy.request",
        "connexion.request",
        "flask_restful.request",
        "flask_restx.request",
        "bottle.LocalRequest",
        "pyramid.threadlocal.get_current_request()",
    }
)
REQUEST_TYPES = re.compile(
    r"(?:^|[\s.\[|\"'])(?:\w*HttpRequest|WSGIRequest|ASGIRequest|Request|HTTPConnection|"
    r"LocalProxy|WebRequest|AuthenticatedRequest)\b"
)
# What a request holds that its sender decides.
REQUEST_DATA = frozenset(
    [
        "args",
        "form",
        "values",
        "files",
        "json",
        "data",
        "cookies",
        "headers",
        "query_string",
        "full_path",
        "url",
        "referrer",
        "stream",
        "view_args",
        "get_json",
        "get_data",
        "GET",
        "POST",
        "COOKIES",
        "FILES",
        "META",
        "body",
        "path_info",
        "get_full_path",
        "build_absolute_uri",
        "query_params",
        "path_params",
        "query",
        "match_info",
        "rel_url",
        "raw_path",
        "text",
        "post",
        "read",
        "content",
        "multipart",
        "params",
        "matchdict",
        "json_body",
        "body_file",
        "urlvars",
        "forms",
        "get_cookie",
        "get_header",
        "arguments",
        "body_arguments",
        "query_arguments",
        "uri",
        "input_stream",
        "raw_args",
        "raw_data",
        "media",
        "get_param",
        "get_media",
        "bounded_stream",
        "raw_body",
        "query_args",
        "get_args",
        "get_query_args",
        "form_data",
        "url_root",
        "path",
        "base_url",
        "REQUEST",
        "PUT",
        "DELETE",
        "fullpath",
        "urlparts",
        "content_params",
        "get_param_as_list",
        "context_params",
        "cookie_jar",
        "stream_body",
        "user_agent",
        "json_params",
        "raw_uri",
        "get_signed_cookie",
        "get_all",
        "getlist",
        "get_form",
        "get_body",
        "unparsed_arguments",
        "current_request",
    ]
)
JSON_DATA = frozenset(
    [
        "json",
        "get_json",
        "json_body",
        "media",
        "get_media",
        "data",
        "raw_data",
        "get_data",
        "body",
        "text",
        "post",
    ]
)
PATH_DATA = frozenset(
    [
        "path",
        "url",
        "base_url",
        "full_path",
        "path_info",
        "get_full_path",
        "build_absolute_uri",
        "raw_path",
        "uri",
        "rel_url",
        "fullpath",
        "raw_uri",
        "url_root",
        "urlparts",
        "referrer",
    ]
)  # no open redirect: it is where the request already went (or came from)
ROUTE_DATA = frozenset(
    ["path", "base_url", "path_info", "raw_path"]
)  # fixed by a route without parts
# Classes whose methods serve requests: by (part of) a base's name, the kind of `self`.
SERVING_CLASSES = (
    (re.compile(r"(?:^|\.)(?:Simple|Base|CGI)HTTPRequestHandler$"), "@http"),
    (re.compile(r"(?:^|\.)(?:\w*RequestHandler|WebSocketHandler|StaticFileHandler)$"), "@tornado"),
    (
        re.compile(
            r"(?:View|ViewSet|APIView|Resource|HTTPEndpoint|Controller"
            # Any class may be mixed in: only those of Django and its REST framework serve.
            r"|(?:View|Response|SingleObject|MultipleObject|Required|PassesTest|Access)Mixin"
            r"|(?:List|Create|Retrieve|Update|Destroy)ModelMixin)$"
        ),
        "@view",
    ),
)
SELF_DATA = {
    "@tornado": frozenset(
        [
            "get_argument",
            "get_arguments",
            "get_query_argument",
            "get_query_arguments",
            "get_body_argument",
            "get_body_arguments",
            "get_cookie",
            "path_args",
            "path_kwargs",
        ]
    ),
    "@http": frozenset(["path", "headers", "rfile", "requestline", "raw_requestline"]),
    "@view": frozenset({"kwargs"}),
    "@websocket": frozenset(
        [
            "receive_text",
            "receive_json",
            "receive_bytes",
            "receive",
            "iter_text",
            "iter_json",
            "iter_bytes",
            "query_params",
            "path_params",
            "headers",
            "cookies",
            "url",
            "recv",
        ]
    ),
}
SELF_REQUEST = frozenset({"@tornado", "@view"})  # `self.request` is the request
# Keys of request.META and of a WSGI environment that the server sets.
SERVER_KEYS = re.compile(
    r"(?:REMOTE_|SERVER_|wsgi\.|REQUEST_METHOD|CONTENT_LENGTH|GATEWAY|SCRIPT_)"
)
ENVIRON_KEYS = re.compile(r"(?:HTTP_|QUERY_STRING|PATH_INFO|REQUEST_URI|CONTENT_TYPE|wsgi\.input)")
# Calls that return outside data by themselves.
SOURCE_CALLS = {
    "cgi.FieldStorage": "a submitted form",
    "cgi.parse": "a submitted form",
    "cgi.parse_qs": "a query string",
    "flask.request.get_json": "the request",
    "web.input": "the request",
    "web.data": "the request",
    "web.cookies": "the request's cookies",
    "bottle.request.query.get": "the request",
}
# Helpers that read a parameter out of the request they are given.
READS_REQUEST = re.compile(
    r"(?:param|arg(?!parse)|body|query|form|header|cookie|input|payload|json|post_?data|field)",
    re.IGNORECASE,
)
# Helpers that answer a request they are given, whatever else their name says.
MAKES_ANSWER = re.compile(r"_?(?:default_)?(?:render|show|display|respond|send|redirect)(?:_|$)")
SAFE_NAME = re.compile(r"(?:safe|clean|sanit|escape|valid|trusted|fixed|default)", re.IGNORECASE)
NO_VIEWS = re.compile(
    r"(?:utils?|backends?|helpers?|middlewares?|mixins?|admin|lib|tags?|signals)\b"
)
ANY_SOURCE = re.compile(
    r"request|environ\b|FieldStorage|get_(?:query_|body_)?argument|rfile|matchdict|websocket|"
    r"def \w+\(\s*event\b|@\w+(?:\.\w+)*\.(?:get|post|put|patch|delete|route|websocket)\(|"
    r"set_cookie|\brandom\b|cherrypy|web\.input|hashlib"
)
