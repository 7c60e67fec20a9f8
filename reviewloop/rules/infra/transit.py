"""Table: data encrypted while it travels, with protocols that are not broken."""

from reviewloop.analysis.contract import INFRASTRUCTURE, NIT, SHOULD, Rule
from reviewloop.rules.infra.examples import template, terraform
from reviewloop.rules.infra.facts import (
    Entry,
    avoid,
    given,
    holds,
    if_set,
    is_in,
    like,
    need,
    present,
    true,
    want,
)

_GOOD_POLICY = like(r"^ELBSecurityPolicy-(?:TLS13-(?!1-[01]-)|TLS-1-2|FS-1-2)|^\$")
_OLD_TLS = like(
    r"(?i)^(?:ssl|tls[-_ ]?v?1(?:[._][01])?(?:[-_]2016)?(?:_enabled)?)(?:v\d)?$|^1[._][01]$"
)
_REDIS = if_set("engine", is_in("redis", "valkey"), missing=True)
_REDIS_CFN = if_set("Engine", is_in("redis", "valkey"), missing=True)
_TLS_LISTENER = if_set("protocol", is_in("HTTPS", "TLS"))
_TLS_LISTENER_CFN = if_set("Protocol", is_in("HTTPS", "TLS"))

IN_TRANSIT = Entry(
    Rule(
        id="infra/unencrypted-in-transit",
        reviewer=INFRASTRUCTURE,
        severity=SHOULD,
        title="the data travels unencrypted",
        why="Everybody on the way, a compromised neighbour in the same network included, reads"
        " and alters what is sent, passwords and session cookies among it.",
        fix="Require TLS; redirect plain HTTP to HTTPS.",
        category="encryption",
        source="https://docs.aws.amazon.com/wellarchitected/latest/security-pillar/"
        "sec_protect_data_transit_encrypt.html",
        bad=(
            *terraform('resource "aws_elasticache_replication_group" "a" {; engine = "redis"; }'),
            *template(
                "AWS::CloudFront::Distribution | DistributionConfig: {DefaultCacheBehavior:"
                " {ViewerProtocolPolicy: allow-all}}"
            ),
        ),
        good=(
            *terraform(
                'resource "aws_elasticache_replication_group" "a" {'
                "; transit_encryption_enabled = true; }"
            ),
            *template(
                "AWS::CloudFront::Distribution | DistributionConfig: {DefaultCacheBehavior:"
                " {ViewerProtocolPolicy: redirect-to-https}}"
            ),
        ),
    ),
    (
        *need(true, "aws_elasticache_replication_group transit_encryption_enabled", when=_REDIS),
        *need(true, "AWS::ElastiCache::ReplicationGroup TransitEncryptionEnabled", when=_REDIS_CFN),
        *need(
            true,
            "aws_elasticsearch_domain,aws_opensearch_domain node_to_node_encryption.enabled",
            "aws_elasticsearch_domain,aws_opensearch_domain domain_endpoint_options.enforce_https",
            "AWS::Elasticsearch::Domain,AWS::OpenSearchService::Domain"
            " NodeToNodeEncryptionOptions.Enabled",
            "AWS::Elasticsearch::Domain,AWS::OpenSearchService::Domain"
            " DomainEndpointOptions.EnforceHTTPS",
        ),
        *need(
            is_in("ENABLED"),
            "aws_ecs_task_definition volume.efs_volume_configuration[].transit_encryption",
            "AWS::ECS::TaskDefinition Volumes.EFSVolumeConfiguration[].TransitEncryption",
        ),
        *want(
            true,
            "aws_memorydb_cluster tls_enabled",
            "aws_msk_cluster encryption_info.encryption_in_transit.in_cluster",
            "AWS::MSK::Cluster EncryptionInfo.EncryptionInTransit.InCluster",
            "aws_appsync_api_cache transit_encryption_enabled",
            "aws_opensearchservice.Domain nodeToNodeEncryption",
            "aws_opensearchservice.Domain enforceHttps",
            "aws_cloudsearch_domain endpoint_options.enforce_https",
            "aws_s3.Bucket enforceSSL",
        ),
        *want(
            is_in("TLS"),
            "aws_msk_cluster encryption_info.encryption_in_transit.client_broker",
            "AWS::MSK::Cluster EncryptionInfo.EncryptionInTransit.ClientBroker",
        ),
        *avoid(
            is_in("allow-all"),
            "aws_cloudfront_distribution default_cache_behavior.viewer_protocol_policy",
            "aws_cloudfront_distribution ordered_cache_behavior.viewer_protocol_policy",
            "AWS::CloudFront::Distribution"
            " DistributionConfig.DefaultCacheBehavior.ViewerProtocolPolicy",
            "AWS::CloudFront::Distribution DistributionConfig.CacheBehaviors.ViewerProtocolPolicy",
        ),
        *avoid(
            like(r"ViewerProtocolPolicy\.ALLOW_ALL$"),
            "aws_cloudfront.Distribution defaultBehavior.viewerProtocolPolicy",
            "aws_cloudfront.CloudFrontWebDistribution viewerProtocolPolicy",
        ),
        *avoid(
            is_in("http-only"),
            "aws_cloudfront_distribution origin.custom_origin_config.origin_protocol_policy",
            "AWS::CloudFront::Distribution"
            " DistributionConfig.Origins.CustomOriginConfig.OriginProtocolPolicy",
            says="the origin is asked over plain HTTP",
        ),
        *avoid(
            is_in("HTTP"),
            "aws_lb_listener,aws_alb_listener protocol",
            when=if_set("default_action.type", like("^(?!redirect)")),
            says="it serves plain HTTP instead of redirecting to HTTPS",
        ),
        *need(
            is_in("HTTPS", "TLS", "TCP", "UDP", "TCP_UDP", "GENEVE"),
            "aws_lb_listener,aws_alb_listener protocol",
            when=(
                if_set("default_action.type", like("^(?!redirect)")),
                if_set("port", is_in("80", "8080")),
            ),
            says="it serves plain HTTP instead of redirecting to HTTPS",
        ),
        *avoid(
            is_in("HTTP"),
            "aws_lb_listener,aws_alb_listener default_action.redirect.protocol",
            "AWS::ElasticLoadBalancingV2::Listener DefaultActions.RedirectConfig.Protocol",
        ),
        *avoid(
            is_in("HTTP"),
            "AWS::ElasticLoadBalancingV2::Listener Protocol",
            when=if_set("DefaultActions.Type", like("^(?!redirect)")),
            says="it serves plain HTTP instead of redirecting to HTTPS",
        ),
        *avoid(is_in("none"), "aws_dms_endpoint ssl_mode", "AWS::DMS::Endpoint SslMode"),
        *avoid(is_in("http"), "aws_elb listener.lb_protocol", severity=SHOULD),
        *avoid(
            is_in("HTTP"),
            "AWS::ElasticLoadBalancing::LoadBalancer Listeners.Protocol",
            "aws_lb_target_group,aws_alb_target_group protocol",
            severity=NIT,
        ),
        *avoid(
            is_in("FTP"),
            "aws_transfer_server protocols.*",
            "AWS::Transfer::Server Protocols.*",
            says="FTP sends passwords and files in the clear",
        ),
        *need(
            is_in("Require"),
            "aws_ses_configuration_set,aws_sesv2_configuration_set delivery_options.tls_policy",
            severity=NIT,
        ),
        *need(
            is_in("true", "1"),
            "aws_redshift_parameter_group parameter[].value",
            when=if_set("@name", is_in("require_ssl")),
        ),
        *avoid(
            is_in("0", "off", "disabled"),
            "aws_db_parameter_group,aws_rds_cluster_parameter_group parameter[].value",
            "aws_docdb_cluster_parameter_group parameter[].value",
            when=if_set("@name", is_in("rds.force_ssl", "require_secure_transport", "tls")),
        ),
        *avoid(
            given,
            "aws_s3_bucket website",
            "aws_s3_bucket_website_configuration index_document|redirect_all_requests_to",
            "AWS::S3::Bucket WebsiteConfiguration",
            "aws_s3.Bucket websiteIndexDocument",
            severity=NIT,
            says="the web site endpoint of a bucket answers over plain HTTP only",
        ),
        *avoid(
            true,
            "github_repository_webhook,github_organization_webhook configuration.insecure_ssl",
            "provider insecure",
            says="certificates are not checked",
        ),
        *avoid(
            like(r"^http://(?!localhost|127\.)"),
            "aws_sns_topic_subscription endpoint",
            "github_repository_webhook configuration.url",
            "AWS::SNS::Subscription Endpoint",
        ),
    ),
)

