"""Labelled CDK constructs: rule | wrong | right, in Python and in TypeScript."""

# ruff: noqa: E501  (one block a line keeps the pairs comparable)

PYTHON = """
unencrypted-at-rest | rds.DatabaseInstance(self, "D", storage_encrypted=False) | rds.DatabaseInstance(self, "D", storage_encrypted=True)
unencrypted-at-rest | efs.FileSystem(self, "F", vpc=vpc, encrypted=False) | efs.FileSystem(self, "F", vpc=vpc)
unencrypted-at-rest | sqs.Queue(self, "Q", encryption=sqs.QueueEncryption.UNENCRYPTED) | sqs.Queue(self, "Q", encryption=sqs.QueueEncryption.KMS)
unencrypted-at-rest | rds.CfnDBInstance(self, "D", storage_encrypted=False) | rds.CfnDBInstance(self, "D", storage_encrypted=True)
key-rotation-off | kms.Key(self, "K") | kms.Key(self, "K", enable_key_rotation=True)
unencrypted-in-transit | cloudfront.Distribution(self, "D", default_behavior=cloudfront.BehaviorOptions(origin=o, viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.ALLOW_ALL)) | cloudfront.Distribution(self, "D", default_behavior=cloudfront.BehaviorOptions(origin=o, viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY))
old-tls | cloudfront.Distribution(self, "D", minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1) | cloudfront.Distribution(self, "D", minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021)
public-storage | s3.Bucket(self, "B", public_read_access=True) | s3.Bucket(self, "B", public_read_access=False)
public-storage | s3.Bucket(self, "B", access_control=s3.BucketAccessControl.PUBLIC_READ) | s3.Bucket(self, "B", access_control=s3.BucketAccessControl.PRIVATE)
public-storage | s3.CfnBucket(self, "B", access_control="PublicRead") | s3.CfnBucket(self, "B", access_control="Private")
public-database | rds.DatabaseInstance(self, "D", publicly_accessible=True) | rds.DatabaseInstance(self, "D", publicly_accessible=flag)
public-address | ec2.Instance(self, "I", associate_public_ip_address=True) | ec2.Instance(self, "I", require_imdsv2=True)
open-to-the-internet | sg.add_ingress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(22), "ssh") | sg.add_ingress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "web")
open-to-the-internet | sg.add_ingress_rule(ec2.Peer.any_ipv4(), ec2.Port.all_traffic()) | sg.add_ingress_rule(ec2.Peer.ipv4("10.0.0.0/8"), ec2.Port.all_traffic())
data-deleted-with-stack | dynamodb.Table(self, "T", removal_policy=RemovalPolicy.DESTROY) | dynamodb.Table(self, "T", removal_policy=RemovalPolicy.RETAIN)
no-backups | dynamodb.Table(self, "T", point_in_time_recovery=False) | dynamodb.Table(self, "T", point_in_time_recovery=True)
deletion-protection | rds.DatabaseCluster(self, "D", deletion_protection=False) | rds.DatabaseCluster(self, "D", deletion_protection=True)
single-zone | rds.DatabaseInstance(self, "D", multi_az=False) | rds.DatabaseInstance(self, "D", multi_az=True)
bucket-versioning | s3.Bucket(self, "B", versioned=False) | s3.Bucket(self, "B", versioned=True)
old-runtime | lambda_.Function(self, "F", runtime=lambda_.Runtime.PYTHON_3_7) | lambda_.Function(self, "F", runtime=lambda_.Runtime.PYTHON_3_13)
iam-admin | iam.PolicyStatement(actions=["*"], resources=["*"]) | iam.PolicyStatement(effect=iam.Effect.DENY, actions=["*"], resources=["*"])
iam-wildcard | iam.PolicyStatement(actions=["s3:*"], resources=["*"]) | iam.PolicyStatement(actions=["s3:GetObject"], resources=[bucket.arn_for_objects("*")])
iam-public-principal | iam.PolicyStatement(actions=["s3:GetObject"], principals=[iam.AnyPrincipal()], resources=[b.bucket_arn]) | iam.PolicyStatement(actions=["s3:GetObject"], principals=[iam.ArnPrincipal(arn)], resources=[b.bucket_arn])
admin-policy-attached | iam.ManagedPolicy.from_aws_managed_policy_name("AdministratorAccess") | iam.ManagedPolicy.from_aws_managed_policy_name("ReadOnlyAccess")
coupled-stacks | CfnOutput(self, "O", value=v, export_name="shared") | CfnOutput(self, "O", value=v)
literal-secret | SecretValue.unsafe_plain_text("S3cr3tPassw0rd") | SecretValue.secrets_manager("name")
literal-secret | lambda_.Function(self, "F", environment={"DB_PASSWORD": "S3cr3tPassw0rd"}) | lambda_.Function(self, "F", environment={"DB_PASSWORD_NAME": "prod/db"})
"""

