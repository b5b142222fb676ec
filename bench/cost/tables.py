"""What the deployment costs and how much it takes: counts times prices, written into the operators' pages.

    tables.py [--write]      without it, only compares

counts.json is what `tools/cost` counted in the running code, stored.json what a call leaves behind in bytes. prices.json has the prices, their sources and the day. What
is neither is an assumption, and stands below by name. A table in a page stands between two comments that name it.
"""

import json
import re
import sys
from pathlib import Path

import evening

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "infra" / "template"))

# How many times the load that the template is made for by default.
EVENINGS = (1, 2, 5, 10, 20, 50)

PAGES = {"en": ROOT / "docs/operators.md", "zh": ROOT / "docs/operators.zh.md"}

# Assumptions. Lambda's time is what AWS charges by; it is measured on AWS only.
MS_PER_REQUEST = 6  # one request to DynamoDB, SQS or IoT Core, within the region, with the function's own work
MS_BESIDE = 4  # what an invocation takes beside them
MS_PROJECTOR_WAITS = 100  # for the fast path's receipt: 300 ms, of which DynamoDB's stream has taken some 200
PROJECTOR_REQUESTS = 3  # load, histories, the room
MEMORY_GB = 0.5
# Lambda's own lines about an invocation, in JSON, by SystemLogLevel: Lambda Developer Guide, "System log level event mapping".
SYSTEM_LOG_BYTES = {"WARN": 0, "INFO": 700, "DEBUG": 1100}
ACCESS_LOG_BYTES = 350  # API Gateway's line about a request
SAMPLED = {"PassThrough": 0, "Active": 0.05}  # of invocations are traced, by Tracing
# At ten calls a second the ledger takes what many calls wrote at once: tests/tests/embedded/cost.rs holds this bound.
BUSY_LEDGER_UNITS_A_COMMIT = 0.3
# And it is invoked for each of the stream's four shards once in five seconds, the window of its event source.
BUSY_LEDGER_RUNS = 4 / 5 / 10
MONTH_MINUTES = 30 * 24 * 60
PASSWORD_DAYS = 0.875  # a day, up to a quarter shorter
RECONNECTS_A_DAY = 10  # of a phone
PRESENCE_WRITES = 2  # of a disconnect and a connect that follows
# Of an archived call, with what DynamoDB adds: its mark in the table, and its place in the compressed file.
MARK_BYTES = ARCHIVED_BYTES = 500
MILLION = 1_000_000


def load():
    counts = json.loads((HERE / "counts.json").read_text())
    prices = json.loads((HERE / "prices.json").read_text())
    return counts, prices


class Bill:
    """Rows of (what, how many, dollars, dollars where calls come close behind each other)."""

    def __init__(self, prices):
        self.prices, self.rows = prices, []

    def add(self, what, number, price, detail, busy=None):
        each = self.prices["per_million"][price]["usd"] / MILLION
        self.rows.append((what, detail, number * each, (number if busy is None else busy) * each))

    def add_bytes(self, what, number, detail):
        dollars = number / 1e9 * self.prices["per_gigabyte"]["logs"]["usd"]
        self.rows.append((what, detail, dollars, dollars))

    def add_kept(self, what, size, price):
        """Bytes of each of a million calls, for a month."""
        dollars = MILLION * size / 1e9 * self.prices["per_gigabyte_month"][price]["usd"]
        self.rows.append((what, f"{size / 1000:.1f} KB", dollars, dollars))

    def total(self):
        return sum(row[2] for row in self.rows)

    def busy_total(self):
        return sum(row[3] for row in self.rows)


def invocations(call):
    """HTTP requests; the projector and the ledger function for each commit; expire-call."""
    return call["http_requests"] + 2 * call["commits"] + 1


def gb_seconds(counts):
    call, turns = counts["call"], counts["requests_in_turn"]
    http = turns["place"] + 3 * turns["ringing"] + turns["accepted"] + turns["hangup"]
    ms = http * MS_PER_REQUEST + invocations(call) * MS_BESIDE
    ms += call["commits"] * (MS_PROJECTOR_WAITS + PROJECTOR_REQUESTS * MS_PER_REQUEST)
    ms += (call["commits"] + 1) * MS_PER_REQUEST  # the ledger function, and expire-call
    return ms / 1000 * MEMORY_GB


