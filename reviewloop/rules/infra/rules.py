"""What the rules about infrastructure code say, with examples of wrong and right."""

# Over 600 lines: the texts and examples of all rules of the family stand in one place.

from reviewloop.analysis.contract import INFRASTRUCTURE, MUST, NIT, SECURITY, SHOULD, Example, Rule

_CFN = "AWSTemplateFormatVersion: '2010-09-09'\nResources:\n"


def terraform(*codes: str) -> tuple[Example, ...]:
    """Make examples of Terraform code; `;` ends a line, so that a block fits on one."""
    return tuple(Example("main.tf", code.replace("; ", "\n") + "\n") for code in codes)


def template(*resources: str) -> tuple[Example, ...]:
    """Make examples of a template with one resource: "Type" or "Type | properties in flow form"."""
    made: list[Example] = []
    for resource in resources:
        kind, _, properties = resource.partition(" | ")
        kind, *attributes = kind.split("; ")
        lines = [f"    {attribute}\n" for attribute in attributes]
        text = f"{_CFN}  Thing:\n    Type: {kind}\n{''.join(lines)}"
        made.append(Example("template.yaml", text + f"    Properties: {{{properties}}}\n"))
    return tuple(made)


def cdk(*codes: str) -> tuple[Example, ...]:
    """Make examples of CDK code in Python."""
    head = (
        "from aws_cdk import (RemovalPolicy, Stack, aws_s3 as s3, aws_rds as rds, aws_ec2 as ec2)\n"
    )
    return tuple(Example("stack.py", head + code + "\n") for code in codes)


def cdk_script(*codes: str) -> tuple[Example, ...]:
    """Make examples of CDK code in TypeScript."""
    head = "import { aws_s3 as s3, aws_rds as rds, aws_iam as iam } from 'aws-cdk-lib';\n"
    return tuple(Example("stack.ts", head + code + "\n") for code in codes)


_WELL = "https://docs.aws.amazon.com/wellarchitected/latest/security-pillar"
_DOCUMENT = 'data "aws_iam_policy_document" "a" {; statement {; %s; }; }'
_REFERENCE = "https://docs.aws.amazon.com/IAM/latest/UserGuide"
_SAMPLE = "hunter2-Really"
_CDK = "from aws_cdk import Duration, aws_sqs as sqs, aws_lambda as lambda_\n"
_DEVELOPERS = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide"
_LINKED = (
    'resource "aws_sqs_queue" "q" {; redrive_policy = var.r; visibility_timeout_seconds = %s; }; '
    'resource "aws_lambda_function" "f" {; timeout = 60; }; '
    'resource "aws_lambda_event_source_mapping" "m" {; event_source_arn = aws_sqs_queue.q.arn; '
    "function_name = aws_lambda_function.f.arn; }"
)

UNENCRYPTED_AT_REST = Rule(
    id="infra/unencrypted-at-rest",
    reviewer=INFRASTRUCTURE,
    severity=SHOULD,
    title="the data is stored unencrypted",
    why="Whoever gets hold of a disk, a snapshot or a backup reads everything on it. Most of"
    " these services cannot turn encryption on later without copying the data.",
    fix="Turn encryption at rest on, with a key of your own where access must be controlled.",
    category="encryption",
    source=f"{_WELL}/sec_protect_data_rest_encrypt.html",
    bad=(
        *terraform('resource "aws_db_instance" "a" {; engine = "mysql"; }'),
        *template("AWS::EFS::FileSystem | Encrypted: false"),
        *cdk('rds.DatabaseInstance(self, "D", storage_encrypted=False)'),
        *cdk_script("new s3.Bucket(this, 'B', { encryption: s3.BucketEncryption.UNENCRYPTED });"),
    ),
    good=(
        *terraform('resource "aws_db_instance" "a" {; storage_encrypted = true; }'),
        *terraform('resource "aws_db_instance" "a" {; storage_encrypted = var.encrypted; }'),
        *template("AWS::EFS::FileSystem | Encrypted: true"),
        *cdk('rds.DatabaseInstance(self, "D", storage_encrypted=True)'),
    ),
)

NO_CUSTOMER_KEY = Rule(
    id="infra/no-customer-key",
    reviewer=INFRASTRUCTURE,
    severity=NIT,
    title="a key of the service's own encrypts this",
    why="With a key that the service owns nobody can tell who may decrypt, revoke that right,"
    " or see in the trail who used it.",
    fix="Name a customer managed KMS key whose policy says who may decrypt.",
    category="encryption",
    source="https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html",
    bad=terraform('resource "aws_secretsmanager_secret" "a" {; name = "a"; }'),
    good=terraform('resource "aws_secretsmanager_secret" "a" {; kms_key_id = var.key; }'),
)

KEY_ROTATION_OFF = Rule(
    id="infra/key-rotation-off",
    reviewer=INFRASTRUCTURE,
    severity=SHOULD,
    title="the key is never rotated",
    why="A key that stays the same for years puts all data ever encrypted with it at risk when"
    " it leaks once.",
    fix="Turn automatic rotation on; data encrypted before stays readable.",
    category="encryption",
    source="https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html",
    bad=(
        *terraform('resource "aws_kms_key" "a" {; description = "a"; }'),
        *template("AWS::KMS::Key | EnableKeyRotation: false"),
    ),
    good=(
        *terraform('resource "aws_kms_key" "a" {; enable_key_rotation = true; }'),
        *terraform('resource "aws_kms_key" "a" {; key_usage = "SIGN_VERIFY"; }'),
        *template("AWS::KMS::Key | EnableKeyRotation: true"),
    ),
)

