"""Table: accounts, passwords and rights."""

from reviewloop.analysis.contract import MUST, NIT, SECURITY, SHOULD, Rule
from reviewloop.rules.infra.examples import template, terraform
from reviewloop.rules.infra.facts import (
    Entry,
    at_least,
    at_most,
    avoid,
    false,
    given,
    if_set,
    is_in,
    like,
    need,
    present,
    true,
    want,
)

_WHOLE_ACCOUNT = like(r"[:/]AdministratorAccess$")
_ADMIN = like(r"[:/](?:IAMFullAccess|PowerUserAccess)$")
_ATTACHED = (
    "aws_iam_role_policy_attachment,aws_iam_group_policy_attachment policy_arn",
    "aws_iam_user_policy_attachment,aws_iam_policy_attachment policy_arn",
    "aws_iam_role managed_policy_arns.*",
    "aws_ssoadmin_managed_policy_attachment managed_policy_arn",
    "AWS::IAM::Role,AWS::IAM::User,AWS::IAM::Group ManagedPolicyArns.*",
    "AWS::Serverless::Function Policies.*",
)


_NOT_OPTIONS = like("^(?!OPTIONS)")
PASSWORD_POLICY = Entry(
    Rule(
        id="infra/weak-password-policy",
        reviewer=SECURITY,
        severity=SHOULD,
        title="people may choose weak or old passwords, or log in without a second factor",
        why="Short, reused and single passwords are guessed or bought.",
        fix="Ask for 14 characters or more of every class, no reuse, and a second factor.",
        category="access-control",
        source="CIS AWS Foundations Benchmark 1.8-1.9",
        bad=terraform(
            'resource "aws_iam_account_password_policy" "a" {; minimum_password_length = 8; }'
        ),
        good=terraform(
            'resource "aws_iam_account_password_policy" "a" {'
            "; minimum_password_length = 14; password_reuse_prevention = 24"
            "; require_lowercase_characters = true; require_uppercase_characters = true"
            "; require_numbers = true; require_symbols = true; max_password_age = 90; }"
        ),
    ),
    (
        *need(at_least(14), "aws_iam_account_password_policy minimum_password_length"),
        *need(at_least(24), "aws_iam_account_password_policy password_reuse_prevention"),
        *need(at_most(90), "aws_iam_account_password_policy max_password_age", severity=NIT),
        *need(
            true,
            "aws_iam_account_password_policy require_lowercase_characters",
            "aws_iam_account_password_policy require_uppercase_characters",
            "aws_iam_account_password_policy require_numbers",
            "aws_iam_account_password_policy require_symbols",
        ),
        *want(
            at_least(8),
            "aws_cognito_user_pool password_policy.minimum_length",
            "AWS::Cognito::UserPool Policies.PasswordPolicy.MinimumLength",
        ),
        *need(
            is_in("ON", "OPTIONAL"),
            "aws_cognito_user_pool mfa_configuration",
            "AWS::Cognito::UserPool MfaConfiguration",
            severity=NIT,
            says="nobody can use a second factor",
        ),
    ),
)

ADMIN_ATTACHED = Entry(
    Rule(
        id="infra/admin-policy-attached",
        reviewer=SECURITY,
        severity=SHOULD,
        title="it is given rights over nearly everything",
        why="Whoever takes over what holds this policy has taken over the account.",
        fix="Attach a policy with the actions and resources that are needed.",
        category="iam",
        source="CIS AWS Foundations Benchmark 1.16",
        bad=(
            *terraform(
                'resource "aws_iam_role_policy_attachment" "a" {'
                '; policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"; }'
            ),
            *template(
                "AWS::IAM::Role | ManagedPolicyArns:"
                " ['arn:aws:iam::aws:policy/AdministratorAccess']"
            ),
        ),
        good=terraform(
            'resource "aws_iam_role_policy_attachment" "a" {'
            '; policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"; }'
        ),
    ),
    (
        *avoid(_WHOLE_ACCOUNT, *_ATTACHED, severity=MUST),
        *avoid(_ADMIN, *_ATTACHED),
        *avoid(
            is_in("AdministratorAccess"),
            "AWS::Serverless::Function Policies.*",
            "call.fromAwsManagedPolicyName name",
            severity=MUST,
        ),
    ),
)

