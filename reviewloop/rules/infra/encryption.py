"""Table: data encrypted where it rests."""

from reviewloop.analysis.contract import INFRASTRUCTURE, NIT, SHOULD, Rule
from reviewloop.rules.infra.examples import cdk, cdk_script, template, terraform
from reviewloop.rules.infra.facts import (
    Entry,
    avoid,
    if_set,
    is_in,
    like,
    need,
    present,
    true,
    want,
)

_WELL = "https://docs.aws.amazon.com/wellarchitected/latest/security-pillar"
_REDIS = if_set("Engine", is_in("redis", "valkey"), missing=True)
_NEW_VOLUME = if_set("snapshot_id", like("^$"), missing=True)
_OWN_STORAGE = if_set("replicate_source_db", like("^$"), missing=True)
_OWN_STORAGE_CFN = (
    if_set("SourceDBInstanceIdentifier", like("^$"), missing=True),
    if_set("Engine", like("^(?!aurora)"), missing=True),
    if_set("DBClusterIdentifier", like("^$"), missing=True),
)

AT_REST = Entry(
    Rule(
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
            *cdk_script(
                "new s3.Bucket(this, 'B', { encryption: s3.BucketEncryption.UNENCRYPTED });"
            ),
        ),
        good=(
            *terraform('resource "aws_db_instance" "a" {; storage_encrypted = true; }'),
            *terraform('resource "aws_db_instance" "a" {; storage_encrypted = var.encrypted; }'),
            *template("AWS::EFS::FileSystem | Encrypted: true"),
            *cdk('rds.DatabaseInstance(self, "D", storage_encrypted=True)'),
        ),
    ),
    (
        *need(
            true,
            "aws_db_instance storage_encrypted",
            when=(_OWN_STORAGE, if_set("snapshot_identifier", like("^$"), missing=True)),
        ),
        *need(
            true,
            "aws_rds_cluster storage_encrypted",
            when=(
                if_set("engine_mode", like("^(?!serverless$)"), missing=True),
                if_set("replication_source_identifier", like("^$"), missing=True),
                if_set("snapshot_identifier", like("^$"), missing=True),
            ),
        ),
        *need(
            true,
            "aws_rds_global_cluster storage_encrypted",
            when=if_set("source_db_cluster_identifier", like("^$"), missing=True),
        ),
        *need(
            true,
            "aws_docdb_cluster,aws_neptune_cluster storage_encrypted",
            when=if_set("snapshot_identifier", like("^$"), missing=True),
        ),
        *need(
            true,
            "aws_docdb_global_cluster storage_encrypted",
            "aws_redshift_cluster encrypted",
            "aws_efs_file_system encrypted",
            "aws_ebs_encryption_by_default enabled",
            "aws_ebs_snapshot_copy,aws_ami_copy encrypted",
            "aws_dax_cluster server_side_encryption.enabled",
            "aws_elasticsearch_domain,aws_opensearch_domain encrypt_at_rest.enabled",
            "aws_workspaces_workspace root_volume_encryption_enabled",
            "aws_workspaces_workspace user_volume_encryption_enabled",
            "AWS::DocDB::DBCluster,AWS::Neptune::DBCluster StorageEncrypted",
            "AWS::EFS::FileSystem Encrypted",
            "AWS::DAX::Cluster SSESpecification.SSEEnabled",
            "AWS::Elasticsearch::Domain,AWS::OpenSearchService::Domain"
            " EncryptionAtRestOptions.Enabled",
            "AWS::WorkSpaces::Workspace RootVolumeEncryptionEnabled",
            "AWS::WorkSpaces::Workspace UserVolumeEncryptionEnabled",
        ),
        *need(true, "aws_ebs_volume encrypted", when=_NEW_VOLUME),
        *need(
            true, "AWS::EC2::Volume Encrypted", when=if_set("SnapshotId", like("^$"), missing=True)
        ),
        *need(true, "AWS::RDS::DBInstance StorageEncrypted", when=_OWN_STORAGE_CFN),
        *need(
            true,
            "AWS::RDS::DBCluster StorageEncrypted",
            when=if_set("SnapshotIdentifier", like("^$"), missing=True),
        ),
        *need(
            true,
            "aws_elasticache_replication_group at_rest_encryption_enabled",
            when=if_set("engine", is_in("redis"), missing=True),
        ),
        *need(true, "AWS::ElastiCache::ReplicationGroup AtRestEncryptionEnabled", when=_REDIS),
        *need(
            true,
            "aws_ami ebs_block_device[].encrypted",
            when=if_set("ebs_block_device.snapshot_id", like("^$"), missing=True),
        ),
        *need(
            true,
            "aws_instance,aws_launch_configuration root_block_device[].encrypted",
            "aws_instance,aws_launch_configuration ebs_block_device[].encrypted",
            "aws_launch_template block_device_mappings.ebs[].encrypted",
            "AWS::EC2::Instance,AWS::AutoScaling::LaunchConfiguration"
            " BlockDeviceMappings.Ebs[].Encrypted",
            "AWS::EC2::LaunchTemplate LaunchTemplateData.BlockDeviceMappings.Ebs[].Encrypted",
        ),
        *need(
            is_in("KMS"),
            "aws_kinesis_stream encryption_type",
            "AWS::Kinesis::Stream StreamEncryption.EncryptionType",
        ),
        *need(
            true,
            "aws_kinesis_firehose_delivery_stream server_side_encryption.enabled",
            when=if_set("kinesis_source_configuration", like("^$"), missing=True),
        ),
        *need(
            present,
            "aws_sns_topic kms_master_key_id",
            "AWS::SNS::Topic KmsMasterKeyId",
            says="messages are stored unencrypted; a topic does not encrypt by default",
        ),
        *need(
            present,
            "aws_athena_workgroup configuration.result_configuration.encryption_configuration",
            "aws_athena_database encryption_configuration",
            says="query results are written without the encryption you choose",
        ),
        *need(
            is_in("SSE-KMS", "SSE-KMS-WITH-SERVICE-ROLE"),
            "aws_glue_data_catalog_encryption_settings data_catalog_encryption_settings"
            ".encryption_at_rest.catalog_encryption_mode",
        ),
        *need(
            true,
            "aws_glue_data_catalog_encryption_settings data_catalog_encryption_settings"
            ".connection_password_encryption.return_connection_password_encrypted",
        ),
        *avoid(
            is_in("DISABLED"),
            "aws_glue_security_configuration"
            " encryption_configuration.cloudwatch_encryption.cloudwatch_encryption_mode",
            "aws_glue_security_configuration"
            " encryption_configuration.job_bookmarks_encryption.job_bookmarks_encryption_mode",
            "aws_glue_security_configuration"
            " encryption_configuration.s3_encryption.s3_encryption_mode",
        ),
        *need(
            present,
            "aws_glue_job,aws_glue_crawler,aws_glue_dev_endpoint security_configuration",
            severity=NIT,
            says="job output, logs and bookmarks are written without a security configuration",
        ),
        *avoid(
            true,
            "aws_codebuild_project artifacts.encryption_disabled|secondary_artifacts"
            ".encryption_disabled",
            "aws_codebuild_project logs_config.s3_logs.encryption_disabled",
            "AWS::CodeBuild::Project Artifacts.EncryptionDisabled",
        ),
        *avoid(
            is_in("NONE"),
            "aws_kinesis_stream encryption_type",
            "aws_redshiftserverless_namespace kms_key_id",
        ),
        *want(
            true,
            "AWS::Redshift::Cluster Encrypted",
            "aws_sqs_queue sqs_managed_sse_enabled",
            "AWS::SQS::Queue SqsManagedSseEnabled",
            "aws_rds.DatabaseInstance,aws_rds.DatabaseCluster storageEncrypted",
            "aws_rds.DatabaseClusterFromSnapshot,aws_rds.ServerlessCluster storageEncrypted",
            "aws_efs.FileSystem encrypted",
            "aws_ec2.Volume encrypted",
            "aws_docdb.DatabaseCluster,aws_neptune_alpha.DatabaseCluster storageEncrypted",
            "aws_redshift_alpha.Cluster encrypted",
            "aws_opensearchservice.Domain encryptionAtRest.enabled",
            "aws_api_gateway_method_settings settings.cache_data_encrypted",
            "aws_appsync_api_cache at_rest_encryption_enabled",
            "aws_fsx_ontap_file_system,aws_memorydb_cluster encrypted",
            "aws_imagebuilder_image_recipe block_device_mapping.ebs.encrypted",
            "aws_spot_instance_request,aws_spot_fleet_request root_block_device.encrypted",
        ),
        *need(
            true,
            "aws_api_gateway_method_settings settings.cache_data_encrypted",
            when=if_set("settings.caching_enabled", true),
        ),
        *need(
            true,
            "aws_appsync_api_cache at_rest_encryption_enabled",
            severity=NIT,
        ),
        *avoid(
            like(r"\.UNENCRYPTED$"),
            "aws_s3.Bucket encryption",
            "aws_sqs.Queue encryption",
            "aws_kinesis.Stream encryption",
        ),
    ),
)

ENTRIES = (AT_REST,)
