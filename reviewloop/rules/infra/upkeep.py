"""Table: spare zones, versions, life cycles and letters that cannot be delivered."""

from reviewloop.analysis.contract import INFRASTRUCTURE, NIT, Rule
from reviewloop.rules.infra.examples import cdk, template, terraform
from reviewloop.rules.infra.facts import (
    Entry,
    at_least,
    avoid,
    false,
    if_set,
    is_in,
    longer_than,
    need,
    present,
    true,
    want,
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
    SPARE_ZONE,
    VERSIONING,
    LIFE_CYCLE,
    DEAD_LETTERS,
)