def call_bill(counts, prices):
    """A million calls to three phones."""
    call, bill = counts["call"], Bill(prices)
    units = call["write_units"]
    messages = call["mqtt_published"] + 2 * call["mqtt_delivered"]
    runs, logs = invocations(call), counts["log_bytes"]
    system, sampled = SYSTEM_LOG_BYTES[parameter("SystemLogLevel")], SAMPLED[parameter("Tracing")]
    log_bytes = logs["lines"] + logs["metrics"] + runs * system + call["http_requests"] * ACCESS_LOG_BYTES
    by_table = ", ".join(f"{table} {units[table]:g}" for table in sorted(units))
    written = sum(units.values())
    busy = written - units["ledger"] + call["commits"] * BUSY_LEDGER_UNITS_A_COMMIT
    bill.add("writes", MILLION * written, "write_units", f"{written:g} ({by_table})", MILLION * busy)
    bill.add("reads", MILLION * call["read_units"], "read_units", f"{call['read_units']:g}")
    both = f"{call['mqtt_published']} + {call['mqtt_delivered']} + {call['mqtt_delivered']}"
    bill.add("messages", MILLION * messages, "iot_messages", f"{messages} ({both})")
    bill.add("requests", MILLION * call["http_requests"], "http_requests", f"{call['http_requests']}")
    busy = runs - call["commits"] + BUSY_LEDGER_RUNS
    bill.add("invocations", MILLION * runs, "invocations", f"{runs}", MILLION * busy)
    seconds = gb_seconds(counts)
    spared = (runs - busy) * (MS_PER_REQUEST + MS_BESIDE) / 1000 * MEMORY_GB  # of the ledger function
    bill.add("duration", MILLION * seconds, "gb_seconds", f"{seconds:.2f} GB-s", MILLION * (seconds - spared))
    bill.add("pushes", MILLION * call["pushes"], "pushes", f"{call['pushes']}")
    bill.add("sqs", MILLION * 3, "sqs_requests", "3")
    bill.add_bytes("logs", MILLION * log_bytes, f"{log_bytes / 1000:.1f} KB")
    if sampled:
        bill.add("traces", MILLION * runs * sampled, "traces", f"{runs * sampled:.2f}")
    return bill


def standing_bill(counts, prices):
    """A million connected phones, for a month, without any call."""
    call, bill, days = counts["call"], Bill(prices), 30
    refresh = int(parameter("MqttRefreshSeconds"))
    bill.add("connected", MILLION * MONTH_MINUTES, "iot_minutes", f"{MONTH_MINUTES} min")
    asked = days * 86_400 / refresh
    seconds = asked * (2 * MS_PER_REQUEST + MS_BESIDE) / 1000 * MEMORY_GB
    bill.add("authorizer", MILLION * asked, "invocations", f"{asked:g}")
    bill.add("authorizer_duration", MILLION * seconds, "gb_seconds", f"{seconds:.2f} GB-s")
    registered = days / PASSWORD_DAYS
    bill.add("registrations", MILLION * registered, "http_requests", f"{registered:.0f}")
    seconds = registered * (counts["requests_in_turn"]["register"] * MS_PER_REQUEST + MS_BESIDE) / 1000 * MEMORY_GB
    bill.add("registration_runs", MILLION * registered, "invocations", f"{registered:.0f}")
    bill.add("registration_duration", MILLION * seconds, "gb_seconds", f"{seconds:.2f} GB-s")
    units = registered * call["registration_write_units"]
    bill.add("registration_writes", MILLION * units, "write_units", f"{units:.0f}")
    changes = days * RECONNECTS_A_DAY * 2
    bill.add("presence_rules", MILLION * changes * 2, "iot_rules", f"{changes * 2}")
    runs = changes * 1.5  # each event, and each disconnect once more
    seconds = runs * (2 * MS_PER_REQUEST + MS_BESIDE) / 1000 * MEMORY_GB
    bill.add("presence_runs", MILLION * runs, "invocations", f"{runs:.0f}")
    bill.add("presence_duration", MILLION * seconds, "gb_seconds", f"{seconds:.2f} GB-s")
    bill.add("presence_writes", MILLION * changes / 2 * PRESENCE_WRITES, "write_units", f"{changes / 2 * PRESENCE_WRITES:.0f}")
    bill.add("presence_sqs", MILLION * changes / 2 * 3, "sqs_requests", f"{changes / 2 * 3:.0f}")
    return bill


