"""Table: privileges, images and versions of what runs."""

from reviewloop.analysis.contract import INFRASTRUCTURE, MUST, NIT, SECURITY, SHOULD, Rule
from reviewloop.rules.infra.examples import template, terraform
from reviewloop.rules.infra.facts import Entry, avoid, false, is_in, like, need, true

_OLD_RUNTIME = like(
    r"^(?:python(?:2\.7|3\.[6-9]$)|nodejs(?:$|4|6|8|10|12|14|16|18)|ruby2|ruby3\.2|dotnetcore|"
    r"dotnet[567]$|go1\.x|java8$|provided$)"
)


PRIVILEGED = Entry(
    Rule(
        id="infra/privileged-container",
        reviewer=SECURITY,
        severity=SHOULD,
        title="the container can take over its host",
        why="A privileged container, or one that shares its host's processes, network or disks, is"
        " root on the host for whoever breaks into it.",
        fix="Drop the privilege; add the one capability that is needed.",
        category="access-control",
        source="CWE-250",
        bad=terraform(
            'resource "aws_codebuild_project" "a" {; environment {; privileged_mode = true; }; }'
        ),
        good=terraform(
            'resource "aws_codebuild_project" "a" {; environment {; privileged_mode = false; }; }'
        ),
    ),
    (
        *avoid(
            true,
            "aws_codebuild_project environment.privileged_mode",
            "AWS::CodeBuild::Project Environment.PrivilegedMode",
            "aws_codebuild.Project environment.privileged",
            severity=NIT,
            says="a build may take over its host; only building images needs this",
        ),
        *avoid(
            true,
            "AWS::ECS::TaskDefinition ContainerDefinitions.Privileged",
            "AWS::Batch::JobDefinition ContainerProperties.Privileged",
            "aws_ecs_task_definition container_definitions.privileged",
            "aws_batch_job_definition container_properties.privileged",
            severity=MUST,
        ),
        *avoid(is_in("host", "task"), "aws_ecs_task_definition pid_mode"),
        *avoid(is_in("host"), "aws_ecs_task_definition ipc_mode", severity=NIT),
        *avoid(
            is_in("Enabled"),
            "aws_sagemaker_notebook_instance root_access",
            severity=NIT,
            says="users of the notebook are root on its machine",
        ),
        *avoid(
            false,
            "aws_ecs_task_definition container_definitions.readonlyRootFilesystem",
            "AWS::ECS::TaskDefinition ContainerDefinitions.ReadonlyRootFilesystem",
            severity=NIT,
            says="whoever breaks in can change its programs",
        ),
    ),
)

IMAGES = Entry(
    Rule(
        id="infra/images-not-checked",
        reviewer=INFRASTRUCTURE,
        severity=NIT,
        title="images are not scanned, or a tag can be moved to another image",
        why="Known holes stay unseen, and what was tested need not be what runs.",
        fix="Scan on push and make tags immutable.",
        category="supply-chain",
        source="https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html",
        bad=(
            *terraform('resource "aws_ecr_repository" "a" {; image_tag_mutability = "MUTABLE"; }'),
            *template("AWS::ECR::Repository | ImageTagMutability: MUTABLE"),
        ),
        good=terraform(
            'resource "aws_ecr_repository" "a" {; image_tag_mutability = "IMMUTABLE"'
            "; image_scanning_configuration {; scan_on_push = true; }; }"
        ),
    ),
    (
        *need(
            true,
            "aws_ecr_repository image_scanning_configuration.scan_on_push",
            "AWS::ECR::Repository ImageScanningConfiguration.ScanOnPush",
        ),
        *need(
            like("^IMMUTABLE"),
            "aws_ecr_repository image_tag_mutability",
            "AWS::ECR::Repository ImageTagMutability",
        ),
        *avoid(like(r"TagMutability\.MUTABLE$"), "aws_ecr.Repository imageTagMutability"),
        *avoid(false, "aws_ecr.Repository imageScanOnPush"),
    ),
)

OLD_RUNTIME = Entry(
    Rule(
        id="infra/old-runtime",
        reviewer=INFRASTRUCTURE,
        severity=SHOULD,
        title="this version gets no security fixes any more",
        why="Holes found from now on stay open, and the service stops taking updates of it.",
        fix="Move to a supported version.",
        category="versions",
        source="https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html",
        bad=(
            *terraform('resource "aws_lambda_function" "a" {; runtime = "python3.7"; }'),
            *template("AWS::Lambda::Function | Runtime: nodejs12.x"),
        ),
        good=(
            *terraform('resource "aws_lambda_function" "a" {; runtime = "python3.13"; }'),
            *template("AWS::Lambda::Function | Runtime: nodejs22.x"),
        ),
    ),
    (
        *avoid(
            _OLD_RUNTIME,
            "aws_lambda_function runtime",
            "aws_lambda_layer_version compatible_runtimes.*",
            "AWS::Lambda::Function,AWS::Serverless::Function Runtime",
        ),
        *avoid(
            like(
                r"Runtime\.(?:PYTHON_(?:2_7|3_[6-9]$)|NODEJS_(?:1[0-8]_X|[468])|GO_1_X|RUBY_2|JAVA_8$|DOTNET_CORE)"
            ),
            "aws_lambda.Function,aws_lambda.DockerImageFunction runtime",
            "aws_lambda_nodejs.NodejsFunction,aws_lambda_python_alpha.PythonFunction runtime",
        ),
        *avoid(
            like(r"^rds-ca-201\d$"),
            "aws_db_instance ca_cert_identifier",
            "AWS::RDS::DBInstance CACertificateIdentifier",
            says="this certificate authority has expired",
        ),
        *avoid(
            false,
            "aws_db_instance,aws_rds_cluster_instance auto_minor_version_upgrade",
            "aws_elasticache_replication_group,aws_mq_broker auto_minor_version_upgrade",
            "aws_dms_replication_instance,aws_neptune_cluster_instance auto_minor_version_upgrade",
            "AWS::RDS::DBInstance,AWS::AmazonMQ::Broker AutoMinorVersionUpgrade",
            "aws_redshift_cluster allow_version_upgrade",
            severity=NIT,
            says="security fixes of the engine are not installed by themselves",
        ),
    ),
)


ENTRIES = (
    PRIVILEGED,
    IMAGES,
    OLD_RUNTIME,
)
