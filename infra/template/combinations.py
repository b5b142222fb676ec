"""The deployments that the template must be good for: every stage as samconfig.toml sets it, with and without each
optional feature. A parameter that is not named here has the template's default."""

import re
import tomllib
from itertools import product
from pathlib import Path

ACCOUNT = "123456789012"
REGION = "eu-central-1"


def sns_app(service):
    return f"arn:aws:sns:{REGION}:{ACCOUNT}:app/{service}/ilock"


def certificate(number):
    return f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/00000000-0000-0000-0000-{number:012}"


# What an operator must say in any case.
REQUIRED = {
    "SecretsName": "ilock-dev",
    "TrtcSdkAppId": "1400000000",
    "Release": "0" * 64,
}
# What prod must say besides.
PROD = {"AuthIssuer": "https://login.example.com/", "AuthAudience": "ilock"}
PAGER = {"AlarmTopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:pager"}
GRADUAL = {"no gradual deployments": "false", "gradual deployments": "true"}
PUSH = {
    "no push": {},
    "push to Android": {"PushGcm": sns_app("GCM")},
    "push by FCM": {"PushFcmAccountArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:fcm-AbCdEf"},
    "push": {
        "PushGcm": sns_app("GCM"),
        "PushApns": sns_app("APNS"),
        "PushApnsSandbox": sns_app("APNS_SANDBOX"),
        "PushApnsVoip": sns_app("APNS_VOIP"),
        "PushApnsVoipSandbox": sns_app("APNS_VOIP_SANDBOX"),
        "PushApnsTopic": "com.example.app",
    },
}
CALLBACK = {"no callback": {}, "callback": {"TrtcCallback": "on"}}
# The rest: none of them, all of them, and each alone.
OTHERS = {
    "room API": {"TrtcRoomApi": "on"},
    "traces and every log": {"Tracing": "Active", "SystemLogLevel": "DEBUG", "LogLevel": "debug"},
    "budget": {"MonthlyBudgetDollars": "500"},
    "own key": {"KmsKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"},
    "own key of the secrets": {"SecretsKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/mrk-11111111111111111111111111111111"},
    "topic prefix": {"TopicPrefix": "blue"},
    "signed connects": {"MqttSigningPublicKey": "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A,MIIBCgKCAQEAwIDAQAB=="},
    "witnesses": {
        "LogOrigin": "calls.example.com/ledger",
        "NextLedgerKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/22222222-2222-2222-2222-222222222222",
        "LedgerWitnesses": "witness one witness.example.com+0123abcd+AQIDBA== https://witness.example.com/;quorum one",
    },
    "a new ledger": {"LedgerName": "ilock-prod-ledger-2", "LogOrigin": "calls.example.com/ledger-2"},
    "a new key of the ledger": {"LedgerKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/33333333-3333-3333-3333-333333333333"},
    "reserved concurrency": {"ReserveConcurrency": "true", "ExpectedCallsPerSecond": "100"},
    "bounded roles": {
        "PermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
        "RolePath": "/apps/ilock/",
    },
    "public-key tokens": {"AuthAlgorithms": "RS256,ES256", "AuthJwks": "https://login.example.com/keys"},
    "tokens at the gateway": {
        "AuthAlgorithms": "RS256",
        "AuthJwks": "https://login.example.com/keys",
        "AuthIssuer": "https://login.example.com/",
        "AuthAudience": "ilock",
        "GatewayChecksTokens": "true",
    },
    "CORS": {"CorsOrigins": "https://app.example.com,https://www.example.com"},
    "own API domain": {"ApiDomainName": "api.example.com", "ApiCertificateArn": certificate(1)},
    "own API domain and zone": {
        "ApiDomainName": "api.example.com",
        "ApiCertificateArn": certificate(1),
        "ApiHostedZoneId": "Z0123456789ABC",
    },
    "pages": {"Pages": "true"},
    "pages with rooms, own names": {
        "Pages": "true",
        "PagesDomainName": "door.example.com",
        "PagesCertificateArn": f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/00000000-0000-0000-0000-000000000003",
        "PagesTrtcHosts": "https://*.rtc.qq.com wss://*.rtc.qq.com",
        "ApiDomainName": "api.example.com",
        "ApiCertificateArn": certificate(1),
    },
    "own MQTT domain": {
        "MqttDomainName": "mqtt.example.com",
        "WebsocketDomainName": "ws.example.com",
        "MqttCertificateArn": certificate(2),
    },
}