def stored():
    """Bytes of one call, by what becomes of them."""
    return json.loads((HERE / "stored.json").read_text())


def stored_bill(prices):
    """A million calls that are kept, for a month."""
    of, bill = stored(), Bill(prices)
    bill.add_kept("log", of["for_ever"], "table")
    bill.add_kept("log_recovery", of["for_ever"], "recovery")
    bill.add_kept("texts", of["for_a_time"], "table")
    bill.add_kept("texts_recovery", of["for_a_time"], "recovery")
    bill.add_kept("ledger_files", of["ledger_files"], "objects")
    return bill


def archived_dollars(prices):
    """What archiving a million calls saves in a month, and what their file costs."""
    per = {name: price["usd"] for name, price in prices["per_gigabyte_month"].items()}
    saved = (stored()["for_ever"] - MARK_BYTES) / 1000 * (per["table"] + per["recovery"])
    return saved, ARCHIVED_BYTES / 1000 * per["archive"]


def template():
    import check

    return check.template()


def parameter(name):
    return template()["Parameters"][name]["Default"]


def alarms(prices):
    """Alarms, the metrics that they read, and dollars a month: always, with push, with domain names, together."""
    import test_alarms
    import combinations

    def metrics(alarm):
        return max(1, sum("MetricStat" in one for one in alarm.get("Metrics", [])))

    everything = test_alarms.alarms(test_alarms.EVERYTHING)
    core = dict(combinations.core())
    bare = test_alarms.alarms(core["prod, a pager, gradual deployments, no push, no callback"])
    push = test_alarms.alarms(core["prod, a pager, gradual deployments, push, no callback"])
    groups = {
        "always": set(bare),
        "push": set(push) - set(bare),
        "domains": set(everything) - set(push),
        "together": set(everything),
    }
    each = prices["per_month"]["alarm_metric"]["usd"]
    return {
        name: (len(of), sum(metrics(everything[one]) for one in of), sum(metrics(everything[one]) for one in of) * each)
        for name, of in groups.items()
    }


# Of a route with detailed metrics: API Gateway Developer Guide, "Monitor HTTP APIs", 4xx, 5xx, Count, IntegrationLatency, Latency and
# DataProcessed, by stage, method and resource.
METRICS_OF_A_ROUTE = 6
# Of the functions' metrics, those that are there with push only.
OF_PUSH = re.compile(r"Push|Token")


def different(path, place, item):
    """How many different `item`s a source has in the first `place`."""
    found = re.search(place, (ROOT / path).read_text(), re.DOTALL)
    return len(set(re.findall(item, found[1], re.MULTILINE)))


def labels():
    """How many values each label of the functions' metrics has at most. Each value is a metric for CloudWatch."""
    feedback, variant, text = "functions/src/triggers/push_feedback.rs", r"^ +[A-Z]\w+,$", r'"\w+"'
    types = [different(feedback, rf"const {name}: \[&str; \d+\] = \[(.*?)\];", text) for name in ("FOR_GOOD", "IN_PASSING")]
    return {
        "Path": different("events/src/stored.rs", r"pub enum DeliveryPath \{(.*?)\n\}", variant),
        "Service": different("events/src/push.rs", r"pub enum PushService \{(.*?)\n\}", variant),
        "Code": different("functions/src/http/error_body.rs", r"\nfn refused\((.*?)\n\}", r"\b\d\d_\d{3}\b"),
        "Type": sum(types) + 2,  # "Other" and "Unreadable"
    }


def metrics_of_functions():
    """The functions' metrics by their names, and how many CloudWatch has of each."""
    names = dict(re.findall(r'^pub const (\w+): &str = "(\w+)";', (ROOT / "functions/src/metrics.rs").read_text(), re.MULTILINE))
    found, values = dict.fromkeys(names.values(), 1), labels()
    for source in sorted((ROOT / "functions/src").rglob("*.rs")):
        for constant, label in re.findall(r'metrics::(?:counter|histogram)!\((?:metrics::)?(\w+), "(\w+)" =>', source.read_text()):
            found[names[constant]] = values[label]
    return found


