"""Where outside data becomes code, a command or a path: one row per call."""

from typing import NamedTuple


class Sink(NamedTuple):
    """A call whose arguments must not be decided from outside.

    `callee` is a whole dotted name, or ".method" for a method of anything. `test` names a further
    condition (see `sink_tests`).
    """

    rule: str
    callee: str
    args: tuple[int | str, ...] = (0,)  # positions and keywords
    test: str = ""
    what: str = ""  # for the message; "" is the call itself
    sure: bool = True


def _rows(
    rule: str, callees: str, *args: int | str, test: str = "", sure: bool = True
) -> tuple[Sink, ...]:
    return tuple(Sink(rule, name, args or (0,), test, "", sure) for name in callees.split())


COMMAND = (
    *_rows(
        "command-injection",
        "os.system os.popen os.popen2 os.popen3 os.popen4 commands.getoutput popen2.popen2 "
        "commands.getstatusoutput popen2.popen3 subprocess.getoutput subprocess.getstatusoutput "
        "asyncio.create_subprocess_shell asyncio.subprocess.create_subprocess_shell "
        "platform.popen pty.spawn os.startfile",
        0,
        "cmd",
        "command",
    ),
    *_rows(
        "command-injection",
        "subprocess.run subprocess.call subprocess.check_call subprocess.check_output "
        "subprocess.Popen anyio.run_process trio.run_process",
        0,
        "args",
        test="process",
    ),
    *_rows(
        "command-injection",
        "os.execl os.execle os.execlp os.execlpe os.execv os.execve os.execvp os.execvpe "
        "os.posix_spawn os.posix_spawnp asyncio.create_subprocess_exec",
        0,
        test="program",
    ),
    *_rows(
        "command-injection",
        "os.spawnl os.spawnle os.spawnlp os.spawnlpe os.spawnv os.spawnve os.spawnvp os.spawnvpe",
        1,
        test="program",
    ),
    *_rows("command-injection", ".exec_command", 0, "command"),
    *_rows("command-injection", ".create_subprocess_shell", 0, "cmd"),
    *_rows("command-injection", "pexpect.spawn pexpect.run pexpect.runu", 0, "command"),
    *_rows(
        "command-injection",
        "fabric.api.run fabric.api.local fabric.api.sudo fabric.operations.run invoke.run",
        0,
        "command",
    ),
    *_rows("command-injection", ".run .sudo .local", 0, "command", test="remote shell"),
)
CODE = (
    *_rows("code-injection", "eval exec builtins.eval builtins.exec execfile", 0),
    *_rows("code-injection", "compile builtins.compile", 0, "source", test="whole"),
    *_rows(
        "code-injection",
        "code.interact .runsource .runcode timeit.timeit timeit.repeat cProfile.run profile.run "
        "asteval.Interpreter().eval numexpr.evaluate pandas.eval",
        0,
        "stmt",
        "source",
    ),
    *_rows("code-injection", "importlib.import_module __import__ runpy.run_module", 0, sure=False),
    *_rows("code-injection", "runpy.run_path imp.load_source", 0, sure=False),
)
TEMPLATE = (
    *_rows(
        "template-injection",
        "flask.render_template_string flask.templating.render_template_string "
        "quart.render_template_string jinja2.Template mako.template.Template Template "
        "django.template.Template django.template.base.Template tornado.template.Template "
        "bottle.template bottle.SimpleTemplate chameleon.PageTemplate jinja2.nativetypes."
        "NativeTemplate render_template_string genshi.template.MarkupTemplate "
        "django.template.engines[].from_string jinja2.sandbox.Template",
        0,
        "source",
        "template_string",
        test="template",
    ),
    *_rows("template-injection", ".from_string", 0, "source", test="whole"),
)
_FILES = (
    "open io.open codecs.open os.open os.fdopen builtins.open file aiofiles.open anyio.open_file "
    "gzip.open bz2.open lzma.open os.remove os.unlink os.rmdir os.removedirs os.mkdir os.makedirs "
    "os.listdir os.scandir os.walk os.chmod os.chown os.truncate shutil.rmtree linecache.getline "
    "linecache.getlines tarfile.open zipfile.ZipFile tarfile.TarFile zipfile.PyZipFile "
    "flask.send_file send_file flask.helpers.send_file quart.send_file "
    "starlette.responses.FileResponse fastapi.responses.FileResponse FileResponse "
    "aiohttp.web.FileResponse sanic.response.file sanic.response.file_stream sanic.file "
    "django.http.FileResponse pyramid.response.FileResponse fileinput.input shelve.open "
    "logging.FileHandler sqlite3.connect PIL.Image.open cv2.imread numpy.loadtxt "
    "numpy.genfromtxt pandas.read_csv pandas.read_excel pandas.read_json "
    "xml.etree.ElementTree.parse xml.dom.minidom.parse lxml.etree.parse configparser.read"
)
PATHS = (
    *_rows("path-traversal", _FILES, 0, "path", "file", "filename", "path_or_file", test="a path"),
    *_rows(
        "path-traversal",
        "os.path.exists os.path.isfile os.path.isdir os.path.getsize os.stat os.access os.lstat "
        "os.path.getmtime os.readlink os.utime",
        0,
        "path",
        sure=False,
    ),
    *_rows(
        "path-traversal",
        "os.rename os.renames os.replace os.link os.symlink shutil.copy shutil.copy2 "
        "shutil.copyfile shutil.copytree shutil.move shutil.copymode shutil.unpack_archive "
        "shutil.make_archive",
        0,
        1,
        "src",
        "dst",
    ),
    *_rows(
        "path-traversal",
        "flask.send_from_directory send_from_directory quart.send_from_directory",
        0,
        "directory",
    ),
    *_rows("path-traversal", "bottle.static_file", "root", 1),
    *_rows(
        "path-traversal",
        ".read_text .read_bytes .write_text .write_bytes .unlink .rmdir .mkdir .touch .iterdir "
        ".open .rename .replace .glob .rglob .symlink_to",
        -1,
        test="path object",
    ),
    *_rows("path-traversal", ".exists .is_file .is_dir .stat", -1, test="path object", sure=False),
    *_rows("path-traversal", "glob.glob glob.iglob", 0, sure=False),
    *_rows("path-traversal", ".save", 0, "dst", test="upload"),
    *_rows(
        "path-traversal", ".extract .extractall .download_file .upload_file", "path", sure=False
    ),
)