USER_RIGHTS = Entry(
    Rule(
        id="infra/rights-of-single-users",
        reviewer=SECURITY,
        severity=NIT,
        title="rights or long-lived keys hang on a single user",
        why="Rights given one by one are forgotten when people move on; access keys never expire.",
        fix="Give rights to groups or roles, and let people and programs take roles.",
        category="iam",
        source="CIS AWS Foundations Benchmark 1.15",
        bad=terraform('resource "aws_iam_user_policy_attachment" "a" {; user = "bob"; }'),
        good=terraform('resource "aws_iam_group_policy_attachment" "a" {; group = "ops"; }'),
    ),
    (
        *avoid(
            given,
            "aws_iam_user_policy_attachment,aws_iam_user_policy user",
            "aws_iam_policy_attachment users",
            "AWS::IAM::Policy Users",
            "AWS::IAM::User Policies",
        ),
        *avoid(
            is_in("root"),
            "aws_iam_access_key user",
            severity=MUST,
            says="the root user must not have keys",
        ),
        *avoid(given, "aws_iam_access_key user", "AWS::IAM::AccessKey UserName"),
    ),
)

DATABASE_LOGIN = Entry(
    Rule(
        id="infra/weak-login",
        reviewer=SECURITY,
        severity=NIT,
        title="a weaker way to log in is left open, or secrets are never changed",
        why="Passwords that live for ever leak sooner or later; short-lived tokens and rotated"
        " secrets limit what a leak is worth.",
        fix="Log in with IAM or directory identities and rotate secrets.",
        category="access-control",
        source="https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotating-secrets.html",
        bad=terraform(
            'resource "aws_rds_cluster" "a" {; iam_database_authentication_enabled = false; }'
        ),
        good=terraform(
            'resource "aws_rds_cluster" "a" {; storage_encrypted = true'
            "; iam_database_authentication_enabled = true; }"
        ),
    ),
    (
        *avoid(
            false,
            "aws_db_instance,aws_rds_cluster,aws_neptune_cluster"
            " iam_database_authentication_enabled",
            "AWS::RDS::DBInstance,AWS::RDS::DBCluster EnableIAMDatabaseAuthentication",
            "aws_redshift_cluster enhanced_vpc_routing",
        ),
        *need(
            present,
            "aws_secretsmanager_secret rotation_rules",
            beside="aws_secretsmanager_secret_rotation.secret_id",
            when=if_set("name", like(r"(?i)database|\bdb\b|rds|postgres|mysql")),
        ),
    ),
)


OPEN_ENDPOINT = Entry(
    Rule(
        id="infra/no-authentication",
        reviewer=SECURITY,
        severity=SHOULD,
        title="anybody may call it without proving who they are",
        why="An endpoint without authentication can be called, and paid for, by everybody who"
        " learns its address.",
        fix="Require IAM, an authorizer or a user pool.",
        category="public-access",
        source="CWE-306",
        bad=(
            *terraform('resource "aws_lambda_function_url" "a" {; authorization_type = "NONE"; }'),
            *template("AWS::Lambda::Url | AuthType: NONE"),
        ),
        good=(
            *terraform(
                'resource "aws_lambda_function_url" "a" {; authorization_type = "AWS_IAM"; }'
            ),
            *template("AWS::Lambda::Url | AuthType: AWS_IAM"),
        ),
    ),
    (
        *avoid(
            is_in("NONE"),
            "aws_lambda_function_url authorization_type",
            "AWS::Lambda::Url AuthType",
            "AWS::Serverless::Function FunctionUrlConfig.AuthType",
        ),
        *avoid(like(r"FunctionUrlAuthType\.NONE$"), "aws_lambda.FunctionUrl authType"),
        *avoid(
            is_in("NONE"),
            "aws_api_gateway_method authorization",
            when=(
                if_set("http_method", _NOT_OPTIONS, missing=True),
                if_set("api_key_required", false, missing=True),
            ),
        ),
        *avoid(
            is_in("NONE"),
            "AWS::ApiGateway::Method AuthorizationType",
            when=(
                if_set("HttpMethod", _NOT_OPTIONS, missing=True),
                if_set("ApiKeyRequired", false, missing=True),
            ),
        ),
        *need(
            like("^(?!NONE$)"),
            "aws_apigatewayv2_route authorization_type",
            "AWS::ApiGatewayV2::Route AuthorizationType",
            severity=NIT,
        ),
        *avoid(
            true,
            "aws_cognito_identity_pool allow_unauthenticated_identities",
            "AWS::Cognito::IdentityPool AllowUnauthenticatedIdentities",
            "aws_msk_cluster client_authentication.unauthenticated",
            "AWS::MSK::Cluster ClientAuthentication.Unauthenticated.Enabled",
        ),
        *avoid(
            is_in("API_KEY"),
            "aws_appsync_graphql_api authentication_type",
            "AWS::AppSync::GraphQLApi AuthenticationType",
            severity=NIT,
            says="an API key is known to every client",
        ),
    ),
)


ENTRIES = (
    OPEN_ENDPOINT,
    PASSWORD_POLICY,
    ADMIN_ATTACHED,
    USER_RIGHTS,
    DATABASE_LOGIN,
)