# Without domain configurations: goes with no name of one's own.
DEFAULT_ENDPOINT = {"MqttEndpoint": "default"}

# What China does not have: mobile push, CloudFront without an ICP recordal, X-Ray of functions, configurable endpoints.
NOT_IN_CHINA = re.compile(r"Push|Pages|Tracing$|MqttDomainName$|WebsocketDomainName$|MqttCertificateArn$")

# Two of the core that have little in common.
UNLIKE = ("dev, no pager, no gradual deployments, no push, no callback", "prod, a pager, gradual deployments, push, callback")


def stages():
    """The parameters that samconfig.toml sets for each stage."""
    sections = tomllib.loads(Path("samconfig.toml").read_text())
    return {
        stage: dict(one.split("=", 1) for one in section["deploy"]["parameters"]["parameter_overrides"])
        for stage, section in sections.items()
        if isinstance(section, dict) and stage != "default"
    }


def other_features():
    everything = {name: value for others in OTHERS.values() for name, value in others.items()}
    return {"nothing else": {}, "everything else": everything} | OTHERS


def core():
    """Every stage, with and without a pager, gradual deployments, push and callback."""
    for (stage, staged), pager in product(stages().items(), (False, True)):
        if stage == "prod" and not pager:
            continue  # the template's own rule forbids it
        for gradual, push, callback in product(GRADUAL, PUSH, CALLBACK):
            name = f"{stage}, {'a pager' if pager else 'no pager'}, {gradual}, {push}, {callback}"
            features = (PROD if stage == "prod" else {}) | (PAGER if pager else {}) | PUSH[push] | CALLBACK[callback]
            yield name, REQUIRED | staged | features | {"GradualDeployments": GRADUAL[gradual]}


def combinations():
    """Name and parameters of each. Other features go with those of the core as none and all; each alone goes with
    two of them."""
    for name, parameters in core():
        for other in ("nothing else", "everything else"):
            yield f"{name}, {other}", parameters | other_features()[other]
    for name, parameters in core():
        if name in UNLIKE:
            for other, features in (OTHERS | {"default endpoint": DEFAULT_ENDPOINT}).items():
                yield f"{name}, {other}", parameters | features


def there(parameters, region):
    """The same, with what is named by ARN in another region."""
    partition = "aws-cn" if region.startswith("cn-") else "aws"

    def moved(value):
        return value.replace(f":{REGION}:", f":{region}:").replace("arn:aws:", f"arn:{partition}:")

    return {name: moved(value) for name, value in parameters.items()}


def elsewhere():
    """Name, parameters and region of deployments that are not in REGION, each with all that can be had there: every region has
    resource schemas of its own."""
    most = "prod, a pager, gradual deployments, push, callback, everything else"
    everything = dict(combinations())[most]
    yield f"{most}, in us-east-1", there(everything, "us-east-1"), "us-east-1"
    in_china = {name: value for name, value in everything.items() if not NOT_IN_CHINA.match(name)} | DEFAULT_ENDPOINT
    yield "prod, default endpoint, everything that China has", there(in_china, "cn-north-1"), "cn-north-1"


def linted(every=False):
    """Those that cfn-lint looks at too, each with its region. Each stage with as few features as there can be, and with all of
    them: as samconfig.toml has it, and with gradual deployments switched round. With `every`, both with both. Then those of
    other regions."""
    for stage, staged in stages().items():
        own = staged.get("GradualDeployments", "false")
        for gradual, value in GRADUAL.items():
            pager = "a pager" if stage == "prod" else "no pager"
            fewest = f"{stage}, {pager}, {gradual}, no push, no callback, nothing else"
            most = f"{stage}, a pager, {gradual}, push, callback, everything else"
            wanted = {fewest, most} if every else {fewest if value == own else most}
            yield from ((name, parameters, REGION) for name, parameters in combinations() if name in wanted)
    yield from elsewhere()