SCRIPT = """
unencrypted-at-rest | new rds.DatabaseInstance(this, 'D', { storageEncrypted: false }); | new rds.DatabaseInstance(this, 'D', { storageEncrypted: true });
unencrypted-at-rest | new s3.Bucket(this, 'B', { encryption: s3.BucketEncryption.UNENCRYPTED }); | new s3.Bucket(this, 'B', { encryption: s3.BucketEncryption.KMS });
unencrypted-at-rest | new rds.DatabaseCluster(this, 'D', { engine, storageEncrypted: false }); | new rds.DatabaseCluster(this, 'D', { engine, ...props });
key-rotation-off | new kms.Key(this, 'K', { enableKeyRotation: false }); | new kms.Key(this, 'K', { enableKeyRotation: true });
old-tls | new apigateway.DomainName(this, 'D', { securityPolicy: apigateway.SecurityPolicy.TLS_1_0 }); | new apigateway.DomainName(this, 'D', { securityPolicy: apigateway.SecurityPolicy.TLS_1_2 });
public-storage | new s3.Bucket(this, 'B', { publicReadAccess: true }); | new s3.Bucket(this, 'B', { publicReadAccess: props.open });
public-access-block-off | new s3.BlockPublicAccess({ blockPublicAcls: false }); | new s3.BlockPublicAccess({ blockPublicAcls: true });
public-database | new rds.DatabaseInstance(this, 'D', { publiclyAccessible: true }); | new rds.DatabaseInstance(this, 'D', { publiclyAccessible: false });
public-address | new ecs.FargateService(this, 'S', { cluster, assignPublicIp: true }); | new ecs.FargateService(this, 'S', { cluster });
open-to-the-internet | sg.addIngressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(3389)); | sg.addIngressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(80));
open-to-the-internet | service.connections.allowFromAnyIpv4(ec2.Port.tcp(5432)); | service.connections.allowFrom(other, ec2.Port.tcp(5432));
data-deleted-with-stack | new rds.DatabaseInstance(this, 'D', { removalPolicy: RemovalPolicy.DESTROY }); | new rds.DatabaseInstance(this, 'D', { removalPolicy: RemovalPolicy.SNAPSHOT });
bucket-versioning | new s3.Bucket(this, 'B', { versioned: false }); | new s3.Bucket(this, 'B', { versioned: true });
old-runtime | new lambda.Function(this, 'F', { runtime: lambda.Runtime.NODEJS_14_X }); | new lambda.Function(this, 'F', { runtime: lambda.Runtime.NODEJS_22_X });
iam-admin | new iam.PolicyStatement({ actions: ['*'], resources: ['*'] }); | new iam.PolicyStatement({ actions: ['s3:GetObject'], resources: [b.arnForObjects('*')] });
iam-public-principal | new iam.PolicyStatement({ actions: ['sqs:SendMessage'], principals: [new iam.AnyPrincipal()], resources: [q.queueArn] }); | new iam.PolicyStatement({ actions: ['sqs:SendMessage'], principals: [new iam.ServicePrincipal('sns.amazonaws.com')], resources: [q.queueArn], conditions: { ArnEquals: {} } });
unencrypted-at-rest | new ec2.CfnVolume(this, 'V', { encrypted: false }); | new ec2.CfnVolume(this, 'V', { encrypted: true });
images-not-checked | new ecr.Repository(this, 'R', { imageTagMutability: ecr.TagMutability.MUTABLE }); | new ecr.Repository(this, 'R', { imageTagMutability: ecr.TagMutability.IMMUTABLE });
log-retention | new logs.LogGroup(this, 'L', { retention: logs.RetentionDays.INFINITE }); | new logs.LogGroup(this, 'L', { retention: logs.RetentionDays.ONE_MONTH });
coupled-stacks | this.exportValue(vpc.vpcId); | new ssm.StringParameter(this, 'P', { stringValue: vpc.vpcId });
literal-secret | new lambda.Function(this, 'F', { environment: { API_KEY: 'abcdef123456' } }); | new lambda.Function(this, 'F', { environment: { API_KEY: process.env.API_KEY } });
"""
