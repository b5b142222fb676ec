"""Puts the pages into their bucket, where the deployment has one."""

import json
from pathlib import Path

import boto3

FILES = Path("client/pages/dist")
HEADERS = Path("client/pages/headers.json")
KINDS = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


def upload(stack):
    """Also after a deployment that changed nothing. The page comes last: what it names is there by then."""
    described = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in described["Outputs"]}
    client, headers = boto3.client("s3"), json.loads(HEADERS.read_text())
    for path in sorted(FILES.iterdir(), key=lambda path: (path.suffix == ".html", path.name)):
        client.put_object(
            Bucket=outputs["PagesBucketName"],
            Key=f"pages/{path.name}",
            Body=path.read_bytes(),
            ContentType=KINDS[path.suffix],
            CacheControl=headers["cache-control"],
        )
    print(f"the pages are at {outputs['PagesUrl']}")
