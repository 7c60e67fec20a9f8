"""What a program calls the constructs of the CDK: imports, aliases, and template types."""

import re
from collections.abc import Iterator

_PYTHON_FROM = re.compile(
    r"^[ \t]*from[ \t]+(aws_cdk[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)", re.M
)
_PYTHON_IMPORT = re.compile(r"^[ \t]*import[ \t]+(aws_cdk[\w.]*)(?:[ \t]+as[ \t]+(\w+))?", re.M)
_SCRIPT_IMPORT = re.compile(
    r"^[ \t]*import[ \t]+(?:type[ \t]+)?(?:\*[ \t]+as[ \t]+(\w+)|\{([^}]*)\}|(\w+))"
    r"[ \t]+from[ \t]+['\"](aws-cdk-lib|@aws-cdk|aws-cdk-lib/[\w-]+|@aws-cdk/[\w-]+)['\"]",
    re.M,
)
_REQUIRE = re.compile(
    r"(?:const|let|var)[ \t]+(?:(\w+)|\{([^}]*)\})[ \t]*=[ \t]*require\("
    r"['\"](aws-cdk-lib(?:/[\w-]+)?|@aws-cdk/[\w-]+)['\"]\)"
)
# How templates write the services; classes of the lowest level are "Cfn" plus the resource's name.
_SERVICES = (
    "ApiGateway",
    "ApiGatewayV2",
    "AppSync",
    "Athena",
    "AutoScaling",
    "Backup",
    "Batch",
    "CloudFront",
    "CloudTrail",
    "CloudWatch",
    "CodeBuild",
    "Cognito",
    "DAX",
    "DMS",
    "DocDB",
    "DynamoDB",
    "EC2",
    "ECR",
    "ECS",
    "EFS",
    "EKS",
    "ElastiCache",
    "ElasticLoadBalancing",
    "ElasticLoadBalancingV2",
    "Elasticsearch",
    "GuardDuty",
    "IAM",
    "KMS",
    "Kinesis",
    "Lambda",
    "Logs",
    "MSK",
    "Neptune",
    "OpenSearchService",
    "RDS",
    "Redshift",
    "S3",
    "SNS",
    "SQS",
    "SSM",
    "SageMaker",
    "SecretsManager",
    "StepFunctions",
    "Transfer",
    "WorkSpaces",
)
_SERVICE_NAMES = {f"aws_{name.lower()}": name for name in _SERVICES}


def construct_kind(callee: str, names: dict[str, str]) -> str:
    """Return "aws_s3.Bucket" for the name a program calls it by, "" for what is not of the CDK."""
    first, _, rest = callee.partition(".")
    module = names.get(
        first, "" if first in names or not rest else "aws_" + first.removeprefix("aws_")
    )
    full = f"{module}.{rest}" if rest else module
    parts = [part for part in full.split(".") if part]
    parts = [part for part in parts if part not in {"aws_cdk", "cdk", "core"}] or parts
    return ".".join(parts[-2:])


def imported_names(text: str) -> dict[str, str]:
    """Return what each imported name stands for: "aws_s3", "aws_s3.Bucket", "cdk"."""
    names: dict[str, str] = {}
    for module, imported in _PYTHON_FROM.findall(text):
        base = module.removeprefix("aws_cdk").strip(".")
        for name, alias in _aliases(imported, " as "):
            names[alias] = f"{base}.{name}".strip(".")
    for module, alias in _PYTHON_IMPORT.findall(text):
        names[alias or "aws_cdk"] = module.removeprefix("aws_cdk").strip(".") or "cdk"
    scripts = [(a or c, b, m) for a, b, c, m in _SCRIPT_IMPORT.findall(text)]
    for alias, imported, module in [*scripts, *_REQUIRE.findall(text)]:
        base = module.rpartition("/")[2] if "/" in module else ""
        base = base.replace("-", "_")
        if alias:
            names[alias] = base or "cdk"
        for name, short in _aliases(imported, " as ", ":"):
            names[short] = f"{base}.{name}".strip(".")
    return names


def _aliases(imported: str, *separators: str) -> Iterator[tuple[str, str]]:
    for part in imported.strip("() \t\r").split(","):
        text = part.split("#")[0].split("//")[0].strip()
        for separator in separators:
            if separator in text:
                name, _, alias = text.partition(separator)
                yield name.strip(), alias.strip()
                break
        else:
            if text.isidentifier():
                yield text, text


def template_kind(kind: str) -> str:
    """Return "AWS::S3::Bucket" for "aws_s3.CfnBucket", "" for a construct of a higher level."""
    module, _, construct = kind.partition(".")
    if not construct.startswith("Cfn") or module not in _SERVICE_NAMES:
        return ""
    return f"AWS::{_SERVICE_NAMES[module]}::{construct[3:]}"
