"""The rules about dependencies."""

from reviewloop.rules.catalogue import rule, rules_of

UNPINNED = rule("deps/unpinned")
UNPINNED_SOURCE = rule("deps/unpinned-source")
INSECURE_SOURCE = rule("deps/insecure-source")
EXTRA_INDEX = rule("deps/extra-index")
LOCK_BEHIND = rule("deps/lock-not-updated")
VULNERABLE = rule("deps/known-vulnerable")
ABANDONED = rule("deps/abandoned")
SIMILAR_NAME = rule("deps/similar-name")
INSTALL_SCRIPT = rule("deps/install-script")
RULES = rules_of("deps")
