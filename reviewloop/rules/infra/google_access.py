"""Table: Google Cloud resources of Terraform: who can reach and use them; under the same rules."""

from reviewloop.analysis.contract import NIT, SHOULD
from reviewloop.rules.infra import access, exposure, storage_access
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
)

_EMPTY = like("^$")
_EVERYBODY = is_in("allUsers", "allAuthenticatedUsers")
_SQL = "google_sql_database_instance settings."
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

ENTRIES: tuple[Entry, ...] = (
    more(
        storage_access.PUBLIC_ACL,
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
        storage_access.PUBLIC_BLOCK_OFF,
        *need(
            true,
            "google_storage_bucket uniform_bucket_level_access|bucket_policy_only",
            says="objects may carry permissions of their own",
        ),
        *avoid(is_in("inherited"), "google_storage_bucket public_access_prevention", severity=NIT),
    ),
    more(
        storage_access.PUBLIC_DATABASE,
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
        access.OPEN_ENDPOINT,
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
)
