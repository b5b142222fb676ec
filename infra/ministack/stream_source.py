"""Reads DynamoDB streams into functions as Lambda does, by the mappings that were deployed.

ministack has its own reader, but that one forgets what an answer with `batchItemFailures` says. So its mappings are
deployed switched off, and this does what they say: filter, batches, what failed comes again from the first failure on,
a batch that keeps failing is halved, and what fails for too long goes to the on-failure queue. An option that is not
read here ends the work: better than to do half of what the template says.
"""

import base64
import datetime
import json
import sys
import time
import traceback

import boto3
from botocore.config import Config

POLLS_PER_SECOND = 4  # as Lambda
SHORTEST_PAUSE, LONGEST_PAUSE = 0.25, 2.0  # between two tries of one batch

READ_HERE = {
    "BatchSize", "BisectBatchOnFunctionError", "DestinationConfig", "EventSourceArn", "FilterCriteria", "FunctionArn",
    "FunctionResponseTypes", "MaximumRecordAgeInSeconds", "MaximumRetryAttempts", "StartingPosition",
}  # fmt: skip
# What Lambda only tells; and what makes no difference here: nothing waits for a window of 0 seconds, and without lanes
# beside each other a shard is held up by what fails, which is the harder case.
NOTHING_TO_DO = {
    "EventSourceMappingArn", "LastModified", "LastProcessingResult", "MaximumBatchingWindowInSeconds",
    "ParallelizationFactor", "State", "StateTransitionReason", "UUID", "ResponseMetadata",
}  # fmt: skip


