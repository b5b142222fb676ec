"""Puts a table of a deployment back that is gone, as the template has it, and has its readers read it.

    restore.py STACK TABLE [--backup ARN] [--yes]      TABLE: events, directory or ledger

DynamoDB restores the items and the indexes and nothing else: no stream, time to live, recovery, protection or tags; AWS
Backup may leave the key out too. And a stream of a new table has a new ARN, which no event source mapping of the stack reads. Run it again where it was
interrupted: it goes on.
"""

import sys
import time
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from samtranslator.yaml_helper import yaml_parse

import account
from account import Wrong

TEMPLATE = Path("template.yaml")
TABLES = {"events": "EventsTable", "directory": "DirectoryTable", "ledger": "LedgerTable"}
NOTHING = (None, {}, [])
# DynamoDB makes the continuous backups of a table by itself, some time after it is there; recovery can be switched on from then on.
BACKUPS_ASKED_EVERY = 10
BACKUPS_WAITED_FOR = 1800
# How a setting is taken away again; the others are numbers, which Lambda always has.
CLEARED = {"FilterCriteria": {}, "DestinationConfig": {"OnFailure": {}}, "FunctionResponseTypes": []}
# What a new mapping takes over from the one that read the stream before.
OF_MAPPING = (
    "BatchSize",
    "FilterCriteria",
    "MaximumBatchingWindowInSeconds",
    "ParallelizationFactor",
    "DestinationConfig",
    "MaximumRecordAgeInSeconds",
    "BisectBatchOnFunctionError",
    "MaximumRetryAttempts",
    "TumblingWindowInSeconds",
    "FunctionResponseTypes",
)


