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
    pairs = data.hex("-").split("-")
    spelled = [f"0x{pair}" for pair in pairs]
    forms |= {f"hex by {sign!r}": sign.join(pairs) for sign in (" ", ":", "-")}
    forms |= {f"bytes of Go by {sign!r}": sign.join(spelled) for sign in (", ", ",", " ")}
    forms |= {f"numbers by {sign!r}": sign.join(map(str, data)) for sign in (", ", ",", " ")}
    forms |= {
        "octal": "".join(f"\\{byte:03o}" for byte in data),
        "html, numbers": "".join(f"&#{byte};" for byte in data),
        "html, hex": "".join(f"&#x{byte:x};" for byte in data),
        "base64 of utf-16": base64.b64encode(value.encode("utf-16-le")).decode(),
    }
    for before in ("", "a", "ab"):
        for behind in ("", "c", "cd"):
            whole = before.encode() + data + behind.encode()
            forms[f"base64 {before}-{behind}"] = base64.b64encode(whole).decode()
            forms[f"base64url {before}-{behind}"] = base64.urlsafe_b64encode(whole).decode()
    return forms


def written_whole(value: str) -> dict[str, str]:
    """Return encodings that give a value away only if they were made of the whole of it."""
    data = value.encode()
    return {
        "base32": base64.b32encode(data).decode(),
        "base64 twice": base64.b64encode(base64.b64encode(data)).decode(),
    }


def cores(value: str) -> dict[str, str]:
    """Return what of every encoding must be gone: of base64 the signs that are the value's own."""
    return {
        name: form[4:-4] if name.startswith("base64") else form
        for name, form in written(value).items()
    }
