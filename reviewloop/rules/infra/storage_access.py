"""Table: buckets and databases that the whole internet can reach or read."""

from reviewloop.analysis.contract import MUST, NIT, SECURITY, SHOULD, Rule
from reviewloop.rules.infra.examples import cdk, template, terraform
from reviewloop.rules.infra.facts import Entry, avoid, false, holds, is_in, like, need, true, want

_PUBLIC_ACL = is_in("public-read", "public-read-write", "authenticated-read")


PUBLIC_ACL = Entry(
    Rule(
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
    ),
    (
        *avoid(
            _PUBLIC_ACL, "aws_s3_bucket,aws_s3_bucket_acl,aws_s3_bucket_object,aws_s3_object acl"
        ),
        *avoid(
            is_in("PublicRead", "PublicReadWrite", "AuthenticatedRead"),
            "AWS::S3::Bucket AccessControl",
        ),
        *avoid(
            like(r"/groups/global/(?:AllUsers|AuthenticatedUsers)$"),
            "aws_s3_bucket_acl access_control_policy.grant.grantee.uri",
            "aws_s3_bucket grant.uri",
        ),
        *avoid(true, "aws_s3.Bucket publicReadAccess"),
        *avoid(like(r"PUBLIC_READ|AUTHENTICATED_READ"), "aws_s3.Bucket accessControl"),
        *avoid(
            is_in("all"), "aws_ami_launch_permission,aws_snapshot_create_volume_permission group"
        ),
        *avoid(holds("All", "all"), "aws_ssm_document permissions.account_ids"),
    ),
)

PUBLIC_BLOCK_OFF = Entry(
    Rule(
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
    ),
    tuple(
        fact
        for snake, pascal, camel in (
            ("block_public_acls", "BlockPublicAcls", "blockPublicAcls"),
            ("block_public_policy", "BlockPublicPolicy", "blockPublicPolicy"),
            ("ignore_public_acls", "IgnorePublicAcls", "ignorePublicAcls"),
            ("restrict_public_buckets", "RestrictPublicBuckets", "restrictPublicBuckets"),
        )
        for fact in (
            *need(
                true,
                f"aws_s3_bucket_public_access_block,aws_s3_account_public_access_block {snake}",
                f"AWS::S3::Bucket PublicAccessBlockConfiguration[].{pascal}",
            ),
            *want(true, f"aws_s3_bucket {snake}", f"aws_s3.BlockPublicAccess {camel}"),
        )
    ),
)

PUBLIC_DATABASE = Entry(
    Rule(
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
    ),
    (
        *avoid(
            true,
            "aws_db_instance,aws_rds_cluster_instance,aws_redshift_cluster publicly_accessible",
            "aws_neptune_cluster_instance,aws_redshiftserverless_workgroup publicly_accessible",
            "AWS::RDS::DBInstance,AWS::Redshift::Cluster PubliclyAccessible",
            "aws_rds.DatabaseInstance,aws_rds.DatabaseInstanceFromSnapshot publiclyAccessible",
            "aws_rds.DatabaseCluster instanceProps.publiclyAccessible",
            "aws_redshift_alpha.Cluster publiclyAccessible",
        ),
        *avoid(
            true,
            "aws_dms_replication_instance,aws_mq_broker publicly_accessible",
            "AWS::DMS::ReplicationInstance,AWS::AmazonMQ::Broker PubliclyAccessible",
            severity=SHOULD,
            says="it has a public address",
        ),
        *need(
            false,
            "aws_redshift_cluster publicly_accessible",
            severity=SHOULD,
            says="providers before version 6 make it public by default",
        ),
        *avoid(
            is_in("SERVICE_PROVIDED_EIPS"),
            "aws_msk_cluster broker_node_group_info.connectivity_info.public_access.type",
            severity=SHOULD,
        ),
    ),
)

CROSS_ORIGIN = Entry(
    Rule(
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
    ),
    (
        *avoid(
            holds("*"),
            "aws_s3_bucket,aws_s3_bucket_cors_configuration cors_rule.allowed_origins",
            "aws_apigatewayv2_api cors_configuration.allow_origins",
            "aws_lambda_function_url cors.allow_origins",
            "AWS::S3::Bucket CorsConfiguration.CorsRules.AllowedOrigins",
            "AWS::ApiGatewayV2::Api CorsConfiguration.AllowOrigins",
        ),
    ),
)


ENTRIES = (
    PUBLIC_ACL,
    PUBLIC_BLOCK_OFF,
    PUBLIC_DATABASE,
    CROSS_ORIGIN,
)
