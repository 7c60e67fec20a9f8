"""Table: accounts, passwords, privileges, images and versions."""

from reviewloop.analysers.infra.examples import template, terraform
from reviewloop.analysers.infra.facts import (
    Entry,
    at_least,
    at_most,
    avoid,
    false,
    given,
    if_set,
    is_in,
    like,
    need,
    present,
    true,
    want,
)
from reviewloop.analysers.rules import INFRASTRUCTURE, MUST, NIT, SECURITY, SHOULD, Rule

_OLD_RUNTIME = like(
    r"^(?:python(?:2\.7|3\.[6-9]$)|nodejs(?:$|4|6|8|10|12|14|16|18)|ruby2|ruby3\.2|dotnetcore|"
    r"dotnet[567]$|go1\.x|java8$|provided$)"
)
_ADMIN = like(r"[:/](?:AdministratorAccess|IAMFullAccess|PowerUserAccess)$")

PASSWORD_POLICY = Entry(
    Rule(
        id="infra/weak-password-policy",
        reviewer=SECURITY,
        severity=SHOULD,
        title="people may choose weak or old passwords, or log in without a second factor",
        why="Short, reused and single passwords are guessed or bought.",
        fix="Ask for 14 characters or more of every class, no reuse, and a second factor.",
        category="access-control",
        source="CIS AWS Foundations Benchmark 1.8-1.9",
        bad=terraform(
            'resource "aws_iam_account_password_policy" "a" {; minimum_password_length = 8; }'
        ),
        good=terraform(
            'resource "aws_iam_account_password_policy" "a" {'
            "; minimum_password_length = 14; password_reuse_prevention = 24"
            "; require_lowercase_characters = true; require_uppercase_characters = true"
            "; require_numbers = true; require_symbols = true; max_password_age = 90; }"
        ),
    ),
    (
        *need(at_least(14), "aws_iam_account_password_policy minimum_password_length"),
        *need(at_least(24), "aws_iam_account_password_policy password_reuse_prevention"),
        *need(at_most(90), "aws_iam_account_password_policy max_password_age", severity=NIT),
        *need(
            true,
            "aws_iam_account_password_policy require_lowercase_characters",
            "aws_iam_account_password_policy require_uppercase_characters",
            "aws_iam_account_password_policy require_numbers",
            "aws_iam_account_password_policy require_symbols",
        ),
        *want(
            at_least(8),
            "aws_cognito_user_pool password_policy.minimum_length",
            "AWS::Cognito::UserPool Policies.PasswordPolicy.MinimumLength",
        ),
        *need(
            is_in("ON", "OPTIONAL"),
            "aws_cognito_user_pool mfa_configuration",
            "AWS::Cognito::UserPool MfaConfiguration",
            severity=NIT,
            says="nobody can use a second factor",
        ),
    ),
)

ADMIN_ATTACHED = Entry(
    Rule(
        id="infra/admin-policy-attached",
        reviewer=SECURITY,
        severity=SHOULD,
        title="it is given rights over nearly everything",
        why="Whoever takes over what holds this policy has taken over the account.",
        fix="Attach a policy with the actions and resources that are needed.",
        category="iam",
        source="CIS AWS Foundations Benchmark 1.16",
        bad=(
            *terraform(
                'resource "aws_iam_role_policy_attachment" "a" {'
                '; policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"; }'
            ),
            *template(
                "AWS::IAM::Role | ManagedPolicyArns:"
                " ['arn:aws:iam::aws:policy/AdministratorAccess']"
            ),
        ),
        good=terraform(
            'resource "aws_iam_role_policy_attachment" "a" {'
            '; policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"; }'
        ),
    ),
    (
        *avoid(
            _ADMIN,
            "aws_iam_role_policy_attachment,aws_iam_group_policy_attachment policy_arn",
            "aws_iam_user_policy_attachment,aws_iam_policy_attachment policy_arn",
            "aws_iam_role managed_policy_arns.*",
            "aws_ssoadmin_managed_policy_attachment managed_policy_arn",
            "AWS::IAM::Role,AWS::IAM::User,AWS::IAM::Group ManagedPolicyArns.*",
            "AWS::Serverless::Function Policies.*",
        ),
        *avoid(
            is_in("AdministratorAccess"),
            "AWS::Serverless::Function Policies.*",
            "call.fromAwsManagedPolicyName name",
        ),
    ),
)

USER_RIGHTS = Entry(
    Rule(
        id="infra/rights-of-single-users",
        reviewer=SECURITY,
        severity=NIT,
        title="rights or long-lived keys hang on a single user",
        why="Rights given one by one are forgotten when people move on; access keys never expire.",
        fix="Give rights to groups or roles, and let people and programs take roles.",
        category="iam",
        source="CIS AWS Foundations Benchmark 1.15",
        bad=terraform('resource "aws_iam_user_policy_attachment" "a" {; user = "bob"; }'),
        good=terraform('resource "aws_iam_group_policy_attachment" "a" {; group = "ops"; }'),
    ),
    (
        *avoid(
            given,
            "aws_iam_user_policy_attachment,aws_iam_user_policy user",
            "aws_iam_policy_attachment users",
            "AWS::IAM::Policy Users",
            "AWS::IAM::User Policies",
        ),
        *avoid(
            is_in("root"),
            "aws_iam_access_key user",
            severity=MUST,
            says="the root user must not have keys",
        ),
        *avoid(given, "aws_iam_access_key user", "AWS::IAM::AccessKey UserName"),
    ),
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
            "AWS::ECS::TaskDefinition ContainerDefinitions.Privileged",
            "AWS::Batch::JobDefinition ContainerProperties.Privileged",
            "aws_codebuild.Project environment.privileged",
            "aws_ecs_task_definition container_definitions.privileged",
            "aws_batch_job_definition container_properties.privileged",
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

DATABASE_LOGIN = Entry(
    Rule(
        id="infra/weak-login",
        reviewer=SECURITY,
        severity=NIT,
        title="a weaker way to log in is left open, or secrets are never changed",
        why="Passwords that live for ever leak sooner or later; short-lived tokens and rotated"
        " secrets limit what a leak is worth.",
        fix="Log in with IAM or directory identities and rotate secrets.",
        category="access-control",
        source="https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotating-secrets.html",
        bad=terraform(
            'resource "aws_rds_cluster" "a" {; iam_database_authentication_enabled = false; }'
        ),
        good=terraform(
            'resource "aws_rds_cluster" "a" {; storage_encrypted = true'
            "; iam_database_authentication_enabled = true; }"
        ),
    ),
    (
        *avoid(
            false,
            "aws_db_instance,aws_rds_cluster,aws_neptune_cluster"
            " iam_database_authentication_enabled",
            "AWS::RDS::DBInstance,AWS::RDS::DBCluster EnableIAMDatabaseAuthentication",
            "aws_redshift_cluster enhanced_vpc_routing",
        ),
        *need(
            present,
            "aws_secretsmanager_secret rotation_rules",
            beside="aws_secretsmanager_secret_rotation.secret_id",
            when=if_set("name", like(r"(?i)database|\bdb\b|rds|postgres|mysql")),
        ),
    ),
)

ENTRIES = (
    PASSWORD_POLICY,
    ADMIN_ATTACHED,
    USER_RIGHTS,
    PRIVILEGED,
    IMAGES,
    OLD_RUNTIME,
    DATABASE_LOGIN,
)