def custom_metrics(prices):
    """Metrics that are paid for, and dollars a month, where each has data in every hour."""
    of_functions, resources = metrics_of_functions(), template()["Resources"]
    with_push = sum(number for name, number in of_functions.items() if OF_PUSH.search(name))
    api = resources["HttpApi"]["Properties"]
    routes = [*api["RouteSettings"].values(), api["DefaultRouteSettings"]]
    numbers = {
        "of_functions": sum(of_functions.values()) - with_push,
        "of_push": with_push,
        "of_access_log": sum(one["Type"] == "AWS::Logs::MetricFilter" for one in resources.values()),
        "of_route": METRICS_OF_A_ROUTE * sum(one["DetailedMetricsEnabled"] for one in routes),
    }
    numbers["together"] = sum(numbers.values())
    return {name: (number, number * prices["per_month"]["custom_metric"]["usd"]) for name, number in numbers.items()}


def capacity(counts):
    """What takes how many calls a second: (what, quota, by one call, calls a second), the narrowest first."""
    call = counts["call"]
    expected = parameter("ExpectedCallsPerSecond")
    throttle = template()["Mappings"]["Throttles"][expected]
    seconds = gb_seconds(counts) / MEMORY_GB
    units = call["write_units"]
    rows = [
        ("new_account", 10, seconds),
        ("concurrency", 1000, seconds),
        ("call_route", throttle["Call"], 1),
        ("callee_route", throttle["Callee"], call["http_requests"] - 1),
        ("api_account", evening.QUOTAS["api_account"], call["http_requests"]),
        ("iot_in", evening.QUOTAS["iot_in"], call["mqtt_published"]),
        ("iot_out", evening.QUOTAS["iot_out"], call["mqtt_delivered"]),
    ]
    rows += [(f"table_{table}", 4_000, number) for table, number in units.items()]
    return sorted(((what, quota, use, quota / use) for what, quota, use in rows), key=lambda row: row[3])


def evenings(counts):
    """What an evening uses up, at each of EVENINGS times the default load."""
    call, days = counts["call"], 86_400
    per_client = {
        "reconnects": RECONNECTS_A_DAY / days,
        "registrations": 1 / (PASSWORD_DAYS * days),
        "lambda_seconds": RECONNECTS_A_DAY * 2 * 1.5 / days * (2 * MS_PER_REQUEST + MS_BESIDE) / 1000,
    }
    units = dict(call["write_units"], ledger=call["commits"] * BUSY_LEDGER_UNITS_A_COMMIT)
    throttles, seconds = template()["Mappings"]["Throttles"], gb_seconds(counts) / MEMORY_GB
    return [evening.evening(times, counts, throttles, seconds, units, per_client) for times in EVENINGS]