UNENCRYPTED_IN_TRANSIT = Rule(
    id="infra/unencrypted-in-transit",
    reviewer=INFRASTRUCTURE,
    severity=SHOULD,
    title="the data travels unencrypted",
    why="Everybody on the way, a compromised neighbour in the same network included, reads"
    " and alters what is sent, passwords and session cookies among it.",
    fix="Require TLS; redirect plain HTTP to HTTPS.",
    category="encryption",
    source="https://docs.aws.amazon.com/wellarchitected/latest/security-pillar/"
    "sec_protect_data_transit_encrypt.html",
    bad=(
        *terraform('resource "aws_elasticache_replication_group" "a" {; engine = "redis"; }'),
        *template(
            "AWS::CloudFront::Distribution | DistributionConfig: {DefaultCacheBehavior:"
            " {ViewerProtocolPolicy: allow-all}}"
        ),
    ),
    good=(
        *terraform(
            'resource "aws_elasticache_replication_group" "a" {'
            "; transit_encryption_enabled = true; }"
        ),
        *template(
            "AWS::CloudFront::Distribution | DistributionConfig: {DefaultCacheBehavior:"
            " {ViewerProtocolPolicy: redirect-to-https}}"
        ),
    ),
)

OLD_TLS = Rule(
    id="infra/old-tls",
    reviewer=INFRASTRUCTURE,
    severity=SHOULD,
    title="TLS older than 1.2 is accepted",
    why="TLS 1.0 and 1.1 are deprecated: their ciphers and handshakes are open to downgrade"
    " and decryption attacks, and auditors refuse them.",
    fix="Set the lowest version to TLS 1.2, or a policy that begins there.",
    category="encryption",
    source="https://www.rfc-editor.org/rfc/rfc8996",
    bad=(
        *terraform(
            'resource "aws_lb_listener" "a" {; protocol = "HTTPS"; ssl_policy ='
            ' "ELBSecurityPolicy-2016-08"; }'
        ),
        *template("AWS::ApiGateway::DomainName | SecurityPolicy: TLS_1_0"),
    ),
    good=(
        *terraform(
            'resource "aws_lb_listener" "a" {; protocol = "HTTPS"; ssl_policy ='
            ' "ELBSecurityPolicy-TLS13-1-2-2021-06"; }'
        ),
        *template("AWS::ApiGateway::DomainName | SecurityPolicy: TLS_1_2"),
    ),
)

PUBLIC_STORAGE = Rule(
    id="infra/public-storage",
    reviewer=SECURITY,
    severity=MUST,
    title="anybody on the internet can reach what is stored",
    why="Public buckets and containers are found by scanners within hours; what they hold is"
    " read, and where writing is open, replaced.",
    fix="Make it private; publish through a CDN with its own identity.",
    category="public-access",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html",
    bad=(
        *terraform('resource "aws_s3_bucket" "a" {; acl = "public-read"; }'),
        *template("AWS::S3::Bucket | AccessControl: PublicReadWrite"),
        *cdk('s3.Bucket(self, "B", public_read_access=True)'),
    ),
    good=(
        *terraform('resource "aws_s3_bucket" "a" {; acl = "private"; }'),
        *template("AWS::S3::Bucket | AccessControl: Private"),
        *cdk('s3.Bucket(self, "B", public_read_access=False)'),
    ),
)

PUBLIC_ACCESS_BLOCK_OFF = Rule(
    id="infra/public-access-block-off",
    reviewer=SECURITY,
    severity=SHOULD,
    title="the guard against public buckets is off",
    why="Without the block one wrong policy or object ACL makes the data public. New buckets"
    " have it on; this takes it away.",
    fix="Set all four settings to true.",
    category="public-access",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/"
    "access-control-block-public-access.html",
    bad=(
        *terraform(
            'resource "aws_s3_bucket_public_access_block" "a" {; bucket = "b"'
            "; block_public_acls = false; }"
        ),
        *template("AWS::S3::Bucket | PublicAccessBlockConfiguration: {BlockPublicAcls: false}"),
    ),
    good=(
        *terraform(
            'resource "aws_s3_bucket_public_access_block" "a" {; bucket = "b"'
            "; block_public_acls = true; block_public_policy = true; ignore_public_acls = true"
            "; restrict_public_buckets = true; }"
        ),
    ),
)

PUBLIC_DATABASE = Rule(
    id="infra/public-database",
    reviewer=SECURITY,
    severity=MUST,
    title="the database has a public address",
    why="A data store on the internet is attacked with stolen passwords and every new flaw of"
    " its engine; nothing but its own login stands before the data.",
    fix="Keep it in private subnets; reach it over a VPN, a bastion or a proxy.",
    category="public-access",
    source="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html",
    bad=(
        *terraform(
            'resource "aws_db_instance" "a" {; storage_encrypted = true'
            "; publicly_accessible = true; }"
        ),
        *template("AWS::RDS::DBInstance | PubliclyAccessible: true"),
        *cdk('rds.DatabaseInstance(self, "D", publicly_accessible=True)'),
    ),
    good=(
        *terraform('resource "aws_db_instance" "a" {; publicly_accessible = false; }'),
        *template("AWS::RDS::DBInstance | PubliclyAccessible: false"),
    ),
)

CROSS_ORIGIN_OPEN = Rule(
    id="infra/cross-origin-open",
    reviewer=SECURITY,
    severity=NIT,
    title="scripts of every web site may call it",
    why="A page a visitor happens to open can send requests and read the answers.",
    fix="Name the origins.",
    category="public-access",
    source="CWE-942",
    bad=terraform(
        'resource "aws_s3_bucket_cors_configuration" "a" {; cors_rule {'
        '; allowed_origins = ["*"]; }; }'
    ),
    good=terraform(
        'resource "aws_s3_bucket_cors_configuration" "a" {; cors_rule {'
        '; allowed_origins = ["https://example.com"]; }; }'
    ),
)

