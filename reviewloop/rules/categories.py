"""Which category a weakness belongs to, so that findings about one thing can be merged."""

_BY_CWE = {
    "CWE-22": "path",
    "CWE-78": "injection",
    "CWE-79": "xss",
    "CWE-89": "injection",
    "CWE-95": "injection",
    "CWE-208": "crypto",
    "CWE-214": "secrets",
    "CWE-250": "rights",
    "CWE-295": "tls",
    "CWE-322": "tls",
    "CWE-326": "crypto",
    "CWE-327": "crypto",
    "CWE-328": "crypto",
    "CWE-338": "crypto",
    "CWE-347": "authentication",
    "CWE-377": "permissions",
    "CWE-400": "denial-of-service",
    "CWE-494": "supply-chain",
    "CWE-532": "secrets",
    "CWE-601": "redirect",
    "CWE-732": "permissions",
    "CWE-918": "ssrf",
    "CWE-1004": "session",
}


def category_of(source: str, reviewer: str) -> str:
    """Return the category of a rule by where its fact is from, else by whose concern it is."""
    return _BY_CWE.get(source, reviewer.removeprefix("review-"))