WORDS = {
    "en": {
        "cost": ("for a million calls to three phones", "counted for one call", "$, one at a time", "$, ten a second"),
        "standing": ("for a million connected phones, a month", "counted for one phone", "$"),
        "stored": ("stored, a month, for a million calls kept", "counted for one call", "$"),
        "log": "the log, for ever: table",
        "log_recovery": "the log: point-in-time recovery",
        "texts": "texts and call histories, until `PersonalDays`: tables",
        "texts_recovery": "texts and call histories: point-in-time recovery",
        "ledger_files": "the ledger's files, for ever: S3",
        "alarms": ("", "alarms", "metrics", "a month"),
        "metrics": ("custom metrics", "metrics", "a month"),
        "of_functions": "of the functions",
        "of_push": "of the functions, with push",
        "of_access_log": "of API Gateway's access log",
        "of_route": "of API Gateway, for placing",
        "capacity": ("what", "takes", "one call uses", "calls a second"),
        "evening": (
            "times",
            "calls a second at the peak",
            "connected clients",
            "`ExpectedCallsPerSecond`",
            "placed",
            "used up, the fullest first: how many times what it takes",
            "after a changed secret all are back in",
        ),
        "nothing": "nothing",
        "hours": "{hours:.1f} h",
        "iot_connects": "IoT Core, new connections a second",
        "iot_connections": "IoT Core, connections",
        "iot_subscriptions": "IoT Core, subscriptions",
        "full_call_route": "API Gateway, placing",
        "full_callee_route": "API Gateway, phones' actions",
        "full_table": "the table {table}",
        "total": "together",
        "writes": "DynamoDB write units",
        "reads": "DynamoDB read units",
        "messages": "IoT Core messages: published, delivered, acknowledged",
        "requests": "API Gateway requests",
        "invocations": "Lambda invocations",
        "duration": "Lambda duration",
        "pushes": "SNS pushes",
        "sqs": "SQS requests of the ring timer",
        "logs": "CloudWatch logs",
        "traces": "X-Ray traces, 5 % of invocations",
        "connected": "IoT Core connectivity",
        "authorizer": "authorizer, asked again: invocations",
        "authorizer_duration": "authorizer: duration",
        "registrations": "registrations: API Gateway",
        "registration_runs": "registrations: invocations",
        "registration_duration": "registrations: duration",
        "registration_writes": "registrations: write units",
        "presence_rules": "presence, 10 reconnects a day: rules and actions",
        "presence_runs": "presence: invocations",
        "presence_duration": "presence: duration",
        "presence_writes": "presence: write units",
        "presence_sqs": "presence: SQS requests",
        "always": "always",
        "push": "with push",
        "domains": "with your own domain names",
        "together": "together",
        "new_account": "Lambda concurrency of a new account",
        "concurrency": "Lambda concurrency, usual quota",
        "call_route": "API Gateway, placing (`ExpectedCallsPerSecond={expected}`)",
        "callee_route": "API Gateway, phones' actions (`ExpectedCallsPerSecond={expected}`)",
        "api_account": "API Gateway, the account's requests a second",
        "iot_in": "IoT Core, publishes in a second",
        "iot_out": "IoT Core, publishes out a second",
        "table": "a new on-demand table, write units a second: {table}",
    },
    "zh": {
        "cost": ("一百万次呼叫三部手机", "每次呼叫的计数", "美元，逐次呼叫", "美元，每秒十次"),
        "standing": ("一百万部连接的手机，一个月", "每部手机的计数", "美元"),
        "stored": ("存储，每月，每保留一百万次通话", "每次通话的计数", "美元"),
        "log": "日志，永久：表",
        "log_recovery": "日志：时间点恢复",
        "texts": "文字内容与通话记录，直到 `PersonalDays`：表",
        "texts_recovery": "文字内容与通话记录：时间点恢复",
        "ledger_files": "账本的文件，永久：S3",
        "alarms": ("", "告警", "指标", "每月"),
        "metrics": ("自定义指标", "指标", "每月"),
        "of_functions": "函数的",
        "of_push": "函数的，使用推送",
        "of_access_log": "API Gateway 访问日志的",
        "of_route": "API Gateway 的，发起呼叫",
        "capacity": ("什么", "上限", "每次呼叫使用", "每秒呼叫"),
        "evening": (
            "倍数",
            "高峰每秒呼叫",
            "连接的客户端",
            "`ExpectedCallsPerSecond`",
            "已发起",
            "已用尽的部分，最满的在前：为其上限的几倍",
            "更换机密后全部恢复连接",
        ),
        "nothing": "无",
        "hours": "{hours:.1f} 小时",
        "iot_connects": "IoT Core，每秒新连接",
        "iot_connections": "IoT Core，连接数",
        "iot_subscriptions": "IoT Core，订阅数",
        "full_call_route": "API Gateway，发起呼叫",
        "full_callee_route": "API Gateway，手机操作",
        "full_table": "表 {table}",
        "total": "合计",
        "writes": "DynamoDB 写入单位",
        "reads": "DynamoDB 读取单位",
        "messages": "IoT Core 消息：发布、送达、确认",
        "requests": "API Gateway 请求",
        "invocations": "Lambda 调用",
        "duration": "Lambda 时长",
        "pushes": "SNS 推送",
        "sqs": "响铃定时器的 SQS 请求",
        "logs": "CloudWatch 日志",
        "traces": "X-Ray 追踪，5 % 的调用",
        "connected": "IoT Core 连接",
        "authorizer": "再次询问授权方：调用",
        "authorizer_duration": "授权方：时长",
        "registrations": "注册：API Gateway",
        "registration_runs": "注册：调用",
        "registration_duration": "注册：时长",
        "registration_writes": "注册：写入单位",
        "presence_rules": "在线状态，每天重连 10 次：规则与操作",
        "presence_runs": "在线状态：调用",
        "presence_duration": "在线状态：时长",
        "presence_writes": "在线状态：写入单位",
        "presence_sqs": "在线状态：SQS 请求",
        "always": "始终",
        "push": "使用推送",
        "domains": "使用自己的域名",
        "together": "合计",
        "new_account": "新账户的 Lambda 并发",
        "concurrency": "Lambda 并发，通常的配额",
        "call_route": "API Gateway，发起呼叫（`ExpectedCallsPerSecond={expected}`）",
        "callee_route": "API Gateway，手机操作（`ExpectedCallsPerSecond={expected}`）",
        "api_account": "API Gateway，账户每秒请求数",
        "iot_in": "IoT Core，每秒流入的发布",
        "iot_out": "IoT Core，每秒流出的发布",
        "table": "新的按需表，每秒写入单位：{table}",
    },
}