class Restore:
    def __init__(self, stack, table, say=print):
        self.aws = {name: boto3.client(name) for name in ("cloudformation", "dynamodb", "kms", "lambda")}
        self.stack, self.say = stack, say
        self.logical = TABLES[table]
        self.properties = yaml_parse(TEMPLATE.read_text())["Resources"][self.logical]["Properties"]
        self.resources = account.resources_of(stack)
        names = [one["PhysicalResourceId"] for one in self.resources if one["LogicalResourceId"] == self.logical]
        if not names:
            raise Wrong(f"{stack} has no {self.logical}: is it deployed from this template?")
        [self.name] = names

    def described(self):
        """The table; None when it is gone."""
        return account.table_called(self.name)

    def run(self, backup=None):
        if self.described() is None:
            backup = backup or self.newest_backup()
            self.say(f"restoring {self.name} from {backup}")
            self.aws["dynamodb"].restore_table_from_backup(TargetTableName=self.name, BackupArn=backup)
        else:
            self.say(f"{self.name} is there: its items stay as they are, and what a restore leaves out is put back")
        self.wait()
        # First what somebody notices: histories and the ledger wait for the stream's readers.
        if self.properties.get("StreamSpecification"):
            self.put_stream_back()
            self.have_it_read(self.described()["LatestStreamArn"])
        self.put_properties_back()
        self.say(f"done. Now: ilock doctor --stack {self.stack}")

    def newest_backup(self):
        """DynamoDB makes one of a table with recovery when it is deleted, and keeps it for 35 days."""
        pages = self.aws["dynamodb"].list_backups(BackupType="ALL", TableName=self.name)["BackupSummaries"]
        there = [one for one in pages if one["BackupStatus"] == "AVAILABLE"]
        if not there:
            raise Wrong(f"{self.name}: no backup of it is left in this account and region; --backup ARN names another")
        return max(there, key=lambda one: one["BackupCreationDateTime"])["BackupArn"]

    def wait(self):
        # A restore of many gigabytes takes hours.
        self.aws["dynamodb"].get_waiter("table_exists").wait(
            TableName=self.name, WaiterConfig={"Delay": 20, "MaxAttempts": 2160}
        )

    def put_stream_back(self):
        if self.described().get("StreamSpecification", {}).get("StreamEnabled"):
            return
        stream = {"StreamEnabled": True, **self.properties["StreamSpecification"]}
        self.aws["dynamodb"].update_table(TableName=self.name, StreamSpecification=stream)
        self.wait()
        self.say("  its stream is on")

    def put_properties_back(self):
        dynamodb, table = self.aws["dynamodb"], self.described()
        if not table.get("DeletionProtectionEnabled"):
            dynamodb.update_table(TableName=self.name, DeletionProtectionEnabled=True)
            self.wait()
            self.say("  it is protected from deletion")
        ttl = self.properties.get("TimeToLiveSpecification")
        if ttl and dynamodb.describe_time_to_live(TableName=self.name)["TimeToLiveDescription"][
            "TimeToLiveStatus"
        ] not in ("ENABLED", "ENABLING"):
            dynamodb.update_time_to_live(TableName=self.name, TimeToLiveSpecification=ttl)
            self.say("  expired items are deleted")
        dynamodb.tag_resource(ResourceArn=table["TableArn"], Tags=self.tags())
        self.put_key_back(table)
        self.make_it_recoverable()

    def put_key_back(self, table):
        """As the template's SSESpecification: KmsKeyArn, or else the account's aws/dynamodb key. AWS Backup restores a table under a key
        that DynamoDB owns, which is in no account and which no policy or log of yours knows, unless it is told another one."""
        own, key = self.parameters().get("KmsKeyArn", ""), table.get("SSEDescription", {}).get("KMSMasterKeyArn")
        if own:
            wanted, is_right = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": own}, key == own
        else:
            wanted, is_right = {"Enabled": True, "SSEType": "KMS"}, key is not None and self.is_aws_s(key)
        if is_right:
            return
        self.aws["dynamodb"].update_table(TableName=self.name, SSESpecification=wanted)
        self.wait()
        self.say(f"  it is encrypted under {own or 'the key aws/dynamodb of the account'}")

    def is_aws_s(self, key):
        return self.aws["kms"].describe_key(KeyId=key)["KeyMetadata"]["KeyManager"] == "AWS"

    def make_it_recoverable(self):
        """Last: a table that was just restored refuses it for some time."""
        recovery = {"PointInTimeRecoveryEnabled": True}
        for waited in range(0, BACKUPS_WAITED_FOR, BACKUPS_ASKED_EVERY):
            try:
                self.aws["dynamodb"].update_continuous_backups(TableName=self.name, PointInTimeRecoverySpecification=recovery)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ContinuousBackupsUnavailableException":
                    raise
            else:
                self.say("  it has point-in-time recovery")
                return
            if waited == 0:
                self.say("  DynamoDB does not take point-in-time recovery yet: waiting for it")
            time.sleep(BACKUPS_ASKED_EVERY)
        raise Wrong(
            f"{self.name} has no point-in-time recovery yet: DynamoDB refused it for {BACKUPS_WAITED_FOR // 60} minutes. All else is "
            "done. Run this again later: it goes on"
        )

    def parameters(self):
        stack = self.aws["cloudformation"].describe_stacks(StackName=self.stack)["Stacks"][0]
        return account.parameters_of(stack)

    def tags(self):
        return [{"Key": "Application", "Value": "ilock-call"}, {"Key": "Stage", "Value": self.parameters()["Stage"]}]

    def have_it_read(self, stream):
        """Each mapping of the stack that read a stream of this table gets a second one, with the same settings. The first
        stays: the stack refers to it."""
        reading = self.readers(stream)
        for before in self.replaced(stream):
            function = before["FunctionArn"]
            if function in reading:
                continue
            settings = {name: before[name] for name in OF_MAPPING if before.get(name) not in NOTHING}
            self.aws["lambda"].create_event_source_mapping(
                EventSourceArn=stream, FunctionName=function, StartingPosition="TRIM_HORIZON", **settings
            )
            self.say(f"  {function.split(':')[6]} reads the new stream")
        self.update_readers(stream)

    def update_readers(self, stream):
        """A deployment changes the stack's mappings, and knows none of those that read the stream of a restored table. Those
        get the settings that differ."""
        reading = self.readers(stream)
        for before in self.replaced(stream):
            reader = reading.get(before["FunctionArn"])
            if reader is None:
                continue
            settings = changed(before, reader)
            if settings:
                self.aws["lambda"].update_event_source_mapping(UUID=reader["UUID"], **settings)
                self.say(f"  {before['FunctionArn'].split(':')[6]} reads the stream with another {', '.join(settings)}")

    def readers(self, stream):
        """What reads the stream, by function."""
        found = self.aws["lambda"].list_event_source_mappings(EventSourceArn=stream)["EventSourceMappings"]
        return {one["FunctionArn"]: one for one in found}

    def replaced(self, stream):
        """The stack's mappings that name another stream of this table."""
        for resource in self.resources:
            if resource["ResourceType"] == "AWS::Lambda::EventSourceMapping":
                mapping = self.mapping(resource)
                source = mapping.get("EventSourceArn", "")
                if f":table/{self.name}/stream/" in source and source != stream:
                    yield mapping

    def mapping(self, resource):
        """A mapping as it is now; nothing of one that somebody deleted."""
        try:
            return self.aws["lambda"].get_event_source_mapping(UUID=resource["PhysicalResourceId"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
        self.say(
            f"  {resource['LogicalResourceId']} was deleted, and nothing can be taken over from it: "
            "docs/operators.md, “Changes by hand”, has the commands that create it"
        )
        return {}


def changed(before, reader):
    """What `reader` lacks of the settings of `before`."""
    settings = {}
    for name in OF_MAPPING:
        wanted, has = before.get(name), reader.get(name)
        if wanted in NOTHING and has not in NOTHING:
            # Lambda's own defaults, such as a window of 0, need not be taken away.
            settings |= {name: CLEARED[name]} if name in CLEARED else {}
        elif wanted not in NOTHING and wanted != has:
            settings[name] = wanted
    return settings


def update_readers(stack, say=print):
    """After a deployment: what reads the log's stream has the settings of the stack."""
    restore = Restore(stack, "events", say)
    table = restore.described()
    if table and table.get("LatestStreamArn"):
        restore.update_readers(table["LatestStreamArn"])


def main(arguments):
    plain = [one for one in arguments if not one.startswith("--")]
    backup = None
    if "--backup" in arguments:
        backup = plain.pop() if len(plain) == 3 else None
        if backup is None or not backup.startswith("arn:"):
            raise Wrong("--backup: must be followed by the ARN of a backup, behind STACK and TABLE")
        if backup.split(":")[2] == "backup":
            raise Wrong(
                "--backup: AWS Backup restores its recovery points itself. Restore it under the table's old name, as "
                "infra/runbooks/restore.md says, and run this again without --backup: it puts back the rest"
            )
    unknown = {one for one in arguments if one.startswith("--")} - {"--backup", "--yes"}
    if unknown or len(plain) != 2 or plain[1] not in TABLES:
        raise Wrong(f"usage: tools/restore STACK {'|'.join(TABLES)} [--backup ARN] [--yes]")
    region = account.chosen_region()
    restore = Restore(*plain)
    if "--yes" not in arguments:
        state = "is there" if restore.described() else "is gone"
        if input(f"{restore.name} {state} in {region}. Put it back as the template has it? [y/N] ").strip().lower() != "y":
            return 1
    restore.run(backup)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Wrong as wrong:
        sys.exit(str(wrong))
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"AWS: {error}")
