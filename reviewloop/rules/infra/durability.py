"""Table: backups, and what stops data from being deleted."""

from reviewloop.analysis.contract import INFRASTRUCTURE, NIT, SHOULD, Rule
from reviewloop.rules.infra.examples import cdk, template, terraform
from reviewloop.rules.infra.facts import (
    Entry,
    at_least,
    avoid,
    false,
    if_set,
    is_in,
    like,
    need,
    true,
    want,
)

_EMPTY = like("^$")
_OWN_STORAGE = if_set("replicate_source_db", _EMPTY, missing=True)
_STATEFUL = (
    "AWS::RDS::DBInstance,AWS::RDS::DBCluster,AWS::DynamoDB::Table,AWS::EFS::FileSystem,"
    "AWS::DocDB::DBCluster,AWS::Neptune::DBCluster,AWS::Redshift::Cluster,"
    "AWS::KMS::Key,AWS::Cognito::UserPool,AWS::EC2::Volume,AWS::DynamoDB::GlobalTable,"
    "AWS::OpenSearchService::Domain,AWS::Elasticsearch::Domain"
)
_REMOVED = like(r"RemovalPolicy\.DESTROY$")


BACKUPS = Entry(
    Rule(
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
    ),
    (
        *need(at_least(1), "aws_db_instance backup_retention_period", when=_OWN_STORAGE),
        *avoid(
            is_in("0"),
            "aws_rds_cluster,aws_docdb_cluster,aws_neptune_cluster backup_retention_period",
            "aws_redshift_cluster automated_snapshot_retention_period",
            "aws_elasticache_cluster,aws_elasticache_replication_group snapshot_retention_limit",
            "AWS::RDS::DBInstance,AWS::RDS::DBCluster,AWS::DocDB::DBCluster BackupRetentionPeriod",
            "AWS::Neptune::DBCluster BackupRetentionPeriod",
            "AWS::Redshift::Cluster AutomatedSnapshotRetentionPeriod",
        ),
        *need(
            true,
            "aws_dynamodb_table point_in_time_recovery.enabled",
            "AWS::DynamoDB::Table PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled",
            severity=NIT,
            says="the table cannot be taken back to a moment before a mistake",
        ),
        *avoid(
            false,
            "aws_dynamodb.Table pointInTimeRecovery",
            "aws_dynamodb.Table pointInTimeRecoverySpecification.pointInTimeRecoveryEnabled",
        ),
        *avoid(is_in("DISABLED"), "aws_efs_backup_policy backup_policy.status"),
    ),
)

DELETABLE = Entry(
    Rule(
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
    ),
    (
        *avoid(
            true,
            "aws_db_instance,aws_rds_cluster,aws_docdb_cluster skip_final_snapshot",
            "aws_neptune_cluster,aws_redshift_cluster skip_final_snapshot",
        ),
        *avoid(
            true,
            "aws_db_instance delete_automated_backups",
            "aws_s3_bucket,aws_ecr_repository,aws_backup_vault force_destroy|force_delete",
            severity=NIT,
        ),
        *avoid(is_in("Delete"), f"{_STATEFUL} @DeletionPolicy"),
        *avoid(
            _REMOVED,
            "aws_rds.DatabaseInstance,aws_rds.DatabaseCluster,aws_rds.ServerlessCluster"
            " removalPolicy",
            "aws_dynamodb.Table,aws_dynamodb.TableV2,aws_efs.FileSystem removalPolicy",
            "aws_kms.Key,aws_cognito.UserPool,aws_docdb.DatabaseCluster removalPolicy",
            "aws_opensearchservice.Domain,aws_redshift_alpha.Cluster removalPolicy",
        ),
        *avoid(true, "aws_s3.Bucket autoDeleteObjects"),
        *avoid(is_in("0"), "aws_secretsmanager_secret recovery_window_in_days", severity=NIT),
        *avoid(
            false, "aws_db_instance,aws_rds_cluster,aws_docdb_cluster lifecycle.prevent_destroy"
        ),
    ),
)

DELETION_PROTECTION = Entry(
    Rule(
        id="infra/deletion-protection",
        reviewer=INFRASTRUCTURE,
        severity=NIT,
        title="nothing stops its deletion by mistake",
        why="Deletion protection turns a slip of the hand into an error message.",
        fix="Turn deletion protection on for what production needs.",
        category="retention",
        source="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_DeleteInstance.html",
        bad=(
            *terraform(
                'resource "aws_dynamodb_table" "a" {; deletion_protection_enabled = false; }'
            ),
            *template("AWS::RDS::DBCluster | StorageEncrypted: true, DeletionProtection: false"),
        ),
        good=terraform(
            'resource "aws_dynamodb_table" "a" {; deletion_protection_enabled = true; }'
        ),
    ),
    (
        *need(
            true,
            "aws_db_instance deletion_protection",
            when=_OWN_STORAGE,
        ),
        *need(
            true,
            "aws_rds_cluster deletion_protection",
            "AWS::RDS::DBCluster DeletionProtection",
        ),
        *need(
            true,
            "aws_lb,aws_alb enable_deletion_protection",
            when=if_set("internal", false, missing=True),
        ),
        *want(
            true,
            "aws_dynamodb_table deletion_protection_enabled",
            "aws_docdb_cluster,aws_neptune_cluster,aws_rds_global_cluster deletion_protection",
            "aws_cognito_user_pool deletion_protection",
            "aws_networkfirewall_firewall delete_protection",
            "aws_qldb_ledger deletion_protection",
            "AWS::RDS::DBInstance,AWS::QLDB::Ledger DeletionProtection",
            "AWS::DynamoDB::Table DeletionProtectionEnabled",
            "aws_rds.DatabaseInstance,aws_rds.DatabaseCluster deletionProtection",
            "aws_dynamodb.Table deletionProtection",
        ),
        *need(true, "aws_networkfirewall_firewall delete_protection"),
    ),
)


ENTRIES = (
    BACKUPS,
    DELETABLE,
    DELETION_PROTECTION,
)
