"""Faults that hand data, an account or a node to strangers: rule | kind | wrong | right.

They must be red; "(yellow)" marks those that another guard still stands before.
Terraform as in planted_aws.py, templates as in planted_templates.py; manifests are whole files.
"""

# ruff: noqa: E501  (one block a line keeps the pairs comparable)

TERRAFORM = """
public-database | aws_db_instance | publicly_accessible = true; storage_encrypted = true | publicly_accessible = false; storage_encrypted = true
public-database | aws_redshift_cluster | publicly_accessible = true; encrypted = true | publicly_accessible = false; encrypted = true
public-database | aws_dms_replication_instance | publicly_accessible = true | publicly_accessible = false
public-database | aws_mq_broker | publicly_accessible = true | publicly_accessible = false
public-database (yellow) | aws_msk_cluster | broker_node_group_info {; connectivity_info {; public_access {; type = "SERVICE_PROVIDED_EIPS"; }; }; } | broker_node_group_info {; connectivity_info {; public_access {; type = "DISABLED"; }; }; }
public-database | azurerm_mssql_managed_instance | public_data_endpoint_enabled = true | public_data_endpoint_enabled = false
public-database | azurerm_mssql_firewall_rule | start_ip_address = "0.0.0.0"; end_ip_address = "255.255.255.255" | start_ip_address = "10.1.0.0"; end_ip_address = "10.1.0.9"
public-database | azurerm_cosmosdb_account | ip_range_filter = "0.0.0.0/0" | ip_range_filter = "10.1.0.0/16"
public-database | google_sql_database_instance | settings {; ip_configuration {; ipv4_enabled = false; authorized_networks {; value = "0.0.0.0/0"; }; }; } | settings {; ip_configuration {; ipv4_enabled = false; authorized_networks {; value = "10.1.0.0/16"; }; }; }
public-storage | aws_s3_bucket | acl = "public-read-write" | acl = "private"
public-access-block-off (yellow) | aws_ebs_snapshot_block_public_access | state = "unblocked" | state = "block-all-sharing"
public-storage | aws_ami_launch_permission | group = "all" | account_id = var.partner
public-storage | aws_snapshot_create_volume_permission | group = "all" | account_id = var.partner
public-storage | google_storage_bucket_iam_member | role = "roles/storage.objectViewer"; member = "allUsers" | role = "roles/storage.objectViewer"; member = "group:ops@example.com"
public-storage | google_bigquery_dataset | access {; role = "READER"; special_group = "allAuthenticatedUsers"; } | access {; role = "READER"; special_group = "projectReaders"; }
public-storage | digitalocean_spaces_bucket | acl = "public-read" | acl = "private"
public-storage | azurerm_storage_container | container_access_type = "container" | container_access_type = "private"
open-to-the-internet | aws_security_group | ingress {; from_port = 22; to_port = 22; protocol = "tcp"; cidr_blocks = ["0.0.0.0/0"]; } | ingress {; from_port = 22; to_port = 22; protocol = "tcp"; cidr_blocks = ["10.0.0.0/8"]; }
open-to-the-internet | aws_security_group | ingress {; from_port = 0; to_port = 0; protocol = "-1"; cidr_blocks = ["0.0.0.0/0"]; } | ingress {; from_port = 443; to_port = 443; protocol = "tcp"; cidr_blocks = ["0.0.0.0/0"]; }
open-to-the-internet | aws_vpc_security_group_ingress_rule | ip_protocol = "tcp"; from_port = 27017; to_port = 27017; cidr_ipv6 = "::/0" | ip_protocol = "tcp"; from_port = 27017; to_port = 27017; cidr_ipv4 = "10.0.0.0/8"
open-to-the-internet | azurerm_network_security_rule | access = "Allow"; direction = "Inbound"; protocol = "Tcp"; source_address_prefix = "*"; destination_port_range = "3389" | access = "Allow"; direction = "Inbound"; protocol = "Tcp"; source_address_prefix = "VirtualNetwork"; destination_port_range = "3389"
open-to-the-internet | google_compute_firewall | source_ranges = ["0.0.0.0/0"]; allow {; protocol = "tcp"; ports = ["5432"]; } | source_ranges = ["10.0.0.0/8"]; allow {; protocol = "tcp"; ports = ["5432"]; }
open-to-the-internet | digitalocean_firewall | inbound_rule {; protocol = "tcp"; port_range = "22"; source_addresses = ["0.0.0.0/0"]; } | inbound_rule {; protocol = "tcp"; port_range = "22"; source_addresses = ["10.0.0.0/8"]; }
open-to-the-internet | oci_core_security_list | ingress_security_rules {; protocol = "6"; source = "0.0.0.0/0"; tcp_options {; min = 22; max = 22; }; } | ingress_security_rules {; protocol = "6"; source = "10.0.0.0/8"; tcp_options {; min = 22; max = 22; }; }
iam-wildcard | aws_iam_policy | policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "s3:*", Resource = "*" }] }) | policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::b/*" }] })
iam-wildcard | aws_iam_role_policy | policy = jsonencode({ Statement = [{ Effect = "Allow", Action = ["iam:PassRole", "ec2:RunInstances"], Resource = "*" }] }) | policy = jsonencode({ Statement = [{ Effect = "Allow", Action = ["iam:PassRole"], Resource = "arn:aws:iam::1:role/app" }] })
iam-wildcard (yellow) | aws_iam_policy | policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:*", Resource = "arn:aws:iam::1:role/app" }] }) | policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:GetRole", Resource = "arn:aws:iam::1:role/app" }] })
iam-admin | data.aws_iam_policy_document | statement {; actions = ["*"]; resources = ["*"]; } | statement {; actions = ["sqs:SendMessage"]; resources = [aws_sqs_queue.q.arn]; }
iam-public-principal | aws_sqs_queue_policy | policy = jsonencode({ Statement = [{ Effect = "Allow", Principal = "*", Action = "sqs:SendMessage", Resource = "*" }] }) | policy = jsonencode({ Statement = [{ Effect = "Allow", Principal = { AWS = "arn:aws:iam::1:role/app" }, Action = "sqs:SendMessage", Resource = "*" }] })
iam-public-principal | aws_secretsmanager_secret_policy | policy = jsonencode({ Statement = [{ Effect = "Allow", Principal = { AWS = "*" }, Action = "secretsmanager:GetSecretValue", Resource = "*" }] }) | policy = jsonencode({ Statement = [{ Effect = "Allow", Principal = { AWS = "arn:aws:iam::1:role/app" }, Action = "secretsmanager:GetSecretValue", Resource = "*" }] })
admin-policy-attached | aws_iam_user_policy_attachment | policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess" | policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
admin-policy-attached | google_project_iam_member | role = "roles/owner"; member = "serviceAccount:ci@p.iam.gserviceaccount.com" | role = "roles/logging.logWriter"; member = "serviceAccount:ci@p.iam.gserviceaccount.com"
admin-policy-attached | azurerm_role_assignment | scope = "/subscriptions/00000000-0000-0000-0000-000000000000"; role_definition_name = "Owner" | scope = azurerm_resource_group.r.id; role_definition_name = "Reader"
admin-policy-attached | azurerm_role_definition | permissions {; actions = ["*"]; } | permissions {; actions = ["Microsoft.Compute/*/read"]; }
no-authentication (yellow) | aws_lambda_function_url | authorization_type = "NONE" | authorization_type = "AWS_IAM"
no-authentication | azurerm_redis_cache | redis_configuration {; enable_authentication = false; } | redis_configuration {; enable_authentication = true; }
no-authentication (yellow) | aws_msk_cluster | client_authentication {; unauthenticated = true; } | client_authentication {; unauthenticated = false; }
no-authentication | google_container_cluster | enable_legacy_abac = true | enable_legacy_abac = false
public-control-plane (yellow) | aws_eks_cluster | vpc_config {; endpoint_public_access = true; public_access_cidrs = ["0.0.0.0/0"]; } | vpc_config {; endpoint_public_access = true; public_access_cidrs = ["203.0.113.0/24"]; }
public-control-plane (yellow) | google_container_cluster | master_authorized_networks_config {; cidr_blocks {; cidr_block = "0.0.0.0/0"; }; } | master_authorized_networks_config {; cidr_blocks {; cidr_block = "203.0.113.0/24"; }; }; private_cluster_config {; enable_private_nodes = true; }
public-control-plane (yellow) | azurerm_kubernetes_cluster | api_server_access_profile {; authorized_ip_ranges = ["0.0.0.0/0"]; } | api_server_access_profile {; authorized_ip_ranges = ["203.0.113.0/24"]; }
unencrypted-in-transit (yellow) | aws_elasticache_replication_group | transit_encryption_enabled = false; at_rest_encryption_enabled = true; auth_token = var.t | transit_encryption_enabled = true; at_rest_encryption_enabled = true; auth_token = var.t
literal-secret | aws_lambda_function | environment {; variables = {; DB_PASSWORD = "hunter2-Really"; }; } | environment {; variables = {; DB_SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:1:secret:a"; }; }
literal-secret | kubernetes_deployment | spec {; template {; spec {; container {; env {; name = "API_TOKEN"; value = "hunter2-Really"; }; }; }; }; } | spec {; template {; spec {; container {; env {; name = "API_TOKEN"; value_from {; secret_key_ref {; name = "a"; key = "t"; }; }; }; }; }; }; }
pod-privileges | kubernetes_pod | spec {; container {; security_context {; privileged = true; }; }; } | spec {; container {; security_context {; privileged = false; }; }; }
pod-privileges (yellow) | kubernetes_daemon_set_v1 | spec {; template {; spec {; host_pid = true; }; }; } | spec {; template {; spec {; host_pid = false; }; }; }
pod-privileges | kubernetes_deployment_v1 | spec {; template {; spec {; volume {; host_path {; path = "/etc"; }; }; }; }; } | spec {; template {; spec {; volume {; config_map {; name = "a"; }; }; }; }; }
privileged-container | aws_ecs_task_definition | container_definitions = jsonencode([{ name = "a", image = "a:1", privileged = true }]) | container_definitions = jsonencode([{ name = "a", image = "a:1", privileged = false }])
rights-of-single-users | aws_iam_access_key | user = "root" | ~aws_iam_group: name = "ops"
public-database | aws_lightsail_database | publicly_accessible = true | publicly_accessible = false
public-database | azurerm_redis_firewall_rule | start_ip = "0.0.0.0"; end_ip = "255.255.255.255" | start_ip = "10.1.0.0"; end_ip = "10.1.0.9"
public-database | alicloud_db_instance | security_ips = ["0.0.0.0/0"] | security_ips = ["10.23.12.24"]
public-storage | oci_objectstorage_bucket | access_type = "ObjectRead" | access_type = "NoPublicAccess"
public-storage | alicloud_oss_bucket_acl | acl = "public-read-write" | acl = "private"
open-to-the-internet | hcloud_firewall | rule {; direction = "in"; protocol = "tcp"; port = "22"; source_ips = ["0.0.0.0/0"]; } | rule {; direction = "in"; protocol = "tcp"; port = "443"; source_ips = ["0.0.0.0/0"]; }
open-to-the-internet | linode_firewall | inbound {; action = "ACCEPT"; protocol = "TCP"; ports = "22"; ipv4 = ["0.0.0.0/0"]; } | inbound {; action = "DROP"; protocol = "TCP"; ports = "22"; ipv4 = ["0.0.0.0/0"]; }
open-to-the-internet | aws_network_acl_rule | rule_action = "allow"; protocol = "tcp"; from_port = 22; to_port = 22; cidr_block = "0.0.0.0/0" | rule_action = "allow"; protocol = "tcp"; from_port = 22; to_port = 22; cidr_block = "10.0.0.0/8"
iam-wildcard | aws_iam_policy | policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:AttachRolePolicy", Resource = "*" }] }) | policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:AttachRolePolicy", Resource = "arn:aws:iam::1:role/app-*" }] })
iam-allow-all-but | aws_sqs_queue_policy | policy = jsonencode({ Statement = [{ Effect = "Allow", NotPrincipal = { AWS = "arn:aws:iam::1:role/a" }, Action = "sqs:SendMessage", Resource = "*" }] }) | policy = jsonencode({ Statement = [{ Effect = "Deny", NotPrincipal = { AWS = "arn:aws:iam::1:role/a" }, Action = "sqs:SendMessage", Resource = "*" }] })
admin-policy-attached | aws_iam_role_policy_attachment | policy_arn = "arn:aws:iam::aws:policy/IAMFullAccess" | policy_arn = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
admin-policy-attached | google_project_iam_binding | role = "roles/owner"; members = ["serviceAccount:${google_service_account.ci.email}"] | role = "roles/viewer"; members = ["serviceAccount:${google_service_account.ci.email}"]
admin-policy-attached | azurerm_role_assignment | scope = data.azurerm_subscription.primary.id; role_definition_name = "User Access Administrator" | scope = azurerm_resource_group.r.id; role_definition_name = "Reader"
admin-policy-attached | kubernetes_cluster_role_binding | role_ref {; name = "edit"; }; subject {; kind = "Group"; name = "system:unauthenticated"; } | role_ref {; name = "system:public-info-viewer"; }; subject {; kind = "Group"; name = "system:unauthenticated"; }
admin-policy-attached | kubernetes_cluster_role_v1 | rule {; resources = ["clusterroles"]; verbs = ["escalate"]; } | rule {; resources = ["clusterroles"]; verbs = ["get"]; }
admin-policy-attached (yellow) | kubernetes_cluster_role | rule {; resources = ["secrets"]; verbs = ["list"]; } | rule {; resources = ["secrets"]; resource_names = ["app"]; verbs = ["get"]; }
no-authentication | azurerm_kubernetes_cluster | role_based_access_control_enabled = false; private_cluster_enabled = true | role_based_access_control_enabled = true; private_cluster_enabled = true
pod-privileges | kubernetes_pod | spec {; volume {; host_path {; path = "/var/lib/kubelet"; }; }; } | spec {; volume {; host_path {; path = "/var/log/app"; }; }; }
literal-secret | github_actions_secret | plaintext_value = "hunter2-Really" | plaintext_value = var.token
literal-secret | openstack_compute_instance_v2 | admin_pass = "hunter2-Really" | admin_pass = var.password
public-address (yellow) | azurerm_key_vault | purge_protection_enabled = true | purge_protection_enabled = true; network_acls {; default_action = "Deny"; }
weak-login (yellow) | digitalocean_droplet | image = "ubuntu-24-04" | image = "ubuntu-24-04"; ssh_keys = [digitalocean_ssh_key.a.id]
unencrypted-in-transit (yellow) | digitalocean_loadbalancer | forwarding_rule {; entry_protocol = "http"; } | forwarding_rule {; entry_protocol = "https"; }
"""

