"""Rules about outside data that becomes code, a command, a template or a path."""

from reviewloop.analysis.contract import MUST, SECURITY, Example, Rule

_IMPORTS = "import os, re, shlex, subprocess\nfrom flask import request\n\n\n"


def _example(body: str, imports: str = _IMPORTS) -> Example:
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    return Example("shop/views.py", f"{imports}def view(cursor):\n{lines}")


CODE_RULES: tuple[Rule, ...] = (
    Rule(
        "taint/command-injection",
        SECURITY,
        MUST,
        "Data from a request becomes part of an operating system command",
        "A shell runs whatever follows a `;`, `|` or backtick in the data, with the rights of the "
        "server.",
        "Pass the arguments as a list without `shell=True`; quote with `shlex.quote` where a shell "
        "is needed, or choose the command from a fixed set.",
        "injection",
        "CWE-78",
        bad=(
            _example('os.system("ping " + request.args["host"])'),
            _example('host = request.form["host"]\nsubprocess.run(f"ping {host}", shell=True)'),
            _example('subprocess.run(["sh", "-c", request.form["script"]])'),
        ),
        good=(
            _example('subprocess.run(["ping", "-c", "1", request.args["host"]])'),
            _example('os.system("ping " + shlex.quote(request.args["host"]))'),
            _example(
                'host = request.args["host"]\nif not re.fullmatch(r"[a-z0-9.-]+", host):\n'
                '    return "bad"\nos.system("ping " + host)'
            ),
        ),
    ),
    Rule(
        "taint/code-injection",
        SECURITY,
        MUST,
        "Data from a request is run as Python code",
        "Whoever sends the request runs any code in the server's process.",
        "Read literals with `ast.literal_eval`, numbers with `int` or `float`; choose functions "
        "from a dictionary of allowed ones.",
        "injection",
        "CWE-95",
        bad=(
            _example('return str(eval(request.args["expression"]))'),
            _example('exec("x = " + request.form["value"])'),
        ),
        good=(
            _example("import ast\nreturn ast.literal_eval(request.args['expression'])"),
            _example('return eval("2 ** %d" % int(request.args["n"]))'),
        ),
    ),
    Rule(
        "taint/template-injection",
        SECURITY,
        MUST,
        "Data from a request becomes part of a template's source",
        "Template languages reach Python objects: `{{ ... }}` in the data reads secrets or runs "
        "code.",
        "Keep the template fixed and pass the data as a variable of it.",
        "injection",
        "CWE-1336",
        bad=(
            _example(
                'return render_template_string("Hi " + request.args["name"])',
                "from flask import render_template_string, request\n\n\n",
            ),
        ),
        good=(
            _example(
                'return render_template_string("Hi {{ name }}", name=request.args["name"])',
                "from flask import render_template_string, request\n\n\n",
            ),
        ),
    ),
    Rule(
        "taint/path-traversal",
        SECURITY,
        MUST,
        "Data from a request decides which file is used",
        "`../` in the data leaves the folder: any file the server may read or write is open.",
        "Use `werkzeug.utils.secure_filename`, `os.path.basename` or `send_from_directory`; or "
        "resolve the path and check `is_relative_to` the folder before using it.",
        "injection",
        "CWE-22",
        bad=(
            _example('return open(os.path.join("/srv", request.args["name"])).read()'),
            _example(
                'path = os.path.join("/srv", request.args["name"])\n'
                'if path.startswith("/srv"):\n    os.remove(path)'
            ),
        ),
        good=(
            _example('open(os.path.join("/srv", os.path.basename(request.args["name"])))'),
            _example(
                'path = os.path.realpath(os.path.join("/srv", request.args["name"]))\n'
                'if not path.startswith("/srv/"):\n    return "no"\nopen(path)'
            ),
        ),
    ),
)
