"""Tokens of clouds, hosting, databases and infrastructure that their shape alone betrays.

Facts (prefixes, lengths, alphabets) are the vendors' own, as their documentation and the list of
secrets that GitHub's scanning knows print them, checked against the rules of gitleaks (MIT).
"""

from reviewloop.secrets.rule import SecretRule, token

CLOUD: tuple[SecretRule, ...] = (
    token(
        "aws-access-key-id",
        "AWS access key id",
        "(AKIA|ASIA|ABIA|ACCA){x:16}",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html",
    ),
    token("aws-bedrock-key", "Amazon Bedrock API key", "ABSK{b:109-269}"),
    token(
        "aws-bedrock-short-key",
        "short-lived Amazon Bedrock API key",
        "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t{b:20-4000}",
    ),
    SecretRule(
        "aws-mws-token",
        "Amazon marketplace token",
        expression=r"amzn\.mws\.(?P<secret>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})",
        hints=("amzn.mws.",),
    ),
    token("google-api-key", "Google API key", "AIza{w:35}"),
    token("google-oauth-secret", "Google OAuth client secret", "GOCSPX-{w:28}"),
    token("google-oauth-token", "Google OAuth access token", "ya29.{w:60-1200}"),
    SecretRule(
        "google-refresh-token",
        "Google OAuth refresh token",
        expression=r"(?<![A-Za-z0-9_\-/])1//0[A-Za-z0-9_\-]{60,200}",
        hints=("1//0",),
    ),
    SecretRule(
        "azure-client-secret",
        "Azure AD client secret",
        expression=r"(?<![A-Za-z0-9_~.\-])[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.\-]{31,34}"
        r"(?![A-Za-z0-9_~\-])",
        hints=("Q~",),
        entropy=3.0,
    ),
    SecretRule(
        "azure-storage-key",
        "Azure storage account key",
        expression=r"(?:AccountKey|SharedAccessKey)\s{0,4}=\s{0,4}"
        r"(?P<secret>[A-Za-z0-9+/]{86}==|[A-Za-z0-9+/]{43}=)",
        hints=("AccountKey", "SharedAccessKey"),
        source="https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string",
    ),
    SecretRule(
        "azure-sas-token",
        "Azure shared access signature",
        expression=r"[?&]sig=(?P<secret>[A-Za-z0-9%]{43,63}%3[Dd])",
        hints=("sig=",),
        entropy=3.5,
    ),
    SecretRule(
        "azure-devops-token",
        "Azure DevOps token",
        expression=r"(?<![A-Za-z0-9])[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{2}AC[A-Za-z0-9]{22}"
        r"(?![A-Za-z0-9])",
        hints=("JQQJ99",),
    ),
    token("alibaba-access-key-id", "Alibaba Cloud access key id", "LTAI{a:17-26}"),
    token("tencent-secret-id", "Tencent Cloud secret id", "AKID{a:32}"),
    token("yandex-api-key", "Yandex Cloud API key", "AQVN{w:35-38}"),
    SecretRule(
        "yandex-iam-token",
        "Yandex Cloud IAM token",
        expression=r"(?<![A-Za-z0-9_\-.])t1\.[A-Za-z0-9_\-]{20,400}={0,2}\.[A-Za-z0-9_\-]{86}={0,2}",
        hints=("t1.",),
    ),
    token("digitalocean-token", "DigitalOcean token", "do(p|o|r)_v1_{h:64}"),
    token("digitalocean-spaces-key", "DigitalOcean Spaces key", "DO00{u:16}"),
    SecretRule(
        "cloudflare-origin-ca-key",
        "Cloudflare origin CA key",
        expression=r"(?<![A-Za-z0-9])v1\.0-[0-9a-f]{24}-[0-9a-f]{146}(?![0-9a-f])",
        hints=("v1.0-",),
    ),
    token("heroku-token", "Heroku token", "HRKU-AA{w:58}"),
    token("flyio-token", "Fly.io token", "fo1_{w:43}", "fm1(a|r)_{b:100-2000}", "fm2_{b:100-2000}"),
    token("render-token", "Render API key", "rnd_{a:32}"),
    token("vercel-token", "Vercel token", "vc(p|i|a|r|k)_{w:56}"),
    token("netlify-token", "Netlify token", "nfp_{a:36}"),
    token("scaleway-key", "Scaleway access key", "SCW{u:17}"),
    token("scalingo-token", "Scalingo token", "tk-us-{w:48}"),
    token("planetscale-token", "PlanetScale secret", "pscale_(tkn|oauth|pw)_{w:32-64}"),
    token("supabase-token", "Supabase token", "sbp_{h:40}", "sb_secret_{w:31-64}"),
    token("neon-token", "Neon API key", "napi_{l:64}"),
    token("clickhouse-cloud-key", "ClickHouse Cloud key", "4b1d{a:38}"),
    token("databricks-token", "Databricks token", "dapi{h:32}", "dapi{h:32}-{d:1}"),
    token("confluent-cloud-key", "Confluent Cloud secret", "cflt{b:60}"),
    token("pinecone-key", "Pinecone API key", "pcsk_{w:60-80}"),
    token("mongodb-atlas-token", "MongoDB Atlas service account secret", "mdb_sa_sk_{w:40}"),
    token("vault-token", "HashiCorp Vault token", "hv(s|b|r).{w:24-300}"),
    SecretRule(
        "terraform-cloud-token",
        "HCP Terraform token",
        expression=r"(?<![A-Za-z0-9])[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_\-]{60,70}",
        hints=(".atlasv1.",),
    ),
    token("pulumi-token", "Pulumi token", "pul-{h:40}"),
    token("infracost-key", "Infracost key", "ico-{a:32}"),
    token(
        "doppler-token",
        "Doppler token",
        "dp.(pt|st|ct|sa|scim|audit).{a:40-44}",
        "dp.st.{w:2-35}.{a:40-44}",  # a service token names its config: dp.st.dev.…
    ),
    SecretRule(
        "onepassword-secret-key",
        "1Password secret key",
        expression=r"(?<![A-Za-z0-9\-])A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})"
        r"(?:-[A-Z0-9]{5}){3}(?![A-Z0-9\-])",
        hints=("A3-",),
        entropy=3.5,
    ),
    token("onepassword-token", "1Password service account token", "ops_eyJ{b:250-2000}"),
    SecretRule(
        "age-secret-key",
        "age secret key",
        ("AGE-SECRET-KEY-1{e:58}",),
        public_in_tests=True,
        source="https://age-encryption.org/v1",
    ),
    token(
        "tailscale-key", "Tailscale key", "tskey-(auth|api|client|scim|webhook)-{a:10-20}-{a:20-40}"
    ),
    token("openshift-token", "OpenShift token", "sha256~{w:43}"),
    token("defined-networking-token", "Defined Networking token", "dnkey-{w:26}-{w:52}"),
    token("dynatrace-token", "Dynatrace token", "dt0(c01|s01|s16).{u:24}.{u:64}"),
    token("grafana-service-token", "Grafana service account token", "glsa_{a:32}_{H:8}"),
    token("grafana-cloud-token", "Grafana Cloud token", "glc_eyJ{b:60-400}"),
    token("grafana-api-key", "Grafana API key", "eyJrIjoi{a:70-400}"),
    token(
        "new-relic-key", "New Relic key", "NRAK-{u:27}", "NRII-{w:32}", "NRJS-{h:19}", "NRRA-{h:42}"
    ),
    token("honeycomb-key", "Honeycomb ingest key", "hcaik_{l:58}", "hc(a|b|x)lk_{l:58}"),
    token("sentry-org-token", "Sentry organisation token", "sntrys_eyJ{b:60-400}_{b:43}"),
    token("sentry-user-token", "Sentry user token", "sntryu_{h:64}"),
    token("axiom-token", "Axiom token", "xa(at|pt)-{h:8}-{h:4}-{h:4}-{h:4}-{h:12}"),
    token("langfuse-key", "Langfuse secret key", "sk-lf-{h:8}-{h:4}-{h:4}-{h:4}-{h:12}"),
)