OLD_TLS = Entry(
    Rule(
        id="infra/old-tls",
        reviewer=INFRASTRUCTURE,
        severity=SHOULD,
        title="TLS older than 1.2 is accepted",
        why="TLS 1.0 and 1.1 are deprecated: their ciphers and handshakes are open to downgrade"
        " and decryption attacks, and auditors refuse them.",
        fix="Set the lowest version to TLS 1.2, or a policy that begins there.",
        category="encryption",
        source="https://www.rfc-editor.org/rfc/rfc8996",
        bad=(
            *terraform(
                'resource "aws_lb_listener" "a" {; protocol = "HTTPS"; ssl_policy ='
                ' "ELBSecurityPolicy-2016-08"; }'
            ),
            *template("AWS::ApiGateway::DomainName | SecurityPolicy: TLS_1_0"),
        ),
        good=(
            *terraform(
                'resource "aws_lb_listener" "a" {; protocol = "HTTPS"; ssl_policy ='
                ' "ELBSecurityPolicy-TLS13-1-2-2021-06"; }'
            ),
            *template("AWS::ApiGateway::DomainName | SecurityPolicy: TLS_1_2"),
        ),
    ),
    (
        *need(
            _GOOD_POLICY,
            "aws_lb_listener,aws_alb_listener ssl_policy",
            when=_TLS_LISTENER,
            says="TLS 1.0 is still taken, as by default",
        ),
        *need(
            _GOOD_POLICY,
            "AWS::ElasticLoadBalancingV2::Listener SslPolicy",
            when=_TLS_LISTENER_CFN,
            says="TLS 1.0 is still taken, as by default",
        ),
        *avoid(
            _OLD_TLS,
            "aws_api_gateway_domain_name security_policy",
            "aws_apigatewayv2_domain_name domain_name_configuration.security_policy",
            "AWS::ApiGateway::DomainName SecurityPolicy",
            "aws_cloudfront_distribution viewer_certificate.minimum_protocol_version",
            "AWS::CloudFront::Distribution"
            " DistributionConfig.ViewerCertificate.MinimumProtocolVersion",
            "aws_cloudfront_distribution origin.custom_origin_config.origin_ssl_protocols.*",
            "AWS::CloudFront::Distribution"
            " DistributionConfig.Origins.CustomOriginConfig.OriginSSLProtocols.*",
        ),
        *need(
            like("^TLSv1.[23]"),
            "aws_cloudfront_distribution viewer_certificate.minimum_protocol_version",
            when=if_set("viewer_certificate.acm_certificate_arn", present),
        ),
        *avoid(
            true,
            "aws_cloudfront_distribution viewer_certificate.cloudfront_default_certificate",
            "AWS::CloudFront::Distribution"
            " DistributionConfig.ViewerCertificate.CloudFrontDefaultCertificate",
            severity=NIT,
            says="with the default certificate the oldest protocol cannot be chosen",
        ),
        *avoid(
            like(
                r"SecurityPolicyProtocol\.(?:SSL|TLS_V1(?:_2016|_1_2016)?$)|SslPolicy\.(?:LEGACY|TLS11|RECOMMENDED$)|SecurityPolicy\.TLS_1_0"
            ),
            "aws_cloudfront.Distribution minimumProtocolVersion",
            "aws_apigateway.DomainName securityPolicy",
            "aws_elasticloadbalancingv2.ApplicationListener sslPolicy",
        ),
        *want(
            like(r"TLS-1-2"),
            "aws_elasticsearch_domain,aws_opensearch_domain"
            " domain_endpoint_options.tls_security_policy",
            "AWS::Elasticsearch::Domain,AWS::OpenSearchService::Domain"
            " DomainEndpointOptions.TLSSecurityPolicy",
            "aws_cloudsearch_domain endpoint_options.tls_security_policy",
        ),
        *need(
            like(r"TLS-1-2"),
            "aws_elasticsearch_domain,aws_opensearch_domain"
            " domain_endpoint_options[].tls_security_policy",
            when=if_set("domain_endpoint_options.enforce_https", true),
            says="TLS 1.0 is still taken, as by default",
        ),
        *avoid(
            like(r"^TransferSecurityPolicy-(?:2018|2020)"),
            "aws_transfer_server security_policy_name",
            "AWS::Transfer::Server SecurityPolicyName",
        ),
        *avoid(
            holds("Protocol-TLSv1", "Protocol-TLSv1.1", "Protocol-SSLv3"),
            "aws_load_balancer_policy policy_attribute.name",
        ),
    ),
)

ENTRIES = (IN_TRANSIT, OLD_TLS)
