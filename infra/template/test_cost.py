"""The operators' pages say what counts, prices and template say, in their tables and in their sentences."""

import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench" / "cost"))

import account
import evening
import tables

# Dollars for a million calls, ten a second.
PROMISED = 65

class Pages(unittest.TestCase):
    def test_each_table_is_what_tools_cost_writes(self):
        for language, page in tables.PAGES.items():
            text = page.read_text()
            self.assertEqual(tables.filled(text, tables.tables(language)), text, f"{page.name}: run tools/cost --tables")

    def test_both_languages_have_the_same_words(self):
        self.assertEqual(set(tables.WORDS["en"]), set(tables.WORDS["zh"]))

    def test_a_stale_table_and_a_page_without_one_are_noticed(self):
        page = "a\n<!-- table: cost -->\nold\n<!-- end -->\nb"
        self.assertEqual(tables.filled(page, {"cost": "new"}), page.replace("old", "new"))
        for broken in ("no place", page + page):
            with self.assertRaises(SystemExit):
                tables.filled(broken, {"cost": "new"})

    def test_every_price_has_its_source(self):
        _, prices = tables.load()
        self.assertEqual(set(prices) - {"region", "as_of"}, {"per_million", "per_gigabyte", "per_gigabyte_month", "per_month"})
        for kind in set(prices) - {"region", "as_of"}:
            for name, price in prices[kind].items():
                self.assertTrue(price["source"] and price["usd"] > 0, name)

    def test_each_metric_of_the_functions_is_counted_with_all_values_of_its_label(self):
        found = tables.metrics_of_functions()
        described = re.search(r"let counters = \[(.*?)\];", (tables.ROOT / "functions/src/metrics.rs").read_text(), re.DOTALL)[1]
        self.assertEqual(len(found), len(re.findall(r"\w+,", described)) + 1, "the counters, and one histogram")
        self.assertEqual(
            {name: number for name, number in found.items() if number > 1},
            {"RingLatency": 2, "Refusals": 10, "PushesSent": 5, "PushFeedback": 7},
        )
        of_push = {name for name in found if tables.OF_PUSH.search(name)}
        self.assertEqual(of_push, {"PushesSent", "PushesFailed", "PushFeedback", "TokensNotRegistered", "TokensRetired"})

    def test_a_million_calls_stay_within_what_was_promised(self):
        counts, prices = tables.load()
        bill = tables.call_bill(counts, prices)
        self.assertAlmostEqual(bill.total(), sum(row[2] for row in bill.rows))
        self.assertLessEqual(bill.busy_total(), PROMISED)
        self.assertLess(bill.busy_total(), bill.total())
        # Twice as many messages, twice as much for them.
        more = dict(counts, call=dict(counts["call"], mqtt_published=2 * counts["call"]["mqtt_published"]))
        self.assertGreater(tables.call_bill(more, prices).total(), bill.total())


