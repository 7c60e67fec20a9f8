"""Tokens of messaging, payment, commerce and office services that their shape alone betrays.

Facts (prefixes, lengths, alphabets) are the vendors' own, as their documentation and the list of
secrets that GitHub's scanning knows print them, checked against the rules of gitleaks (MIT).
"""

from reviewloop.secrets.rule import SecretRule, token

SERVICES: tuple[SecretRule, ...] = (
    SecretRule(
        "slack-token",
        "Slack token",
        expression=r"(?<![A-Za-z0-9_\-])(?:xox[abcdeoprs](?:\.xox[bp])?|xapp)-[0-9A-Za-z\-]{20,250}",
        hints=("xox", "xapp-"),
        source="https://api.slack.com/concepts/token-types",
    ),
    SecretRule(
        "slack-webhook",
        "Slack webhook address",
        expression=r"hooks\.slack\.com/(?:services|workflows|triggers)/"
        r"(?P<secret>[A-Za-z0-9/_\-]{30,90})",
        hints=("hooks.slack.com",),
    ),
    SecretRule(
        "discord-webhook",
        "Discord webhook address",
        expression=r"discord(?:app)?\.com/api/webhooks/[0-9]{17,20}/(?P<secret>[A-Za-z0-9_\-]{60,80})",
        hints=("discord",),
    ),
    SecretRule(
        "discord-bot-token",  # it begins with the base64 form of a number
        "Discord bot token",
        ("(MD|MT|Mj|Mz|ND|NT|Nj|Nz|OD|OT){a:22-26}.{w:6}.{w:27-40}",),
        entropy=3.8,
    ),
    SecretRule(
        "teams-webhook",
        "Microsoft Teams webhook address",
        expression=r"\.webhook\.office\.com/webhookb2/(?P<secret>[0-9a-f\-]{36}@[0-9a-f\-]{36}"
        r"/IncomingWebhook/[0-9a-z]{32}/[0-9a-f\-]{36})",
        hints=("webhook.office.com",),
    ),
    SecretRule(
        "telegram-bot-token",
        "Telegram bot token",
        expression=r"(?<![A-Za-z0-9_])[0-9]{8,10}:AA[A-Za-z0-9_\-]{33}(?![A-Za-z0-9_\-])",
        hints=(":AA",),
    ),
    token("twilio-key", "Twilio API key", "SK{h:32}"),
    token("sendgrid-key", "SendGrid API key", "SG.{w:22}.{w:43}"),
    SecretRule("mailgun-key", "Mailgun key", ("key-{h:32}", "pubkey-{h:32}"), entropy=3.0),
    SecretRule(
        "mailchimp-key",
        "Mailchimp key",
        expression=r"(?<![A-Za-z0-9_\-])[0-9a-f]{32}-us[0-9]{1,2}(?![A-Za-z0-9_\-])",
        hints=("-us",),
        entropy=3.0,
    ),
    token("mandrill-key", "Mandrill key", "md-{a:22}"),
    token("brevo-key", "Brevo key", "xkeysib-{h:64}-{a:16}", "xsmtpsib-{h:64}-{a:16}"),
    token("resend-key", "Resend key", "re_{a:8}_{a:24}"),
    token("stripe-key", "Stripe live key", "(sk|rk|pk_secret)_(live|prod)_{a:16-247}", live=True),
    token("stripe-test-key", "Stripe test key", "(sk|rk)_test_{a:16-247}"),
    token("stripe-webhook-secret", "Stripe webhook secret", "whsec_{a:32-64}"),
    token("square-token", "Square token", "sq0(atp|csp)-{w:22-43}", "EAAA{w:60}"),
    token(
        "braintree-token",
        "Braintree access token",
        "access_token$production${l:16}${h:32}",
        live=True,
    ),
    token("adyen-key", "Adyen key", "AQE{a:1}hmf{b:60-200}"),
    token("flutterwave-key", "Flutterwave key", "FLWSECK(_TEST|)-{h:32}-X", "FLWSECK_TEST-{l:12}"),
    token("mollie-key", "Mollie key", "live_{a:30}", live=True),
    token("gocardless-token", "GoCardless token", "live_{w:40}", live=True),
    token(
        "plaid-token",
        "Plaid access token",
        "access-(production|development|sandbox)-{h:8}-{h:4}-{h:4}-{h:4}-{h:12}",
    ),
    token("lob-key", "Lob key", "(live|test)_{h:35}"),
    token("duffel-token", "Duffel token", "duffel_(live|test)_{w:43}"),
    token("easypost-key", "EasyPost key", "EZ(AK|TK){a:54}"),
    token("shippo-token", "Shippo token", "shippo_(live|test)_{h:40}"),
    token("shopify-token", "Shopify token", "shp(at|ca|pa|ss)_{H:32}"),
    token("facebook-token", "Facebook access token", "EAA(M|C|B|G|A|I){a:100-300}"),
    token("instagram-token", "Instagram token", "IG(QVJ|AA){w:100-300}"),
    token("linkedin-secret", "LinkedIn client secret", "WPL_AP1.{a:16}.{b:8}"),
    token("dropbox-token", "Dropbox token", "sl.{w:130-152}", "sl.u.{w:130-1500}"),
    token("notion-token", "Notion token", "ntn_{d:11}{a:35}", "secret_{a:43}"),
    token("linear-key", "Linear key", "lin_(api|oauth)_{a:40-64}"),
    token("airtable-token", "Airtable token", "pat{a:14}.{h:64}"),
    token("figma-token", "Figma token", "fig(d|o|u|or|oh|s)_{w:40-80}"),
    token("frameio-token", "Frame.io token", "fio-u-{w:64}"),
    token("typeform-token", "Typeform token", "tfp_{t:59}"),
    token("hubspot-token", "HubSpot token", "pat-(na1|eu1|na2|ap1)-{h:8}-{h:4}-{h:4}-{h:4}-{h:12}"),
    token("intercom-token", "Intercom token", "dG9rO{b:54}="),
    token("contentful-token", "Contentful management token", "CFPAT-{w:43}"),
    token("adobe-secret", "Adobe client secret", "p8e-{a:32}"),
    token("mapbox-token", "Mapbox secret token", "sk.eyJ{w:60-200}.{w:22}"),
    SecretRule(
        "maxmind-key",
        "MaxMind license key",
        expression=r"(?<![A-Za-z0-9_])[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk(?![A-Za-z0-9_])",
        hints=("_mmk",),
    ),
    token("settlemint-token", "SettleMint token", "sm_(aat|pat|sat)_{a:16}"),
    token(
        "authress-key",
        "Authress key",
        "(scauth|authress)_{a:5-30}.{a:4-6}.acc_{w:10-32}.{b:30-120}",
    ),
    token("intra42-secret", "Intra42 client secret", "s-s4t2(ud|af)-{h:64}"),
    token("ubidots-key", "Ubidots token", "BBFF-{a:30}"),
    token(
        "persona-key", "Persona key", "persona_(production|sandbox)_{h:8}-{h:4}-{h:4}-{h:4}-{h:12}"
    ),
    token("telnyx-key", "Telnyx key", "KEY{u:32}_{a:22}"),
    token("samsara-token", "Samsara token", "samsara_api_{a:30}"),
    token("paddle-key", "Paddle key", "pdl_(live|sdbx)_apikey_{l:26}_{a:22}_{a:3}"),
    token("ramp-key", "Ramp secret", "ramp_sec_{a:48}"),
    token("rootly-key", "Rootly key", "rootly_{h:64}"),
    token("thunderstore-token", "Thunderstore token", "tss_{a:32}"),
    token("zuplo-key", "Zuplo key", "zpka_{h:32}_{h:8}"),
    token("unkey-key", "Unkey root key", "unkey_{a:20-30}"),
    token("hop-token", "Hop token", "ptk_{w:40-80}"),
    token("cal-key", "Cal.com key", "cal_live_{h:32}", live=True),
    token("lichess-token", "Lichess token", "lip_{a:20}"),
    token("clickup-token", "ClickUp token", "pk_{d:6-9}_{u:32}"),
    token("volcengine-key", "Volcengine access key", "AKLT{w:40-60}"),
)
