"""Rules about outside data that becomes a query or an object, and about weak values."""

from reviewloop.analysis.contract import MUST, SECURITY, SHOULD, Example, Rule

_IMPORTS = "import pickle\nimport random\nimport yaml\nfrom flask import request\n\n\n"


def _example(body: str, imports: str = _IMPORTS) -> Example:
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    return Example("shop/views.py", f"{imports}def view(cursor, conn, tree):\n{lines}")


_LXML = "from flask import request\nfrom lxml import etree\n\n\n"
_LDAP = "import ldap\nfrom flask import request\nfrom ldap.filter import escape_filter_chars\n\n\n"
_MONGO = "from flask import request\nfrom pymongo import MongoClient\n\n\n"

DATA_RULES: tuple[Rule, ...] = (
    Rule(
        "taint/sql-injection",
        SECURITY,
        MUST,
        "Data from a request becomes part of an SQL statement",
        "A quote in the data ends the value: the rest is run as SQL, which reads and changes any "
        "table.",
        "Pass the data as a parameter of the statement; choose names of columns from a fixed set.",
        "injection",
        "CWE-89",
        bad=(
            _example("cursor.execute(f\"SELECT * FROM users WHERE name = '{request.args['n']}'\")"),
            _example('sql = "DELETE FROM t WHERE id = " + request.form["id"]\ncursor.execute(sql)'),
        ),
        good=(
            _example('cursor.execute("SELECT * FROM t WHERE name = ?", (request.args["n"],))'),
            _example("cursor.execute(f\"SELECT * FROM t WHERE id = {int(request.args['id'])}\")"),
            _example(
                'column = request.args["sort"]\nif column not in ("name", "age"):\n'
                '    column = "name"\ncursor.execute(f"SELECT * FROM t ORDER BY {column}")'
            ),
        ),
    ),
    Rule(
        "taint/nosql-injection",
        SECURITY,
        MUST,
        "Data from a request becomes an operator of a MongoDB query",
        'A JSON body may hold `{"$ne": null}` where a text is expected, which matches everything.',
        "Turn the value into the type it must have, `str(...)`, before it goes into the query.",
        "injection",
        "CWE-943",
        bad=(_example('conn.db.users.find_one({"name": request.json["name"]})', _MONGO),),
        good=(_example('conn.db.users.find_one({"name": str(request.json["name"])})', _MONGO),),
    ),
    Rule(
        "taint/ldap-injection",
        SECURITY,
        MUST,
        "Data from a request becomes part of an LDAP query",
        "`*` and parentheses in the data change the filter: logins succeed, entries leak.",
        "Escape the data with `escape_filter_chars` or `escape_dn_chars`.",
        "injection",
        "CWE-90",
        bad=(_example('conn.search_s("dc=x", 2, "(uid=%s)" % request.args["u"])', _LDAP),),
        good=(
            _example(
                'user = escape_filter_chars(request.args["u"])\n'
                'conn.search_s("dc=x", 2, "(uid=%s)" % user)',
                _LDAP,
            ),
        ),
    ),
    Rule(
        "taint/xpath-injection",
        SECURITY,
        MUST,
        "Data from a request becomes part of an XPath expression",
        "A quote in the data ends the value: the rest decides which nodes are found.",
        "Pass the data as a variable: `tree.xpath('//user[name=$n]', n=name)`.",
        "injection",
        "CWE-643",
        bad=(_example("tree.xpath(\"//user[name='\" + request.args['n'] + \"']\")", _LXML),),
        good=(_example('tree.xpath("//user[name=$n]", n=request.args["n"])', _LXML),),
    ),
    Rule(
        "taint/deserialization",
        SECURITY,
        MUST,
        "Data from a request is turned into arbitrary objects",
        "pickle, marshal and the unsafe YAML loaders run code that the data names.",
        "Use `json.loads` or `yaml.safe_load`; sign data that must stay pickled.",
        "deserialization",
        "CWE-502",
        bad=(
            _example("return pickle.loads(request.data)"),
            _example("return yaml.load(request.data, Loader=yaml.Loader)"),
        ),
        good=(
            _example("return yaml.safe_load(request.data)"),
            _example("return yaml.load(request.data, Loader=yaml.SafeLoader)"),
        ),
    ),
    Rule(
        "taint/xxe",
        SECURITY,
        MUST,
        "XML from a request is parsed with external entities switched on",
        "An entity in the document reads files of the server or makes it fetch addresses.",
        "Leave `resolve_entities` and `feature_external_ges` off, or use `defusedxml`.",
        "injection",
        "CWE-611",
        bad=(
            _example(
                "parser = etree.XMLParser(resolve_entities=True)\n"
                "return etree.fromstring(request.data, parser)",
                _LXML,
            ),
        ),
        good=(
            _example(
                "parser = etree.XMLParser(resolve_entities=False)\n"
                "return etree.fromstring(request.data, parser)",
                _LXML,
            ),
        ),
    ),
    Rule(
        "taint/weak-random",
        SECURITY,
        SHOULD,
        "A secret is made with a random generator that can be predicted",
        "Some outputs of `random` reveal all later ones: tokens and passwords can be guessed.",
        "Use the `secrets` module.",
        "weak cryptography",
        "CWE-330",
        bad=(_example("reset_token = str(random.getrandbits(64))\nreturn reset_token"),),
        good=(
            _example("import secrets\nreset_token = secrets.token_urlsafe()\nreturn reset_token"),
            _example("delay = random.random() * 3\nreturn delay"),
        ),
    ),
    Rule(
        "taint/weak-hash",
        SECURITY,
        SHOULD,
        "The hash that a variable chooses is broken",
        "Collisions of MD5 and SHA-1 can be computed, so signatures and checks can be fooled.",
        "Use SHA-256 or better; for passwords `scrypt`, `bcrypt` or `argon2`.",
        "weak cryptography",
        "CWE-328",
        bad=(_example('import hashlib\nkind = "md5"\nreturn hashlib.new(kind, b"x")'),),
        good=(_example('import hashlib\nkind = "sha256"\nreturn hashlib.new(kind, b"x")'),),
    ),
)