def table(head, rows):
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def bill_table(words, name, bill):
    columns = len(words[name]) - 2
    rows = [(words[what], detail, *(f"{one:,.2f}" for one in dollars[:columns])) for what, detail, *dollars in bill.rows]
    totals = [f"{one:,.2f}" for one in (bill.total(), bill.busy_total())[:columns]]
    return table(words[name], [*rows, (words["total"], "", *totals)])


def capacity_table(words, counts):
    expected = parameter("ExpectedCallsPerSecond")

    def what(name):
        if name.startswith("table_"):
            return words["table"].format(table=name.removeprefix("table_"))
        return words[name].format(expected=expected)

    rows = [(what(name), f"{quota:,}", f"{use:.3g}", f"{calls:,.0f}") for name, quota, use, calls in capacity(counts)]
    return table(words["capacity"], rows)


def evening_table(words, counts):
    def what(name):
        if name.startswith("table_"):
            return words["full_table"].format(table=name.removeprefix("table_"))
        return words.get(f"full_{name}", words.get(name))

    rows = [
        (
            f"{one['times']}",
            f"{one['peak']:,}",
            f"{one['clients']:,}",
            f"{one['size']}",
            f"{100 * one['placed']:.1f} %",
            ", ".join(f"{what(name)} ({share:.1f})" for name, share in one["full"]) or words["nothing"],
            words["hours"].format(hours=one["back_after"] / 3600),
        )
        for one in evenings(counts)
    ]
    return table(words["evening"], rows)


def alarms_table(words, prices):
    rows = [
        (words[name], str(number), str(metrics), f"{dollars:.2f}")
        for name, (number, metrics, dollars) in alarms(prices).items()
    ]
    return table(words["alarms"], rows)


def metrics_table(words, prices):
    rows = [(words[name], str(number), f"{dollars:.2f}") for name, (number, dollars) in custom_metrics(prices).items()]
    return table(words["metrics"], rows)


def tables(language):
    counts, prices = load()
    words = WORDS[language]
    return {
        "cost": bill_table(words, "cost", call_bill(counts, prices)),
        "standing": bill_table(words, "standing", standing_bill(counts, prices)),
        "stored": bill_table(words, "stored", stored_bill(prices)),
        "alarms": alarms_table(words, prices),
        "metrics": metrics_table(words, prices),
        "capacity": capacity_table(words, counts),
        "evening": evening_table(words, counts),
    }


def filled(text, made):
    """The page with each table in its place."""
    for name, one in made.items():
        place = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text, places = place.subn(lambda found: f"{found[1]}{one}\n{found[2]}", text)
        if places != 1:
            raise SystemExit(f"the table {name} has {places} places in the page, and should have one")
    return text


def main(arguments):
    stale = []
    for language, page in PAGES.items():
        text = page.read_text()
        new = filled(text, tables(language))
        if new != text:
            stale.append(str(page.relative_to(ROOT)))
            if "--write" in arguments:
                page.write_text(new)
    if stale and "--write" not in arguments:
        raise SystemExit(f"{', '.join(stale)}: not what counts, prices and template say; run tools/cost")
    counts, prices = load()
    print(f"a million calls: {call_bill(counts, prices).total():.2f} $; a million phones: {standing_bill(counts, prices).total():,.0f} $ a month")


if __name__ == "__main__":
    main(sys.argv[1:])