RUNBOOKS = tables.ROOT / "infra/runbooks"
STANDBY = {"en": RUNBOOKS / "standby.md", "zh": RUNBOOKS / "standby.zh.md"}
# What the text says in numbers, with names in the numbers' place. A comma stands between thousands.
SAID = {
    "en": {
        "throttles": "With {expected}, API Gateway lets in {Call} new calls a second, {Callee} actions of phones, {Register} registrations, "
        "{Callback} callbacks of Tencent, {Any} on any other route, and for a moment twice that.",
        "reserved": "With {expected} expected calls a second that is {reserved} executions; {unreserved} more must remain, so the "
        "account needs a quota of {reserved_and_unreserved}.",
        "few": "warns below {few}, and gives it to the alarm",
        "system log": "{system_log:.2f} $ more for a million calls",
        "traces": "{traces:.2f} $ more for a million calls. It shows",
        "wait": "{wait_ms} ms for each commit are assumed: {waits:.2f} $ of the {duration:.2f} $ for duration.",
        "logs": "The {log_kb:.1f} KB consist of:",
        "busy": "at ten calls a second it writes at most {busy_units} units for a commit",
        "alone": "A call that comes alone pays for its own, which is the whole difference of {alone:.0f} $.",
        "archived": "A call to three phones takes {for_ever_kb:.1f} KB of the table for ever. An archived call takes half a KB of a file, and its mark half a KB of the "
        "table. So archiving a million calls saves {archived:.2f} $ a month: a GB costs {table_cents:.0f} cents a month in the table's standard class, "
        "and {recovery_cents:.0f} more for its point-in-time recovery.",
        "iot": "{iot_connections} connections, {iot_subscriptions} subscriptions (a phone has three, a door station one), "
        "{iot_connects} new connections a second and {iot_subscribes} new subscriptions a second until you ask for more.",
    },
    "zh": {
        "throttles": "为 {expected} 时，API Gateway 每秒放行 {Call} 次新呼叫、{Callee} 次手机操作、{Register} 次注册、{Callback} 次腾讯回调，"
        "其他路由各 {Any} 次，瞬时可再翻倍。",
        "reserved": "预期每秒 {expected} 次呼叫时共保留 {reserved} 个，还须剩下 {unreserved} 个，所以账户的配额至少为 {reserved_and_unreserved}。",
        "few": "低于 {few} 时提醒",
        "system log": "每百万次呼叫多 {system_log:.2f} 美元",
        "traces": "每百万次呼叫多 {traces:.2f} 美元。它显示",
        "wait": "假设每次提交等待 {wait_ms} 毫秒：Lambda 时长的 {duration:.2f} 美元中占 {waits:.2f} 美元。",
        "logs": "{log_kb:.1f} KB 由以下部分组成",
        "busy": "每个提交至多写 {busy_units} 个单位",
        "alone": "单独到来的呼叫则各付各的，两列相差的 {alone:.0f} 美元全部来自于此。",
        "archived": "呼叫三部手机的一次通话永久占表 {for_ever_kb:.1f} KB。归档后它在文件中占 0.5 KB，其标记在表中占 0.5 KB。因此归档一百万次通话每月省 {archived:.2f} 美元："
        "在表的标准类别中每 GB 每月 {table_cents:.0f} 美分，其时间点恢复另加 {recovery_cents:.0f} 美分。",
        "iot": "{iot_connections} 个连接、{iot_subscriptions} 个订阅（一部手机三个，一台门口机一个）、每秒 {iot_connects} 个新连接和每秒 "
        "{iot_subscribes} 个新订阅。",
    },
}
SAID_OF_STANDBY = {
    "en": "`ExpectedCallsPerSecond={largest}`: {registrations} a second)",
    "zh": "`ExpectedCallsPerSecond={largest}` 时每秒 {registrations} 次）",
}
MINUTES_OF_STANDBY = {
    "en": "A million clients, three phones to a door: {registering} minutes at {registrations} registrations; {connecting} minutes at the "
    "{iot_connects} connects and {subscribing} minutes at the {iot_subscribes} subscriptions that a new account has.",
    "zh": "一百万个客户端，每台门口机三部手机：每秒注册 {registrations} 次时 {registering} 分钟；新账户每秒 {iot_connects} 次连接时 {connecting} "
    "分钟，每秒 {iot_subscribes} 次订阅时 {subscribing} 分钟。",
}


def read(page):
    """A page without its line breaks: between Chinese characters there is no space in their place."""
    text = re.sub(r"(?<=[^\x00-\x7f])\n *(?=[^\x00-\x7f])", "", page.read_text())
    return re.sub(r"\s+", " ", text)


def throttles(expected):
    return tables.template()["Mappings"]["Throttles"][expected]


def reserved(expected):
    """How many executions are reserved, as tools/deploy counts them before it refuses."""
    return account.reserved(tables.template(), expected)


def unreserved_seconds(counts, expected):
    """What a call takes of the functions that reserve nothing, with the registrations that API Gateway lets in for each call. The
    hangup is the caller's."""
    turns = counts["requests_in_turn"]
    requests, runs = turns["place"] + 3 * turns["ringing"] + turns["accepted"], 1 + 3 + 1
    of_reserved = (requests * tables.MS_PER_REQUEST + runs * tables.MS_BESIDE) / 1000
    registration = (turns["register"] * tables.MS_PER_REQUEST + tables.MS_BESIDE) / 1000
    registrations = throttles(expected)["Register"] / int(expected) * registration
    return tables.gb_seconds(counts) / tables.MEMORY_GB - of_reserved + registrations


