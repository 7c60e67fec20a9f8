"""Table: who holds the keys, and how often they are turned over."""

from reviewloop.analysis.contract import INFRASTRUCTURE, NIT, SHOULD, Rule
from reviewloop.rules.infra.examples import template, terraform
from reviewloop.rules.infra.facts import (
    Entry,
    at_most,
    avoid,
    if_set,
    is_in,
    like,
    need,
    present,
    true,
    want,
)

_SYMMETRIC = if_set("customer_master_key_spec", is_in("SYMMETRIC_DEFAULT"), missing=True)
_SYMMETRIC_NOW = if_set("key_spec", is_in("SYMMETRIC_DEFAULT"), missing=True)
_SYMMETRIC_CFN = if_set("KeySpec", is_in("SYMMETRIC_DEFAULT"), missing=True)
_ENCRYPTS = if_set("key_usage", is_in("ENCRYPT_DECRYPT"), missing=True)
_ENCRYPTS_CFN = if_set("KeyUsage", is_in("ENCRYPT_DECRYPT"), missing=True)
_OWN_KEY = if_set("custom_key_store_id", like("^$"), missing=True)

CUSTOMER_KEY = Entry(
    Rule(
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
    ),
    (
        *need(
            present,
            "aws_secretsmanager_secret kms_key_id",
            "aws_cloudtrail,aws_cloudtrail_event_data_store kms_key_id",
            "aws_sqs_queue kms_master_key_id",
            "aws_backup_vault kms_key_arn",
            "aws_codepipeline artifact_store.encryption_key",
            "aws_sagemaker_endpoint_configuration kms_key_arn",
            "aws_sagemaker_domain kms_key_id",
            "aws_kinesis_video_stream kms_key_id",
            "aws_mwaa_environment,aws_keyspaces_table kms_key",
            "AWS::SecretsManager::Secret KmsKeyId",
            "AWS::CloudTrail::Trail KMSKeyId",
        ),
        *avoid(
            is_in("alias/aws/sns", "alias/aws/sqs"),
            "aws_sns_topic,aws_sqs_queue kms_master_key_id",
            "AWS::SNS::Topic,AWS::SQS::Queue KmsMasterKeyId",
        ),
        *want(true, "aws_dynamodb_table server_side_encryption.enabled"),
        *need(
            present,
            "aws_db_instance performance_insights_kms_key_id",
            when=if_set("performance_insights_enabled", true),
        ),
        *need(
            is_in("KMS"),
            "aws_ecr_repository encryption_configuration[].encryption_type",
        ),
    ),
)

KEY_ROTATION = Entry(
    Rule(
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
    ),
    (
        *need(
            true,
            "aws_kms_key enable_key_rotation",
            when=(_SYMMETRIC, _SYMMETRIC_NOW, _ENCRYPTS, _OWN_KEY),
        ),
        *need(true, "AWS::KMS::Key EnableKeyRotation", when=(_SYMMETRIC_CFN, _ENCRYPTS_CFN)),
        *need(
            true,
            "aws_kms.Key enableKeyRotation",
            when=(
                if_set("keySpec", like("SYMMETRIC_DEFAULT"), missing=True),
                if_set("keyUsage", like("ENCRYPT_DECRYPT"), missing=True),
            ),
        ),
        *need(
            present,
            "google_kms_crypto_key rotation_period",
            when=if_set("purpose", is_in("ENCRYPT_DECRYPT"), missing=True),
        ),
        *want(
            at_most(7_776_000),
            "google_kms_crypto_key rotation_period",
            says="the key is rotated less often than every 90 days",
        ),
    ),
)

ENTRIES = (CUSTOMER_KEY, KEY_ROTATION)
