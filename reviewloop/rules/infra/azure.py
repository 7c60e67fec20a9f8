"""Table: Azure resources of Terraform: encryption, logs, backups; under the same rules."""

from reviewloop.analysis.contract import NIT
from reviewloop.rules.infra import durability, encryption, logs, observability, transit
from reviewloop.rules.infra.facts import (
    Entry,
    at_least,
    avoid,
    false,
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
        *avoid(is_in("Off"), "azurerm_security_center_auto_provisioning auto_provision"),
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
        observability.FIREWALL,
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
