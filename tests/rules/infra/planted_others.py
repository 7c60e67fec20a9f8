"""Labelled Terraform blocks for Azure, Google Cloud, Kubernetes: rule | type | wrong | right."""

# ruff: noqa: E501  (one block a line keeps the pairs comparable)

ROWS = """
unencrypted-in-transit | azurerm_storage_account | enable_https_traffic_only = false | https_traffic_only_enabled = true
unencrypted-in-transit | azurerm_linux_web_app | https_only = false | https_only = true
unencrypted-in-transit | azurerm_app_service | name = "a" | https_only = true; site_config {; ftps_state = "Disabled"; }
unencrypted-in-transit | azurerm_redis_cache | enable_non_ssl_port = true | enable_non_ssl_port = false
unencrypted-in-transit | azurerm_postgresql_server | ssl_enforcement_enabled = false | ssl_enforcement_enabled = true
old-tls | azurerm_storage_account | min_tls_version = "TLS1_0" | min_tls_version = "TLS1_2"
old-tls | azurerm_mssql_server | minimum_tls_version = "1.0" | minimum_tls_version = "1.2"
old-tls | azurerm_mysql_server | ssl_minimal_tls_version_enforced = "TLS1_1" | ssl_minimal_tls_version_enforced = "TLS1_2"
public-storage | azurerm_storage_container | container_access_type = "blob" | container_access_type = "private"
public-storage | azurerm_storage_account | allow_nested_items_to_be_public = true | allow_nested_items_to_be_public = false
public-database | azurerm_mssql_server | version = "12.0" | public_network_access_enabled = false
public-database | azurerm_sql_firewall_rule | start_ip_address = "0.0.0.0"; end_ip_address = "255.255.255.255" | start_ip_address = "10.0.0.1"; end_ip_address = "10.0.0.9"
public-address | azurerm_storage_account_network_rules | default_action = "Allow" | default_action = "Deny"
public-address | azurerm_network_interface | ip_configuration {; public_ip_address_id = azurerm_public_ip.p.id; } | ip_configuration {; private_ip_address_allocation = "Dynamic"; }
public-control-plane | azurerm_kubernetes_cluster | dns_prefix = "k" | private_cluster_enabled = true
no-authentication | azurerm_kubernetes_cluster | role_based_access_control_enabled = false | role_based_access_control_enabled = true
no-authentication | azurerm_container_registry | admin_enabled = true | admin_enabled = false
weak-login | azurerm_linux_virtual_machine | disable_password_authentication = false | disable_password_authentication = true
weak-login | azurerm_key_vault_secret | name = "s"; value = var.v | expiration_date = "2030-01-01T00:00:00Z"
admin-policy-attached | azurerm_role_definition | permissions {; actions = ["*"]; } | permissions {; actions = ["Microsoft.Resources/subscriptions/resourceGroups/read"]; }
data-deleted-with-stack | azurerm_key_vault | purge_protection_enabled = false | purge_protection_enabled = true
no-backups | azurerm_postgresql_server | geo_redundant_backup_enabled = false | geo_redundant_backup_enabled = true
audit-trail-weak | azurerm_security_center_auto_provisioning | auto_provision = "Off" | auto_provision = "On"
audit-trail-weak | azurerm_network_watcher_flow_log | retention_policy {; enabled = true; days = 7; } | retention_policy {; enabled = true; days = 90; }
audit-trail-weak | azurerm_postgresql_configuration | name = "log_checkpoints"; value = "off" | name = "log_checkpoints"; value = "on"
open-to-the-internet | azurerm_network_security_rule | direction = "Inbound"; access = "Allow"; protocol = "Tcp"; destination_port_range = "22"; source_address_prefix = "*" | direction = "Inbound"; access = "Deny"; protocol = "Tcp"; destination_port_range = "22"; source_address_prefix = "*"
open-to-the-internet | azurerm_network_security_group | security_rule {; direction = "Inbound"; access = "Allow"; protocol = "*"; destination_port_ranges = ["3380-3400"]; source_address_prefix = "Internet"; } | security_rule {; direction = "Inbound"; access = "Allow"; protocol = "Tcp"; destination_port_range = "443"; source_address_prefix = "Internet"; }
literal-secret | azurerm_mssql_server | administrator_login_password = "Thisis-n0t-good" | administrator_login_password = var.pw
public-storage | google_storage_bucket_iam_member | role = "roles/storage.objectViewer"; member = "allUsers" | role = "roles/storage.objectViewer"; member = "group:a@example.com"
public-storage | google_storage_bucket_iam_binding | members = ["allAuthenticatedUsers"] | members = ["group:a@example.com"]
public-storage | google_bigquery_dataset | access {; role = "READER"; special_group = "allAuthenticatedUsers"; } | access {; role = "OWNER"; special_group = "projectOwners"; }
public-access-block-off | google_storage_bucket | location = "EU" | uniform_bucket_level_access = true
public-database | google_sql_database_instance | settings {; ip_configuration {; ipv4_enabled = false; authorized_networks {; value = "0.0.0.0/0"; }; }; } | settings {; ip_configuration {; ipv4_enabled = false; }; }
unencrypted-in-transit | google_sql_database_instance | settings {; ip_configuration {; require_ssl = false; }; } | settings {; ip_configuration {; ssl_mode = "ENCRYPTED_ONLY"; }; }
no-backups | google_sql_database_instance | settings {; tier = "db-f1-micro"; } | settings {; backup_configuration {; enabled = true; }; }
no-logs | google_sql_database_instance | settings {; database_flags {; name = "log_connections"; value = "off"; }; } | settings {; database_flags {; name = "log_connections"; value = "on"; }; }
open-to-the-internet | google_compute_firewall | source_ranges = ["0.0.0.0/0"]; allow {; protocol = "tcp"; ports = ["22"]; } | source_ranges = ["10.0.0.0/8"]; allow {; protocol = "tcp"; ports = ["22"]; }
open-to-the-internet | google_compute_firewall | source_ranges = ["0.0.0.0/0"]; allow {; protocol = "all"; } | source_ranges = ["0.0.0.0/0"]; allow {; protocol = "tcp"; ports = ["443"]; }
public-address | google_compute_instance | network_interface {; access_config {; }; } | network_interface {; subnetwork = var.s; }
public-address | google_compute_instance | can_ip_forward = true | can_ip_forward = false
instance-metadata-v1 | google_compute_instance | metadata = { serial-port-enable = true } | metadata = { serial-port-enable = false, block-project-ssh-keys = true }
no-authentication | google_container_cluster | enable_legacy_abac = true | enable_legacy_abac = false
public-control-plane | google_container_cluster | name = "k" | master_authorized_networks_config {; cidr_blocks {; cidr_block = "10.0.0.0/8"; }; }; private_cluster_config {; enable_private_nodes = true; }
no-web-firewall | google_container_cluster | network_policy {; enabled = false; } | network_policy {; enabled = true; }; ip_allocation_policy {; cluster_ipv4_cidr_block = "x"; }
old-runtime | google_container_node_pool | management {; auto_upgrade = false; auto_repair = true; } | management {; auto_upgrade = true; auto_repair = true; }
key-rotation-off | google_kms_crypto_key | name = "k" | rotation_period = "7776000s"
key-rotation-off | google_kms_crypto_key | rotation_period = "31536000s" | purpose = "ASYMMETRIC_SIGN"
old-tls | google_compute_ssl_policy | min_tls_version = "TLS_1_1" | min_tls_version = "TLS_1_2"; profile = "MODERN"
admin-policy-attached | google_project_iam_member | role = "roles/owner"; member = "group:a@example.com" | role = "roles/viewer"; member = "group:a@example.com"
pod-privileges | kubernetes_pod | spec {; container {; security_context {; privileged = true; }; }; } | spec {; container {; security_context {; privileged = false; }; }; }
pod-privileges | kubernetes_deployment | spec {; template {; spec {; host_network = true; }; }; } | spec {; template {; spec {; host_network = false; }; }; }
pod-privileges | kubernetes_deployment_v1 | spec {; template {; spec {; container {; security_context {; capabilities {; add = ["SYS_ADMIN"]; }; }; }; }; }; } | spec {; template {; spec {; container {; security_context {; capabilities {; drop = ["ALL"]; }; }; }; }; }; }
container-limits | kubernetes_pod | spec {; container {; image = "nginx:latest"; }; } | spec {; container {; image = "nginx:1.27.1"; }; }
admin-policy-attached | kubernetes_cluster_role | rule {; api_groups = [""]; resources = ["pods"]; verbs = ["*"]; } | rule {; api_groups = [""]; resources = ["pods"]; verbs = ["get"]; }
"""
