"""Checks for tags that a team requires on every resource that can carry them."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from reviewloop.analysis.contract import ChangeView, Hit, SourceFile, Span
from reviewloop.regex import regex
from reviewloop.rules.infra.kinds import is_cdk
from reviewloop.rules.infra.rules import REQUIRED_TAGS
from reviewloop.rules.infra.tables import read_table
from reviewloop.rules.infra.templates import read_template
from reviewloop.rules.infra.values import UNKNOWN, Node, Resource, Template

# A construct of CDK gets its tags from its parents.
_CDK = regex(
    r"^aws_(?:s3\.Bucket|rds\.Database\w+|dynamodb\.Table(?:V2)?|sqs\.Queue|sns\.Topic|kms\.Key"
    r"|lambda\.\w*Function|ec2\.(?:Vpc|Instance|SecurityGroup|Volume)|ecs\.(?:Cluster|\w+Service)"
    r"|eks\.Cluster|ecr\.Repository|efs\.FileSystem|logs\.LogGroup|secretsmanager\.Secret"
    r"|opensearchservice\.Domain|kinesis\.Stream|cloudfront\.Distribution"
    r"|elasticloadbalancingv2\.\w+LoadBalancer|apigateway\.\w*RestApi)$"
)
_CDK_TAGGED = regex(r"\.of\([^()]*\)\s*\.add\(\s*(?:[\"'](?P<key>[^\"'\n]{1,128})[\"']|\S)")
_CDK_STACK_TAGS = regex(r"\btags\s*[:=]\s*(?:\{(?P<body>[^{}]{0,2000})\}|\S)")
_KEY = regex(r"[\"']?([\w:./@+-]{1,128})[\"']?\s*:")


@cache
def _taggable() -> frozenset[str]:
    return frozenset(kind for kinds in read_table("tags")["kinds"].values() for kind in kinds)


def cdk_tag_hits(view: ChangeView) -> Iterator[Hit]:
    """Yield the constructs of a change without a tag of the team on their parents."""
    files = [file for file in view.files if file.added and is_cdk(file)]
    if not files:
        return
    paths = {path for path, _, _ in view.search_new(["Tags.of", "tags"])}
    texts = [text for path in sorted(paths) if (text := view.read_new(path)) and "cdk" in text]
    keys = _cdk_keys(texts)
    lacking = [tag for tag in view.options.required_tags if keys is not None and tag not in keys]
    if not lacking:
        return
    for file in files:
        template = read_template(file)
        for resource in template.resources if template else ():
            if _CDK.match(resource.kind) and file.touched(resource.line, resource.end_line):
                yield _lacking(file, resource, lacking)


def _cdk_keys(texts: Iterable[str]) -> set[str] | None:
    """Return the tags that programs add; None if unknown before a run."""
    keys: set[str] = set()
    for text in texts:
        for added in _CDK_TAGGED.finditer(text):
            if added["key"] is None:
                return None
            keys.add(added["key"])
        for given in _CDK_STACK_TAGS.finditer(text):
            if given["body"] is None or "..." in given["body"] or "**" in given["body"]:
                return None
            keys.update(_KEY.findall(given["body"]))
    return keys


def tag_hits(files: Iterable[SourceFile], required: Sequence[str]) -> list[Hit]:
    """Return a hit for each resource on changed lines that lacks any of the required tags."""
    expected = [tag for tag in required if tag]
    parsed = [(file, read_template(file)) for file in files] if expected else []
    everywhere = {key for _, template in parsed if template for key in _default_tags(template)}
    missing = [tag for tag in expected if tag not in everywhere]
    if not missing:
        return []
    return [
        hit
        for file, template in parsed
        if template is not None and file.added
        for resource in template.resources
        if not resource.cut_off
        for hit in _of_resource(file, resource, missing)
    ]


def change_tag_hits(view: ChangeView) -> list[Hit]:
    """Return the tag hits of a change; default tags may be in files outside of it."""
    required = view.options.required_tags
    if not required:
        return []
    files = {file.path: file for file in view.files}
    for path, _, _ in view.search_new(["default_tags"]):
        if path not in files and path.endswith((".tf", ".tofu")):
            text = view.read_new(path)
            if text is not None:
                files[path] = SourceFile(path, text, language="terraform")
    return [*tag_hits(files.values(), required), *cdk_tag_hits(view)]


def _default_tags(template: Template) -> Iterator[str]:
    for provider in template.by_kind.get("provider", ()):
        for block in (provider.body.get("default_tags") or Node([], 0, 0)).items():
            tags = block.get("tags")
            if tags is not None:
                yield from tags.value if isinstance(tags.value, dict) else ()


def _of_resource(file: SourceFile, resource: Resource, required: Sequence[str]) -> Iterator[Hit]:
    if resource.kind not in _taggable():
        return
    if not file.touched(resource.line, resource.end_line):
        return
    keys = _keys(resource)
    lacking = [tag for tag in required if keys is not None and tag not in keys]
    if lacking:
        yield _lacking(file, resource, lacking)


def _lacking(file: SourceFile, resource: Resource, lacking: Sequence[str]) -> Hit:
    return Hit(
        rule=REQUIRED_TAGS.id,
        path=file.path,
        span=Span(resource.line, resource.line),
        message=f"{resource.address} lacks the tags {', '.join(lacking)}",
        related=((Span(resource.line, resource.end_line), "the resource"),),
        identity=resource.address,
    )


def _keys(resource: Resource) -> set[str] | None:
    """Return the keys of a resource's tags, None if unknown."""
    body = resource.body
    tags = body.get("tags") or body.get("Tags")
    if tags is None or tags.value is None:
        return None if body.open or body.value is UNKNOWN else set()
    if isinstance(tags.value, dict):
        return None if tags.open else set(tags.value)
    keys = [item.get("Key") for item in tags.items()] if tags.value is not UNKNOWN else [None]
    if any(key is None or not isinstance(key.value, str) for key in keys):
        return None
    return {str(key.value) for key in keys if key is not None}
