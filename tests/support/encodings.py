"""The encodings in which a secret must never be found anywhere."""

import base64
import html
import json
from urllib.parse import quote, quote_plus


def written(value: str) -> dict[str, str]:
    """Return the value in every encoding that has to be known."""
    data = value.encode()
    forms = {
        "plain": value,
        "reversed": value[::-1],
        "hex": data.hex(),
        "HEX": data.hex().upper(),
        "json": json.dumps(value)[1:-1],
        "json, no ascii": json.dumps(value, ensure_ascii=False)[1:-1],
        "html": html.escape(value),
        "url": quote(value, safe=""),
        "url, slashes": quote(value),
        "url plus": quote_plus(value),
        "url lower": "".join(f"%{byte:02x}" for byte in data),
        "escapes": "".join(f"\\x{byte:02x}" for byte in data),
        "base64 reversed": base64.b64encode(data[::-1]).decode(),
    }
    for before in ("", "a", "ab"):
        for behind in ("", "c", "cd"):
            whole = before.encode() + data + behind.encode()
            forms[f"base64 {before}-{behind}"] = base64.b64encode(whole).decode()
            forms[f"base64url {before}-{behind}"] = base64.urlsafe_b64encode(whole).decode()
    return forms


def cores(value: str) -> dict[str, str]:
    """Return what of every encoding must be gone: of base64 the signs that are the value's own."""
    return {
        name: form[4:-4] if name.startswith("base64") else form
        for name, form in written(value).items()
    }
