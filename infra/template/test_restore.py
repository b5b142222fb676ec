"""Restoring a table, before a double of AWS that keeps what it is told."""

import unittest
from unittest import mock

from botocore.exceptions import ClientError
from samtranslator.yaml_helper import yaml_parse

import restore
from restore import Wrong

OLD = "arn:aws:dynamodb:eu-central-1:123456789012:table/{0}/stream/2026-01-01T00:00:00.000"
NEW = "arn:aws:dynamodb:eu-central-1:123456789012:table/{0}/stream/2026-11-25T00:00:00.000"
NAMES = {"EventsTable": "ilock-prod-EventsTable", "DirectoryTable": "ilock-prod-DirectoryTable", "LedgerTable": "ledger"}
AWS_S_KEY, OWN_KEY = (f"arn:aws:kms:eu-central-1:123456789012:key/{number}" for number in (1, 2))
FILTER = {"Filters": [{"Pattern": '{"dynamodb":{"Keys":{"sk":{"S":[{"prefix":"commit#"}]}}}}'}]}


def function(name):
    return f"arn:aws:lambda:eu-central-1:123456789012:function:ilock-prod-{name}:live"


class Aws:
    """Every client in one. A restored table has its items, and nothing that the template says of it."""

    def __init__(self):
        self.tables, self.calls, self.backups = {}, [], []
        self.own_key, self.encrypted = "", 0
        log = OLD.format(NAMES["EventsTable"])
        self.mappings = {
            "uuid-projector": self.mapping(log, "projector", ParallelizationFactor=10, MaximumRetryAttempts=10),
            "uuid-ledger": self.mapping(log, "ledger", ParallelizationFactor=1, MaximumRetryAttempts=1000),
            "uuid-expire": self.mapping("arn:aws:sqs:eu-central-1:123456789012:expire", "expire-call"),
        }
        self.made, self.updates = [], []
        # How often a table that was just restored refuses its continuous backups: DynamoDB has not made them yet.
        self.refusals = 1

    @staticmethod
    def mapping(source, name, **settings):
        failures = {"OnFailure": {"Destination": f"arn:aws:sqs:eu-central-1:123456789012:{name}-letters"}}
        return {
            "EventSourceArn": source,
            "FunctionArn": function(name),
            "BatchSize": 100,
            "FilterCriteria": FILTER,
            "DestinationConfig": failures,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "UUID": f"uuid-{name}",
            "State": "Enabled",
            "TumblingWindowInSeconds": None,
        } | settings

    def client(self, _):
        return self

    def get_paginator(self, _):
        return self

    def paginate(self, **_):
        return self

    def search(self, _):
        for logical, name in NAMES.items():
            yield {"LogicalResourceId": logical, "PhysicalResourceId": name, "ResourceType": "AWS::DynamoDB::Table"}
        for uuid in self.mappings:
            kind = "AWS::Lambda::EventSourceMapping"
            yield {"LogicalResourceId": uuid, "PhysicalResourceId": uuid, "ResourceType": kind}

    def describe_stacks(self, StackName):
        given = {"Stage": "prod", "KmsKeyArn": self.own_key}
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
        return {"Stacks": [{"StackName": StackName, "Parameters": parameters}]}

    def describe_key(self, KeyId):
        return {"KeyMetadata": {"KeyManager": "AWS" if KeyId == AWS_S_KEY else "CUSTOMER"}}

    def describe_table(self, TableName):
        if TableName not in self.tables:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "gone"}}, "DescribeTable")
        return {"Table": self.tables[TableName]}

    def list_backups(self, BackupType, TableName):
        return {"BackupSummaries": [one for one in self.backups if one["TableName"] == TableName]}

    def restore_table_from_backup(self, TargetTableName, BackupArn):
        self.calls.append(("restore", TargetTableName, BackupArn))
        self.tables[TargetTableName] = {"TableArn": f"arn:table/{TargetTableName}"}

    def get_waiter(self, name):
        assert name == "table_exists"
        return mock.Mock()

    def update_table(self, TableName, **properties):
        table = self.tables[TableName]
        table |= properties
        if "StreamSpecification" in properties:
            table["LatestStreamArn"] = NEW.format(TableName)
        if specification := properties.get("SSESpecification"):
            assert specification["Enabled"]
            self.encrypted += 1
            table["SSEDescription"] = {"Status": "ENABLED", "KMSMasterKeyArn": specification.get("KMSMasterKeyId", AWS_S_KEY)}

    def update_continuous_backups(self, TableName, PointInTimeRecoverySpecification):
        if self.refusals:
            self.refusals -= 1
            error = {"Code": "ContinuousBackupsUnavailableException", "Message": "Backups are being enabled for the table"}
            raise ClientError({"Error": error}, "UpdateContinuousBackups")
        self.tables[TableName]["recovery"] = PointInTimeRecoverySpecification["PointInTimeRecoveryEnabled"]

    def describe_time_to_live(self, TableName):
        on = "ttl" in self.tables[TableName]
        return {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED" if on else "DISABLED"}}

    def update_time_to_live(self, TableName, TimeToLiveSpecification):
        self.tables[TableName]["ttl"] = TimeToLiveSpecification

    def tag_resource(self, ResourceArn, Tags):
        [table] = [one for one in self.tables.values() if one["TableArn"] == ResourceArn]
        table["tags"] = Tags

    def list_event_source_mappings(self, EventSourceArn):
        return {"EventSourceMappings": [one for one in self.made if one["EventSourceArn"] == EventSourceArn]}

    def get_event_source_mapping(self, UUID):
        if self.mappings[UUID] is None:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "gone"}}, "GetEventSourceMapping")
        return self.mappings[UUID]

    def create_event_source_mapping(self, FunctionName, **settings):
        self.made.append(settings | {"FunctionArn": FunctionName, "UUID": f"made-{len(self.made)}"})

    def update_event_source_mapping(self, UUID, **settings):
        [mapping] = [one for one in self.made if one["UUID"] == UUID]
        self.updates.append(settings)
        mapping |= settings

    def backup(self, table, arn, day, status="AVAILABLE"):
        about = {"TableName": table, "BackupArn": arn, "BackupCreationDateTime": day, "BackupStatus": status}
        self.backups.append(about)


