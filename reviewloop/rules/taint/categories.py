"""Groups of the things that data can be harmless for."""

XSS = frozenset({"xss", "template-injection"})
PATH = frozenset({"path-traversal"})
SQL = frozenset({"sql-injection"})
COMMAND = frozenset({"command-injection"})
LDAP = frozenset({"ldap-injection"})
URL = frozenset({"open-redirect", "ssrf"})
CODE = frozenset({"code-injection"})
XPATH = frozenset({"xpath-injection"})
