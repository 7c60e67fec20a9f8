"""Routes and the types of what they pass: which parameters of a handler are outside data."""

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
