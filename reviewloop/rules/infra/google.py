"""Table: Google Cloud resources of Terraform: encryption, logs, backups; under the same rules."""

from reviewloop.analysis.contract import NIT, SHOULD
from reviewloop.rules.infra import (
    durability,
    encryption,
    logs,
    observability,
    transit,
    upkeep,
    workload_access,
)
from reviewloop.rules.infra.facts import (
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

_EMPTY = like("^$")
_SQL = "google_sql_database_instance settings."
_FIRST_INSTANCE = if_set("master_instance_name", _EMPTY, missing=True)
_MACHINES = "google_compute_instance,google_compute_instance_template"
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
        upkeep.VERSIONING,
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
        upkeep.SPARE_ZONE,
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
        observability.FIREWALL,
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
        workload_access.OLD_RUNTIME,
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
        workload_access.PRIVILEGED,
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