class StreamSource:
    """One mapping."""

    def __init__(self, aws, mapping):
        if unread := mapping.keys() - READ_HERE - NOTHING_TO_DO:
            raise SystemExit(f"infra/ministack/stream_source.py does not read {', '.join(sorted(unread))}")
        if mapping["StartingPosition"] != "TRIM_HORIZON":
            raise SystemExit("infra/ministack/stream_source.py starts at TRIM_HORIZON only")
        self.lambda_ = aws.client("lambda", config=PATIENT)
        self.streams, self.sqs = aws.client("dynamodbstreams"), aws.client("sqs")
        self.mapping = mapping
        self.stream, self.function = mapping["EventSourceArn"], mapping["FunctionArn"]
        self.partial = "ReportBatchItemFailures" in mapping.get("FunctionResponseTypes", [])
        self.bisect = mapping.get("BisectBatchOnFunctionError", False)
        self.attempts = mapping.get("MaximumRetryAttempts", -1)
        self.age = mapping.get("MaximumRecordAgeInSeconds", -1)
        self.patterns = [json.loads(each["Pattern"]) for each in mapping.get("FilterCriteria", {}).get("Filters", [])]
        shards = self.streams.describe_stream(StreamArn=self.stream)["StreamDescription"]["Shards"]
        self.shards = {shard["ShardId"]: self.start_of(shard["ShardId"]) for shard in shards}

    def start_of(self, shard):
        at = {"StreamArn": self.stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
        return self.streams.get_shard_iterator(**at)["ShardIterator"]

    def poll(self):
        """What came since the last time. A shard waits for a batch that fails, as it does on AWS."""
        for shard, iterator in self.shards.items():
            answer = self.streams.get_records(ShardIterator=iterator, Limit=1000)
            records = [as_lambda_gets_it(record, self.stream) for record in answer["Records"]]
            records = [record for record in records if self.wants(record)]
            size = self.mapping["BatchSize"]
            for first in range(0, len(records), size):
                self.deliver(shard, records[first : first + size])
            self.shards[shard] = answer["NextShardIterator"]

    def wants(self, record):
        return not self.patterns or any(fits(record, pattern) for pattern in self.patterns)

    def deliver(self, shard, batch):
        """Until all of it is done or given up on."""
        tries, pause = 0, SHORTEST_PAUSE
        while batch:
            failed_at = self.invoke(batch)
            if failed_at is None:
                return
            batch = batch[failed_at:]  # what stands before the first failure is done
            if self.bisect and len(batch) > 1:
                # Halving is no try. What failed first is in the first half, and alone in the end.
                half = (len(batch) + 1) // 2
                self.deliver(shard, batch[:half])
                batch, tries, pause = batch[half:], 0, SHORTEST_PAUSE
                continue
            if reason := self.given_up(batch, tries):
                self.tell_of_failure(shard, batch, reason, tries + 1)
                return
            tries += 1
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def invoke(self, batch):
        """None, or where in the batch the first failure stands."""
        event = json.dumps({"Records": batch}, default=in_base64)
        answer = self.lambda_.invoke(FunctionName=self.function, Payload=event)
        body = answer["Payload"].read()
        if answer.get("FunctionError"):
            print(f"{self.function} failed: {body.decode(errors='replace')}", flush=True)
            return 0
        if not self.partial:
            return None
        failures = (json.loads(body or b"null") or {}).get("batchItemFailures") or []
        if not failures:
            return None
        numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
        try:
            return min(numbers.index(failure["itemIdentifier"]) for failure in failures)
        except (KeyError, ValueError):
            return 0  # a failure that names no record of the batch is a failure of all of it

    def given_up(self, batch, tries):
        oldest = min(record["dynamodb"]["ApproximateCreationDateTime"] for record in batch)
        if 0 <= self.age < time.time() - oldest:
            return "RecordAgeExceeded"
        if 0 <= self.attempts <= tries:
            return "RetryAttemptsExhausted"
        return None

    def tell_of_failure(self, shard, batch, reason, invocations):
        """In the form that Lambda has for it: where the records stand, not what is in them."""
        destination = self.mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        print(f"gave up on {len(batch)} records of {self.stream}: {reason}", flush=True)
        if not destination:
            return
        changes = [record["dynamodb"] for record in batch]
        arrived = [as_time(change["ApproximateCreationDateTime"]) for change in changes]
        told = {
            "requestContext": {
                "functionArn": self.function,
                "condition": reason,
                "approximateInvokeCount": invocations,
            },
            "version": "1.0",
            "timestamp": as_time(time.time()),
            "DDBStreamBatchInfo": {
                "shardId": shard,
                "startSequenceNumber": changes[0]["SequenceNumber"],
                "endSequenceNumber": changes[-1]["SequenceNumber"],
                "approximateArrivalOfFirstRecord": arrived[0],
                "approximateArrivalOfLastRecord": arrived[-1],
                "batchSize": len(batch),
                "streamArn": self.stream,
            },
        }
        url = self.sqs.get_queue_url(QueueName=destination.rsplit(":", 1)[1])["QueueUrl"]
        self.sqs.send_message(QueueUrl=url, MessageBody=json.dumps(told))


def as_time(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def in_base64(binary):
    return base64.b64encode(binary).decode()


def as_lambda_gets_it(record, stream):
    change = record["dynamodb"]
    change["ApproximateCreationDateTime"] = change["ApproximateCreationDateTime"].timestamp()
    return record | {"eventSourceARN": stream}


def fits(node, pattern):
    """Whether a record fits a filter's pattern: the rules that our template uses, and no other."""
    if isinstance(pattern, dict):
        return isinstance(node, dict) and all(key in node and fits(node[key], rule) for key, rule in pattern.items())
    return any(fits_one(node, rule) for rule in pattern)


def fits_one(value, rule):
    match rule:
        case str():
            return value == rule
        case {"prefix": str(start), **other} if not other:
            return isinstance(value, str) and value.startswith(start)
    raise SystemExit(f"infra/ministack/stream_source.py does not know the filter rule {rule}")


# A function may take longer than a client's usual patience; a try is one try.
PATIENT = Config(read_timeout=900, retries={"max_attempts": 0})


def main():
    aws = boto3.Session()
    pages = aws.client("lambda").get_paginator("list_event_source_mappings").paginate()
    mappings = pages.search("EventSourceMappings[]")
    sources = [StreamSource(aws, mapping) for mapping in mappings if ":dynamodb:" in mapping["EventSourceArn"]]
    if not sources:
        raise SystemExit("no event source mapping reads a DynamoDB stream")
    print(f"reading {len(sources)} stream(s)", flush=True)
    while True:
        for source in sources:
            try:
                source.poll()
            except Exception:  # a read that fails comes again: nothing was taken from the shard
                traceback.print_exc(file=sys.stdout)
                time.sleep(1)
        time.sleep(1 / POLLS_PER_SECOND)


if __name__ == "__main__":
    main()
