"""Table: data that outlives mistakes: backups, deletion, versions, spare zones, life cycles."""

from reviewloop.analysers.infra.examples import cdk, template, terraform
from reviewloop.analysers.infra.facts import (
    Entry,
    at_least,
    avoid,
    false,
    if_set,
    is_in,
    like,
    longer_than,
    need,
    present,
    true,
    want,
)
from reviewloop.analysers.rules import INFRASTRUCTURE, NIT, SHOULD, Rule

_EMPTY = like("^$")
_OWN_STORAGE = if_set("replicate_source_db", _EMPTY, missing=True)
_STATEFUL = (
    "AWS::RDS::DBInstance,AWS::RDS::DBCluster,AWS::DynamoDB::Table,AWS::EFS::FileSystem,"
    "AWS::DocDB::DBCluster,AWS::Neptune::DBCluster,AWS::Redshift::Cluster,AWS::S3::Bucket,"
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
            "aws_s3.Bucket,aws_kms.Key,aws_cognito.UserPool,aws_docdb.DatabaseCluster"
            " removalPolicy",
            "aws_opensearchservice.Domain,aws_redshift_alpha.Cluster removalPolicy",
        ),
        *avoid(true, "aws_s3.Bucket autoDeleteObjects", severity=NIT),
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

SPARE_ZONE = Entry(
    Rule(
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
            *terraform(
                'resource "aws_autoscaling_group" "a" {; availability_zones = ["a", "b"]; }'
            ),
            *template("AWS::RDS::DBInstance | MultiAZ: true"),
        ),
    ),
    (
        *want(
            true,
            "aws_db_instance multi_az",
            "aws_elasticache_replication_group multi_az_enabled",
            "aws_elasticache_replication_group automatic_failover_enabled",
            "aws_dms_replication_instance multi_az",
            "aws_elb cross_zone_load_balancing",
            "aws_lb enable_cross_zone_load_balancing",
            "aws_elasticsearch_domain,aws_opensearch_domain cluster_config.zone_awareness_enabled",
            "AWS::RDS::DBInstance MultiAZ",
            "AWS::ElastiCache::ReplicationGroup MultiAZEnabled",
            "AWS::ElastiCache::ReplicationGroup AutomaticFailoverEnabled",
            "AWS::ElasticLoadBalancing::LoadBalancer CrossZone",
            "aws_rds.DatabaseInstance multiAz",
        ),
        *need(
            true,
            "aws_elasticache_replication_group automatic_failover_enabled",
            when=if_set("num_cache_clusters", at_least(2)),
        ),
        *want(
            longer_than(1),
            "aws_autoscaling_group availability_zones",
            "aws_autoscaling_group vpc_zone_identifier",
            "aws_elb availability_zones",
            "aws_lb,aws_alb subnets",
            "aws_elasticache_cluster preferred_availability_zones",
            "AWS::AutoScaling::AutoScalingGroup AvailabilityZones",
        ),
        *avoid(
            is_in("single-az"),
            "aws_elasticache_cluster az_mode",
            when=if_set("num_cache_nodes", at_least(2)),
        ),
        *avoid(is_in("SINGLE_INSTANCE"), "aws_mq_broker deployment_mode"),
    ),
)

VERSIONING = Entry(
    Rule(
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
    ),
    (
        *need(
            true,
            "aws_s3_bucket versioning.enabled|versioning.status",
            beside="aws_s3_bucket_versioning.bucket",
        ),
        *need(is_in("Enabled"), "aws_s3_bucket_versioning versioning_configuration.status"),
        *want(
            is_in("Enabled"),
            "AWS::S3::Bucket VersioningConfiguration.Status",
        ),
        *want(true, "aws_s3.Bucket versioned"),
        *avoid(
            false,
            "aws_s3_bucket versioning.mfa_delete",
            says="versions can be deleted for good without a second factor",
        ),
        *avoid(
            is_in("Disabled"),
            "aws_s3_bucket_versioning versioning_configuration.mfa_delete",
            says="versions can be deleted for good without a second factor",
        ),
    ),
)

LIFE_CYCLE = Entry(
    Rule(
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
    ),
    (
        *need(
            present,
            "AWS::S3::Bucket LifecycleConfiguration",
            when=if_set("VersioningConfiguration.Status", is_in("Enabled")),
        ),
        *avoid(is_in("Disabled"), "aws_s3_bucket_lifecycle_configuration rule.status"),
        *avoid(false, "aws_s3_bucket lifecycle_rule.enabled"),
        *need(
            present,
            "aws_backup_plan rule[].lifecycle",
        ),
    ),
)

DEAD_LETTERS = Entry(
    Rule(
        id="infra/no-dead-letters",
        reviewer=INFRASTRUCTURE,
        severity=NIT,
        title="what fails is thrown away",
        why="Events that fail after all tries are lost without a trace.",
        fix="Name a dead-letter queue or an on-failure destination.",
        category="availability",
        source="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html",
        bad=terraform(
            'resource "aws_lambda_function" "a" {; tracing_config {; mode = "Active"; }; }'
        ),
        good=terraform(
            'resource "aws_lambda_function" "a" {; tracing_config {; mode = "Active"; }'
            "; dead_letter_config {; target_arn = var.dlq; }; }"
        ),
    ),
    (
        *need(
            present,
            "aws_lambda_function dead_letter_config",
            beside="aws_lambda_function_event_invoke_config.function_name",
        ),
    ),
)

ENTRIES = (
    BACKUPS,
    DELETABLE,
    DELETION_PROTECTION,
    SPARE_ZONE,
    VERSIONING,
    LIFE_CYCLE,
    DEAD_LETTERS,
)
