"""Table: what the whole internet can reach or read."""

from reviewloop.analysers.infra.examples import cdk, template, terraform
from reviewloop.analysers.infra.facts import (
    Entry,
    avoid,
    discourage,
    false,
    holds,
    if_set,
    is_in,
    like,
    need,
    present,
    true,
    want,
)
from reviewloop.analysers.rules import INFRASTRUCTURE, MUST, NIT, SECURITY, SHOULD, Rule

_EMPTY = like("^$")
_NOT_OPTIONS = like("^(?!OPTIONS)")
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

PUBLIC_ADDRESS = Entry(
    Rule(
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
    ),
    (
        *avoid(
            true,
            "aws_instance,aws_launch_configuration associate_public_ip_address",
            "aws_spot_instance_request associate_public_ip_address",
            "aws_launch_template network_interfaces.associate_public_ip_address",
            "aws_subnet,aws_default_subnet map_public_ip_on_launch",
            "module.vpc map_public_ip_on_launch",
            "aws_ecs_service network_configuration.assign_public_ip",
            "aws_ecs_task_set network_configuration.assign_public_ip",
            "AWS::EC2::Instance NetworkInterfaces.AssociatePublicIpAddress",
            "AWS::EC2::Subnet MapPublicIpOnLaunch",
            "AWS::AutoScaling::LaunchConfiguration AssociatePublicIpAddress",
            "AWS::EC2::LaunchTemplate"
            " LaunchTemplateData.NetworkInterfaces.AssociatePublicIpAddress",
            "aws_ec2.Instance associatePublicIpAddress",
            "aws_ecs.FargateService assignPublicIp",
        ),
        *avoid(
            is_in("ENABLED"),
            "AWS::ECS::Service NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp",
        ),
        *need(
            is_in("Disabled"),
            "aws_sagemaker_notebook_instance direct_internet_access",
            "AWS::SageMaker::NotebookInstance DirectInternetAccess",
        ),
        *avoid(
            is_in("PUBLIC_ONLY"),
            "aws_mwaa_environment webserver_access_mode",
            "AWS::MWAA::Environment WebserverAccessMode",
        ),
        *need(
            like("^VPC"),
            "aws_transfer_server endpoint_type",
            "AWS::Transfer::Server EndpointType",
            severity=NIT,
        ),
        *avoid(is_in("enable"), "aws_ec2_transit_gateway auto_accept_shared_attachments"),
        *avoid(false, "aws_vpc_endpoint_service acceptance_required"),
    ),
)

OPEN_ENDPOINT = Entry(
    Rule(
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
            *terraform(
                'resource "aws_lambda_function_url" "a" {; authorization_type = "AWS_IAM"; }'
            ),
            *template("AWS::Lambda::Url | AuthType: AWS_IAM"),
        ),
    ),
    (
        *avoid(
            is_in("NONE"),
            "aws_lambda_function_url authorization_type",
            "AWS::Lambda::Url AuthType",
            "AWS::Serverless::Function FunctionUrlConfig.AuthType",
        ),
        *avoid(like(r"FunctionUrlAuthType\.NONE$"), "aws_lambda.FunctionUrl authType"),
        *avoid(
            is_in("NONE"),
            "aws_api_gateway_method authorization",
            when=(
                if_set("http_method", _NOT_OPTIONS, missing=True),
                if_set("api_key_required", false, missing=True),
            ),
        ),
        *avoid(
            is_in("NONE"),
            "AWS::ApiGateway::Method AuthorizationType",
            when=(
                if_set("HttpMethod", _NOT_OPTIONS, missing=True),
                if_set("ApiKeyRequired", false, missing=True),
            ),
        ),
        *need(
            like("^(?!NONE$)"),
            "aws_apigatewayv2_route authorization_type",
            "AWS::ApiGatewayV2::Route AuthorizationType",
            severity=NIT,
        ),
        *avoid(
            true,
            "aws_cognito_identity_pool allow_unauthenticated_identities",
            "AWS::Cognito::IdentityPool AllowUnauthenticatedIdentities",
            "aws_msk_cluster client_authentication.unauthenticated",
            "AWS::MSK::Cluster ClientAuthentication.Unauthenticated.Enabled",
        ),
        *avoid(
            is_in("API_KEY"),
            "aws_appsync_graphql_api authentication_type",
            "AWS::AppSync::GraphQLApi AuthenticationType",
            severity=NIT,
            says="an API key is known to every client",
        ),
    ),
)

METADATA = Entry(
    Rule(
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
    ),
    (
        *need(
            is_in("required"),
            "aws_instance,aws_launch_template,aws_launch_configuration"
            " metadata_options.http_tokens",
            "aws_spot_instance_request metadata_options.http_tokens",
            when=(
                if_set("metadata_options.http_endpoint", is_in("enabled"), missing=True),
                if_set("launch_template", _EMPTY, missing=True),
            ),
        ),
        *want(
            is_in("required"),
            "AWS::EC2::LaunchTemplate LaunchTemplateData.MetadataOptions.HttpTokens",
            "AWS::AutoScaling::LaunchConfiguration MetadataOptions.HttpTokens",
        ),
        *avoid(
            false,
            "aws_ec2.Instance requireImdsv2",
            "aws_ec2.LaunchTemplate requireImdsv2",
        ),
        *avoid(
            is_in("optional"),
            "aws_ec2_instance_metadata_defaults http_tokens",
        ),
    ),
)

PUBLIC_CLUSTER = Entry(
    Rule(
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
    ),
    (
        *need(
            false,
            "aws_eks_cluster vpc_config.endpoint_public_access",
            "AWS::EKS::Cluster ResourcesVpcConfig.EndpointPublicAccess",
            when=(
                if_set("vpc_config.public_access_cidrs", _EMPTY, missing=True),
                if_set("ResourcesVpcConfig.PublicAccessCidrs", _EMPTY, missing=True),
            ),
        ),
        *avoid(
            holds("0.0.0.0/0"),
            "aws_eks_cluster vpc_config.public_access_cidrs",
            "AWS::EKS::Cluster ResourcesVpcConfig.PublicAccessCidrs",
            "module.eks cluster_endpoint_public_access_cidrs",
        ),
        *need(
            present,
            "aws_eks_node_group remote_access[].source_security_group_ids",
            when=if_set("remote_access.ec2_ssh_key", present),
            severity=MUST,
            says="SSH to the nodes is open to the whole internet",
        ),
    ),
)

DEFAULT_NETWORK = Entry(
    Rule(
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
    ),
    (
        discourage(
            "aws_default_vpc",
            "aws_default_subnet",
            severity=SHOULD,
            says="the default network is taken over instead of one made for the purpose",
        ),
        *need(
            present,
            "aws_vpc flow_logs",
            beside="aws_flow_log.vpc_id",
            says="no flow log of this file records its traffic",
        ),
        *avoid(
            present,
            "aws_default_security_group ingress",
            "aws_default_security_group egress",
            severity=SHOULD,
            says="what is started without a group of its own gets this access",
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
    PUBLIC_ADDRESS,
    OPEN_ENDPOINT,
    METADATA,
    PUBLIC_CLUSTER,
    DEFAULT_NETWORK,
    CROSS_ORIGIN,
)
