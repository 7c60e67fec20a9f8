"""Kind of change: security settings, such as CORS, rights, authentication, TLS and cookies."""

import re
from collections.abc import Iterator, Sequence

from reviewloop.guards.change_types.changed import CODE, ChangedFile, Evidence
from reviewloop.regex import regex

_CODE = regex(
    # allowed callers
    r"\bCORSMiddleware\b|\ballow_origins\s*=|\bCORS_(?:ALLOW|ORIGIN)\w*\s*=|\bcors\(|Access-Control-Allow-\w+"
    r"|\bALLOWED_HOSTS\s*=|\bCSRF_\w+\s*=|\bcsrf_exempt\b|\bcsrf\.(?:exempt|Protect)\b|\bhelmet\("
    r"|Content-Security-Policy"
    # identity and permissions
    r"|\bAUTHENTICATION_BACKENDS\b|\bPASSWORD_HASHERS\b|\bDEFAULT_(?:PERMISSION|AUTHENTICATION)_CLASSES\b"
    r"|^\s*(?:permission_classes|authentication_classes)\s*=|@(?:login_required|permission_required"
    r"|requires_auth|user_passes_test|UseGuards|PreAuthorize|Secured|RolesAllowed)\b"
    r"|\bpassport\.(?:use|authenticate)\(|\bjwt\.(?:verify|decode)\(|\bSECRET_KEY\s*="
    # transport
    r"|\bverify\s*=\s*False\b|\bcheck_hostname\s*=|\bssl\.(?:_create_unverified_context|CERT_\w+)"
    r"|\brejectUnauthorized\b|\bInsecureSkipVerify\b|\bMinVersion:\s*tls\.|\bSECURE_\w+\s*="
    r"|\bSESSION_COOKIE_\w+\s*=|\b(?:http_?only|HttpOnly)\s*[:=]\s*(?:true|false|True|False)"
    r"|\bsame_?site\s*[:=]\s*['\"\w]",
)
_INFRASTRUCTURE = regex(
    r"\baws_(?:iam_\w+|security_group\w*|kms_\w+|s3_bucket_(?:policy|public_access_block))\b"
    r"|AWS::(?:IAM|KMS)::\w+|AWS::EC2::SecurityGroup\w*|\"?Effect\"?\s*:\s*\"?(?:Allow|Deny)"
    r"|\bPolicyStatement\(|\biam\.(?:Role|Policy\w*|ManagedPolicy)\(|\bgoogle_\w*iam_\w+"
    r"|^\s*kind:\s*(?:Cluster)?Role(?:Binding)?\b|^\s*kind:\s*NetworkPolicy\b|\bsecurityContext:"
    r"|\bprivileged:\s*\w|\brunAs(?:User|NonRoot|Group)\b|\ballowPrivilegeEscalation\b"
    r"|\bcap_(?:add|drop)\b|\bssl_(?:protocols|ciphers|verify\w*|certificate)\b|\bcidr_blocks\b"
    r"|\badd_header\s+(?:Strict|Content-Security|X-Frame|Access-Control)\S*",
    re.IGNORECASE,
)
_DATA_ENDINGS = frozenset(
    ("yml", "yaml", "json", "tf", "tofu", "conf", "nginx", "template", "toml")
)


def find(files: Sequence[ChangedFile]) -> Iterator[Evidence]:
    """Yield the first line of each file that changes a security setting."""
    for file in files:
        if file.ending in CODE:
            hit = file.first(_CODE) or file.first(_INFRASTRUCTURE)
        elif file.ending in _DATA_ENDINGS:
            hit = file.first(_INFRASTRUCTURE)
        else:
            continue
        if hit:
            yield Evidence(file.path, hit[0], " ".join(hit[1][0].split()))