def values():
    """The numbers of SAID, from where they come."""
    counts, prices = tables.load()
    bill = tables.call_bill(counts, prices)
    call, per_million, gigabyte = counts["call"], prices["per_million"], prices["per_gigabyte"]["logs"]["usd"]
    runs, logs, system = tables.invocations(call), counts["log_bytes"], tables.SYSTEM_LOG_BYTES
    access = call["http_requests"] * tables.ACCESS_LOG_BYTES
    expected = tables.parameter("ExpectedCallsPerSecond")
    rates = {name: rate for name, rate in throttles(expected).items() if f"{name}Burst" in throttles(expected)}
    return {
        **rates,
        **{name: f"{quota:,}" for name, quota in evening.QUOTAS.items() if name.startswith("iot_")},
        "expected": expected,
        "reserved": reserved(expected),
        "unreserved": account.left_free(expected),
        "reserved_and_unreserved": reserved(expected) + account.left_free(expected),
        # deploy.py starts SAM's own library: its number is read from the text.
        "few": re.search(r"^FEW_AT_ONCE = (\d+)$", (tables.ROOT / "infra/template/deploy.py").read_text(), re.MULTILINE)[1],
        "system_log": runs * (system["INFO"] - system["WARN"]) * gigabyte / 1000,
        "traces": runs * tables.SAMPLED["Active"] * per_million["traces"]["usd"],
        "wait_ms": tables.MS_PROJECTOR_WAITS,
        "waits": call["commits"] * tables.MS_PROJECTOR_WAITS / 1000 * tables.MEMORY_GB * per_million["gb_seconds"]["usd"],
        "duration": tables.gb_seconds(counts) * per_million["gb_seconds"]["usd"],
        "log_kb": (logs["lines"] + logs["metrics"] + runs * system[tables.parameter("SystemLogLevel")] + access) / 1000,
        "alone": bill.total() - bill.busy_total(),
        "busy_units": tables.BUSY_LEDGER_UNITS_A_COMMIT,
        "for_ever_kb": tables.stored()["for_ever"] / 1000,
        "archived": tables.archived_dollars(prices)[0],
        **{f"{name}_cents": 100 * prices["per_gigabyte_month"][name]["usd"] for name in ("table", "recovery")},
    }


