"""Lists the cloud resources of a project, from its infrastructure code and its deploy logs."""

from collections.abc import Iterable, Iterator

from reviewloop.analysis.contract import SourceFile
from reviewloop.analysis.languages import language_of
from reviewloop.domain.handoff import CloudResource
from reviewloop.regex import regex
from reviewloop.rules.infra.templates import read_template
from reviewloop.specs.files import Files

_ENDINGS = (".tf", ".tofu", ".tf.json", ".yaml", ".yml", ".json", ".template", ".ts", ".py", ".js")
_MARKS = (b"aws-cdk", b"aws_cdk", b"AWSTemplateFormatVersion", b"AWS::", b"resource ")
_LARGEST = 1_000_000  # bytes; larger templates are generated
_MOST = 40
_NO_RESOURCES = ("output", "parameter", "variable", "module", "provider", "terraform", "locals")

_ARN = regex(r"\barn:aws[\w-]*:[\w-]+:[\w-]*:\d*:[\w./:+=,@-]+")
_ADDRESS = regex(r"\bhttps?://[^\s\"'<>)\]}]+")


def declared_resources(files: Files) -> tuple[tuple[CloudResource, ...], int]:
    """Return the resources that a project's infrastructure code declares, and how many were left
    out.
    """
    found = [one for path in files.paths() if path.endswith(_ENDINGS) for one in _of(files, path)]
    return tuple(found[:_MOST]), max(0, len(found) - _MOST)


def _of(files: Files, path: str) -> Iterator[CloudResource]:
    data = files.read(path)
    if data is None or len(data) > _LARGEST or not any(mark in data for mark in _MARKS):
        return
    text = data.decode("utf-8", "replace")
    template = read_template(SourceFile(path, text, language=language_of(path, text)))
    for one in template.resources if template else ():
        if one.kind.split(".")[0] not in (*_NO_RESOURCES, "data", "ephemeral") and one.name:
            yield CloudResource(one.name, one.kind, f"{path}:{one.line}")


def printed_resources(log: str, where: str) -> tuple[CloudResource, ...]:
    """Return the resources (ARNs) in a deploy log, each once, in order."""
    names = dict.fromkeys(one.rstrip(".,:;") for one in _ARN.findall(log))
    return tuple(CloudResource(name, name.split(":")[2], where) for name in names)


def printed_addresses(logs: Iterable[str]) -> tuple[str, ...]:
    """Return the web addresses that deploys printed, each once, in order."""
    found = (one.rstrip(".,:;") for log in logs for one in _ADDRESS.findall(log))
    return tuple(dict.fromkeys(found))
