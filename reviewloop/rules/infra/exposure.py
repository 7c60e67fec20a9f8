"""Table: machines, clusters, networks and endpoints that the whole internet can reach."""

from reviewloop.analysis.contract import INFRASTRUCTURE, MUST, NIT, SECURITY, SHOULD, Rule
from reviewloop.rules.infra.examples import template, terraform
from reviewloop.rules.infra.facts import (
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

_EMPTY = like("^$")


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
            "aws_ecs_service network_configuration.assign_public_ip",
            "aws_ecs_task_set network_configuration.assign_public_ip",
            "AWS::EC2::Instance NetworkInterfaces.AssociatePublicIpAddress",
            "AWS::AutoScaling::LaunchConfiguration AssociatePublicIpAddress",
            "AWS::EC2::LaunchTemplate"
            " LaunchTemplateData.NetworkInterfaces.AssociatePublicIpAddress",
            "aws_ec2.Instance associatePublicIpAddress",
            "aws_ecs.FargateService assignPublicIp",
        ),
        *avoid(
            true,
            "aws_subnet,aws_default_subnet,module.vpc map_public_ip_on_launch",
            "AWS::EC2::Subnet MapPublicIpOnLaunch",
            severity=NIT,
            says="whatever is started in it gets an address on the internet",
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
            'resource "aws_eks_cluster" "a" {; vpc_config {'
            "; public_access_cidrs = var.office; }; }",
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


ENTRIES = (
    PUBLIC_ADDRESS,
    METADATA,
    PUBLIC_CLUSTER,
    DEFAULT_NETWORK,
)
