"""Labelled Terraform blocks for AWS: rule | type | wrong | right; `;` ends a line."""

# ruff: noqa: E501  (one block a line keeps the pairs comparable)

ROWS = """
unencrypted-at-rest | aws_db_instance | engine = "postgres"; allocated_storage = 20 | engine = "postgres"; storage_encrypted = true
unencrypted-at-rest | aws_db_instance | storage_encrypted = false | storage_encrypted = var.encrypted
unencrypted-at-rest | aws_rds_cluster | engine = "aurora-mysql" | engine = "aurora-mysql"; storage_encrypted = "true"
unencrypted-at-rest | aws_ebs_volume | availability_zone = var.az; size = 40 | size = 40; encrypted = true
unencrypted-at-rest | aws_ebs_volume | encrypted = "false" | snapshot_id = var.snapshot
unencrypted-at-rest | aws_efs_file_system | creation_token = "a" | encrypted = true; kms_key_id = var.key
unencrypted-at-rest | aws_instance | root_block_device {; volume_size = 8; } | root_block_device {; encrypted = true; }
unencrypted-at-rest | aws_launch_template | block_device_mappings {; ebs {; volume_size = 9; }; } | block_device_mappings {; ebs {; encrypted = true; }; }
unencrypted-at-rest | aws_kinesis_stream | shard_count = 1 | encryption_type = "KMS"; kms_key_id = var.k
unencrypted-at-rest | aws_sns_topic | name = "alerts" | name = "alerts"; kms_master_key_id = aws_kms_key.k.id
unencrypted-at-rest | aws_elasticache_replication_group | engine = "redis" | at_rest_encryption_enabled = true
unencrypted-at-rest | aws_opensearch_domain | encrypt_at_rest {; enabled = false; } | encrypt_at_rest {; enabled = true; }
unencrypted-at-rest | aws_elasticsearch_domain | domain_name = "d" | encrypt_at_rest {; enabled = local.on; }
unencrypted-at-rest | aws_redshift_cluster | encrypted = false | encrypted = true
unencrypted-at-rest | aws_docdb_cluster | cluster_identifier = "d" | storage_encrypted = true
unencrypted-at-rest | aws_neptune_cluster | storage_encrypted = false | storage_encrypted = true
unencrypted-at-rest | aws_dax_cluster | cluster_name = "d" | server_side_encryption {; enabled = true; }
unencrypted-at-rest | aws_athena_workgroup | name = "w" | configuration {; result_configuration {; encryption_configuration {; encryption_option = "SSE_KMS"; }; }; }
unencrypted-at-rest | aws_workspaces_workspace | root_volume_encryption_enabled = false | root_volume_encryption_enabled = true; user_volume_encryption_enabled = true
unencrypted-at-rest | aws_codebuild_project | artifacts {; type = "S3"; encryption_disabled = true; } | artifacts {; type = "S3"; }
unencrypted-at-rest | aws_sqs_queue | sqs_managed_sse_enabled = false | sqs_managed_sse_enabled = true
no-customer-key | aws_secretsmanager_secret | name = "s" | kms_key_id = var.k
no-customer-key | aws_cloudtrail | name = "t" | kms_key_id = aws_kms_key.t.arn
key-rotation-off | aws_kms_key | description = "k" | enable_key_rotation = true
key-rotation-off | aws_kms_key | enable_key_rotation = false | customer_master_key_spec = "RSA_2048"
unencrypted-in-transit | aws_elasticache_replication_group | transit_encryption_enabled = false | transit_encryption_enabled = true
unencrypted-in-transit | aws_lb_listener | port = "80"; protocol = "HTTP"; default_action {; type = "forward"; } | port = "80"; protocol = "HTTP"; default_action {; type = "redirect"; redirect {; protocol = "HTTPS"; status_code = "HTTP_301"; }; }
unencrypted-in-transit | aws_alb_listener | port = 80; default_action {; type = "forward"; } | port = 443; protocol = "HTTPS"; default_action {; type = "forward"; }
unencrypted-in-transit | aws_cloudfront_distribution | default_cache_behavior {; viewer_protocol_policy = "allow-all"; } | default_cache_behavior {; viewer_protocol_policy = "https-only"; }
unencrypted-in-transit | aws_msk_cluster | encryption_info {; encryption_in_transit {; client_broker = "TLS_PLAINTEXT"; }; } | encryption_info {; encryption_in_transit {; client_broker = "TLS"; }; }
unencrypted-in-transit | aws_opensearch_domain | node_to_node_encryption {; enabled = false; } | node_to_node_encryption {; enabled = true; }; domain_endpoint_options {; enforce_https = true; }
unencrypted-in-transit | aws_ecs_task_definition | volume {; name = "v"; efs_volume_configuration {; file_system_id = "fs"; }; } | volume {; name = "v"; efs_volume_configuration {; transit_encryption = "ENABLED"; }; }
unencrypted-in-transit | aws_dms_endpoint | ssl_mode = "none" | ssl_mode = "verify-full"
unencrypted-in-transit | aws_transfer_server | protocols = ["FTP"] | protocols = ["SFTP"]
unencrypted-in-transit | aws_docdb_cluster_parameter_group | parameter {; name = "tls"; value = "disabled"; } | parameter {; name = "tls"; value = "enabled"; }
unencrypted-in-transit | aws_db_parameter_group | parameter {; name = "a"; value = "1"; }; parameter {; name = "rds.force_ssl"; value = "0"; } | parameter {; name = "a"; value = "0"; }; parameter {; name = "rds.force_ssl"; value = "1"; }
no-logs | aws_neptune_cluster_parameter_group | parameter {; name = "neptune_enable_audit_log"; value = 0; } | parameter {; name = "neptune_enable_audit_log"; value = 1; }
old-tls | aws_lb_listener | protocol = "HTTPS"; ssl_policy = "ELBSecurityPolicy-TLS-1-1-2017-01" | protocol = "HTTPS"; ssl_policy = "ELBSecurityPolicy-TLS-1-2-2017-01"
old-tls | aws_lb_listener | protocol = "TLS"; port = 443 | protocol = "TLS"; ssl_policy = var.policy
old-tls | aws_api_gateway_domain_name | security_policy = "TLS_1_0" | security_policy = "TLS_1_2"
old-tls | aws_cloudfront_distribution | viewer_certificate {; minimum_protocol_version = "TLSv1_2016"; } | viewer_certificate {; minimum_protocol_version = "TLSv1.2_2021"; }
old-tls | aws_opensearch_domain | domain_endpoint_options {; enforce_https = true; tls_security_policy = "Policy-Min-TLS-1-0-2019-07"; } | domain_endpoint_options {; enforce_https = true; tls_security_policy = "Policy-Min-TLS-1-2-2019-07"; }
public-storage | aws_s3_bucket | acl = "public-read" | acl = "private"
public-storage | aws_s3_bucket_acl | acl = "public-read-write" | acl = "log-delivery-write"
public-storage | aws_s3_bucket_acl | access_control_policy {; grant {; grantee {; type = "Group"; uri = "http://acs.amazonaws.com/groups/global/AllUsers"; }; }; } | access_control_policy {; grant {; grantee {; id = "x"; }; }; }
public-storage | aws_s3_object | acl = "public-read" | key = "a"
public-access-block-off | aws_s3_bucket_public_access_block | block_public_acls = true; block_public_policy = false | block_public_acls = true; block_public_policy = true; ignore_public_acls = true; restrict_public_buckets = true
public-access-block-off | aws_s3_account_public_access_block | block_public_acls = true | block_public_acls = var.b; block_public_policy = var.b; ignore_public_acls = var.b; restrict_public_buckets = var.b
public-database | aws_db_instance | publicly_accessible = true | publicly_accessible = false
public-database | aws_rds_cluster_instance | publicly_accessible = true | engine = "aurora"
public-database | aws_redshift_cluster | cluster_type = "single-node" | publicly_accessible = false
public-database | aws_dms_replication_instance | publicly_accessible = true | publicly_accessible = false
public-database | aws_mq_broker | publicly_accessible = true | engine_type = "ActiveMQ"
public-address | aws_instance | associate_public_ip_address = true | associate_public_ip_address = false
public-address | aws_subnet | map_public_ip_on_launch = true | map_public_ip_on_launch = var.public
public-address | aws_launch_template | network_interfaces {; associate_public_ip_address = true; } | network_interfaces {; associate_public_ip_address = false; }
public-address | aws_ecs_service | network_configuration {; assign_public_ip = true; } | network_configuration {; subnets = var.s; }
public-address | aws_sagemaker_notebook_instance | name = "n" | direct_internet_access = "Disabled"
no-authentication | aws_lambda_function_url | authorization_type = "NONE" | authorization_type = "AWS_IAM"
no-authentication | aws_api_gateway_method | http_method = "GET"; authorization = "NONE" | http_method = "OPTIONS"; authorization = "NONE"
no-authentication | aws_cognito_identity_pool | allow_unauthenticated_identities = true | allow_unauthenticated_identities = false
instance-metadata-v1 | aws_instance | metadata_options {; http_tokens = "optional"; } | metadata_options {; http_tokens = "required"; }
instance-metadata-v1 | aws_launch_template | image_id = "ami-1" | metadata_options {; http_endpoint = "disabled"; }
instance-metadata-v1 | aws_launch_configuration | image_id = "ami-1" | metadata_options {; http_tokens = "required"; }
public-control-plane | aws_eks_cluster | vpc_config {; endpoint_public_access = true; } | vpc_config {; endpoint_public_access = false; endpoint_private_access = true; }
public-control-plane | aws_eks_cluster | vpc_config {; public_access_cidrs = ["0.0.0.0/0"]; } | vpc_config {; public_access_cidrs = ["203.0.113.0/24"]; }
default-network | aws_default_vpc | tags = {} | ~aws_vpc: cidr_block = var.c; }; resource "aws_flow_log" "f" {; vpc_id = aws_vpc.x.id
cross-origin-open | aws_s3_bucket | cors_rule {; allowed_methods = ["PUT"]; allowed_origins = ["*"]; } | cors_rule {; allowed_methods = ["PUT"]; allowed_origins = ["https://a.example"]; }
open-to-the-internet | aws_security_group | ingress {; from_port = 22; to_port = 22; protocol = "tcp"; cidr_blocks = ["0.0.0.0/0"]; } | ingress {; from_port = 443; to_port = 443; protocol = "tcp"; cidr_blocks = ["0.0.0.0/0"]; }
open-to-the-internet | aws_security_group | ingress {; from_port = 0; to_port = 0; protocol = "-1"; cidr_blocks = ["0.0.0.0/0"]; } | egress {; from_port = 0; to_port = 0; protocol = "-1"; cidr_blocks = ["0.0.0.0/0"]; }
open-to-the-internet | aws_security_group | ingress {; from_port = 3306; to_port = 3306; protocol = "tcp"; ipv6_cidr_blocks = ["::/0"]; } | ingress {; from_port = 3306; to_port = 3306; protocol = "tcp"; cidr_blocks = var.office; }
open-to-the-internet | aws_security_group | ingress = [{ from_port = 3389, to_port = 3389, protocol = "tcp", cidr_blocks = ["0.0.0.0/0"] }] | ingress = [{ from_port = 3389, to_port = 3389, protocol = "tcp", cidr_blocks = ["10.1.0.0/16"] }]
open-to-the-internet | aws_security_group_rule | type = "ingress"; from_port = 0; to_port = 65535; protocol = "tcp"; cidr_blocks = ["0.0.0.0/0"] | type = "egress"; from_port = 0; to_port = 65535; protocol = "tcp"; cidr_blocks = ["0.0.0.0/0"]
open-to-the-internet | aws_vpc_security_group_ingress_rule | cidr_ipv4 = "0.0.0.0/0"; from_port = 22; to_port = 22; ip_protocol = "tcp" | cidr_ipv4 = "0.0.0.0/0"; from_port = 80; to_port = 80; ip_protocol = "tcp"
open-to-the-internet | aws_network_acl_rule | rule_action = "allow"; protocol = "tcp"; from_port = 3389; to_port = 3389; cidr_block = "0.0.0.0/0" | rule_action = "deny"; protocol = "tcp"; from_port = 3389; to_port = 3389; cidr_block = "0.0.0.0/0"
weak-password-policy | aws_iam_account_password_policy | minimum_password_length = 8 | minimum_password_length = 16; password_reuse_prevention = 24; max_password_age = 90; require_lowercase_characters = true; require_uppercase_characters = true; require_numbers = true; require_symbols = true
admin-policy-attached | aws_iam_role_policy_attachment | policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess" | policy_arn = aws_iam_policy.p.arn
rights-of-single-users | aws_iam_user_policy_attachment | user = aws_iam_user.u.name; policy_arn = var.p | ~aws_iam_group_policy_attachment: group = "g"; policy_arn = var.p
privileged-container | aws_ecs_task_definition | container_definitions = jsonencode([{ name = "a", privileged = true }]) | container_definitions = jsonencode([{ name = "a", privileged = false }])
privileged-container | aws_codebuild_project | environment {; privileged_mode = true; } | environment {; type = "LINUX_CONTAINER"; }
images-not-checked | aws_ecr_repository | image_tag_mutability = "MUTABLE"; image_scanning_configuration {; scan_on_push = true; } | image_tag_mutability = "IMMUTABLE"; image_scanning_configuration {; scan_on_push = true; }
old-runtime | aws_lambda_function | runtime = "python3.8" | runtime = "python3.12"
old-runtime | aws_lambda_function | runtime = "nodejs14.x" | runtime = "nodejs20.x"
old-runtime | aws_db_instance | auto_minor_version_upgrade = false | auto_minor_version_upgrade = true
weak-login | aws_rds_cluster | iam_database_authentication_enabled = false | iam_database_authentication_enabled = true
audit-trail-weak | aws_cloudtrail | enable_log_file_validation = true | enable_log_file_validation = true; is_multi_region_trail = true
audit-trail-weak | aws_guardduty_detector | enable = false | enable = true
no-logs | aws_api_gateway_stage | stage_name = "v1" | access_log_settings {; destination_arn = var.a; format = "x"; }
no-logs | aws_lb | subnets = var.s | access_logs {; bucket = var.b; enabled = true; }
no-logs | aws_elb | access_logs {; bucket = "b"; enabled = false; } | access_logs {; bucket = "b"; }
no-logs | aws_eks_cluster | name = "c" | enabled_cluster_log_types = ["api", "audit"]
no-logs | aws_sfn_state_machine | logging_configuration {; level = "OFF"; } | logging_configuration {; level = "ERROR"; }
no-logs | aws_cloudfront_distribution | enabled = true | logging_config {; bucket = "b"; }
no-logs | aws_mq_broker | logs {; general = false; } | logs {; general = true; }
log-retention | aws_cloudwatch_log_group | name = "g" | retention_in_days = 30
log-retention | aws_cloudwatch_log_group | retention_in_days = 0 | retention_in_days = var.days
no-tracing | aws_lambda_function | tracing_config {; mode = "PassThrough"; } | tracing_config {; mode = "Active"; }
no-monitoring | aws_cloudwatch_metric_alarm | alarm_name = "a" | alarm_actions = [aws_sns_topic.t.arn]
no-monitoring | aws_ecs_cluster | setting {; name = "containerInsights"; value = "disabled"; } | setting {; name = "containerInsights"; value = "enabled"; }
no-web-firewall | aws_cloudfront_distribution | enabled = true | web_acl_id = var.acl
no-web-firewall | aws_lb | drop_invalid_header_fields = false | drop_invalid_header_fields = true
no-backups | aws_db_instance | backup_retention_period = 0 | backup_retention_period = 14
no-backups | aws_db_instance | engine = "mysql" | replicate_source_db = aws_db_instance.a.id
no-backups | aws_dynamodb_table | hash_key = "id" | point_in_time_recovery {; enabled = true; }
no-backups | aws_elasticache_replication_group | engine = "redis"; snapshot_retention_limit = 0 | engine = "redis"; snapshot_retention_limit = 5
data-deleted-with-stack | aws_rds_cluster | skip_final_snapshot = true | skip_final_snapshot = false; final_snapshot_identifier = "f"
data-deleted-with-stack | aws_s3_bucket | force_destroy = true | force_destroy = false
deletion-protection | aws_rds_cluster | deletion_protection = false | deletion_protection = true
deletion-protection | aws_lb | enable_deletion_protection = false | enable_deletion_protection = true
single-zone | aws_db_instance | multi_az = false | multi_az = true
single-zone | aws_autoscaling_group | availability_zones = ["eu-west-1a"] | availability_zones = ["eu-west-1a", "eu-west-1b"]
single-zone | aws_elb | cross_zone_load_balancing = false | cross_zone_load_balancing = true
bucket-versioning | aws_s3_bucket | versioning {; enabled = false; } | versioning {; enabled = true; }
bucket-versioning | aws_s3_bucket_versioning | versioning_configuration {; status = "Suspended"; } | versioning_configuration {; status = "Enabled"; }
no-lifecycle | aws_s3_bucket_lifecycle_configuration | rule {; status = "Disabled"; } | rule {; status = "Enabled"; }
no-dead-letters | aws_lambda_function | function_name = "f" | dead_letter_config {; target_arn = var.q; }
iam-admin | data.aws_iam_policy_document | statement {; actions = ["*"]; resources = ["*"]; } | statement {; actions = ["s3:GetObject"]; resources = ["arn:aws:s3:::b/*"]; }
iam-admin | aws_iam_policy | policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] }) | policy = jsonencode({ Statement = [{ Effect = "Deny", Action = "*", Resource = "*" }] })
iam-admin | aws_iam_role_policy | policy = <<EOF; {"Statement": [{"Effect": "Allow", "Action": ["*"], "Resource": ["*"]}]}; EOF; role = var.r | policy = <<EOF; {"Statement": [{"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": ["${var.q}"]}]}; EOF; role = var.r
iam-wildcard | aws_iam_policy | policy = jsonencode({ Statement = { Effect = "Allow", Action = ["ec2:*"], Resource = ["*"] } }) | policy = jsonencode({ Statement = { Effect = "Allow", Action = ["ec2:DescribeInstances"], Resource = ["*"] } })
iam-wildcard | data.aws_iam_policy_document | statement {; actions = ["sts:AssumeRole"]; resources = ["*"]; } | statement {; actions = ["sts:AssumeRole"]; resources = [var.role]; }
iam-allow-all-but | data.aws_iam_policy_document | statement {; not_actions = ["iam:*"]; resources = [var.a]; } | statement {; effect = "Deny"; not_actions = ["iam:*"]; resources = ["*"]; }
iam-public-principal | aws_s3_bucket_policy | policy = jsonencode({ Statement = [{ Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "x" }] }) | policy = jsonencode({ Statement = [{ Effect = "Allow", Principal = { AWS = "arn:aws:iam::123456789012:role/r" }, Action = "s3:GetObject", Resource = "x" }] })
iam-public-principal | aws_sqs_queue_policy | policy = <<P; {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sqs:SendMessage", "Resource": "${var.q}"}]}; P; queue_url = var.u | policy = <<P; {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sqs:SendMessage", "Resource": "${var.q}", "Condition": {"ArnEquals": {"aws:SourceArn": "${var.t}"}}}]}; P; queue_url = var.u
iam-public-principal | aws_iam_role | assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Principal = { AWS = "*" }, Action = "sts:AssumeRole" }] }) | assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Principal = { Service = "ec2.amazonaws.com" }, Action = "sts:AssumeRole" }] })
iam-public-principal | aws_lambda_permission | principal = "*"; action = "lambda:InvokeFunction" | principal = "*"; principal_org_id = "o-1"; action = "lambda:InvokeFunction"
iam-missing-condition | aws_lambda_permission | principal = "sns.amazonaws.com" | principal = "sns.amazonaws.com"; source_arn = var.t
iam-missing-condition | data.aws_iam_policy_document | statement {; actions = ["sts:AssumeRoleWithWebIdentity"]; principals {; type = "Federated"; identifiers = [var.p]; }; } | statement {; actions = ["sts:AssumeRoleWithWebIdentity"]; principals {; type = "Federated"; identifiers = [var.p]; }; condition {; test = "StringEquals"; variable = "x:sub"; values = ["repo:o/r:ref:refs/heads/main"]; }; }
literal-secret | aws_db_instance | password = "S3cr3tPassw0rd" | password = random_password.p.result
literal-secret | aws_lambda_function | environment {; variables = {; DB_PASSWORD = "S3cr3tPassw0rd"; }; } | environment {; variables = {; DB_PASSWORD_ARN = "arn:aws:x"; LEVEL = "info"; }; }
literal-secret | aws_ecs_task_definition | container_definitions = jsonencode([{ environment = [{ name = "API_TOKEN", value = "abcdef123456" }] }]) | container_definitions = jsonencode([{ secrets = [{ name = "API_TOKEN", valueFrom = "arn:aws:ssm:x" }] }])
literal-secret | aws_instance | user_data = <<EOF; export DB_PASSWORD=hunter2hunter; EOF; ami = "a" | user_data = <<EOF; export DB_PASSWORD=$(aws ssm get-parameter); EOF; ami = "a"
secret-not-sensitive | aws_ssm_parameter | name = "/app/api_key"; type = "String"; value = var.k | name = "/app/api_key"; type = "SecureString"; value = var.k
"""
