"""Table: what is logged, and for how long it is kept."""

from reviewloop.analysis.contract import INFRASTRUCTURE, NIT, SHOULD, Rule
from reviewloop.rules.infra.examples import template, terraform
from reviewloop.rules.infra.facts import (
    Entry,
    at_least,
    avoid,
    false,
    if_set,
    is_in,
    like,
    need,
    present,
    true,
    want,
)

_SHARED = if_set("load_balancer_type", is_in("application", "network"), missing=True)


AUDIT = Entry(
    Rule(
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
    ),
    (
        *need(
            true,
            "aws_cloudtrail is_multi_region_trail",
            "aws_cloudtrail enable_log_file_validation",
            "AWS::CloudTrail::Trail IsMultiRegionTrail",
            "AWS::CloudTrail::Trail EnableLogFileValidation",
        ),
        *want(
            true,
            "aws_cloudtrail enable_logging",
            "aws_cloudtrail include_global_service_events",
            "AWS::CloudTrail::Trail IsLogging",
            "AWS::CloudTrail::Trail IncludeGlobalServiceEvents",
            "aws_cloudtrail.Trail enableFileValidation",
            "aws_cloudtrail.Trail isMultiRegionTrail",
            "aws_cloudtrail.Trail includeGlobalServiceEvents",
            "aws_guardduty_detector,aws_config_configuration_recorder_status enable|is_enabled",
            "AWS::GuardDuty::Detector Enable",
        ),
        *need(
            true,
            "aws_config_configuration_recorder recording_group[].all_supported",
            "aws_config_configuration_recorder recording_group[].include_global_resource_types",
            "aws_config_configuration_aggregator account_aggregation_source[].all_regions",
            "aws_config_configuration_aggregator organization_aggregation_source[].all_regions",
            severity=NIT,
        ),
        *want(is_in("ALL"), "aws_flow_log traffic_type", severity=NIT),
    ),
)

ACCESS_LOGS = Entry(
    Rule(
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
                "AWS::ApiGateway::Stage | TracingEnabled: true, AccessLogSetting:"
                " {DestinationArn: a}"
            ),
        ),
    ),
    (
        *need(
            present,
            "aws_api_gateway_stage,aws_apigatewayv2_stage access_log_settings",
            "AWS::ApiGateway::Stage AccessLogSetting",
            "AWS::ApiGatewayV2::Stage AccessLogSettings",
            "aws_cloudfront_distribution logging_config",
            "AWS::CloudFront::Distribution DistributionConfig.Logging",
            "aws_msk_cluster logging_info.broker_logs",
            "aws_appsync_graphql_api log_config",
            "aws_globalaccelerator_accelerator attributes.flow_logs_enabled",
        ),
        *need(
            present,
            "aws_eks_cluster enabled_cluster_log_types",
            "AWS::EKS::Cluster Logging.ClusterLogging.EnabledTypes",
        ),
        *need(true, "aws_lb,aws_alb access_logs.enabled", when=_SHARED),
        *need(present, "aws_elb access_logs"),
        *avoid(false, "aws_elb access_logs.enabled"),
        *need(true, "aws_mq_broker logs.general", "AWS::AmazonMQ::Broker Logs.General"),
        *need(
            like("^(?!OFF$)"),
            "aws_sfn_state_machine logging_configuration.level",
            "AWS::StepFunctions::StateMachine LoggingConfiguration.Level",
        ),
        *want(
            true,
            "aws_mwaa_environment logging_configuration.*.enabled",
            "aws_codebuild_project logs_config.*.enabled",
            "aws_wafv2_web_acl visibility_config.cloudwatch_metrics_enabled",
            "aws_redshift_cluster logging.enable",
            "aws_globalaccelerator_accelerator attributes.flow_logs_enabled",
            "aws_lb,aws_alb access_logs.enabled",
        ),
        *avoid(
            is_in("0", "disabled"),
            "aws_docdb_cluster_parameter_group,aws_neptune_cluster_parameter_group"
            " parameter[].value",
            when=if_set("@name", is_in("audit_logs", "neptune_enable_audit_log")),
        ),
        *avoid(is_in("DISABLED"), "aws_codebuild_project logs_config.*.status"),
        *avoid(is_in("OFF"), "aws_api_gateway_method_settings settings.logging_level"),
        *need(
            is_in("ERROR", "INFO"),
            "aws_api_gateway_method_settings settings[].logging_level",
        ),
    ),
)

RETENTION = Entry(
    Rule(
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
    ),
    (
        *need(
            at_least(1),
            "aws_cloudwatch_log_group retention_in_days",
            "AWS::Logs::LogGroup RetentionInDays",
        ),
        *avoid(like(r"RetentionDays\.INFINITE$"), "aws_logs.LogGroup retention"),
    ),
)


ENTRIES = (
    AUDIT,
    ACCESS_LOGS,
    RETENTION,
)
