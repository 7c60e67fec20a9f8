"""Finds passwords and keys in infrastructure code, and secrets that it exposes."""

from collections.abc import Iterator

from reviewloop.analysis.contract import NIT, SHOULD, Hit, Rule, Span
from reviewloop.domain.finding import Severity
from reviewloop.regex import regex
from reviewloop.rules.infra.rules import LITERAL_SECRET, SECRET_NOT_SENSITIVE
from reviewloop.rules.infra.values import UNKNOWN, Node, Resource, Template, walk

_SECRET = regex(
    r"(?i)(?:passw(?:or)?d|(?:^|_)pass|plaintext_value|passphrase|secret|token|api_?key|access_?key|private_?key|credential|secret_?key"
    r"|auth_?key|connection_?string|client_?key|encryption_?key|service_?key)s?(?:_?(?:value"
    r"|plaintext|string|\d))?$"
)
_NOT_SECRET = regex(
    r"(?i)(?:policy|require|allow|enable|length|rotation|public|name|path|arn|_id$|ttl|expir"
    r"|lifetime|pagination|next_?token|kms|(?:^|_)(?:use|manage|store|has|is|max|min)_|type$"
    r"|^access_token$|source_?token|secrets?_?manager|^secrets$|^tokens$|version|file)"
)
_HARMLESS = regex(
    r"(?i)^(?:$|.{0,3}$|true|false|none|null|enabled|disabled|required|optional|default|any"
    r"|arn:.*|/[\w./-]*|<.*>|\[.*\]|\$.*|ssm:.*|alias/.*|vault:.*|https?://.*"
    r"|projects/.*|header|query|bearer|basic|system|user(?:name)?|keyvault|hashed|string|secretstring"
    r"|[x*.]+|plaintext|parameter_store|secrets_manager|key|database|file|\*+|data\..*|var\..*)$"
)
_KEY_ID = regex(r"(?<![A-Z0-9])A(?:KIA|SIA)[A-Z0-9]{16}(?![A-Z0-9])")
_IN_SCRIPT = regex(
    r"(?im)(?:aws_secret_access_key|(?:db|mysql|admin|root|pg)_?passw(?:or)?d)[\"' ]*[=:][ \"']*"
    r"(?![$<{\s\"'])\S{4,}|-----BEGIN (?:[A-Z]+ )?PRIVATE KEY"
)
_SCRIPTS = {"user_data", "user_data_base64", "custom_data", "UserData", "metadata_startup_script"}
_SETTINGS = {"variable", "parameter", "output", "terraform", "locals", "moved", "import", "check"}


def secret_hits(path: str, template: Template) -> Iterator[Hit]:
    """Yield the literal and the exposed secrets of a file; no message holds a value."""
    for resource in template.resources:
        if resource.kind in {"variable", "output", "parameter"}:
            yield from _declared(path, resource)
        elif resource.body.value is not UNKNOWN and resource.kind not in _SETTINGS:
            if resource.kind.startswith("call."):
                yield from _cdk_secret(path, resource)
                continue
            yield from _literals(path, resource)
            yield from _parameter(path, resource)


def _hit(path: str, rule: Rule, resource: Resource, line: int, what: str, **more: Severity) -> Hit:
    return Hit(
        rule=rule.id,
        path=path,
        span=Span(line, line),
        message=f"{resource.address}: {what}",
        severity=more.get("severity"),
        confidence="medium",
        related=((Span(resource.line, max(resource.line, resource.end_line)), "the resource"),)
        if line == resource.line
        else (),
        identity=f"{resource.address} {what}"[:200],
    )


def _literals(path: str, resource: Resource) -> Iterator[Hit]:
    if resource.kind.startswith("data.aws_iam"):
        return
    for key, node in walk(resource.body):
        if isinstance(node.value, dict):
            yield from _named_pair(path, resource, node)
            continue
        text = node.text if not isinstance(node.value, list) else ""
        if key in _SCRIPTS and (_IN_SCRIPT.search(text[:50_000]) or _KEY_ID.search(text[:50_000])):
            yield _hit(
                path, LITERAL_SECRET, resource, node.line, f"{key} holds a secret in plain text"
            )
        elif isinstance(node.value, str) and node.raw and is_secret(key, node.value):
            yield _hit(
                path, LITERAL_SECRET, resource, node.line, f"{key} is a secret in plain text"
            )