PUBLIC_ADDRESS = Rule(
    id="infra/public-address",
    reviewer=INFRASTRUCTURE,
    severity=SHOULD,
    title="it gets an address on the internet",
    why="A machine with a public address is scanned all day; behind a load balancer or a NAT"
    " only what is meant to be served is reachable.",
    fix="Place it in a private subnet and publish through a load balancer.",
    category="public-access",
    source="https://docs.aws.amazon.com/vpc/latest/userguide/vpc-ip-addressing.html",
    bad=(
        *terraform('resource "aws_instance" "a" {; associate_public_ip_address = true; }'),
        *template("AWS::EC2::Subnet | MapPublicIpOnLaunch: true"),
    ),
    good=(
        *terraform('resource "aws_subnet" "a" {; map_public_ip_on_launch = false; }'),
        *template("AWS::EC2::Subnet | MapPublicIpOnLaunch: false"),
    ),
)

INSTANCE_METADATA_V1 = Rule(
    id="infra/instance-metadata-v1",
    reviewer=SECURITY,
    severity=SHOULD,
    title="the old metadata service answers requests without a token",
    why="With version 1 a single request that an application can be talked into (SSRF) hands"
    " out the machine's credentials.",
    fix='Set http_tokens = "required" in metadata_options.',
    category="access-control",
    source="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/"
    "configuring-instance-metadata-service.html",
    bad=(
        *terraform('resource "aws_instance" "a" {; ami = "ami-1"; }'),
        *template(
            "AWS::EC2::LaunchTemplate | LaunchTemplateData: {MetadataOptions:"
            " {HttpTokens: optional}}"
        ),
    ),
    good=(
        *terraform(
            'resource "aws_instance" "a" {; metadata_options {; http_tokens = "required"; }; }'
        ),
        *template(
            "AWS::EC2::LaunchTemplate | LaunchTemplateData: {MetadataOptions:"
            " {HttpTokens: required}}"
        ),
    ),
)

PUBLIC_CONTROL_PLANE = Rule(
    id="infra/public-control-plane",
    reviewer=SECURITY,
    severity=SHOULD,
    title="the cluster's control plane answers the whole internet",
    why="A leaked token is enough to take the cluster from anywhere, and so is a flaw of the"
    " API server.",
    fix="Make the endpoint private, or list the networks that may reach it.",
    category="public-access",
    source="https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html",
    bad=terraform('resource "aws_eks_cluster" "a" {; vpc_config {; subnet_ids = []; }; }'),
    good=terraform(
        'resource "aws_eks_cluster" "a" {; vpc_config {; endpoint_public_access = false; }; }',
        'resource "aws_eks_cluster" "a" {; vpc_config {; public_access_cidrs = var.office; }; }',
    ),
)

DEFAULT_NETWORK = Rule(
    id="infra/default-network",
    reviewer=INFRASTRUCTURE,
    severity=NIT,
    title="the account's default network is used, or nobody sees its traffic",
    why="Default networks are open and shared by whatever is started without a thought; without"
    " flow logs an intrusion leaves no trace in them.",
    fix="Make a network for the purpose, with flow logs.",
    category="public-access",
    source="CIS AWS Foundations Benchmark 3.7, 5.4",
    bad=(
        *terraform('resource "aws_default_vpc" "a" {; tags = {}; }'),
        *terraform('resource "aws_vpc" "a" {; cidr_block = "10.0.0.0/16"; }'),
    ),
    good=terraform(
        'resource "aws_vpc" "a" {; cidr_block = "10.0.0.0/16"; }'
        '; resource "aws_flow_log" "a" {; vpc_id = aws_vpc.a.id; }'
    ),
)

WEAK_PASSWORD_POLICY = Rule(
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
)

ADMIN_POLICY_ATTACHED = Rule(
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
            "AWS::IAM::Role | ManagedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess']"
        ),
    ),
    good=terraform(
        'resource "aws_iam_role_policy_attachment" "a" {'
        '; policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"; }'
    ),
)

RIGHTS_OF_SINGLE_USERS = Rule(
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
)

WEAK_LOGIN = Rule(
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
)

NO_AUTHENTICATION = Rule(
    id="infra/no-authentication",
    reviewer=SECURITY,
    severity=SHOULD,
    title="anybody may call it without proving who they are",
    why="An endpoint without authentication can be called, and paid for, by everybody who"
    " learns its address.",
    fix="Require IAM, an authorizer or a user pool.",
    category="public-access",
    source="CWE-306",
    bad=(
        *terraform('resource "aws_lambda_function_url" "a" {; authorization_type = "NONE"; }'),
        *template("AWS::Lambda::Url | AuthType: NONE"),
    ),
    good=(
        *terraform('resource "aws_lambda_function_url" "a" {; authorization_type = "AWS_IAM"; }'),
        *template("AWS::Lambda::Url | AuthType: AWS_IAM"),
    ),
)

PRIVILEGED_CONTAINER = Rule(
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
)

IMAGES_NOT_CHECKED = Rule(
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
)

OLD_RUNTIME = Rule(
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
)

AUDIT_TRAIL_WEAK = Rule(
    id="infra/audit-trail-weak",
    reviewer=INFRASTRUCTURE,
    severity=SHOULD,
    title="the audit trail has gaps or can be altered unnoticed",
    why="After an incident the trail is the only record of who did what; a region without a"
    " trail and a file without a digest are where it is missed.",
    fix="Log every region with validation of the log files on.",
    category="logging",
    source="https://docs.aws.amazon.com/awscloudtrail/latest/userguide/"
    "best-practices-security.html",
    bad=(
        *terraform(
            'resource "aws_cloudtrail" "a" {; kms_key_id = "k"'
            "; is_multi_region_trail = true; enable_log_file_validation = false; }"
        ),
        *template("AWS::CloudTrail::Trail | IsLogging: true, EnableLogFileValidation: true"),
    ),
    good=(
        *terraform(
            'resource "aws_cloudtrail" "a" {; kms_key_id = "k"'
            "; is_multi_region_trail = true; enable_log_file_validation = true; }"
        ),
    ),
)

