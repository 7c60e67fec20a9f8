"""Where outside data becomes a query or an object: one row per call."""

from reviewloop.rules.taint.sinks_code import Sink


def _rows(
    rule: str, callees: str, *args: int | str, test: str = "", sure: bool = True
) -> tuple[Sink, ...]:
    return tuple(Sink(rule, name, args or (0,), test, "", sure) for name in callees.split())


SQL = (
    *_rows(
        "sql-injection",
        ".execute .executemany .executescript .mogrify",
        0,
        "sql",
        "query",
        "statement",
        "operation",
        test="database",
    ),
    *_rows(
        "sql-injection",
        ".fetch .fetchrow .fetchval .fetch_all .fetch_one .fetch_val .iterate .query .select "
        ".copy_expert .execute_sql .sql .execute_query .run_query .raw_sql .exec_driver_sql "
        ".execute_query_dict .execute_insert .execute_fetchall .cursor_execute .execute_async "
        ".prepare",
        0,
        "sql",
        "query",
        test="sql text",
    ),
    *_rows("sql-injection", ".raw", 0, "raw_query", test="sql text or manager"),
    *_rows("sql-injection", ".extra", "where", "tables", "order_by", 0),
    *_rows(
        "sql-injection",
        "sqlalchemy.text sqlalchemy.sql.text sqlalchemy.sql.expression.text "
        "sqlalchemy.literal_column sqlalchemy.sql.literal_column flask_sqlalchemy.text "
        "django.db.models.expressions.RawSQL django.db.models.RawSQL RawSQL "
        "psycopg2.sql.SQL psycopg.sql.SQL pandas.read_sql pandas.read_sql_query "
        "pandas.io.sql.read_sql peewee.SQL peewee.RawQuery sqlmodel.text "
        "sqlalchemy.DDL duckdb.sql duckdb.query duckdb.execute",
        0,
        "text",
        "sql",
        "con_sql",
    ),
    *_rows("sql-injection", "text", 0, test="sql text"),
)
LDAP = (
    *_rows(
        "ldap-injection",
        ".search .search_s .search_st .search_ext .search_ext_s .paged_search "
        ".search_subtree .paged_search_generator",
        0,
        1,
        2,
        "search_filter",
        "filterstr",
        "search_base",
        "base",
        test="directory",
    ),
    *_rows(
        "ldap-injection",
        ".simple_bind_s .bind_s .simple_bind .delete_s .modify_s .add_s",
        0,
        "who",
        "dn",
        test="directory",
        sure=False,
    ),
)
XPATH = (
    *_rows("xpath-injection", ".xpath .xpathEval", 0, "_path", "query", "path", test="whole"),
    *_rows(
        "xpath-injection",
        "lxml.etree.XPath lxml.etree.ETXPath lxml.etree.XPathEvaluator() etree.XPath XPath "
        "lxml.etree.XPathDocumentEvaluator() libxml2.xmlXPathNewContext() lxml.etree.XSLT",
        0,
        "path",
    ),
    *_rows(
        "xpath-injection",
        "elementpath.select elementpath.iter_select elementpath.Selector",
        1,
        "path",
    ),
    *_rows("xpath-injection", "elementpath.Selector elementpath.XPath2Parser().parse", 0, "path"),
    *_rows("xpath-injection", ".find .findall .iterfind .findtext", 0, "path", test="element"),
)
OBJECTS = (
    *_rows(
        "deserialization",
        "pickle.loads pickle.load pickle.Unpickler cPickle.loads cPickle.load cPickle.Unpickler "
        "_pickle.loads _pickle.load dill.loads dill.load cloudpickle.loads cloudpickle.load "
        "joblib.load marshal.loads marshal.load jsonpickle.decode jsonpickle.loads "
        "yaml.unsafe_load yaml.unsafe_load_all pandas.read_pickle torch.load "
        "sklearn.externals.joblib.load hickle.load shelve.open",
        0,
        "data",
        "file",
        "string",
        "stream",
        test="raw bytes",
    ),
    *_rows("deserialization", "yaml.full_load yaml.full_load_all", 0, "stream", sure=False),
    *_rows("deserialization", "yaml.load yaml.load_all", 0, "stream", test="yaml loader"),
    *_rows("deserialization", "numpy.load", 0, "file", test="allows pickle"),
    *_rows("deserialization", "ruamel.yaml.load", 0, test="yaml loader"),
)
XML = (
    *_rows(
        "xxe",
        "lxml.etree.fromstring lxml.etree.XML lxml.etree.parse lxml.etree.iterparse "
        "lxml.etree.fromstringlist xml.dom.minidom.parseString xml.dom.minidom.parse "
        "xml.sax.parseString xml.sax.parse xml.dom.pulldom.parseString xml.dom.pulldom.parse "
        "lxml.objectify.fromstring lxml.objectify.parse etree.fromstring etree.parse "
        "xml.etree.ElementTree.fromstring xml.etree.ElementTree.parse "
        "xml.etree.ElementTree.XML",
        0,
        "text",
        "source",
        "string",
        test="xml parser",
    ),
    *_rows("xxe", ".parse .feed", 0, "source", test="xml parser object"),
)
NOSQL = (
    *_rows(
        "nosql-injection",
        ".find .find_one .update_one .update_many .delete_one .delete_many .count_documents "
        ".aggregate .find_one_and_update .find_one_and_delete .find_one_and_replace .replace_one "
        ".distinct .count",
        0,
        "filter",
        test="mongo",
    ),
)