TEMPLATES = """
public-database | AWS::RDS::DBInstance | PubliclyAccessible: true, StorageEncrypted: true | PubliclyAccessible: false, StorageEncrypted: true
public-database | AWS::DMS::ReplicationInstance | PubliclyAccessible: true | PubliclyAccessible: false
public-database | AWS::AmazonMQ::Broker | PubliclyAccessible: true | PubliclyAccessible: false
public-database | AWS::RDS::DBCluster | PubliclyAccessible: true, StorageEncrypted: true | PubliclyAccessible: false, StorageEncrypted: true
public-database | AWS::RedshiftServerless::Workgroup | PubliclyAccessible: true | PubliclyAccessible: false
public-storage | AWS::S3::Bucket | AccessControl: PublicReadWrite | AccessControl: Private
open-to-the-internet | AWS::EC2::SecurityGroup | SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 0.0.0.0/0}] | SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 10.0.0.0/8}]
open-to-the-internet | AWS::EC2::SecurityGroupIngress | IpProtocol: '-1', CidrIpv6: '::/0' | IpProtocol: '-1', CidrIp: 10.0.0.0/8
open-to-the-internet | AWS::EC2::NetworkAclEntry | Protocol: 6, RuleAction: allow, CidrBlock: 0.0.0.0/0, PortRange: {From: 22, To: 22} | Protocol: 6, RuleAction: allow, CidrBlock: 10.0.0.0/8, PortRange: {From: 22, To: 22}
iam-admin | AWS::IAM::Role | Policies: [{PolicyDocument: {Statement: [{Effect: Allow, Action: '*', Resource: '*'}]}}] | Policies: [{PolicyDocument: {Statement: [{Effect: Allow, Action: 'sqs:SendMessage', Resource: !GetAtt Q.Arn}]}}]
iam-wildcard | AWS::IAM::ManagedPolicy | PolicyDocument: {Statement: [{Effect: Allow, Action: ['dynamodb:*'], Resource: '*'}]} | PolicyDocument: {Statement: [{Effect: Allow, Action: ['dynamodb:GetItem'], Resource: !GetAtt T.Arn}]}
iam-public-principal | AWS::SNS::TopicPolicy | PolicyDocument: {Statement: [{Effect: Allow, Principal: '*', Action: 'sns:Publish', Resource: !Ref T}]} | PolicyDocument: {Statement: [{Effect: Allow, Principal: {Service: events.amazonaws.com}, Action: 'sns:Publish', Resource: !Ref T}]}
iam-public-principal | AWS::S3::BucketPolicy | PolicyDocument: {Statement: [{Effect: Allow, Principal: {AWS: '*'}, Action: 's3:PutObject', Resource: !Sub '${B.Arn}/*'}]} | PolicyDocument: {Statement: [{Effect: Allow, Principal: {AWS: 'arn:aws:iam::1:role/a'}, Action: 's3:PutObject', Resource: !Sub '${B.Arn}/*'}]}
admin-policy-attached | AWS::IAM::User | ManagedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess'] | ManagedPolicyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess']
no-authentication (yellow) | AWS::Lambda::Url | AuthType: NONE | AuthType: AWS_IAM
literal-secret | AWS::RDS::DBInstance | StorageEncrypted: true, MasterUserPassword: hunter2-Really | StorageEncrypted: true, MasterUserPassword: '{{resolve:ssm-secure:p:1}}'
literal-secret | AWS::Lambda::Function | Environment: {Variables: {API_TOKEN: hunter2-Really}} | Environment: {Variables: {API_TOKEN: '{{resolve:secretsmanager:t}}'}}
privileged-container | AWS::ECS::TaskDefinition | ContainerDefinitions: [{Name: a, Image: 'a:1', Privileged: true}] | ContainerDefinitions: [{Name: a, Image: 'a:1', Privileged: false}]
public-control-plane (yellow) | AWS::EKS::Cluster | ResourcesVpcConfig: {EndpointPublicAccess: true, PublicAccessCidrs: [0.0.0.0/0]} | ResourcesVpcConfig: {EndpointPublicAccess: true, PublicAccessCidrs: [203.0.113.0/24]}
"""