NO_LOGS = Rule(
    id="infra/no-logs",
    reviewer=INFRASTRUCTURE,
    severity=NIT,
    title="what happens here is not logged",
    why="Without logs neither an attack nor a fault can be reconstructed.",
    fix="Send its logs to a bucket or a log group.",
    category="logging",
    source="https://docs.aws.amazon.com/wellarchitected/latest/security-pillar/"
    "sec_detect_investigate_events_app_service_logging.html",
    bad=(
        *terraform(
            'resource "aws_api_gateway_stage" "a" {; stage_name = "p"'
            "; xray_tracing_enabled = true; }"
        ),
        *template("AWS::ApiGateway::Stage | StageName: p"),
    ),
    good=(
        *terraform(
            'resource "aws_api_gateway_stage" "a" {; access_log_settings {'
            "; destination_arn = var.arn; }; xray_tracing_enabled = true; }"
        ),
        *template(
            "AWS::ApiGateway::Stage | TracingEnabled: true, AccessLogSetting: {DestinationArn: a}"
        ),
    ),
)

LOG_RETENTION = Rule(
    id="infra/log-retention",
    reviewer=INFRASTRUCTURE,
    severity=NIT,
    title="logs are kept for ever, or not long enough",
    why="A log group without a retention grows and is paid for without an end; a few days are"
    " too few to investigate.",
    fix="Choose how many days the logs are needed.",
    category="retention",
    source="https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/"
    "Working-with-log-groups-and-streams.html",
    bad=(
        *terraform('resource "aws_cloudwatch_log_group" "a" {; name = "a"; }'),
        *template("AWS::Logs::LogGroup | LogGroupName: a"),
    ),
    good=(
        *terraform('resource "aws_cloudwatch_log_group" "a" {; retention_in_days = 90; }'),
        *template("AWS::Logs::LogGroup | RetentionInDays: 90"),
    ),
)

NO_TRACING = Rule(
    id="infra/no-tracing",
    reviewer=INFRASTRUCTURE,
    severity=NIT,
    title="calls are not traced",
    why="Without traces nobody sees in which of several services a slow or failing request was"
    " lost.",
    fix="Turn X-Ray tracing on.",
    category="observability",
    source="https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html",
    bad=(
        *terraform('resource "aws_lambda_function" "a" {; runtime = "python3.13"; }'),
        *template("AWS::Lambda::Function | Runtime: python3.13"),
    ),
    good=(
        *terraform('resource "aws_lambda_function" "a" {; tracing_config {; mode = "Active"; }; }'),
        *template("AWS::Lambda::Function | TracingConfig: {Mode: Active}"),
    ),
)

NO_MONITORING = Rule(
    id="infra/no-monitoring",
    reviewer=INFRASTRUCTURE,
    severity=NIT,
    title="it is not watched closely, or its alarm tells nobody",
    why="An alarm without an action and a cluster without metrics leave a fault to be found by"
    " customers.",
    fix="Give the alarm an action; turn the detailed metrics on.",
    category="alarms",
    source="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/"
    "AlarmThatSendsEmail.html",
    bad=terraform('resource "aws_cloudwatch_metric_alarm" "a" {; alarm_name = "a"; }'),
    good=terraform('resource "aws_cloudwatch_metric_alarm" "a" {; alarm_actions = [var.t]; }'),
)

NO_WEB_FIREWALL = Rule(
    id="infra/no-web-firewall",
    reviewer=INFRASTRUCTURE,
    severity=NIT,
    title="no web application firewall stands before it",
    why="A firewall stops known attack patterns and floods before they cost anything.",
    fix="Associate a WAF web ACL, or turn the protection on.",
    category="public-access",
    source="https://docs.aws.amazon.com/waf/latest/developerguide/waf-chapter.html",
    bad=terraform(
        'resource "aws_cloudfront_distribution" "a" {; enabled = true'
        "; logging_config {; bucket = var.b; }; }"
    ),
    good=terraform(
        'resource "aws_cloudfront_distribution" "a" {; web_acl_id = var.acl'
        "; logging_config {; bucket = var.b; }; }"
    ),
)

NO_BACKUPS = Rule(
    id="infra/no-backups",
    reviewer=INFRASTRUCTURE,
    severity=SHOULD,
    title="there are no backups to go back to",
    why="One wrong statement, one bad deployment or one lost disk, and the data is gone.",
    fix="Keep automatic backups for at least a week.",
    category="backups",
    source="https://docs.aws.amazon.com/wellarchitected/latest/reliability-pillar/"
    "rel_backing_up_data_identified_backups_data.html",
    bad=(
        *terraform(
            'resource "aws_rds_cluster" "a" {; storage_encrypted = true'
            "; backup_retention_period = 0; }"
        ),
        *template("AWS::RDS::DBInstance | BackupRetentionPeriod: 0"),
    ),
    good=(
        *terraform('resource "aws_db_instance" "a" {; backup_retention_period = 7; }'),
        *template("AWS::RDS::DBInstance | BackupRetentionPeriod: 7"),
    ),
)

