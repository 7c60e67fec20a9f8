"""The rules about dependencies, each with what shows it."""

from reviewloop.analysis.contract import INFRASTRUCTURE, MUST, NIT, SECURITY, SHOULD, Example, Rule

_CATEGORY = "dependencies"

UNPINNED = Rule(
    id="deps/unpinned",
    reviewer=INFRASTRUCTURE,
    severity=SHOULD,
    title="A dependency has no version, and no lock file gives it one",
    why="Every build may install something else; a broken or hijacked release arrives unseen.",
    fix="State a version or a range, or commit the package manager's lock file.",
    category=_CATEGORY,
    source="https://cheatsheetseries.owasp.org/cheatsheets/Vulnerable_Dependency_Management_Cheat_Sheet.html",
    bad=(
        Example("requirements.txt", "flask\n"),
        Example("package.json", '{"dependencies": {"express": "latest"}}\n'),
        Example("Cargo.toml", '[dependencies]\nserde = "*"\n'),
    ),
    good=(
        Example("requirements.txt", "flask>=3.0,<4\n"),
        Example("package.json", '{"dependencies": {"express": "^4.19.0"}}\n'),
        Example("Cargo.toml", '[dependencies]\nserde = "1.0"\n'),
    ),
)
UNPINNED_SOURCE = Rule(
    id="deps/unpinned-source",
    reviewer=INFRASTRUCTURE,
    severity=SHOULD,
    title="A dependency is fetched from a place whose content moves",
    why="A branch or an archive without a checksum holds something else tomorrow, unreviewed.",
    fix="Name a commit or a release, or give the archive's checksum.",
    category=_CATEGORY,
    source="https://slsa.dev/spec/v1.0/threats",
    bad=(
        Example("requirements.txt", "git+https://github.com/acme/shop.git@main#egg=shop\n"),
        Example("package.json", '{"dependencies": {"shop": "github:acme/shop"}}\n'),
    ),
    good=(
        Example("requirements.txt", "git+https://github.com/acme/shop.git@v1.2.0#egg=shop\n"),
        Example("package.json", '{"dependencies": {"shop": "github:acme/shop#v1.2.0"}}\n'),
    ),
)
INSECURE_SOURCE = Rule(
    id="deps/insecure-source",
    reviewer=SECURITY,
    severity=SHOULD,
    title="Packages are fetched over a connection that anybody on the way can change",
    why="Code that is installed over plain HTTP can be replaced in transit and then runs here.",
    fix="Use the https address.",
    category=_CATEGORY,
    source="CWE-494",
    bad=(
        Example("requirements.txt", "--index-url http://pypi.acme.example/simple\nflask==3.0.3\n"),
    ),
    good=(
        Example("requirements.txt", "--index-url https://pypi.acme.example/simple\nflask==3.0.3\n"),
    ),
)
EXTRA_INDEX = Rule(
    id="deps/extra-index",
    reviewer=SECURITY,
    severity=SHOULD,
    title="A second package index is asked beside the public one",
    why="pip takes the highest version of any index, so anybody can publish an internal package's "
    "name on the public index and be installed instead.",
    fix="Use one index that proxies the other, or bind packages to an index, or require hashes.",
    category=_CATEGORY,
    source="CWE-427",
    bad=(
        Example(
            "requirements.txt", "--extra-index-url https://pypi.acme.example/simple\nshop==1\n"
        ),
    ),
    good=(
        Example("requirements.txt", "--index-url https://pypi.acme.example/simple\nshop==1\n"),
        Example("requirements.txt", "--extra-index-url https://download.pytorch.org/whl/cpu\n"),
    ),
)
LOCK_BEHIND = Rule(
    id="deps/lock-not-updated",
    reviewer=INFRASTRUCTURE,
    severity=SHOULD,
    title="A dependency was added but the lock file was not updated",
    why="Installing from the lock file fails or leaves the new dependency out.",
    fix="Run the package manager's lock command and commit its lock file.",
    category=_CATEGORY,
    source="https://docs.npmjs.com/cli/commands/npm-ci",
)
VULNERABLE = Rule(
    id="deps/known-vulnerable",
    reviewer=SECURITY,
    severity=MUST,
    title="A version with known vulnerabilities is asked for",
    why="The holes are public and so, often, are the programs that use them.",
    fix="Move to a version in which they are fixed.",
    category="known-vulnerable",
    source="CWE-1395",
)
ABANDONED = Rule(
    id="deps/abandoned",
    reviewer=INFRASTRUCTURE,
    severity=SHOULD,
    title="A dependency is deprecated or given up by its own authors",
    why="Nobody fixes its bugs and security holes.",
    fix="Use what its authors name instead.",
    category=_CATEGORY,
    source="CWE-1104",
    bad=(
        Example("requirements.txt", "pycrypto==2.6.1\n"),
        Example("package.json", '{"dependencies": {"request": "^2.88.2"}}\n'),
    ),
    good=(
        Example("requirements.txt", "pycryptodome==3.20.0\n"),
        Example("package.json", '{"dependencies": {"undici": "^6.0.0"}}\n'),
    ),
)
SIMILAR_NAME = Rule(
    id="deps/similar-name",
    reviewer=SECURITY,
    severity=NIT,
    title="A new dependency's name is one slip away from a well-known one",
    why="Names like these are registered to be installed by mistake.",
    fix="Check that this is the package that is meant.",
    category=_CATEGORY,
    source="CWE-1357",
    bad=(
        Example("requirements.txt", "reqeusts==2.32.0\n"),
        Example("package.json", '{"dependencies": {"crossenv": "^7.0.0"}}\n'),
    ),
    good=(
        Example("requirements.txt", "requests==2.32.0\n"),
        Example("package.json", '{"dependencies": {"cross-env": "^7.0.0"}}\n'),
    ),
)
INSTALL_SCRIPT = Rule(
    id="deps/install-script",
    reviewer=SECURITY,
    severity=SHOULD,
    title="A command runs on every machine that installs the package",
    why="It runs with the rights of whoever installs, CI included, before any of it was looked at.",
    fix="Do the work when the package is built, or leave it to a step that people start.",
    category=_CATEGORY,
    source="https://docs.npmjs.com/cli/using-npm/scripts#best-practices",
    bad=(Example("package.json", '{"scripts": {"postinstall": "node fetch-binary.js"}}\n'),),
    good=(
        Example("package.json", '{"scripts": {"build": "node build.js"}}\n'),
        Example("package.json", '{"private": true, "scripts": {"postinstall": "patch-package"}}\n'),
    ),
)

RULES: tuple[Rule, ...] = (
    UNPINNED,
    UNPINNED_SOURCE,
    INSECURE_SOURCE,
    EXTRA_INDEX,
    LOCK_BEHIND,
    VULNERABLE,
    ABANDONED,
    SIMILAR_NAME,
    INSTALL_SCRIPT,
)