_POD = "apiVersion: v1\nkind: Pod\nspec:\n"
_CONTAINER = _POD + "  containers:\n  - image: a:1\n    resources: {limits: {memory: 1Gi}}\n"
_SAFE = _CONTAINER + "    securityContext:\n"
_VOLUME = _POD + "  volumes:\n  - name: h\n    hostPath:\n      path: %s\n"
_READ = (
    _CONTAINER
    + "    volumeMounts:\n    - name: h\n      mountPath: /host\n      readOnly: true\n"
    + _VOLUME.removeprefix(_POD)
)
_ROLE = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules:\n- apiGroups: ['']\n"
_BINDING = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nroleRef:\n  name: {}\nsubjects:\n- kind: {}\n  name: {}\n"

# fmt: off
MANIFESTS = (
    ("privileged", _SAFE + "      privileged: %s\n", "true", "false"),
    ("host-namespace (yellow)", _POD + "  hostPID: %s\n", "true", "false"),
    ("strong-capability", _SAFE + "      capabilities:\n        add: [%s]\n", "SYS_ADMIN", "NET_BIND_SERVICE"),
    ("daemon-socket", _VOLUME, "/var/run/docker.sock", "/data/cache"),
    ("everything-allowed", _ROLE + "  resources: [%s]\n  verbs: [%s]\n", ("'*'", "'*'"), ("pods", "get")),
    ("everything-allowed", _ROLE + "  resources:\n  - %s\n  verbs:\n  - %s\n", ("'*'", "'*'"), ("pods", "get")),
    ("everything-allowed", _BINDING.format("%s", "ServiceAccount", "default"), "cluster-admin", "view"),
    ("everything-allowed", _BINDING.format("%s", "Group", "system:authenticated"), "cluster-admin", "view"),
    ("everything-allowed", _BINDING.format("edit", "Group", "%s"), "system:unauthenticated", "operators"),
    ("everything-allowed", _BINDING.format("view", "User", "%s"), "system:anonymous", "jane"),
    ("takes-more-rights", _ROLE + "  resources: [clusterroles]\n  verbs: [%s]\n", "escalate", "get"),
    ("takes-more-rights", _ROLE + "  resources: [users]\n  verbs: [%s]\n", "impersonate", "get"),
    ("takes-more-rights", _ROLE + "  resources: [clusterroles]\n  verbs:\n  - %s\n", "'*'", "list"),
    ("takes-more-rights (yellow)", _ROLE + "  resources: [%s]\n  verbs: [get]\n", "nodes/proxy", "nodes"),
    ("reads-all-secrets (yellow)", _ROLE + "  resources: [%s]\n  verbs: [get, list]\n", "secrets", "pods"),
    ("reads-all-secrets (yellow)", _ROLE + "  resources:\n  - %s\n  verbs:\n  - watch\n", "secrets", "endpoints"),
    ("host-path", _VOLUME, "/", "/data/cache"),
    ("host-path", _VOLUME, "/etc", "/data/cache"),
    ("host-path", _VOLUME, "/var/lib/kubelet", "/var/log/app"),
    ("host-path", _VOLUME, "/root/.ssh", "/data/cache"),
    ("host-path (yellow)", _VOLUME, "/proc", "/data/cache"),
    ("host-path (yellow)", _READ, "/", "/data/cache"),
    ("host-path", _READ.replace("readOnly: true", "readOnly: false"), "/", "/data/cache"),
    ("literal-secret", _CONTAINER + "    env:\n    - name: DB_PASSWORD\n      %s\n", "value: hunter2-Really", "valueFrom: {secretKeyRef: {name: a, key: p}}"),
    ("literal-secret", _CONTAINER + "    env:\n    - name: AWS_SECRET_ACCESS_KEY\n      %s\n", "value: hunter2-Really", "value: $(SECRET)"),
    ("literal-secret", _CONTAINER + "    env:\n    - name: API_TOKEN\n      %s\n", 'value: "hunter2-Really"', 'value: "{{ .Values.token }}"'),
    ("literal-secret", "apiVersion: v1\nkind: Secret\nstringData:\n  password: %s\n", "hunter2-Really", "${PASSWORD}"),
    ("literal-secret", "apiVersion: v1\nkind: Secret\ndata:\n  password: %s\n", "aHVudGVyMi1SZWFsbHk=", "UkVQTEFDRQ=="),
    ("literal-secret", "apiVersion: v1\nkind: ConfigMap\ndata:\n  %s: hunter2-Really\n", "API_TOKEN", "API_HOST"),
)
# fmt: on