def _named_pair(path: str, resource: Resource, node: Node) -> Iterator[Hit]:
    """Check an entry like {name = "DB_PASSWORD", value = "..."} of an environment."""
    name = node.get("name") or node.get("Name") or node.get("key")
    value = node.get("value") or node.get("Value")
    kind = node.get("type") or node.get("Type")
    if kind is not None and kind.text in {"PARAMETER_STORE", "SECRETS_MANAGER"}:
        return
    if name is None or value is None or not isinstance(value.value, str):
        return
    if isinstance(name.value, str) and is_secret(name.value, value.value):
        what = f"{name.value} is a secret in plain text"
        weak = {"severity": SHOULD} if is_plain_word(value.value) else {}
        yield _hit(path, LITERAL_SECRET, resource, value.line, what, **weak)


_PLAIN_WORD = regex(r"[A-Za-z]{1,12}[0-9]{0,4}")


def is_plain_word(value: str) -> bool:
    """Whether a value is somebody's default or the name of a secret, and a secret to nobody."""
    return _PLAIN_WORD.fullmatch(value) is not None


def is_secret(name: str, value: str) -> bool:
    """Whether an attribute of this name with this literal value is an exposed secret."""
    if _KEY_ID.search(value[:10_000]):
        return True
    if len(name) > 100 or not _SECRET.search(name) or _NOT_SECRET.search(name):
        return False
    return (
        len(value) < 5_000
        and "\n{" not in value
        and not _HARMLESS.match(value.strip())
        and "{{resolve:" not in value
    )


def _declared(path: str, resource: Resource) -> Iterator[Hit]:
    """Check variables, outputs and parameters with secret-like names."""
    name, body = resource.name, resource.body
    if not _SECRET.search(name) or _NOT_SECRET.search(name):
        return
    if resource.kind == "parameter":
        default, no_echo = body.get("Default"), body.get("NoEcho")
    else:
        default, no_echo = body.get("default"), body.get("sensitive")
    if resource.kind != "output" and default is not None and is_secret(name, default.text):
        what = "the default of a secret stands in the code"
        yield _hit(path, LITERAL_SECRET, resource, default.line, what, severity=SHOULD)
    redacted = no_echo is not None and (
        no_echo.value is UNKNOWN or str(no_echo.value).lower() == "true"
    )
    kind = body.get("type") or body.get("Type")
    flag = kind is not None and kind.text in {"bool", "number", "Number"}
    reference = kind is not None and kind.text.startswith("AWS::")
    if (
        not redacted
        and not flag
        and not reference
        and (resource.kind != "output" or "value" in _keys(body))
    ):
        severity = NIT if resource.kind == "variable" else SHOULD
        what = f"this {resource.kind} is a secret that is not marked as one"
        yield _hit(path, SECRET_NOT_SENSITIVE, resource, resource.line, what, severity=severity)


def _keys(body: Node) -> set[str]:
    return set(body.value) if isinstance(body.value, dict) else set()


def _parameter(path: str, resource: Resource) -> Iterator[Hit]:
    """Check for an SSM parameter that stores a secret as plain text."""
    if resource.kind not in {"aws_ssm_parameter", "AWS::SSM::Parameter"}:
        return
    name = resource.body.get("name") or resource.body.get("Name")
    kind = resource.body.get("type") or resource.body.get("Type")
    if name is None or kind is None or kind.value != "String":
        return
    leaf = name.text.rsplit("/", 1)[-1].replace("-", "_")
    if _SECRET.search(leaf) and not _NOT_SECRET.search(leaf):
        yield _hit(
            path, SECRET_NOT_SENSITIVE, resource, kind.line, "a secret is stored as a plain String"
        )


def _cdk_secret(path: str, resource: Resource) -> Iterator[Hit]:
    if resource.kind not in {"call.unsafePlainText", "call.plainText", "call.fromPlaintext"}:
        return
    secret = resource.body.get("secret")
    if secret is not None and isinstance(secret.value, str) and len(secret.value) > 3:
        yield _hit(path, LITERAL_SECRET, resource, resource.line, "a secret stands in plain text")
