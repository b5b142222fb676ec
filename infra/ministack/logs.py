"""Prints what all functions logged, as ministack's CloudWatch Logs has it."""

import boto3

logs = boto3.client("logs")
for group in logs.get_paginator("describe_log_groups").paginate().search("logGroups[].logGroupName"):
    for message in logs.get_paginator("filter_log_events").paginate(logGroupName=group).search("events[].message"):
        print(group, message.rstrip())
