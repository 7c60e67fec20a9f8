"""Table: Google Cloud resources of Terraform, under the same rules."""

from reviewloop.analysers.infra import access, durability, encryption, exposure, logs, transit
from reviewloop.analysers.infra.facts import (
    Entry,
    avoid,
    false,
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
_EVERYBODY = is_in("allUsers", "allAuthenticatedUsers")
_SQL = "google_sql_database_instance settings."
_FIRST_INSTANCE = if_set("master_instance_name", _EMPTY, missing=True)
_MACHINES = "google_compute_instance,google_compute_instance_template"
_IAM = tuple(
    f"google_{name}"
    for name in (
        "storage_bucket_iam",
        "kms_crypto_key_iam",
        "kms_key_ring_iam",
        "pubsub_topic_iam",
        "pubsub_subscription_iam",
        "bigquery_dataset_iam",
        "bigquery_table_iam",
        "cloud_run_service_iam",
        "cloud_run_v2_service_iam",
        "cloudfunctions_function_iam",
        "cloudfunctions2_function_iam",
        "artifact_registry_repository_iam",
        "secret_manager_secret_iam",
        "project_iam",
        "folder_iam",
        "organization_iam",
        "dataproc_cluster_iam",
        "dataflow_job_iam",
        "spanner_database_iam",
        "spanner_instance_iam",
        "compute_instance_iam",
        "service_account_iam",
        "healthcare_dataset_iam",
    )
)
_MEMBERS = ",".join(f"{name}_member" for name in _IAM)
_BINDINGS = ",".join(f"{name}_binding" for name in _IAM)
_WIDE = ",".join(f"google_{name}_iam" for name in ("project", "folder", "organization"))
_WIDE_ROLES = like(
    r"^roles/(?:owner|editor|iam\.serviceAccount(?:User|TokenCreator|Admin|KeyAdmin)"
    r"|iam\.securityAdmin|resourcemanager\.\w+Admin)$"
)
_DEFAULT_ACCOUNT = like(r"(?:-compute@developer|@appspot)\.gserviceaccount\.com$")
_OFF_FLAGS = (
    "log_connections",
    "log_disconnections",
    "log_checkpoints",
    "log_lock_waits",
    "log_hostname",
    "cloudsql.enable_pgaudit",
    "skip_show_database",
)
_ON_FLAGS = (
    "local_infile",
    "contained database authentication",
    "cross db ownership chaining",
    "external scripts enabled",
    "remote access",
)

ENTRIES: tuple[Entry, ...] = (
    more(
        exposure.PUBLIC_ACL,
        *avoid(_EVERYBODY, f"{_MEMBERS} member", f"{_BINDINGS} members.*"),
        *avoid(
            _EVERYBODY,
            "google_storage_bucket_access_control,google_storage_default_object_access_control"
            " entity",
            "google_bigquery_dataset access.special_group",
            "google_bigquery_dataset access.iam_member",
            "data.google_iam_policy binding.members.*",
        ),
        *avoid(
            like("^(?:publicRead|publicReadWrite|authenticatedRead)$"),
            "google_storage_bucket_acl,google_storage_object_acl,google_storage_bucket_object"
            " predefined_acl",
        ),
        *avoid(
            like("(?i):all(?:Authenticated)?Users$"),
            "google_storage_bucket_acl,google_storage_object_acl role_entity.*",
        ),
    ),
    more(
        exposure.PUBLIC_BLOCK_OFF,
        *need(
            true,
            "google_storage_bucket uniform_bucket_level_access|bucket_policy_only",
            says="objects may carry permissions of their own",
        ),
        *avoid(is_in("inherited"), "google_storage_bucket public_access_prevention", severity=NIT),
    ),
    more(
        exposure.PUBLIC_DATABASE,
        *avoid(
            like(r"^(?:0\.0\.0\.0/0|::/0)$"),
            f"{_SQL}ip_configuration.authorized_networks.value",
            says="the database lets every address in",
        ),
        *avoid(
            true,
            f"{_SQL}ip_configuration.ipv4_enabled",
            severity=SHOULD,
        ),
        *need(
            false,
            f"{_SQL}ip_configuration.ipv4_enabled",
            severity=SHOULD,
            when=if_set("settings.ip_configuration.private_network", _EMPTY, missing=True),
            says="it gets a public address by default",
        ),
    ),
    more(
        exposure.PUBLIC_ADDRESS,
        *avoid(
            present,
            f"{_MACHINES} network_interface.access_config",
        ),
        *avoid(true, f"{_MACHINES} can_ip_forward", says="it passes on packets of others"),
        *need(true, "google_notebooks_instance no_public_ip"),
        *avoid(false, "google_dataproc_cluster cluster_config.gce_cluster_config.internal_ip_only"),
        *avoid(
            is_in("ALLOW_ALL"),
            "google_cloudfunctions_function ingress_settings",
            "google_cloudfunctions2_function service_config.ingress_settings",
        ),
        *need(
            is_in("ALLOW_INTERNAL_ONLY", "ALLOW_INTERNAL_AND_GCLB"),
            "google_cloudfunctions_function ingress_settings",
            severity=NIT,
        ),
        *avoid(
            true,
            "google_compute_network,google_project auto_create_subnetworks|auto_create_network",
        ),
        *need(
            false,
            "google_project auto_create_network",
            "google_compute_network auto_create_subnetworks",
            severity=NIT,
            says="a network with open default rules is made in every region",
        ),
        *avoid(is_in("default"), f"{_MACHINES} network_interface.network", severity=NIT),
    ),
    more(
        exposure.PUBLIC_CLUSTER,
        *need(
            present,
            "google_container_cluster master_authorized_networks_config",
            when=if_set("private_cluster_config.enable_private_endpoint", false, missing=True),
        ),
        *avoid(
            like(r"^0\.0\.0\.0/0$"),
            "google_container_cluster master_authorized_networks_config.cidr_blocks.cidr_block",
        ),
        *avoid(
            false,
            "google_container_cluster private_cluster_config.enable_private_nodes",
            "google_container_cluster private_cluster_config.enable_private_endpoint",
            severity=NIT,
        ),
        *need(
            true,
            "google_container_cluster private_cluster_config.enable_private_nodes",
            severity=NIT,
            says="nodes get public addresses",
        ),
    ),
    more(
        exposure.OPEN_ENDPOINT,
        *avoid(
            true,
            "google_container_cluster enable_legacy_abac",
            says="legacy authorization gives every service account wide rights",
        ),
        *avoid(present, "google_container_cluster master_auth.username"),
        *avoid(
            true,
            "google_container_cluster"
            " master_auth.client_certificate_config.issue_client_certificate",
        ),
        *need(true, "google_redis_instance auth_enabled"),
    ),
    more(
        exposure.METADATA,
        *avoid(
            true,
            f"{_MACHINES},google_compute_project_metadata metadata.serial-port-enable",
            says="its serial console can be reached over the network",
        ),
        *avoid(
            false,
            f"{_MACHINES},google_compute_project_metadata metadata.enable-oslogin",
            f"{_MACHINES} metadata.block-project-ssh-keys",
        ),
        *avoid(
            is_in("false"),
            "google_compute_project_metadata_item value",
            when=if_set("key", is_in("enable-oslogin")),
        ),
        *avoid(
            is_in("true"),
            "google_compute_project_metadata_item value",
            when=if_set("key", is_in("serial-port-enable")),
        ),
        *need(true, "google_compute_project_metadata metadata.enable-oslogin"),
        *avoid(
            is_in("EXPOSE", "UNSPECIFIED", "GCE_METADATA"),
            "google_container_cluster,google_container_node_pool"
            " node_config.workload_metadata_config.mode",
            "google_container_cluster,google_container_node_pool"
            " node_config.workload_metadata_config.node_metadata",
        ),
        *avoid(
            is_in("false"),
            "google_container_cluster,google_container_node_pool"
            " node_config.metadata.disable-legacy-endpoints",
        ),
    ),
    more(
        access.ADMIN_ATTACHED,
        *avoid(
            _DEFAULT_ACCOUNT,
            f"{_MACHINES} service_account.email",
            f"{_MEMBERS} member",
            f"{_BINDINGS} members.*",
            says="the default service account may change the whole project",
        ),
        *avoid(
            like(r"(?:^|/)cloud-platform$"),
            f"{_MACHINES} service_account.scopes.*",
            "google_container_cluster,google_container_node_pool node_config.oauth_scopes.*",
            severity=NIT,
            says="the scope lets it call every service",
        ),
        *avoid(
            _WIDE_ROLES,
            *(f"{kind}_{form} role" for kind in _WIDE.split(",") for form in ("member", "binding")),
        ),
        *avoid(
            like(r"^roles/(?:owner|editor)$|\.admin$"), f"{_MEMBERS},{_BINDINGS} role", severity=NIT
        ),
        *avoid(
            like("@gmail.com$"),
            f"{_MEMBERS} member",
            f"{_BINDINGS} members.*",
            severity=SHOULD,
            says="a private account is outside the company's control",
        ),
    ),
    more(
        access.USER_RIGHTS,
        *avoid(like("^user:"), f"{_MEMBERS} member", f"{_BINDINGS} members.*"),
        *avoid(
            present,
            "google_service_account_key service_account_id",
            says="the key lives for years wherever it is copied to",
        ),
    ),
    more(
        transit.IN_TRANSIT,
        *need(
            is_in("true", "ENCRYPTED_ONLY", "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"),
            f"{_SQL}ip_configuration.ssl_mode|settings.ip_configuration.require_ssl",
        ),
        *need(is_in("SERVER_AUTHENTICATION"), "google_redis_instance transit_encryption_mode"),
        *avoid(
            is_in("SECURE_OPTIONAL"), "google_cloudfunctions_function https_trigger_security_level"
        ),
        *avoid(
            is_in("SECURE_OPTIONAL", "SECURE_DEFAULT"),
            "google_app_engine_standard_app_version,google_app_engine_flexible_app_version"
            " handlers.security_level",
        ),
        *avoid(
            is_in("HTTP"),
            "google_compute_backend_service,google_compute_region_backend_service protocol",
            severity=NIT,
        ),
        *avoid(
            is_in("off"),
            "google_dns_managed_zone dnssec_config.state",
            says="answers for the zone can be forged",
        ),
        *need(
            is_in("on"),
            "google_dns_managed_zone dnssec_config.state",
            when=if_set("visibility", is_in("public"), missing=True),
            severity=NIT,
            says="answers for the zone can be forged",
        ),
        *avoid(
            is_in("rsasha1"),
            "google_dns_managed_zone dnssec_config.default_key_specs.algorithm",
            "data.google_dns_keys key_signing_keys.algorithm",
        ),
    ),
    more(
        transit.OLD_TLS,
        *need(
            is_in("TLS_1_2"),
            "google_compute_ssl_policy min_tls_version",
            when=if_set("profile", like("^(?!RESTRICTED)"), missing=True),
        ),
        *avoid(is_in("COMPATIBLE"), "google_compute_ssl_policy profile"),
    ),
    more(
        encryption.AT_REST,
        *need(
            present,
            "google_container_cluster database_encryption",
            severity=NIT,
            says="secrets in the cluster's store are not encrypted with a key of yours",
        ),
        *avoid(is_in("DECRYPTED"), "google_container_cluster database_encryption.state"),
        *avoid(
            present,
            "google_compute_disk,google_compute_instance disk_encryption_key.raw_key"
            "|boot_disk.disk_encryption_key_raw",
            says="the key stands in the code and the state",
        ),
    ),
    more(
        durability.BACKUPS,
        *need(
            true,
            f"{_SQL}backup_configuration.enabled",
            when=_FIRST_INSTANCE,
        ),
        *avoid(false, f"{_SQL}backup_configuration.point_in_time_recovery_enabled", severity=NIT),
    ),
    more(
        durability.VERSIONING,
        *want(true, "google_storage_bucket versioning.enabled"),
    ),
    more(
        durability.DELETION_PROTECTION,
        *want(
            true,
            "google_sql_database_instance,google_bigquery_table,google_container_cluster"
            " deletion_protection",
            "google_spanner_database,google_bigtable_instance deletion_protection",
        ),
        *avoid(true, "google_spanner_database drop_protection_disabled"),
        *avoid(true, "google_storage_bucket force_destroy"),
    ),
    more(
        durability.SPARE_ZONE,
        *avoid(is_in("ZONAL"), f"{_SQL}availability_type"),
        *avoid(is_in("BASIC"), "google_redis_instance tier"),
    ),
    more(
        logs.ACCESS_LOGS,
        *avoid(
            is_in("none"),
            "google_container_cluster logging_service",
            "google_container_cluster monitoring_service",
            severity=SHOULD,
        ),
        *need(
            present,
            "google_compute_subnetwork log_config",
            when=if_set("purpose", is_in("PRIVATE"), missing=True),
            says="nobody sees which addresses talk to each other",
        ),
        *avoid(present, "google_project_iam_audit_config audit_log_config.exempted_members"),
        *avoid(
            false,
            "google_compute_backend_service,google_compute_region_backend_service"
            " log_config.enable",
        ),
        *avoid(
            is_in("off"),
            f"{_SQL}database_flags[].value",
            when=if_set("@name", is_in(*_OFF_FLAGS)),
            says="what the database does is not logged",
        ),
        *avoid(
            is_in("on"),
            f"{_SQL}database_flags[].value",
            when=if_set("@name", is_in(*_ON_FLAGS)),
            says="a flag opens what an attacker could use",
        ),
    ),
    more(
        logs.FIREWALL,
        *need(
            present,
            "google_container_cluster network_policy.enabled|datapath_provider",
            severity=SHOULD,
            says="pods may talk to any other pod",
        ),
        *avoid(false, "google_container_cluster network_policy.enabled", severity=SHOULD),
        *avoid(true, "google_container_cluster addons_config.network_policy_config.disabled"),
        *avoid(false, "google_container_cluster enable_intranode_visibility"),
    ),
    more(
        access.OLD_RUNTIME,
        *avoid(
            false,
            "google_container_node_pool management.auto_upgrade",
            "google_container_node_pool management.auto_repair",
        ),
        *need(
            true,
            "google_container_node_pool management.auto_upgrade",
            "google_container_node_pool management.auto_repair",
            severity=NIT,
        ),
        *avoid(
            like(
                r"^(?:python(?:27|37|38)|nodejs(?:6|8|10|12|14|16|18)|go11[1-8]|ruby2\d|php7\d"
                r"|java8|java11)$"
            ),
            "google_cloudfunctions_function runtime",
            "google_cloudfunctions2_function build_config.runtime",
        ),
    ),
    more(
        access.PRIVILEGED,
        *avoid(
            false,
            f"{_MACHINES} shielded_instance_config.enable_vtpm",
            f"{_MACHINES} shielded_instance_config.enable_integrity_monitoring",
            f"{_MACHINES} shielded_instance_config.enable_secure_boot",
            "google_container_cluster,google_container_node_pool"
            " node_config.shielded_instance_config.enable_integrity_monitoring",
            "google_container_cluster,google_container_node_pool"
            " node_config.shielded_instance_config.enable_secure_boot",
            "google_container_cluster enable_shielded_nodes",
            "google_container_cluster enable_binary_authorization",
            "google_container_cluster pod_security_policy_config.enabled",
            severity=NIT,
            says="changes to what it boots or runs are not noticed",
        ),
        *avoid(
            is_in("DISABLED"),
            "google_container_cluster binary_authorization.evaluation_mode",
            severity=NIT,
        ),
        *avoid(is_in("UBUNTU"), "google_container_node_pool node_config.image_type", severity=NIT),
        *want(
            like("(?i)^cos"),
            "google_container_cluster,google_container_node_pool node_config.image_type",
            severity=NIT,
            says="a general-purpose image carries more to attack",
        ),
    ),
)