DATA_DELETED_WITH_STACK = Rule(
    id="infra/data-deleted-with-stack",
    reviewer=INFRASTRUCTURE,
    severity=SHOULD,
    title="removing or replacing it destroys the data",
    why="A renamed resource, a deleted stack or a wrong plan takes the data with it, and no"
    " last snapshot is left.",
    fix="Retain the resource or take a final snapshot; protect it against deletion.",
    category="retention",
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/"
    "aws-attribute-deletionpolicy.html",
    bad=(
        *terraform(
            'resource "aws_db_instance" "a" {; storage_encrypted = true'
            "; backup_retention_period = 7; skip_final_snapshot = true; }"
        ),
        *template("AWS::DynamoDB::Table; DeletionPolicy: Delete | TableName: a"),
        *cdk('rds.DatabaseInstance(self, "D", removal_policy=RemovalPolicy.DESTROY)'),
    ),
    good=(
        *terraform('resource "aws_db_instance" "a" {; skip_final_snapshot = false; }'),
        *template("AWS::DynamoDB::Table; DeletionPolicy: Retain | TableName: a"),
        *cdk('rds.DatabaseInstance(self, "D", removal_policy=RemovalPolicy.RETAIN)'),
    ),
)

DELETION_PROTECTION = Rule(
    id="infra/deletion-protection",
    reviewer=INFRASTRUCTURE,
    severity=NIT,
    title="nothing stops its deletion by mistake",
    why="Deletion protection turns a slip of the hand into an error message.",
    fix="Turn deletion protection on for what production needs.",
    category="retention",
    source="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_DeleteInstance.html",
    bad=(
        *terraform('resource "aws_dynamodb_table" "a" {; deletion_protection_enabled = false; }'),
        *template("AWS::RDS::DBCluster | StorageEncrypted: true, DeletionProtection: false"),
    ),
    good=terraform('resource "aws_dynamodb_table" "a" {; deletion_protection_enabled = true; }'),
)

SINGLE_ZONE = Rule(
    id="infra/single-zone",
    reviewer=INFRASTRUCTURE,
    severity=NIT,
    title="it lives in one availability zone",
    why="When that zone fails, and zones do, it is down until somebody rebuilds it.",
    fix="Spread it over two zones or more.",
    category="availability",
    source="https://docs.aws.amazon.com/wellarchitected/latest/reliability-pillar/"
    "rel_fault_isolation_multiaz_region_system.html",
    bad=(
        *terraform(
            'resource "aws_elasticache_replication_group" "a" {; engine = "memcached"'
            "; multi_az_enabled = false; }"
        ),
        *template("AWS::RDS::DBInstance | MultiAZ: false"),
    ),
    good=(
        *terraform('resource "aws_autoscaling_group" "a" {; availability_zones = ["a", "b"]; }'),
        *template("AWS::RDS::DBInstance | MultiAZ: true"),
    ),
)

BUCKET_VERSIONING = Rule(
    id="infra/bucket-versioning",
    reviewer=INFRASTRUCTURE,
    severity=NIT,
    title="overwritten and deleted objects cannot be brought back",
    why="Without versions one bad job or one stolen key replaces or deletes what is stored.",
    fix="Turn versioning on, with a life cycle that removes old versions.",
    category="backups",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html",
    bad=(
        *terraform('resource "aws_s3_bucket" "a" {; bucket = "a"; }'),
        *template("AWS::S3::Bucket | VersioningConfiguration: {Status: Suspended}"),
        *cdk('s3.Bucket(self, "B", versioned=False)'),
    ),
    good=(
        *terraform(
            'resource "aws_s3_bucket" "a" {; bucket = "a"; }'
            '; resource "aws_s3_bucket_versioning" "a" {; bucket = aws_s3_bucket.a.id'
            '; versioning_configuration {; status = "Enabled"; }; }'
        ),
        *cdk('s3.Bucket(self, "B", versioned=True)'),
    ),
)

NO_LIFECYCLE = Rule(
    id="infra/no-lifecycle",
    reviewer=INFRASTRUCTURE,
    severity=NIT,
    title="what is stored here is never cleaned up",
    why="Old versions, images and unfinished uploads pile up and are paid for every month.",
    fix="Add a life cycle that expires them.",
    category="lifecycle",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lifecycle-mgmt.html",
    bad=template("AWS::S3::Bucket | VersioningConfiguration: {Status: Enabled}"),
    good=template(
        "AWS::S3::Bucket | VersioningConfiguration: {Status: Enabled},"
        " LifecycleConfiguration: {Rules: []}"
    ),
)

NO_DEAD_LETTERS = Rule(
    id="infra/no-dead-letters",
    reviewer=INFRASTRUCTURE,
    severity=NIT,
    title="what fails is thrown away",
    why="Events that fail after all tries are lost without a trace.",
    fix="Name a dead-letter queue or an on-failure destination.",
    category="availability",
    source="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html",
    bad=terraform('resource "aws_lambda_function" "a" {; tracing_config {; mode = "Active"; }; }'),
    good=terraform(
        'resource "aws_lambda_function" "a" {; tracing_config {; mode = "Active"; }'
        "; dead_letter_config {; target_arn = var.dlq; }; }"
    ),
)

CONTAINER_LIMITS = Rule(
    id="infra/container-limits",
    reviewer=INFRASTRUCTURE,
    severity=NIT,
    title="the container is not limited, not watched, or not pinned",
    why="A container without limits starves its neighbours; without a probe nobody notices"
    " that it hangs; a tag that moves runs what nobody tested.",
    fix="Set limits and requests, a probe, and an image by version or digest.",
    category="availability",
    source="https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/",
    bad=terraform(
        'resource "kubernetes_pod" "a" {; spec {; container {; image = "nginx:latest"; }; }; }'
    ),
    good=terraform(
        'resource "kubernetes_pod" "a" {; spec {; container {'
        '; image = "nginx:1.27"; resources {; limits = {}; }; }; }; }'
    ),
)

POD_PRIVILEGES = Rule(
    id="infra/pod-privileges",
    reviewer=SECURITY,
    severity=SHOULD,
    title="the pod has rights that let it out of its container",
    why="Whoever breaks into the container gets the node, and with it every pod on it.",
    fix="Run as a user that is not root, without privilege escalation and capabilities.",
    category="access-control",
    source="https://kubernetes.io/docs/concepts/security/pod-security-standards/",
    bad=terraform('resource "kubernetes_pod" "a" {; spec {; host_network = true; }; }'),
    good=terraform('resource "kubernetes_pod" "a" {; spec {; host_network = false; }; }'),
)

