"""Table: Azure resources of Terraform, under the same rules."""

from reviewloop.analysers.infra import access, durability, encryption, exposure, logs, transit
from reviewloop.analysers.infra.facts import (
    Entry,
    at_least,
    avoid,
    false,
    given,
    holds,
    if_set,
    is_in,
    like,
    more,
    need,
    present,
    true,
    want,
)
from reviewloop.analysers.rules import NIT, SHOULD

_EMPTY = like("^$")
_SERVERS = (
    "azurerm_postgresql_server,azurerm_mysql_server,azurerm_mariadb_server,azurerm_mssql_server"
)
_WEB_APPS = (
    "azurerm_linux_web_app,azurerm_windows_web_app,azurerm_app_service,azurerm_function_app,"
    "azurerm_linux_function_app,azurerm_windows_function_app,azurerm_linux_web_app_slot,"
    "azurerm_app_service_slot,azurerm_windows_web_app_slot,azurerm_function_app_slot"
)
_NEW_TLS = is_in("1.2", "1.3", "TLS1_2", "TLS1_3", "Tls12", "Tls13", "Disabled")
_ADMIN_ROLE = is_in("Owner", "Contributor", "User Access Administrator")

ENTRIES: tuple[Entry, ...] = (
    more(
        transit.IN_TRANSIT,
        *want(
            true,
            "azurerm_storage_account https_traffic_only_enabled|enable_https_traffic_only",
            "azurerm_postgresql_server,azurerm_mysql_server,azurerm_mariadb_server"
            " ssl_enforcement_enabled",
        ),
        *need(true, f"{_WEB_APPS} https_only"),
        *avoid(true, "azurerm_redis_cache enable_non_ssl_port|non_ssl_port_enabled"),
        *avoid(is_in("AllAllowed"), f"{_WEB_APPS} site_config.ftps_state"),
        *need(
            is_in("FtpsOnly", "Disabled"),
            "azurerm_app_service,azurerm_function_app site_config[].ftps_state",
            says="files are also taken over plain FTP",
        ),
        *avoid(
            is_in("Http"),
            "azurerm_application_gateway http_listener.protocol",
            "azurerm_cdn_endpoint origin.protocol",
            severity=NIT,
        ),
        *avoid(true, "azurerm_cdn_endpoint is_http_allowed", severity=NIT),
        *avoid(
            holds("Http"),
            "azurerm_frontdoor routing_rule.accepted_protocols",
            "azurerm_cdn_frontdoor_route supported_protocols",
            when=if_set("https_redirect_enabled", false, missing=False),
        ),
        *want(
            is_in("on"),
            "azurerm_postgresql_flexible_server_configuration value",
            when=if_set("name", is_in("require_secure_transport")),
        ),
        *avoid(
            is_in("off"),
            "azurerm_mysql_flexible_server_configuration value",
            when=if_set("name", is_in("require_secure_transport")),
        ),
    ),
    more(
        transit.OLD_TLS,
        *want(
            _NEW_TLS,
            "azurerm_storage_account min_tls_version",
            "azurerm_mssql_server,azurerm_sql_server,azurerm_redis_cache minimum_tls_version",
            "azurerm_mssql_managed_instance minimum_tls_version",
            "azurerm_postgresql_server,azurerm_mysql_server,azurerm_mariadb_server"
            " ssl_minimal_tls_version_enforced",
            f"{_WEB_APPS} site_config.min_tls_version|site_config.minimum_tls_version",
            "azurerm_eventhub_namespace,azurerm_servicebus_namespace minimum_tls_version",
            "azurerm_iothub min_tls_version",
            "azurerm_cosmosdb_account minimal_tls_version",
        ),
        *need(
            _NEW_TLS,
            "azurerm_redis_cache minimum_tls_version",
            "azurerm_postgresql_server,azurerm_mysql_server,azurerm_mariadb_server"
            " ssl_minimal_tls_version_enforced",
            says="versions before 1.2 are taken by default",
        ),
        *avoid(
            like(r"(?i)^AppGwSslPolicy201[57]0|^TLSv1_[01]$"),
            "azurerm_application_gateway ssl_policy.policy_name",
            "azurerm_application_gateway ssl_policy.min_protocol_version",
        ),
        *avoid(
            true,
            *(
                f"azurerm_api_management security.{name}"
                for name in (
                    "enable_backend_ssl30",
                    "enable_backend_tls10",
                    "enable_backend_tls11",
                    "enable_frontend_ssl30",
                    "enable_frontend_tls10",
                    "enable_frontend_tls11",
                )
            ),
        ),
    ),
    more(
        exposure.PUBLIC_ACL,
        *avoid(is_in("blob", "container"), "azurerm_storage_container container_access_type"),
        *need(
            false,
            "azurerm_storage_account allow_nested_items_to_be_public|allow_blob_public_access",
            severity=SHOULD,
            says="containers in it may be made public",
        ),
        *avoid(true, "azurerm_container_registry anonymous_pull_enabled"),
    ),
    more(
        exposure.PUBLIC_DATABASE,
        *need(
            false,
            f"{_SERVERS},azurerm_sql_server public_network_access_enabled",
            severity=SHOULD,
            says="it is reachable from the internet",
        ),
        *avoid(
            true,
            "azurerm_mssql_managed_instance public_data_endpoint_enabled",
            "azurerm_postgresql_flexible_server public_network_access_enabled",
        ),
        *avoid(
            true,
            "azurerm_cosmosdb_account,azurerm_redis_cache,azurerm_data_factory"
            " public_network_access_enabled|public_network_enabled",
            "azurerm_kusto_cluster,azurerm_search_service,azurerm_container_registry"
            " public_network_access_enabled",
            "azurerm_key_vault,azurerm_storage_account,azurerm_eventhub_namespace"
            " public_network_access_enabled",
            "azurerm_servicebus_namespace,azurerm_cognitive_account,azurerm_app_configuration"
            " public_network_access_enabled|public_network_access",
            "azurerm_machine_learning_workspace,azurerm_synapse_workspace,azurerm_iothub"
            " public_network_access_enabled",
            "azurerm_eventgrid_domain,azurerm_eventgrid_topic,azurerm_automation_account"
            " public_network_access_enabled",
            "azurerm_batch_account,azurerm_databricks_workspace,azurerm_managed_disk"
            " public_network_access_enabled",
            severity=SHOULD,
            says="it is reachable from the internet",
        ),
        *need(
            false,
            "azurerm_data_factory public_network_enabled",
            "azurerm_eventgrid_domain,azurerm_cognitive_account public_network_access_enabled",
            "azurerm_search_service,azurerm_batch_account public_network_access_enabled",
            severity=SHOULD,
            says="it is reachable from the internet",
        ),
        *avoid(
            is_in("0.0.0.0"),
            "azurerm_sql_firewall_rule,azurerm_mssql_firewall_rule start_ip_address",
            "azurerm_postgresql_firewall_rule,azurerm_mysql_firewall_rule start_ip_address",
            "azurerm_mariadb_firewall_rule start_ip_address",
            "azurerm_postgresql_flexible_server_firewall_rule start_ip_address",
            "azurerm_mysql_flexible_server_firewall_rule start_ip_address",
            when=if_set("end_ip_address", is_in("255.255.255.255")),
            says="the firewall of the database lets every address in",
        ),
        *avoid(
            is_in("0.0.0.0"),
            "azurerm_sql_firewall_rule,azurerm_mssql_firewall_rule start_ip_address",
            "azurerm_postgresql_firewall_rule,azurerm_mysql_firewall_rule start_ip_address",
            "azurerm_mariadb_firewall_rule,azurerm_redis_firewall_rule start_ip_address|start_ip",
            when=if_set("end_ip_address", like("^(?!255)"), missing=True),
            severity=SHOULD,
            says="the firewall lets every service of the cloud in, other customers' included",
        ),
        *avoid(is_in("0.0.0.0"), "azurerm_redis_firewall_rule start_ip", severity=SHOULD),
        *avoid(
            holds("0.0.0.0/0", "0.0.0.0"),
            "azurerm_cosmosdb_account ip_range_filter",
            "azurerm_key_vault network_acls.ip_rules",
        ),
    ),
    more(
        exposure.PUBLIC_ADDRESS,
        *avoid(
            is_in("Allow"),
            "azurerm_storage_account network_rules.default_action",
            "azurerm_storage_account_network_rules default_action",
            "azurerm_key_vault network_acls.default_action",
            "azurerm_cognitive_account network_acls.default_action",
            says="every network may reach it",
        ),
        *avoid(
            given,
            "azurerm_network_interface ip_configuration.public_ip_address_id",
        ),
        *avoid(true, "azurerm_network_interface enable_ip_forwarding|ip_forwarding_enabled"),
        *need(
            is_in("Private", "None"),
            "azurerm_container_group ip_address_type",
            severity=NIT,
        ),
        *avoid(is_in("None"), "azurerm_api_management virtual_network_type"),
    ),
    more(
        exposure.PUBLIC_CLUSTER,
        *need(
            present,
            "azurerm_kubernetes_cluster api_server_authorized_ip_ranges"
            "|api_server_access_profile.authorized_ip_ranges|private_cluster_enabled",
        ),
        *avoid(
            holds("0.0.0.0/0"),
            "azurerm_kubernetes_cluster api_server_authorized_ip_ranges",
            "azurerm_kubernetes_cluster api_server_access_profile.authorized_ip_ranges",
        ),
        *avoid(true, "azurerm_kubernetes_cluster addon_profile.kube_dashboard.enabled"),
    ),
    more(
        exposure.OPEN_ENDPOINT,
        *avoid(
            false,
            "azurerm_kubernetes_cluster role_based_access_control_enabled",
            "azurerm_kubernetes_cluster role_based_access_control.enabled",
        ),
        *avoid(false, f"{_WEB_APPS} auth_settings.enabled", severity=NIT),
        *avoid(
            true,
            "azurerm_container_registry admin_enabled",
            says="one shared admin account stands beside the directory",
        ),
        *avoid(false, "azurerm_cosmosdb_account local_authentication_disabled", severity=NIT),
        *avoid(true, "azurerm_redis_cache redis_configuration.enable_authentication_disabled"),
        *avoid(
            false,
            "azurerm_redis_cache redis_configuration.enable_authentication"
            "|redis_configuration.authentication_enabled",
        ),
    ),
    more(
        access.DATABASE_LOGIN,
        *avoid(
            false,
            "azurerm_linux_virtual_machine,azurerm_linux_virtual_machine_scale_set"
            " disable_password_authentication",
            "azurerm_virtual_machine,azurerm_virtual_machine_scale_set"
            " os_profile_linux_config.disable_password_authentication",
            severity=SHOULD,
            says="people can log in with a password, which can be guessed",
        ),
        *need(
            present,
            "azurerm_key_vault_key,azurerm_key_vault_secret expiration_date",
            says="it never expires",
        ),
        *avoid(true, "azurerm_storage_account shared_access_key_enabled"),
        *avoid(
            true,
            f"{_WEB_APPS} site_config.remote_debugging_enabled",
            severity=SHOULD,
            says="a debugger can be attached from outside",
        ),
        *avoid(
            holds("*"),
            f"{_WEB_APPS} site_config.cors.allowed_origins",
            severity=SHOULD,
            says="every web site may call it with the visitor's rights",
        ),
    ),
    more(
        access.ADMIN_ATTACHED,
        *avoid(
            holds("*"),
            "azurerm_role_definition permissions.actions",
            says="the role allows every action",
        ),
        *avoid(
            _ADMIN_ROLE,
            "azurerm_role_assignment role_definition_name",
            when=if_set("scope", like("^/subscriptions/[^/]+$")),
        ),
    ),
    more(
        encryption.AT_REST,
        *avoid(
            false,
            "azurerm_managed_disk encryption_settings.enabled",
            "azurerm_mssql_database transparent_data_encryption_enabled",
            "azurerm_virtual_machine storage_os_disk.encryption_settings.enabled",
            "azurerm_linux_virtual_machine,azurerm_windows_virtual_machine"
            " encryption_at_host_enabled",
            "azurerm_kubernetes_cluster_node_pool enable_host_encryption|host_encryption_enabled",
        ),
        *avoid(is_in("Disabled"), "azurerm_data_lake_store encryption_state"),
        *need(
            true,
            "azurerm_automation_variable_string,azurerm_automation_variable_bool encrypted",
            "azurerm_automation_variable_int,azurerm_automation_variable_datetime encrypted",
            "azurerm_kusto_cluster disk_encryption_enabled|enable_disk_encryption",
            "azurerm_windows_virtual_machine_scale_set encryption_at_host_enabled",
            "azurerm_linux_virtual_machine_scale_set encryption_at_host_enabled",
        ),
        *need(
            is_in("EncryptAndSign"),
            "azurerm_service_fabric_cluster fabric_settings.parameters.ClusterProtectionLevel",
        ),
    ),
    more(
        durability.DELETABLE,
        *need(
            true,
            "azurerm_key_vault purge_protection_enabled",
            says="keys and secrets can be destroyed for good at once",
        ),
        *avoid(false, "azurerm_key_vault soft_delete_enabled"),
        *want(
            at_least(7),
            "azurerm_storage_account blob_properties.delete_retention_policy.days",
            severity=NIT,
        ),
        *avoid(false, "azurerm_recovery_services_vault soft_delete_enabled"),
    ),
    more(
        durability.BACKUPS,
        *need(
            true,
            "azurerm_postgresql_server,azurerm_mysql_server,azurerm_mariadb_server"
            " geo_redundant_backup_enabled",
            severity=NIT,
            says="backups die with their region",
        ),
        *avoid(
            false,
            "azurerm_postgresql_flexible_server,azurerm_mysql_flexible_server"
            " geo_redundant_backup_enabled",
            severity=NIT,
        ),
        *want(at_least(7), f"{_SERVERS} backup_retention_days"),
    ),
    more(
        logs.AUDIT,
        *want(
            at_least(90),
            "azurerm_network_watcher_flow_log,azurerm_mssql_server_extended_auditing_policy"
            " retention_policy.days|retention_in_days",
            "azurerm_mssql_database_extended_auditing_policy retention_in_days",
            "azurerm_sql_server,azurerm_mssql_server extended_auditing_policy.retention_in_days",
            "azurerm_monitor_log_profile retention_policy.days",
            "azurerm_mssql_server_security_alert_policy retention_days",
            severity=NIT,
            says="logs are kept for less than 90 days",
        ),
        *avoid(
            false,
            "azurerm_network_watcher_flow_log enabled",
            "azurerm_network_watcher_flow_log retention_policy.enabled",
            "azurerm_monitor_log_profile retention_policy.enabled",
            "azurerm_monitor_activity_log_alert,azurerm_monitor_metric_alert enabled",
            "azurerm_mssql_server_extended_auditing_policy enabled",
            "azurerm_security_center_contact alert_notifications",
            "azurerm_security_center_contact alerts_to_admins",
            "azurerm_mssql_server_security_alert_policy email_account_admins",
            "azurerm_postgresql_server,azurerm_mysql_server threat_detection_policy.enabled",
        ),
        *avoid(
            is_in("Disabled"),
            "azurerm_mssql_server_security_alert_policy state",
            "azurerm_sql_database,azurerm_mssql_database threat_detection_policy.state",
        ),
        *want(is_in("Standard"), "azurerm_security_center_subscription_pricing tier"),
        *avoid(present, "azurerm_mssql_server_security_alert_policy disabled_alerts"),
        *need(present, "azurerm_security_center_contact phone", severity=NIT),
        *need(
            true,
            "azurerm_mssql_server_vulnerability_assessment recurring_scans.enabled",
            severity=NIT,
        ),
        *avoid(
            is_in("Off"),
            "azurerm_firewall,azurerm_firewall_policy threat_intel_mode|threat_intelligence_mode",
        ),
        *avoid(
            is_in("off", "0"),
            "azurerm_postgresql_configuration,azurerm_postgresql_flexible_server_configuration"
            " value",
            when=if_set(
                "name",
                is_in(
                    "log_connections",
                    "log_disconnections",
                    "log_checkpoints",
                    "log_duration",
                    "connection_throttling",
                    "log_retention_days",
                    "connection_throttle.enable",
                ),
            ),
        ),
    ),
    more(
        logs.ACCESS_LOGS,
        *need(
            present,
            "azurerm_kubernetes_cluster oms_agent|addon_profile.oms_agent|microsoft_defender",
        ),
        *avoid(false, "azurerm_kubernetes_cluster addon_profile.oms_agent.enabled"),
        *avoid(
            false, f"{_WEB_APPS} logs.detailed_error_messages_enabled|logs.detailed_error_messages"
        ),
        *avoid(
            false, f"{_WEB_APPS} logs.failed_request_tracing_enabled|logs.failed_request_tracing"
        ),
        *avoid(
            false,
            "azurerm_storage_account queue_properties.logging.read",
            "azurerm_storage_account queue_properties.logging.write",
            "azurerm_storage_account queue_properties.logging.delete",
        ),
    ),
    more(
        logs.FIREWALL,
        *need(
            true,
            "azurerm_application_gateway waf_configuration.enabled",
            when=if_set("firewall_policy_id", _EMPTY, missing=True),
        ),
        *avoid(
            is_in("Detection"),
            "azurerm_web_application_firewall_policy policy_settings.mode",
            "azurerm_application_gateway waf_configuration.firewall_mode",
        ),
        *avoid(
            false,
            "azurerm_web_application_firewall_policy policy_settings.enabled",
            "azurerm_frontdoor_firewall_policy enabled",
        ),
        *need(
            present, "azurerm_frontdoor frontend_endpoint[].web_application_firewall_policy_link_id"
        ),
        *need(
            present,
            "azurerm_kubernetes_cluster network_profile.network_policy",
            says="pods may talk to any other pod",
        ),
        *avoid(
            false,
            "azurerm_kubernetes_cluster azure_policy_enabled|addon_profile.azure_policy.enabled",
        ),
    ),
)
