"""Read a Terraform file, HCL or JSON, into resources."""

from dataclasses import replace

from reviewloop.rules.infra.hcl import Block, read_blocks, read_json
from reviewloop.rules.infra.values import Node, Resource, Template

# Registry modules whose arguments are named like those of the resource they make.
_MODULES = {
    "s3-bucket": "aws_s3_bucket",
    "rds": "aws_db_instance",
    "rds-aurora": "aws_rds_cluster",
    "security-group": "aws_security_group",
    "alb": "aws_lb",
    "ec2-instance": "aws_instance",
    "eks": "module.eks",
    "lambda": "aws_lambda_function",
    "sqs": "aws_sqs_queue",
    "sns": "aws_sns_topic",
    "dynamodb-table": "aws_dynamodb_table",
    "kms": "aws_kms_key",
    "cloudfront": "aws_cloudfront_distribution",
    "autoscaling": "aws_launch_template",
    "ecr": "module.ecr",
    "efs": "aws_efs_file_system",
    "elasticache": "aws_elasticache_replication_group",
    "redshift": "aws_redshift_cluster",
    "vpc": "module.vpc",
}
# Attributes that hold JSON as text, so that the tables can look into it.
_JSON = {
    "aws_ecs_task_definition": "container_definitions",
    "aws_batch_job_definition": "container_properties",
}
_LABELLED = {"resource", "data", "ephemeral"}


def read_terraform(path: str, text: str) -> Template:
    """Return what a .tf or .tf.json file declares; what cannot be read is left out."""
    template = Template("terraform")
    if path.endswith(".json"):
        for resource in _from_json(read_json(text)):
            template.add(resource)
        return template
    for block in read_blocks(text):
        for resource in _from_block(block):
            template.add(resource)
    return template


def _from_block(block: Block) -> list[Resource]:
    labels = [*block.labels, "", ""]
    if block.type in _LABELLED:
        prefix = "" if block.type == "resource" else f"{block.type}."
        kind, name = prefix + labels[0], labels[1]
    elif block.type == "module":
        module = _module(labels[0], block.body, block.line, block.end_line)
        return [replace(module, cut_off=block.cut_off)]
    else:
        kind, name = block.type, labels[0]
    if kind in _JSON and isinstance(block.body.value, dict):
        _unfold(block.body.value, _JSON[kind])
    place = (block.line, block.end_line)
    return [Resource(kind, name, block.body, *place, cut_off=block.cut_off)]


def _unfold(entries: dict[str, Node], key: str) -> None:
    node = entries.get(key)
    if node is not None and node.text.lstrip()[:1] in {"[", "{"}:
        inner = read_json(node.text, node.inner_line or node.line)
        entries[key] = inner if inner is not None else node


def _module(name: str, body: Node, line: int, end_line: int) -> Resource:
    source = body.get("source")
    parts = source.text.split("//")[0].split("/") if source is not None else []
    kind = "module"
    if len(parts) >= 3 and parts[-1] == "aws" and parts[-3] == "terraform-aws-modules":
        kind = _MODULES.get(parts[-2], "module")
    return Resource(kind, name, body, line, end_line, partial=True)


def _from_json(root: Node | None) -> list[Resource]:
    found: list[Resource] = []
    if root is None or not isinstance(root.value, dict):
        return found
    for section, content in root.value.items():
        for part in content.items():
            if not isinstance(part.value, dict):
                continue
            if section in {"terraform", "locals"}:
                found.append(Resource(section, "", part, part.line, part.end_line))
                continue
            for label, inner in part.value.items():
                if section in _LABELLED and isinstance(inner.value, dict):
                    prefix = "" if section == "resource" else f"{section}."
                    found += [
                        Resource(prefix + label, name, body, node.line, node.end_line)
                        for name, node in inner.value.items()
                        for body in node.items()
                    ]
                elif section == "module":
                    found.append(_module(label, inner, inner.line, inner.end_line))
                elif section not in _LABELLED:
                    found += [
                        Resource(section, label, body, inner.line, inner.end_line)
                        for body in inner.items()
                    ]
    return found