OPEN_TO_THE_INTERNET = Rule(
    id="infra/open-to-the-internet",
    reviewer=SECURITY,
    severity=SHOULD,
    title="the whole internet may reach ports that are not for the public",
    why="Ports for administration and databases are scanned all day; one weak password or one"
    " unpatched flaw behind them is enough.",
    fix="Name the networks or security groups that need it; use a VPN or a session manager.",
    category="public-access",
    source="CIS AWS Foundations Benchmark 5.2",
    bad=(
        *terraform(
            'resource "aws_security_group_rule" "a" {; type = "ingress"; from_port = 22'
            '; to_port = 22; protocol = "tcp"; cidr_blocks = ["0.0.0.0/0"]; }'
        ),
        *template(
            "AWS::EC2::SecurityGroup | SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 3389,"
            " ToPort: 3389, CidrIp: 0.0.0.0/0}]"
        ),
        *cdk("sg.add_ingress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(22))"),
        *cdk_script("sg.addIngressRule(ec2.Peer.anyIpv4(), ec2.Port.allTraffic());"),
    ),
    good=(
        *terraform(
            'resource "aws_security_group_rule" "a" {; type = "ingress"; from_port = 443'
            '; to_port = 443; protocol = "tcp"; cidr_blocks = ["0.0.0.0/0"]; }',
            'resource "aws_security_group_rule" "a" {; type = "ingress"; from_port = 22'
            '; to_port = 22; protocol = "tcp"; cidr_blocks = ["10.0.0.0/8"]; }',
        ),
        *cdk("sg.add_ingress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443))"),
    ),
)

IAM_ADMIN = Rule(
    id="infra/iam-admin",
    reviewer=SECURITY,
    severity=MUST,
    title="every action on every resource is allowed",
    why="Whoever takes over what holds this policy owns the account.",
    fix="Name the actions and the resources that are needed.",
    category="iam",
    source="CIS AWS Foundations Benchmark 1.16",
    bad=(
        *terraform(_DOCUMENT % 'actions = ["*"]; resources = ["*"]'),
        *template(
            "AWS::IAM::Policy | PolicyDocument: {Statement: [{Effect: Allow, Action: '*',"
            " Resource: '*'}]}"
        ),
        *cdk_script("new iam.PolicyStatement({ actions: ['*'], resources: ['*'] });"),
    ),
    good=(
        *terraform(_DOCUMENT % 'actions = ["s3:GetObject"]; resources = [var.arn]'),
        *terraform(_DOCUMENT % 'effect = "Deny"; actions = ["*"]; resources = ["*"]'),
    ),
)

IAM_WILDCARD = Rule(
    id="infra/iam-wildcard",
    reviewer=SECURITY,
    severity=SHOULD,
    title="the policy allows more than can be needed",
    why="A wildcard also allows what is dangerous today and what the service adds tomorrow:"
    " deleting, changing policies, taking other roles.",
    fix="Name the actions; limit the dangerous ones to the resources they are for.",
    category="iam",
    source=f"{_REFERENCE}/best-practices.html#grant-least-privilege",
    bad=(
        *terraform(_DOCUMENT % 'actions = ["s3:*"]; resources = ["*"]'),
        *terraform(_DOCUMENT % 'actions = ["iam:PassRole"]; resources = ["*"]'),
        *cdk('iam.PolicyStatement(actions=["s3:*"], resources=["*"])'.replace("iam.", "aws_iam.")),
    ),
    good=terraform(
        _DOCUMENT % 'actions = ["s3:GetObject"]; resources = ["arn:aws:s3:::b/*"]',
        _DOCUMENT % 'actions = ["ec2:DescribeInstances"]; resources = ["*"]',
    ),
)

IAM_PUBLIC_PRINCIPAL = Rule(
    id="infra/iam-public-principal",
    reviewer=SECURITY,
    severity=MUST,
    title="everybody is allowed, whatever their account",
    why="A principal of * without a condition means the whole internet or every account there is.",
    fix="Name the accounts, roles or services, or add a condition on organisation or source.",
    category="iam",
    source=f"{_REFERENCE}/reference_policies_elements_principal.html",
    bad=(
        *terraform(
            _DOCUMENT % 'actions = ["s3:GetObject"]; resources = [var.arn]; principals {'
            '; type = "*"; identifiers = ["*"]; }'
        ),
        *template(
            "AWS::SQS::QueuePolicy | PolicyDocument: {Statement: {Effect: Allow, Principal: '*',"
            " Action: 'sqs:SendMessage', Resource: !Ref Q}}"
        ),
    ),
    good=terraform(
        _DOCUMENT % 'actions = ["s3:GetObject"]; resources = [var.arn]; principals {'
        '; type = "AWS"; identifiers = [var.role]; }',
        _DOCUMENT % 'effect = "Deny"; actions = ["s3:*"]; resources = [var.arn]; principals {'
        '; type = "*"; identifiers = ["*"]; }',
    ),
)

IAM_ALLOW_ALL_BUT = Rule(
    id="infra/iam-allow-all-but",
    reviewer=SECURITY,
    severity=SHOULD,
    title="everything but a list is allowed",
    why="Allow with NotAction, NotPrincipal or NotResource covers all that exists now and later,"
    " minus what somebody thought of.",
    fix="List what is allowed, or deny the list in a statement of its own.",
    category="iam",
    source=f"{_REFERENCE}/reference_policies_elements_notaction.html",
    bad=terraform(_DOCUMENT % 'not_actions = ["iam:*"]; resources = [var.arn]'),
    good=terraform(_DOCUMENT % 'effect = "Deny"; not_actions = ["iam:*"]; resources = ["*"]'),
)