class Restoring(unittest.TestCase):
    def setUp(self):
        self.aws, self.said, self.slept = Aws(), [], []
        for patch in (mock.patch("boto3.client", self.aws.client), mock.patch("time.sleep", self.slept.append)):
            patch.start()
            self.addCleanup(patch.stop)

    def restored(self, table, backup=None):
        restore.Restore("ilock-prod", table, self.said.append).run(backup)
        return self.aws.tables[NAMES[restore.TABLES[table]]]

    def test_the_log_is_protected_recoverable_and_read_by_both_readers_with_their_own_settings(self):
        name = NAMES["EventsTable"]
        self.aws.backup(name, "arn:older", 1)
        self.aws.backup(name, "arn:newest", 3)
        self.aws.backup(name, "arn:not-finished", 4, "CREATING")
        self.aws.backup("another", "arn:another", 5)
        table = self.restored("events")
        self.assertEqual(self.aws.calls, [("restore", name, "arn:newest")])
        stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        self.assertEqual((table["StreamSpecification"], table["DeletionProtectionEnabled"]), (stream, True))
        self.assertTrue(table["recovery"])
        self.assertIn({"Key": "Stage", "Value": "prod"}, table["tags"])
        self.assertEqual(table["ttl"], {"AttributeName": "ttl", "Enabled": True})
        readers = {one["FunctionArn"]: one for one in self.aws.made}
        self.assertEqual(set(readers), {function("projector"), function("ledger")})
        for reader, retries in (("projector", 10), ("ledger", 1000)):
            made = readers[function(reader)]
            self.assertEqual(made["EventSourceArn"], NEW.format(name))
            self.assertEqual((made["MaximumRetryAttempts"], made["StartingPosition"]), (retries, "TRIM_HORIZON"))
            self.assertEqual((made["FilterCriteria"], made["FunctionResponseTypes"]), (FILTER, ["ReportBatchItemFailures"]))
            self.assertTrue(made["DestinationConfig"]["OnFailure"]["Destination"].endswith(f"{reader}-letters"))
            # What DescribeMapping says of itself, no new one takes.
            self.assertFalse({"State", "TumblingWindowInSeconds"} & set(made))
            self.assertTrue(made["UUID"].startswith("made-"))

    def test_the_table_is_encrypted_under_the_key_that_the_template_says(self):
        name = NAMES["LedgerTable"]
        there = {"TableArn": f"arn:table/{name}"}
        under = [{}, *({"SSEDescription": {"Status": "ENABLED", "KMSMasterKeyArn": key}} for key in (AWS_S_KEY, OWN_KEY))]
        for own, wanted in (("", AWS_S_KEY), (OWN_KEY, OWN_KEY)):
            self.aws.own_key = own
            for before in under:
                self.aws.tables[name], self.aws.encrypted = there | before, 0
                table = self.restored("ledger")
                self.assertEqual(table["SSEDescription"]["KMSMasterKeyArn"], wanted)
                self.assertEqual(self.aws.encrypted, int(before.get("SSEDescription", {}).get("KMSMasterKeyArn") != wanted))
                self.assertTrue(table["recovery"])
        # Which is what the template says.
        resources = yaml_parse(restore.TEMPLATE.read_text())["Resources"]
        for logical in restore.TABLES.values():
            specification = resources[logical]["Properties"]["SSESpecification"]
            key = {"Fn::If": ["OwnKey", {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}]}
            self.assertEqual((specification["SSEEnabled"], specification["KMSMasterKeyId"]), (True, key))

    def test_recovery_is_asked_for_until_the_new_table_takes_it_and_the_stream_is_read_before_that(self):
        self.aws.backup(NAMES["EventsTable"], "arn:backup", 1)
        self.aws.refusals = 3
        self.assertTrue(self.restored("events")["recovery"])
        self.assertEqual(len(self.slept), 3)
        # For good: somebody must hear of it, and what matters more is done by then.
        self.aws.tables.clear()
        self.aws.made.clear()
        self.aws.refusals = 10_000
        with self.assertRaisesRegex(Wrong, "has no point-in-time recovery yet.* Run this again"):
            self.restored("events")
        self.assertEqual({one["FunctionArn"] for one in self.aws.made}, {function("projector"), function("ledger")})
        self.assertLess(sum(self.slept), 3600)

    def test_another_refusal_of_recovery_is_not_waited_for(self):
        self.aws.backup(NAMES["EventsTable"], "arn:backup", 1)
        refused = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "UpdateContinuousBackups")
        with mock.patch.object(self.aws, "update_continuous_backups", side_effect=refused), self.assertRaisesRegex(ClientError, "AccessDenied"):
            self.restored("events")
        self.assertEqual(self.slept, [])

    def test_it_goes_on_where_it_was_interrupted(self):
        self.aws.backup(NAMES["EventsTable"], "arn:backup", 1)
        with mock.patch.object(self.aws, "create_event_source_mapping", side_effect=KeyboardInterrupt):
            with self.assertRaises(KeyboardInterrupt):
                self.restored("events")
        self.restored("events")
        self.restored("events")
        self.assertEqual(len(self.aws.calls), 1, "restored once")
        self.assertEqual(len(self.aws.made), 2, "read by two, however often")

    def test_what_reads_a_restored_log_gets_the_settings_that_a_deployment_changed(self):
        self.aws.backup(NAMES["EventsTable"], "arn:backup", 1)
        self.restored("events")
        restore.update_readers("ilock-prod", self.said.append)
        self.assertEqual(self.aws.updates, [], "nothing has changed")
        other = {"Filters": [{"Pattern": '{"dynamodb":{"Keys":{"sk":{"S":[{"prefix":"receipt#"}]}}}}'}]}
        self.aws.mappings["uuid-projector"] |= {"FilterCriteria": other, "MaximumRetryAttempts": 20}
        self.aws.mappings["uuid-ledger"] |= {"FilterCriteria": None}
        self.aws.mappings["uuid-expire"] |= {"BatchSize": 1}
        restore.update_readers("ilock-prod", self.said.append)
        self.assertEqual(self.aws.updates, [{"FilterCriteria": other, "MaximumRetryAttempts": 20}, {"FilterCriteria": {}}])
        readers = {one["FunctionArn"]: one for one in self.aws.made}
        self.assertEqual(readers[function("projector")]["FilterCriteria"], other)
        self.assertEqual((readers[function("ledger")]["FilterCriteria"], readers[function("ledger")]["MaximumRetryAttempts"]), ({}, 1000))
        # What an earlier restore made, and a deployment left behind, is put right by another run of it too.
        self.aws.mappings["uuid-ledger"] |= {"FilterCriteria": FILTER}
        self.restored("events")
        self.assertEqual(self.aws.updates[2:], [{"FilterCriteria": FILTER}])

    def test_a_mapping_that_somebody_deleted_is_named_and_keeps_nothing_else_from_being_done(self):
        self.aws.backup(NAMES["EventsTable"], "arn:backup", 1)
        self.aws.mappings["uuid-ledger"] = None
        self.restored("events")
        self.assertEqual([one["FunctionArn"] for one in self.aws.made], [function("projector")])
        self.aws.mappings["uuid-projector"] |= {"BatchSize": 1}
        self.said.clear()
        restore.update_readers("ilock-prod", self.said.append)
        self.assertEqual(self.aws.updates, [{"BatchSize": 1}])
        self.assertTrue(any("uuid-ledger was deleted" in line and "Changes by hand" in line for line in self.said), self.said)

    def test_where_nothing_was_restored_a_deployment_leaves_the_mappings_to_the_stack(self):
        self.aws.tables[NAMES["EventsTable"]] = {"LatestStreamArn": OLD.format(NAMES["EventsTable"])}
        self.aws.mappings["uuid-ledger"] |= {"BatchSize": 1}
        restore.update_readers("ilock-prod", self.said.append)
        self.assertEqual((self.aws.updates, self.said), ([], []))

    def test_the_directory_forgets_again_what_has_expired(self):
        self.aws.backup(NAMES["DirectoryTable"], "arn:backup", 1)
        table = self.restored("directory")
        self.assertEqual(table["ttl"], {"AttributeName": "ttl", "Enabled": True})
        self.assertEqual((table["DeletionProtectionEnabled"], table["recovery"]), (True, True))
        self.assertEqual(self.aws.made, [])

    def test_the_ledger_has_no_readers(self):
        self.aws.backup(NAMES["LedgerTable"], "arn:backup", 1)
        self.assertTrue(self.restored("ledger")["DeletionProtectionEnabled"])
        self.assertEqual(self.aws.made, [])

    def test_another_backup_can_be_named(self):
        self.restored("ledger", "arn:aws:dynamodb:eu-central-1:123456789012:table/ledger/backup/01")
        self.assertEqual(self.aws.calls[0][2], "arn:aws:dynamodb:eu-central-1:123456789012:table/ledger/backup/01")

    def test_without_a_backup_it_says_so(self):
        with self.assertRaisesRegex(Wrong, "no backup of it is left"):
            self.restored("events")

    def test_what_makes_no_sense_is_refused(self):
        for arguments in ([], ["ilock-prod"], ["ilock-prod", "rooms"], ["ilock-prod", "events", "--force"]):
            with self.assertRaisesRegex(Wrong, "usage"):
                restore.main(arguments)
        with self.assertRaisesRegex(Wrong, "--backup"):
            restore.main(["ilock-prod", "events", "--backup"])
        with self.assertRaisesRegex(Wrong, "under the table's old name"):
            restore.main(["ilock-prod", "events", "--backup", "arn:aws:backup:eu-central-1:123456789012:recovery-point:1"])

    def test_a_table_that_aws_backup_restored_gets_the_rest(self):
        name = NAMES["EventsTable"]
        self.aws.tables[name] = {"TableArn": f"arn:table/{name}"}
        table = self.restored("events")
        self.assertEqual(self.aws.calls, [], "nothing is restored a second time")
        self.assertTrue(table["recovery"] and table["DeletionProtectionEnabled"])
        self.assertEqual({one["EventSourceArn"] for one in self.aws.made}, {NEW.format(name)})


if __name__ == "__main__":
    unittest.main()
