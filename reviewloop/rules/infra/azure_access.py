"""Table: Azure resources of Terraform: who can reach and use them; under the same rules."""

from reviewloop.analysis.contract import NIT, SHOULD
from reviewloop.rules.infra import access, exposure, storage_access
from reviewloop.rules.infra.facts import (
    Entry,
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
)

_SERVERS = (
    "azurerm_postgresql_server,azurerm_mysql_server,azurerm_mariadb_server,azurerm_mssql_server"
)
_WEB_APPS = (
    "azurerm_linux_web_app,azurerm_windows_web_app,azurerm_app_service,azurerm_function_app,"
    "azurerm_linux_function_app,azurerm_windows_function_app,azurerm_linux_web_app_slot,"
    "azurerm_app_service_slot,azurerm_windows_web_app_slot,azurerm_function_app_slot"
)
_ADMIN_ROLE = is_in("Owner", "Contributor", "User Access Administrator")

_ANY_ADDRESS = like(r"^0\.0\.0\.0$")
_ANY_NETWORK = holds("0.0.0.0/0")

ENTRIES: tuple[Entry, ...] = (
    more(
        storage_access.PUBLIC_ACL,
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
        storage_access.PUBLIC_DATABASE,
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
            _ANY_ADDRESS,
            "azurerm_sql_firewall_rule,azurerm_mssql_firewall_rule start_ip_address",
            "azurerm_postgresql_firewall_rule,azurerm_mysql_firewall_rule start_ip_address",
            "azurerm_mariadb_firewall_rule start_ip_address",
            "azurerm_postgresql_flexible_server_firewall_rule start_ip_address",
            "azurerm_mysql_flexible_server_firewall_rule start_ip_address",
            when=if_set("end_ip_address", is_in("255.255.255.255")),
            says="the firewall of the database lets every address in",
        ),
        *avoid(
            _ANY_ADDRESS,
            "azurerm_sql_firewall_rule,azurerm_mssql_firewall_rule start_ip_address",
            "azurerm_postgresql_firewall_rule,azurerm_mysql_firewall_rule start_ip_address",
            "azurerm_mariadb_firewall_rule,azurerm_redis_firewall_rule start_ip_address|start_ip",
            when=if_set("end_ip_address", like("^(?!255)"), missing=True),
            severity=SHOULD,
            says="the firewall lets every service of the cloud in, other customers' included",
        ),
        *avoid(_ANY_ADDRESS, "azurerm_redis_firewall_rule start_ip", severity=SHOULD),
        *avoid(
            _ANY_NETWORK,
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
        access.OPEN_ENDPOINT,
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
)