IAM_MISSING_CONDITION = Rule(
    id="infra/iam-missing-condition",
    reviewer=SECURITY,
    severity=SHOULD,
    title="the trust has no condition on who stands behind it",
    why="A service or an identity provider acts for all its customers: without a condition on the"
    " source, another customer can have it act on yours.",
    fix="Add a condition: the subject for identity providers, aws:SourceArn or aws:SourceAccount"
    " for services, sts:ExternalId for other companies.",
    category="iam",
    source=f"{_REFERENCE}/confused-deputy.html",
    bad=terraform(
        _DOCUMENT % 'actions = ["sts:AssumeRoleWithWebIdentity"]; principals {'
        '; type = "Federated"; identifiers = [var.provider]; }',
        'resource "aws_lambda_permission" "a" {; action = "lambda:InvokeFunction"'
        '; principal = "s3.amazonaws.com"; }',
    ),
    good=terraform(
        _DOCUMENT % 'actions = ["sts:AssumeRole"]; principals {; type = "Service"'
        '; identifiers = ["ec2.amazonaws.com"]; }',
        'resource "aws_lambda_permission" "a" {; action = "lambda:InvokeFunction"'
        '; principal = "s3.amazonaws.com"; source_arn = var.bucket; }',
    ),
)

LITERAL_SECRET = Rule(
    id="infra/literal-secret",
    reviewer=SECURITY,
    severity=MUST,
    title="a password or key stands in the code",
    why="Everybody who reads the repository, the state or the console has it, and it stays in the"
    " history when it is removed.",
    fix="Read it from a secret store at run time, change it, and remove it from the history.",
    category="secrets",
    source="CWE-798",
    bad=(
        *terraform(
            f'resource "aws_db_instance" "a" {{; storage_encrypted = true; password = "{_SAMPLE}"'
            "; }",
            f'provider "aws" {{; secret_key = "{_SAMPLE}"; }}',
        ),
        *template(f"AWS::RDS::DBInstance | MasterUserPassword: {_SAMPLE}"),
    ),
    good=(
        *terraform('resource "aws_db_instance" "a" {; password = var.password; }'),
        *template("AWS::RDS::DBInstance | MasterUserPassword: '{{resolve:ssm-secure:p:1}}'"),
    ),
)

SECRET_NOT_SENSITIVE = Rule(
    id="infra/secret-not-sensitive",
    reviewer=SECURITY,
    severity=SHOULD,
    title="a secret is shown in plans, logs and consoles",
    why="Values that are not marked are printed by every plan and stored where many can read.",
    fix="Mark it: sensitive = true in Terraform, NoEcho in a template, SecureString in a store.",
    category="secrets",
    source="https://developer.hashicorp.com/terraform/language/values/outputs",
    bad=(
        *terraform('output "password" {; value = aws_db_instance.a.password; }'),
        *terraform('resource "aws_ssm_parameter" "a" {; name = "/db/password"; type = "String"; }'),
    ),
    good=(
        *terraform('output "password" {; value = var.p; sensitive = true; }'),
        *terraform('variable "password" {; sensitive = true; }'),
    ),
)

UNPINNED_MODULE = Rule(
    id="infra/unpinned-module",
    reviewer=INFRASTRUCTURE,
    severity=SHOULD,
    title="the version of a module or provider is left open",
    why="The next run may bring another version, with other defaults or another author's code.",
    fix="Name a version, or a tag or commit for a module from git.",
    category="versions",
    source="https://developer.hashicorp.com/terraform/language/modules/syntax#version",
    bad=terraform(
        'module "a" {; source = "terraform-aws-modules/vpc/aws"; }',
        'module "a" {; source = "git::https://example.com/vpc.git"; }',
    ),
    good=terraform(
        'module "a" {; source = "terraform-aws-modules/vpc/aws"; version = "5.1.0"; }',
        'module "a" {; source = "./vpc"; }',
        'module "a" {; source = "git::https://example.com/vpc.git?ref=v1.2.0"; }',
    ),
)

STATE_UNPROTECTED = Rule(
    id="infra/state-unprotected",
    reviewer=INFRASTRUCTURE,
    severity=NIT,
    title="the state is not encrypted or not locked",
    why="The state holds every attribute in plain text, passwords included; two runs at once"
    " corrupt it.",
    fix="Set encrypt = true, and use_lockfile or a lock table.",
    category="encryption",
    source="https://developer.hashicorp.com/terraform/language/backend/s3",
    bad=terraform('terraform {; backend "s3" {; bucket = "b"; encrypt = false; }; }'),
    good=terraform(
        'terraform {; backend "s3" {; bucket = "b"; encrypt = true; use_lockfile = true; }; }'
    ),
)

COUPLED_STACKS = Rule(
    id="infra/coupled-stacks",
    reviewer=INFRASTRUCTURE,
    severity=NIT,
    title="this stack depends on the inside of another one",
    why="An exported value cannot be changed or removed while anybody imports it, so the stacks"
    " have to be deployed, and undone, in step; reading a state also shows all its secrets.",
    fix="Hand the value over by a parameter store or a data source.",
    category="coupling",
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/"
    "using-cfn-stack-exports.html",
    bad=(
        *terraform('data "terraform_remote_state" "a" {; backend = "s3"; }'),
        *template("AWS::EC2::Instance | SubnetId: !ImportValue net-subnet"),
    ),
    good=(
        *terraform('data "aws_ssm_parameter" "a" {; name = "/net/subnet"; }'),
        *template("AWS::EC2::Instance | SubnetId: !Ref Subnet"),
    ),
)

