"""The sources of outside data: requests of web frameworks, routes and their arguments."""

import re

from reviewloop.regex import regex

# Types of parameters that leave no dangerous values.
SAFE_TYPES = regex(
    r"(?:int|float|bool|UUID\d?|Decimal|date|datetime|timedelta|time|Enum|Literal|\w*Enum|"
    r"PositiveInt|NonNegativeInt|conint|confloat|IPvAnyAddress|IPv[46]Address|complex|"
    r"StrictInt|StrictBool|StrictFloat|ObjectId|PydanticObjectId|None|UUID4)"
)


TEXT_TYPES = regex(r"\b(?:str|bytes|Any|dict|Dict|list|List|EmailStr|SecretStr|constr|object)\b")


# Parameters that frameworks inject and that are not data.
INJECTED_TYPES = regex(
    r"(?:Depends|Security|Session|AsyncSession|Response|BackgroundTasks|Database|Connection|Engine|"
    r"Client|Service|Repository|Settings|Config|User|Logger|Inject|State|Context|App|Manager|"
    r"Pool|Redis|Cursor|SecurityScopes|Annotated\[.*Depends|Callable|Type\[|Dep\b)"
)


ROUTE_PART = regex(r"<(?:(?P<kind>[\w.]+)(?:\([^)]*\))?:)?(?P<name>\w+)(?::(?P<filter>\w+)[^>]*)?>")


_ROUTED = regex(
    r"\b(?:path|url|re_path|add_url_rule|add_api_route|add_route|add_get|add_post|add_put)\(\s*"
    r"r?[\"']([^\"'\n]{0,300})[\"']([^\n)]{0,300})"
)


def routed_functions(text: str) -> dict[str, str]:
    """Return the functions bound by calls such as `path("x/<y>", view)`, and their paths."""
    found: dict[str, str] = {}
    for path, rest in _ROUTED.findall(text):
        for name in re.findall(r"[A-Za-z_]\w*", rest):
            found.setdefault(name, path)
    return found


def harmless_type(annotation: str) -> bool:
    """Whether a type excludes dangerous values: numbers, UUIDs, enumerations."""
    text = re.sub(
        r"\b(?:Optional|Union|List|Sequence|Set|list|set|tuple|typing|t)\b", " ", annotation
    )
    inner = re.match(r"\s*\[?\s*Annotated\[([^,\]]+)", text)
    words = re.findall(r"[\w.]+", inner[1] if inner else text)
    named = [word.rpartition(".")[2] for word in words]
    if "Literal" in named:
        return True
    return bool(named) and all(SAFE_TYPES.fullmatch(word) for word in named)


REQUEST_TYPES = regex(
    r"(?:^|[\s.\[|\"'])(?:\w*HttpRequest|WSGIRequest|ASGIRequest|Request|HTTPConnection|"
    r"LocalProxy|WebRequest|AuthenticatedRequest)\b"
)
# Classes whose methods serve requests: by (part of) a base's name, the kind of `self`.
SERVING_CLASSES = (
    (regex(r"(?:^|\.)(?:Simple|Base|CGI)HTTPRequestHandler$"), "@http"),
    (regex(r"(?:^|\.)(?:\w*RequestHandler|WebSocketHandler|StaticFileHandler)$"), "@tornado"),
    (
        regex(
            r"(?:View|ViewSet|APIView|Resource|HTTPEndpoint|Controller"
            # Mixins may have any class: only those of Django and its REST framework serve requests.
            r"|(?:View|Response|SingleObject|MultipleObject|Required|PassesTest|Access)Mixin"
            r"|(?:List|Create|Retrieve|Update|Destroy)ModelMixin)$"
        ),
        "@view",
    ),
)
SELF_REQUEST = frozenset({"@tornado", "@view"})  # `self.request` is the request
# Keys of request.META and of a WSGI environment that the server sets.
SERVER_KEYS = regex(r"(?:REMOTE_|SERVER_|wsgi\.|REQUEST_METHOD|CONTENT_LENGTH|GATEWAY|SCRIPT_)")
ENVIRON_KEYS = regex(r"(?:HTTP_|QUERY_STRING|PATH_INFO|REQUEST_URI|CONTENT_TYPE|wsgi\.input)")
# Helpers that read a parameter from a request argument.
READS_REQUEST = regex(
    r"(?:param|arg(?!parse)|body|query|form|header|cookie|input|payload|json|post_?data|field)",
    re.IGNORECASE,
)
# Helpers that answer a request argument, whatever their name suggests.
MAKES_ANSWER = regex(r"_?(?:default_)?(?:render|show|display|respond|send|redirect)(?:_|$)")
SAFE_NAME = regex(r"(?:safe|clean|sanit|escape|valid|trusted|fixed|default)", re.IGNORECASE)
NO_VIEWS = regex(r"(?:utils?|backends?|helpers?|middlewares?|mixins?|admin|lib|tags?|signals)\b")
ANY_SOURCE = regex(
    r"request|environ\b|FieldStorage|get_(?:query_|body_)?argument|rfile|matchdict|websocket|"
    r"def \w+\(\s*event\b|@\w+(?:\.\w+)*\.(?:get|post|put|patch|delete|route|websocket)\(|"
    r"set_cookie|\brandom\b|cherrypy|web\.input|hashlib"
)
