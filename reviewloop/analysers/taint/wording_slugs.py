"""tmp."""
SLUGS="sql-injection command-injection code-injection template-injection path-traversal xss ldap-injection xpath-injection open-redirect deserialization ssrf xxe trust-boundary header-injection nosql-injection weak-random secure-cookie weak-hash".split()