HARD_CODED_ACCOUNT = Rule(
    id="infra/hard-coded-account",
    reviewer=INFRASTRUCTURE,
    severity=NIT,
    title="an account, region or zone is written out",
    why="The code works in one account and one place only; copied elsewhere it points at the wrong"
    " one.",
    fix="Use a reference, a data source, a pseudo parameter or a variable.",
    category="portability",
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/"
    "pseudo-parameter-reference.html",
    bad=template("AWS::EC2::Volume | Encrypted: true, AvailabilityZone: us-east-1a"),
    good=template("AWS::EC2::Volume | Encrypted: true, AvailabilityZone: !Select [0, !GetAZs '']"),
)

QUEUE_WITHOUT_DEAD_LETTERS = Rule(
    id="infra/queue-without-dead-letters",
    reviewer=INFRASTRUCTURE,
    severity=NIT,
    title="messages that cannot be handled are tried again until they expire, and are lost then",
    why="One message that always fails is delivered again and again for days, and takes the place"
    " of others; nobody is told of it.",
    fix="Set a redrive policy with a dead-letter queue, and an alarm on that queue's length.",
    category="availability",
    source=f"{_DEVELOPERS}/sqs-dead-letter-queues.html",
    bad=(
        *terraform('resource "aws_sqs_queue" "orders" {; sqs_managed_sse_enabled = true; }'),
        Example("stack.py", _CDK + 'orders = sqs.Queue(self, "Orders")\n'),
    ),
    good=(
        *terraform(
            'resource "aws_sqs_queue" "orders" {; redrive_policy = jsonencode({'
            " deadLetterTargetArn = aws_sqs_queue.dead.arn, maxReceiveCount = 4 }); }; "
            'resource "aws_sqs_queue" "dead" {; sqs_managed_sse_enabled = true; }',
            'resource "aws_sqs_queue" "orders_dlq" {; sqs_managed_sse_enabled = true; }',
        ),
        Example(
            "stack.py",
            _CDK + 'dead = sqs.Queue(self, "Dead")\norders = sqs.Queue(self, "Orders",\n'
            "    dead_letter_queue=sqs.DeadLetterQueue(max_receive_count=4, queue=dead))\n",
        ),
    ),
)

QUEUE_HIDES_TOO_BRIEFLY = Rule(
    id="infra/queue-hides-too-briefly",
    reviewer=INFRASTRUCTURE,
    severity=SHOULD,
    title="the queue shows a message again while the function still works on it",
    why="Lambda refuses such a pair, and where the queue is changed later messages are done twice.",
    fix="Set the queue's visibility timeout to at least six times the function's timeout.",
    category="availability",
    source="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html",
    bad=(
        *terraform(_LINKED % "30"),
        Example(
            "stack.py",
            _CDK + 'q = sqs.Queue(self, "Dlq", visibility_timeout=Duration.seconds(30))\n'
            'f = lambda_.Function(self, "F", timeout=Duration.minutes(1))\n'
            "f.add_event_source(SqsEventSource(q))\n",
        ),
    ),
    good=(
        *terraform(_LINKED % "360"),
        Example(
            "stack.py",
            _CDK + 'q = sqs.Queue(self, "Dlq", visibility_timeout=Duration.minutes(6))\n'
            'f = lambda_.Function(self, "F", timeout=Duration.minutes(1))\n'
            "f.add_event_source(SqsEventSource(q))\n",
        ),
    ),
)

REQUIRED_TAGS = Rule(
    id="infra/required-tags",
    reviewer=INFRASTRUCTURE,
    severity=NIT,
    title="a tag that the team requires is missing",
    why="Untagged resources have no owner when they cost money or break.",
    fix="Add the tags, or set them for all resources in the provider's default_tags.",
    category="tags",
    source="https://docs.aws.amazon.com/whitepapers/latest/tagging-best-practices/"
    "tagging-best-practices.html",
)

#: All rules of files; the tags that a team requires are checked over the whole change.
RULES = (
    UNENCRYPTED_AT_REST,
    NO_CUSTOMER_KEY,
    KEY_ROTATION_OFF,
    UNENCRYPTED_IN_TRANSIT,
    OLD_TLS,
    PUBLIC_STORAGE,
    PUBLIC_ACCESS_BLOCK_OFF,
    PUBLIC_DATABASE,
    CROSS_ORIGIN_OPEN,
    PUBLIC_ADDRESS,
    INSTANCE_METADATA_V1,
    PUBLIC_CONTROL_PLANE,
    DEFAULT_NETWORK,
    WEAK_PASSWORD_POLICY,
    ADMIN_POLICY_ATTACHED,
    RIGHTS_OF_SINGLE_USERS,
    WEAK_LOGIN,
    NO_AUTHENTICATION,
    PRIVILEGED_CONTAINER,
    IMAGES_NOT_CHECKED,
    OLD_RUNTIME,
    AUDIT_TRAIL_WEAK,
    NO_LOGS,
    LOG_RETENTION,
    NO_TRACING,
    NO_MONITORING,
    NO_WEB_FIREWALL,
    NO_BACKUPS,
    DATA_DELETED_WITH_STACK,
    DELETION_PROTECTION,
    SINGLE_ZONE,
    BUCKET_VERSIONING,
    NO_LIFECYCLE,
    NO_DEAD_LETTERS,
    CONTAINER_LIMITS,
    POD_PRIVILEGES,
    OPEN_TO_THE_INTERNET,
    IAM_ADMIN,
    IAM_WILDCARD,
    IAM_PUBLIC_PRINCIPAL,
    IAM_ALLOW_ALL_BUT,
    IAM_MISSING_CONDITION,
    LITERAL_SECRET,
    SECRET_NOT_SENSITIVE,
    UNPINNED_MODULE,
    STATE_UNPROTECTED,
    COUPLED_STACKS,
    HARD_CODED_ACCOUNT,
    QUEUE_WITHOUT_DEAD_LETTERS,
    QUEUE_HIDES_TOO_BRIEFLY,
)
