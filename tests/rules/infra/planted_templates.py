"""Labelled CloudFormation resources: rule | type | wrong properties | right properties (flow YAML)."""

# ruff: noqa: E501  (one block a line keeps the pairs comparable)

ROWS = """
unencrypted-at-rest | AWS::RDS::DBInstance | Engine: mysql | Engine: mysql, StorageEncrypted: true
unencrypted-at-rest | AWS::RDS::DBCluster | StorageEncrypted: 'false' | StorageEncrypted: !Ref Encrypt
unencrypted-at-rest | AWS::EC2::Volume | Size: 10 | Size: 10, Encrypted: true
unencrypted-at-rest | AWS::EFS::FileSystem | PerformanceMode: generalPurpose | Encrypted: 'true'
unencrypted-at-rest | AWS::SNS::Topic | TopicName: t | KmsMasterKeyId: !Ref Key
unencrypted-at-rest | AWS::Kinesis::Stream | ShardCount: 1 | StreamEncryption: {EncryptionType: KMS, KeyId: k}
unencrypted-at-rest | AWS::ElastiCache::ReplicationGroup | Engine: redis | AtRestEncryptionEnabled: true
unencrypted-at-rest | AWS::OpenSearchService::Domain | EncryptionAtRestOptions: {Enabled: false} | EncryptionAtRestOptions: {Enabled: true}
unencrypted-at-rest | AWS::DocDB::DBCluster | DBClusterIdentifier: d | StorageEncrypted: true
unencrypted-at-rest | AWS::Redshift::Cluster | Encrypted: false | Encrypted: true
unencrypted-at-rest | AWS::EC2::Instance | BlockDeviceMappings: [{DeviceName: /dev/sda1, Ebs: {VolumeSize: 8}}] | BlockDeviceMappings: [{DeviceName: /dev/sda1, Ebs: {Encrypted: true}}]
no-customer-key | AWS::SecretsManager::Secret | Name: s | KmsKeyId: !GetAtt Key.Arn
key-rotation-off | AWS::KMS::Key | Description: k | EnableKeyRotation: true
unencrypted-in-transit | AWS::ElastiCache::ReplicationGroup | TransitEncryptionEnabled: false | TransitEncryptionEnabled: true
unencrypted-in-transit | AWS::CloudFront::Distribution | DistributionConfig: {DefaultCacheBehavior: {ViewerProtocolPolicy: allow-all}} | DistributionConfig: {DefaultCacheBehavior: {ViewerProtocolPolicy: https-only}}
unencrypted-in-transit | AWS::ElasticLoadBalancingV2::Listener | Protocol: HTTP, DefaultActions: [{Type: forward}] | Protocol: HTTP, DefaultActions: [{Type: redirect, RedirectConfig: {Protocol: HTTPS, StatusCode: HTTP_301}}]
old-tls | AWS::ElasticLoadBalancingV2::Listener | Protocol: HTTPS, SslPolicy: ELBSecurityPolicy-2016-08 | Protocol: HTTPS, SslPolicy: ELBSecurityPolicy-TLS13-1-2-2021-06
old-tls | AWS::CloudFront::Distribution | DistributionConfig: {ViewerCertificate: {MinimumProtocolVersion: TLSv1}} | DistributionConfig: {ViewerCertificate: {MinimumProtocolVersion: TLSv1.2_2021}}
public-storage | AWS::S3::Bucket | AccessControl: PublicRead | AccessControl: Private
public-access-block-off | AWS::S3::Bucket | PublicAccessBlockConfiguration: {BlockPublicAcls: true, BlockPublicPolicy: false} | PublicAccessBlockConfiguration: {BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true}
public-database | AWS::RDS::DBInstance | PubliclyAccessible: 'true' | PubliclyAccessible: false
public-database | AWS::Redshift::Cluster | PubliclyAccessible: true | PubliclyAccessible: !If [A, true, false]
public-address | AWS::EC2::Subnet | MapPublicIpOnLaunch: true | MapPublicIpOnLaunch: false
public-address | AWS::ECS::Service | NetworkConfiguration: {AwsvpcConfiguration: {AssignPublicIp: ENABLED}} | NetworkConfiguration: {AwsvpcConfiguration: {AssignPublicIp: DISABLED}}
no-authentication | AWS::Lambda::Url | AuthType: NONE | AuthType: AWS_IAM
no-authentication | AWS::ApiGateway::Method | HttpMethod: POST, AuthorizationType: NONE | HttpMethod: POST, AuthorizationType: AWS_IAM
instance-metadata-v1 | AWS::EC2::LaunchTemplate | LaunchTemplateData: {MetadataOptions: {HttpTokens: optional}} | LaunchTemplateData: {MetadataOptions: {HttpTokens: required}}
public-control-plane | AWS::EKS::Cluster | ResourcesVpcConfig: {EndpointPublicAccess: true} | ResourcesVpcConfig: {EndpointPublicAccess: false}
open-to-the-internet | AWS::EC2::SecurityGroup | SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 0.0.0.0/0}] | SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0}]
open-to-the-internet | AWS::EC2::SecurityGroupIngress | IpProtocol: '-1', CidrIp: 0.0.0.0/0 | IpProtocol: '-1', CidrIp: 10.0.0.0/8
open-to-the-internet | AWS::EC2::SecurityGroupIngress | IpProtocol: tcp, FromPort: 5432, ToPort: 5432, CidrIpv6: '::/0' | IpProtocol: tcp, FromPort: 5432, ToPort: 5432, SourceSecurityGroupId: !Ref G
admin-policy-attached | AWS::IAM::Role | ManagedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess'] | ManagedPolicyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess']
privileged-container | AWS::ECS::TaskDefinition | ContainerDefinitions: [{Name: a, Privileged: true}] | ContainerDefinitions: [{Name: a, Privileged: false}]
images-not-checked | AWS::ECR::Repository | ImageTagMutability: MUTABLE | ImageTagMutability: IMMUTABLE, ImageScanningConfiguration: {ScanOnPush: true}
old-runtime | AWS::Lambda::Function | Runtime: python3.7 | Runtime: python3.13
old-runtime | AWS::Serverless::Function | Runtime: nodejs16.x | Runtime: nodejs22.x
audit-trail-weak | AWS::CloudTrail::Trail | IsLogging: true, IsMultiRegionTrail: true | IsLogging: true, IsMultiRegionTrail: true, EnableLogFileValidation: true
no-logs | AWS::ApiGateway::Stage | StageName: s | AccessLogSetting: {DestinationArn: a}
no-logs | AWS::StepFunctions::StateMachine | RoleArn: r | LoggingConfiguration: {Level: ALL}
log-retention | AWS::Logs::LogGroup | LogGroupName: g | RetentionInDays: 90
no-tracing | AWS::Lambda::Function | Handler: a.b | TracingConfig: {Mode: Active}
no-monitoring | AWS::CloudWatch::Alarm | AlarmName: a | AlarmActions: [!Ref Topic]
no-web-firewall | AWS::CloudFront::Distribution | DistributionConfig: {Enabled: true} | DistributionConfig: {WebACLId: !Ref Acl}
no-backups | AWS::RDS::DBInstance | BackupRetentionPeriod: 0 | BackupRetentionPeriod: 7
no-backups | AWS::DynamoDB::Table | TableName: t | PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
data-deleted-with-stack | AWS::RDS::DBInstance; DeletionPolicy: Delete | Engine: mysql | ~AWS::RDS::DBInstance; DeletionPolicy: Snapshot: Engine: mysql
deletion-protection | AWS::RDS::DBCluster | DeletionProtection: false | DeletionProtection: true
single-zone | AWS::RDS::DBInstance | MultiAZ: false | MultiAZ: true
bucket-versioning | AWS::S3::Bucket | VersioningConfiguration: {Status: Suspended} | VersioningConfiguration: {Status: Enabled}
no-lifecycle | AWS::S3::Bucket | VersioningConfiguration: {Status: Enabled} | VersioningConfiguration: {Status: Enabled}, LifecycleConfiguration: {Rules: []}
iam-admin | AWS::IAM::Policy | PolicyDocument: {Statement: [{Effect: Allow, Action: '*', Resource: '*'}]} | PolicyDocument: {Statement: [{Effect: Allow, Action: 's3:GetObject', Resource: !Sub '${B.Arn}/*'}]}
iam-wildcard | AWS::IAM::ManagedPolicy | PolicyDocument: {Statement: {Effect: Allow, Action: ['dynamodb:*'], Resource: '*'}} | PolicyDocument: {Statement: {Effect: Allow, Action: ['dynamodb:*'], Resource: !GetAtt T.Arn}}
iam-wildcard | AWS::Serverless::Function | Policies: [{Statement: [{Effect: Allow, Action: 'iam:PassRole', Resource: '*'}]}] | Policies: [{Statement: [{Effect: Allow, Action: 'iam:PassRole', Resource: !GetAtt R.Arn}]}]
iam-public-principal | AWS::SNS::TopicPolicy | PolicyDocument: {Statement: [{Effect: Allow, Principal: '*', Action: 'sns:Publish', Resource: '*'}]} | PolicyDocument: {Statement: [{Effect: Allow, Principal: '*', Action: 'sns:Publish', Resource: '*', Condition: {StringEquals: {'aws:SourceAccount': !Ref 'AWS::AccountId'}}}]}
iam-public-principal | AWS::Lambda::Permission | Principal: '*' | Principal: !Ref Account
iam-missing-condition | AWS::Lambda::Permission | Principal: s3.amazonaws.com | Principal: s3.amazonaws.com, SourceAccount: !Ref 'AWS::AccountId'
iam-missing-condition | AWS::IAM::Role | AssumeRolePolicyDocument: {Statement: [{Effect: Allow, Principal: {Federated: p}, Action: 'sts:AssumeRoleWithWebIdentity'}]} | AssumeRolePolicyDocument: {Statement: [{Effect: Allow, Principal: {Federated: p}, Action: 'sts:AssumeRoleWithWebIdentity', Condition: {StringEquals: {'x:aud': y}}}]}
literal-secret | AWS::RDS::DBInstance | MasterUserPassword: S3cr3tPassw0rd | MasterUserPassword: !Ref Password
literal-secret | AWS::Lambda::Function | Environment: {Variables: {API_TOKEN: abcdef123456}} | Environment: {Variables: {API_TOKEN: '{{resolve:secretsmanager:s}}'}}
coupled-stacks | AWS::EC2::Instance | SubnetId: !ImportValue net-SubnetId | SubnetId: !Ref SubnetId
hard-coded-account | AWS::Lambda::Function | Role: 'arn:aws:iam::210987654321:role/r' | Role: !Sub 'arn:aws:iam::${AWS::AccountId}:role/r'
"""