class Sentences(unittest.TestCase):
    def assert_said(self, sentence, page, numbers):
        sentence = sentence.format(**numbers)
        self.assertIn(sentence, read(page), f"{page.name} says something else, or says it in other words")

    def test_each_number_is_that_of_template_counts_and_prices(self):
        self.assertEqual(set(SAID["en"]), set(SAID["zh"]))
        numbers = values()
        for language, page in tables.PAGES.items():
            for sentence in SAID[language].values():
                self.assert_said(sentence, page, numbers)

    def test_the_file_of_archived_calls_costs_less_than_the_cent_that_is_said(self):
        saved, file = tables.archived_dollars(tables.load()[1])
        self.assertLess(file, 0.01)
        self.assertGreater(saved, 1)

    def test_an_item_is_measured_as_dynamodb_measures_it(self):
        import stored

        item = {"pk": {"S": "é"}, "n": {"N": "1234"}, "f": {"BOOL": True}, "m": {"M": {"a": {"S": "bc"}}}, "l": {"L": [{"N": "-7"}]}}
        # Names and values; a map and a list take 3, and 1 for each of what they have.
        self.assertEqual(stored.stored(item), 100 + (2 + 2) + (1 + 3) + (1 + 1) + (1 + 3 + 1 + 1 + 2) + (1 + 3 + 1 + 2))
        # Its entry in the index of the log has these four and no more.
        indexed = {"pk": {"S": "a"}, "sk": {"S": "b"}, "day": {"S": "d"}, "at": {"N": "1"}}
        entry = 100 + (2 + 1) + (2 + 1) + (3 + 1) + (2 + 2)
        self.assertEqual(stored.stored(indexed), 2 * entry)
        self.assertEqual(stored.stored(indexed | {"more": {"S": ""}}), 2 * entry + len("more"))

    def test_for_a_moment_twice_the_rate_is_let_in(self):
        of = throttles(tables.parameter("ExpectedCallsPerSecond"))
        for name, rate in of.items():
            self.assertEqual(of.get(f"{name}Burst", 2 * rate), 2 * rate, name)

    def test_the_parts_of_what_a_call_logs_are_what_was_counted(self):
        counts, prices = tables.load()
        logs, gigabyte = counts["log_bytes"], prices["per_gigabyte"]["logs"]["usd"]
        runs, system = tables.invocations(counts["call"]), tables.SYSTEM_LOG_BYTES
        parts = [logs["lines"], logs["metrics"], counts["call"]["http_requests"] * tables.ACCESS_LOG_BYTES, runs * system["WARN"]]
        for page in tables.PAGES.values():
            rows = re.findall(r"^\| [^|]+ \| (\d+\.\d) \| (\d+\.\d\d) \| [^|]+ \|$", page.read_text(), re.MULTILINE)
            self.assertEqual(rows, [(f"{size / 1000:.1f}", f"{size * gigabyte / 1000:.2f}") for size in parts], page.name)
            self.assertIn(f"{runs * (system['INFO'] - system['WARN']) / 1000:.1f} KB", read(page), page.name)

    def test_a_standby_has_everybody_back_when_the_slowest_part_lets_it(self):
        largest = max(tables.template()["Mappings"]["Throttles"], key=int)
        rate, clients = throttles(largest)["Register"], tables.MILLION
        subscriptions = clients * evening.subscriptions_of_a_household()
        subscriptions /= evening.DOORS_OF_A_HOUSEHOLD + evening.PHONES_OF_A_HOUSEHOLD
        numbers = values() | {
            "largest": largest,
            "registrations": f"{rate:,}",
            "registering": round(clients / rate / 60),
            "connecting": round(clients / evening.QUOTAS["iot_connects"] / 60),
            "subscribing": round(subscriptions / evening.QUOTAS["iot_subscribes"] / 60),
        }
        for language, page in STANDBY.items():
            self.assert_said(SAID_OF_STANDBY[language], page, numbers)
            self.assert_said(MINUTES_OF_STANDBY[language], page, numbers)

    def test_subscriptions_are_used_up_first_and_connections_next(self):
        for one in tables.evenings(tables.load()[0]):
            self.assertEqual([what for what, _ in one["full"]][:2], ["iot_subscriptions", "iot_connections"], one["times"])

    def test_who_has_no_session_is_slower_to_be_back(self):
        class Any:
            """Lets every registration in."""

            def take(self, wanted):
                return wanted

        clients = 4 * evening.QUOTAS["iot_connects"] * evening.SESSION_SECONDS
        self.assertLess(evening.connects_without_sessions(), evening.QUOTAS["iot_connects"])
        without = (clients - evening.QUOTAS["iot_connects"] * evening.SESSION_SECONDS) / evening.connects_without_sessions()
        self.assertAlmostEqual(evening.storm(clients, Any()), evening.SESSION_SECONDS + without, delta=60)

    def test_what_is_left_beside_reservations_is_what_the_other_functions_take(self):
        counts, _ = tables.load()
        for expected in tables.template()["Mappings"]["Throttles"]:
            taken = unreserved_seconds(counts, expected)
            self.assertGreaterEqual(account.left_free(expected), taken * int(expected), expected)
            self.assertGreater(taken, 0.5, "the projector alone takes that")

    def test_the_doctor_counts_a_phones_subscriptions_as_the_evening_does(self):
        source = (tables.ROOT / "cli/src/aws/doctor/quotas.rs").read_text()
        self.assertIn(f"SUBSCRIPTIONS_PER_PHONE: u64 = {evening.SUBSCRIPTIONS_OF_A_PHONE};", source)

    def test_each_default_in_the_table_of_parameters_is_the_templates(self):
        parameters = tables.template()["Parameters"]
        for language, heading in (("en", "## Parameters"), ("zh", "## 参数")):
            page, compared = tables.PAGES[language], 0
            section = page.read_text().split(f"\n{heading}\n")[1].split("\n\n**")[0]
            for names, defaults in re.findall(r"^\| (`[^|]+`) \| ([^|]*) \|", section, re.MULTILINE):
                for name, default in zip(re.findall(r"`(\w+)`", names), re.split(r", |、", defaults)):
                    self.assertTrue(name in parameters, f"{page.name}: there is no {name}")
                    # What is neither quoted nor a number is words: none, by stage, a name that AWS gives.
                    if re.fullmatch(r"`[^`]+`|[0-9]+", default):
                        self.assertEqual(default.strip("`"), str(parameters[name]["Default"]), f"{page.name}: {name}")
                        compared += 1
            self.assertGreater(compared, 18, page.name)


if __name__ == "__main__":
    unittest.main()
