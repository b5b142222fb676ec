"""The operators' pages say what counts, prices and template say."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench" / "cost"))

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
        for kind in ("per_million", "per_gigabyte", "per_month"):
            for name, price in prices[kind].items():
                self.assertTrue(price["source"] and price["usd"] > 0, name)

    def test_a_million_calls_stay_within_what_was_promised(self):
        counts, prices = tables.load()
        bill = tables.call_bill(counts, prices)
        self.assertAlmostEqual(bill.total(), sum(row[2] for row in bill.rows))
        self.assertLessEqual(bill.busy_total(), PROMISED)
        self.assertLess(bill.busy_total(), bill.total())
        # Twice as many messages, twice as much for them.
        more = dict(counts, call=dict(counts["call"], mqtt_published=2 * counts["call"]["mqtt_published"]))
        self.assertGreater(tables.call_bill(more, prices).total(), bill.total())


if __name__ == "__main__":
    unittest.main()
