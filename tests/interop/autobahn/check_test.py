"""The checker must refuse every report that does not show a good run."""

import contextlib
import io
import json
import os
import pathlib
import tempfile
import time
import unittest
from unittest import mock

import cases
import check


def write(folder, entries, agent="agent"):
    index = {}
    for case, (behavior, close) in entries.items():
        name = f"{agent}_case_{case.replace('.', '_')}.json"
        verdict = {"behavior": behavior, "behaviorClose": close}
        index[case] = verdict | {"remoteCloseCode": 1000, "duration": 1, "reportfile": name}
        detail = verdict | {"id": case, "result": "", "resultClose": ""}
        (folder / name).write_text(json.dumps(detail))
    (folder / "index.json").write_text(json.dumps({agent: index}))


class Check(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.report = pathlib.Path(scratch.name)
        self.expected = self.report / "cases.txt"
        self.expected.write_text("\n".join(cases.WHOLE))
        self.good = {
            case: ("INFORMATIONAL",) * 2 if case in check.INFORMATIONAL_CASES else ("OK", "OK") for case in cases.WHOLE
        }
        self.since = time.time() - 60

    def verdict(self):
        argv = ["check.py", "server", str(self.report), str(self.expected), "--since", str(self.since)]
        out = io.StringIO()
        with mock.patch("sys.argv", argv), contextlib.redirect_stdout(out), self.assertRaises(SystemExit) as end:
            check.main()
        return end.exception.code, out.getvalue()

    def test_a_perfect_run_passes(self):
        write(self.report, self.good)
        summary = "server: 517 cases: 514 OK, 3 INFORMATIONAL, 0 FAILED, 0 NON-STRICT, 0 UNIMPLEMENTED, 0 unclean\n"
        self.assertEqual(self.verdict(), (0, summary))

    def test_each_bad_verdict_fails_and_is_named(self):
        for case, verdict in [
            ("6.4.3", ("NON-STRICT", "OK")),
            ("12.1.1", ("UNIMPLEMENTED", "OK")),
            ("1.1.1", ("FAILED", "OK")),
            ("7.9.1", ("OK", "UNCLEAN")),
            ("7.9.2", ("OK", "WRONG CODE")),
            ("2.1", ("OK", "FAILED BY CLIENT")),
            ("7.1.5", ("INFORMATIONAL", "INFORMATIONAL")),
            ("7.13.1", ("INFORMATIONAL", "FAILED")),
            ("3.1", ("SOMETHING NEW", "OK")),
        ]:
            with self.subTest(case=case, verdict=verdict):
                write(self.report, self.good | {case: verdict})
                status, out = self.verdict()
                self.assertEqual(status, 1)
                self.assertIn(f"\n  {case}: ", out)

    def test_a_lost_or_extra_case_fails(self):
        write(self.report, {case: verdict for case, verdict in self.good.items() if case != "13.7.18"})
        self.assertIn("lost 13.7.18", str(self.verdict()[0]))
        write(self.report, self.good)
        self.expected = self.report / "expected.txt"
        self.expected.write_text("\n".join(cases.WHOLE[1:]))
        self.assertIn("not asked for 1.1.1", str(self.verdict()[0]))

    def test_a_shortened_list_of_the_suite_fails(self):
        self.expected.write_text("\n".join(cases.WHOLE[:516]))
        self.assertIn("516 cases instead of 517", str(self.verdict()[0]))

    def test_a_stale_cut_or_absent_report_fails(self):
        self.assertIn("does not exist", str(self.verdict()[0]))
        write(self.report, self.good)
        detail = self.report / "agent_case_5_20.json"
        os.utime(detail, (0, 0))
        self.assertIn("older than this run", str(self.verdict()[0]))
        detail.write_text(detail.read_text()[:-1])
        self.assertIn("cut or broken", str(self.verdict()[0]))
        detail.unlink()
        self.assertIn("does not exist", str(self.verdict()[0]))

    def test_a_report_that_contradicts_the_index_fails(self):
        write(self.report, self.good | {"5.20": ("FAILED", "OK")})
        index = json.loads((self.report / "index.json").read_text())
        index["agent"]["5.20"]["behavior"] = "OK"
        (self.report / "index.json").write_text(json.dumps(index))
        self.assertIn("does not agree", str(self.verdict()[0]))

    def test_a_second_agent_fails(self):
        write(self.report, self.good)
        index = json.loads((self.report / "index.json").read_text())
        (self.report / "index.json").write_text(json.dumps(index | {"other": {}}))
        self.assertIn("2 agents", str(self.verdict()[0]))


class Select(unittest.TestCase):
    def test_patterns_and_sample(self):
        self.assertEqual(len(cases.select([], [], False)), 517)
        self.assertEqual(len(cases.select([], ["12.*", "13.*"], False)), 301)
        self.assertEqual(len(cases.select([], [], True)), 301 + len(cases.SAMPLE))
        self.assertEqual(cases.select(["1.1.*"], ["1.1.1", "1.1.2"], False), [f"1.1.{n}" for n in range(3, 9)])
        self.assertEqual(cases.select(["7.5.*"], [], False), ["7.5.1"])
        with self.assertRaises(SystemExit):
            cases.select(["8.*"], [], False)

    def test_the_sample_covers_each_group_of_the_compression_sections(self):
        groups = {case.rpartition(".")[0] for case in cases.WHOLE if cases.matches(case, cases.COMPRESSION)}
        self.assertEqual({case.rpartition(".")[0] for case in cases.SAMPLE}, groups)
        self.assertLessEqual(set(cases.SAMPLE), set(cases.WHOLE))


if __name__ == "__main__":
    unittest.main()
