"""Table: traces, alarms and the firewall before a service."""

from reviewloop.analysis.contract import INFRASTRUCTURE, NIT, SHOULD, Rule
from reviewloop.rules.infra.examples import template, terraform
from reviewloop.rules.infra.facts import (
    Entry,
    avoid,
    false,
    if_set,
    is_in,
    need,
    present,
    true,
    want,
)

_APPLICATION = if_set("load_balancer_type", is_in("application"), missing=True)


TRACING = Entry(
    Rule(
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
            *terraform(
                'resource "aws_lambda_function" "a" {; tracing_config {; mode = "Active"; }; }'
            ),
            *template("AWS::Lambda::Function | TracingConfig: {Mode: Active}"),
        ),
    ),
    (
        *need(
            present,
            "aws_lambda_function tracing_config.mode",
            "AWS::Lambda::Function TracingConfig.Mode",
            "AWS::Serverless::Function Tracing",
        ),
        *avoid(is_in("PassThrough"), "aws_lambda_function tracing_config.mode"),
        *want(
            true,
            "aws_api_gateway_stage xray_tracing_enabled",
            "aws_appsync_graphql_api xray_enabled",
            "aws_sfn_state_machine tracing_configuration.enabled",
            "AWS::ApiGateway::Stage TracingEnabled",
        ),
    ),
)

MONITORING = Entry(
    Rule(
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
    ),
    (
        *need(
            present,
            "aws_cloudwatch_metric_alarm alarm_actions|ok_actions|insufficient_data_actions",
            "AWS::CloudWatch::Alarm AlarmActions|OKActions|InsufficientDataActions",
        ),
        *want(
            true,
            "aws_cloudwatch_metric_alarm actions_enabled",
            "AWS::CloudWatch::Alarm ActionsEnabled",
        ),
        *avoid(false, "aws_instance monitoring"),
        *avoid(
            is_in("disabled"),
            "aws_ecs_cluster setting.value",
            "AWS::ECS::Cluster ClusterSettings.Value",
        ),
        *need(
            is_in("enabled", "enhanced"),
            "aws_ecs_cluster setting.value",
        ),
        *avoid(false, "aws_db_instance,aws_rds_cluster_instance performance_insights_enabled"),
        *avoid(is_in("0"), "aws_db_instance,aws_rds_cluster_instance monitoring_interval"),
        *avoid(is_in("DEFAULT"), "aws_msk_cluster enhanced_monitoring"),
        *need(
            is_in("enhanced"),
            "aws_elastic_beanstalk_environment setting[].value",
            when=if_set("@name", is_in("SystemType")),
        ),
    ),
)

FIREWALL = Entry(
    Rule(
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
    ),
    (
        *need(
            present,
            "aws_cloudfront_distribution web_acl_id",
            "AWS::CloudFront::Distribution DistributionConfig.WebACLId",
        ),
        *want(
            true,
            "aws_lb,aws_alb drop_invalid_header_fields",
            when=_APPLICATION,
            says="malformed headers reach the targets, which helps request smuggling",
        ),
        *avoid(is_in("monitor"), "aws_lb,aws_alb desync_mitigation_mode", severity=SHOULD),
    ),
)


ENTRIES = (
    TRACING,
    MONITORING,
    FIREWALL,
)
