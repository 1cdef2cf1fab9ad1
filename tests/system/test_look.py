"""Looking at a run: while it is at work, when it was killed, when it ended."""
import contextlib
import csv
import glob
import html.parser
import io
import json
import os
import sqlite3
import stat
import subprocess

import system
from system import SystemTest, numbers

GATED = 'test "$1" -le 2 || cat gate; echo "$1"'


class Page(html.parser.HTMLParser):
    """The tags and the texts of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text.append(data)


class Live(SystemTest):
    def setUp(self):
        super().setUp()
        self.gate = self.gate()
        self.run_ = self.start("run", "--results", "run", "-j", "2", "--",
                               "sh", "-c", GATED, "sh", "{}", ":::",
                               *numbers(1, 6))
        self.run_.read_lines(2)

    def test_status_asks_a_live_run(self):
        status = json.loads(self.fan("status", "--json", "run")[0])
        self.assertEqual((status["v"], status["state"], status["done"],
                          status["read"]), (1, "running", 2, 6))
        self.assertIn("2 done of 6", "\n".join(self.fan("status", "run")))

    def test_follower_gets_what_comes_and_ends_with_the_run(self):
        follower = self.start("results", "--follow", "--fields", "task",
                              "run")
        follower.read_lines(2)
        self.gate.open()
        self.assertEqual(follower.finish(), system.OK)
        self.assertEqual(sorted(json.loads(line)["task"]
                                for line in follower.lines),
                         [1, 2, 3, 4, 5, 6])
        self.assertEqual(follower.errors(), "")
        self.assertEqual(self.run_.finish(), system.OK)

    def test_killed_run_is_told_from_a_complete_one(self):
        below = system.descendants(self.run_.process.pid)
        follower = self.start("results", "--follow", "run")
        follower.read_lines(2)
        self.run_.kill()
        self.run_.process.wait(system.PATIENCE_S)
        self.gate.open()
        self.assert_ends(below)
        self.assertEqual(follower.finish(), system.OK)
        self.assertIn("stopped before its end", follower.errors())
        self.assertEqual(
            json.loads(self.fan("status", "--json", "run")[0])["state"],
            "stopped")
        self.assertIn("fan run --resume --results run",
                      "\n".join(self.fan("status", "run")))
        self.fan("run", "--resume", "--results", "run")
        status = json.loads(self.fan("status", "--json", "run")[0])
        self.assertEqual((status["state"], status["ok"]), ("complete", 6))
        self.fan("verify", "run")


class Ended(SystemTest):
    TEXTS = ["plain", "a,b", 'say "x"', "two\nlines", "\\ \t.", " "]

    def setUp(self):
        super().setUp()
        self.fan("run", "--results", "run", "--ndjson", "-", "--", "sh", "-c",
                 'printf "%s" "$1"; test "$1" != plain', "sh", "{text}",
                 input="".join(json.dumps({"text": text, "n": 1}) + "\n"
                               for text in self.TEXTS),
                 code=system.TASKS_FAILED)
        self.log = os.path.join(self.path("run"), system.LOG)

    def rows(self, *arguments):
        return list(csv.DictReader(io.StringIO(
            self.program("fan", "results", "--format", "csv", *arguments,
                         "run").stdout, newline="")))

    def test_csv_is_read_back_by_others(self):
        rows = sorted(self.rows(), key=lambda row: int(row["task"]))
        self.assertEqual([row["args.text"] for row in rows], self.TEXTS)
        self.assertEqual([row["stdout"] for row in rows], self.TEXTS)
        self.assertEqual([row["status"] for row in rows],
                         ["failed"] + ["ok"] * 5)
        self.assertEqual({row["args.n"] for row in rows}, {"1"})
        self.assertEqual([row["exit"] for row in self.rows("--failed")],
                         ["1"])

    def test_tsv_has_a_line_for_each_task(self):
        lines = self.fan("results", "--format", "tsv", "--fields",
                         "task,args.text", "run")
        self.assertEqual(len(lines), 1 + len(self.TEXTS))
        self.assertIn("5\t\\\\ \\t.", lines)

    def test_reader_that_has_enough_is_no_error_to_talk_of(self):
        errors = subprocess.run(
            ["sh", "-c", '"$0" results run | true', os.path.join(
                system.BIN, "fan")], cwd=self.folder, env=self.environment,
            capture_output=True, check=True, timeout=system.PATIENCE_S).stderr
        self.assertEqual(errors, b"")

    def test_torn_end_is_told_and_is_no_damage(self):
        whole = self.fan("results", "run")
        with open(self.log, "ab") as file:
            file.write(bytes.fromhex("1f8b0804000000"))
        self.assertIn("unfinished: ", "\n".join(self.fan("verify", "run")))
        faults = json.loads(self.fan("verify", "--json", "run")[0])
        self.assertEqual((faults["sound"], [f["kind"] for f in
                                            faults["faults"]]),
                         (True, ["unfinished"]))
        self.assertEqual(self.fan("results", "run"), whole)

    def test_damage_ends_the_results_with_exit_code_9(self):
        with open(self.log, "r+b") as file:
            file.seek(60)
            byte = file.read(1)
            file.seek(60)
            file.write(bytes([byte[0] ^ 1]))
        done = self.program("fan", "results", "run")
        self.assertEqual((done.returncode, done.stdout), (system.DAMAGED, ""))
        self.assertIn("damaged at byte 0", done.stderr)
        self.fan("status", "run", code=system.DAMAGED)
        self.assertIn("damaged: the member at byte 0 ", "\n".join(
            self.fan("verify", "run", code=system.DAMAGED)))

    def test_strange_bytes_at_the_end_give_exit_code_9(self):
        whole = self.fan("results", "run")
        with open(self.log, "ab") as file:
            file.write(b"no member " * 10)
        done = self.program("fan", "results", "run")
        self.assertEqual((done.returncode, done.stdout.splitlines()),
                         (system.DAMAGED, whole))
        self.assertIn("is damaged at byte ", done.stderr)

    def test_database_has_typed_columns(self):
        self.fan("results", "--format", "sqlite", "-o", "r.db", "run")
        with contextlib.closing(sqlite3.connect(self.path("r.db"))) as db:
            rows = db.execute('select "args.text", stdout, status, "args.n", '
                              'wall_s, exit from tasks order by task'
                              ).fetchall()
            names = [row[0] for row in db.execute(
                "select name from sqlite_master where type = 'index'")]
            columns = [row[1] for row in db.execute(
                "select * from pragma_table_info('tasks')")]
        self.assertEqual([row[:4] for row in rows], [
            (text, text, "failed" if text == "plain" else "ok", 1)
            for text in self.TEXTS])
        self.assertTrue(all(isinstance(row[4], float) for row in rows))
        self.assertEqual([row[5] for row in rows], [1] + [0] * 5)
        self.assertEqual(len(names), 4)  # status, host, two parameters
        self.assertIn("maxrss_bytes", columns)
        # It takes an older one's place when it is whole, and only then.
        done = self.program("fan", "results", "--format", "sqlite", "-o",
                            "r.db", "--extract", "task=(x)", "run")
        self.assertEqual(done.returncode, system.USAGE)
        self.fan("results", "--format", "sqlite", "-o", "r.db", "2-3", "run")
        with contextlib.closing(sqlite3.connect(self.path("r.db"))) as db:
            self.assertEqual(db.execute("select count(*) from tasks")
                             .fetchone(), (2,))
        self.assertEqual(glob.glob(self.path("*.part")), [])

    def test_database_takes_the_place_of_a_file_only(self):
        os.symlink("real.db", self.path("link.db"))
        os.mkfifo(self.path("pipe"))
        self.write("real.db", "")
        to = "results", "--format", "sqlite", "run", "-o"
        self.fan(*to, "link.db")
        with contextlib.closing(sqlite3.connect(self.path("real.db"))) as db:
            self.assertEqual(db.execute("select count(*) from tasks")
                             .fetchone(), (6,))
        self.assertTrue(os.path.islink(self.path("link.db")))
        done = self.program("fan", *to, "pipe")
        self.assertEqual(done.returncode, system.ERROR)
        self.assertIn("cannot write pipe: ", done.stderr)
        self.assertTrue(stat.S_ISFIFO(os.stat(self.path("pipe")).st_mode))

    def test_numbers_are_picked_out_of_output(self):
        self.fan("run", "-q", "--results", "energies", "--", "printf",
                 "step 1\\nenergy=%s eV\\nenergy=0\\n", ":::", "-1.5e-3",
                 "12", "007", "none")
        pattern = "energy=([-0-9.e]+)"
        picked = [json.loads(line) for line in self.fan(
            "results", "--fields", "task", "--extract", pattern, "energies")]
        self.assertEqual({row["task"]: row["energy"] for row in picked},
                         {1: -0.0015, 2: 12, 3: "007", 4: 0})
        self.fan("results", "--format", "sqlite", "-o", "e.db", "--extract",
                 pattern, "energies")
        with contextlib.closing(sqlite3.connect(self.path("e.db"))) as db:
            self.assertEqual(db.execute(
                'select energy, "args.1" from tasks order by task').fetchall(),
                [(-0.0015, -0.0015), (12, 12), ("007", "007"), (0, "none")])

    def test_report_is_a_page_that_shows_text_as_text(self):
        hostile = "<script>alert(1)</script>&amp;'\""
        self.fan("run", "-q", "--results", "shown", "--retries", "1",
                 "--backoff", "1ms", "--", "sh", "-c",
                 'echo "bad $1" >&2; exit "$2"', "sh", "{1}", "{2}", ":::",
                 hostile, "b", ":::", "0", "7", "9",
                 code=system.TASKS_FAILED)
        self.fan("report", "-o", "r.html", "shown")
        with open(self.path("r.html"), encoding="utf-8") as file:
            page = file.read()
        seen = Page()
        seen.feed(page)
        seen.close()
        self.assertNotIn("script", seen.tags)
        self.assertNotIn("http", page)
        text = " ".join(seen.text)
        for word in ("6 tasks done", "2 ok", "4 failed", "10 attempts",
                     "exit 7", "exit 9", "bad b", "fan logs --err", hostile):
            self.assertIn(word, text)
        self.assertEqual(seen.tags.count("title"), 1 + 10)  # a bar for each
        self.assertEqual(self.program("fan", "report", "shown").stdout, page)

    def test_list_has_a_line_for_each_task(self):
        names, *lines = self.fan("list", "run")
        self.assertEqual(names.split(), ["TASK", "STATUS", "WHY", "TRY",
                                         "HOST", "SECONDS", "VALUES"])
        self.assertEqual(sorted(line.split()[0] for line in lines),
                         numbers(1, 6))
        self.assertIn("text=two?lines n=1", "\n".join(lines))
        _, failed = self.fan("list", "--failed", "run")
        self.assertEqual(failed.split()[:5], ["1", "failed", "exit", "1", "1"])
        self.assertEqual([json.loads(line)["task"] for line in self.fan(
            "list", "--json", "--class", "exit", "run")], [1])

    def test_logs_are_what_was_written(self):
        done = self.program("fan", "logs", "4", "run")
        self.assertEqual((done.returncode, done.stdout),
                         (system.OK, "two\nlines"))
        logs = self.program("fan", "logs", "2,4-4", "run").stdout
        self.assertIn("==> task 4: text=two?lines n=1 <==\ntwo\nlines\n", logs)
        self.assertEqual(logs.count("==>"), 2)
        self.assertEqual(self.program("fan", "logs", "--err", "4",
                                      "run").stdout, "")

    def test_tasks_are_selected(self):
        def tasks(*words):
            return sorted(json.loads(line)["task"] for line in self.fan(
                "results", "--fields", "task", *words, "run"))
        self.assertEqual(tasks("3,5-"), [3, 5, 6])
        self.assertEqual(tasks("5-6", "2", "1-2"), [1, 2, 5, 6])
        self.assertEqual(tasks("--host", "no.such.host"), [])
        self.assertEqual(tasks("--class", "signal"), [])
        self.assertEqual(tasks("--failed", "1-3"), [1])
        self.assertEqual(tasks("--since", "365d"), [1, 2, 3, 4, 5, 6])
        done = self.program("fan", "list", "7-", "run")
        self.assertEqual((done.returncode, done.stdout), (system.OK, ""))
        self.assertIn("no task of run that is done is among", done.stderr)

    def test_hints_lead_to_what_a_task_has_said(self):
        done = self.program("fan", "run", "--results", "said", "--", "ls",
                            ":::", "/", "/no/such")
        hints = dict(line.strip().split(":", 1)
                     for line in done.stderr.splitlines() if "fan " in line
                     and line.startswith("  "))
        said = self.program(*hints["read one"].split())
        self.assertIn("/no/such", said.stdout)
        listed = self.program(*hints["see them"].split())
        self.assertIn("| ls: cannot access '/no/such'", listed.stdout)

    def test_name_of_a_run_brings_no_control_characters_to_a_terminal(self):
        for name in ("a\033[31mb", "a\rb", "a\x7f", "a\u009b31m"):
            with self.subTest(name=ascii(name)):
                done = self.program("fan", "run", "--results", name, "--",
                                    "true", ":::", "1")
                self.assertEqual(done.returncode, system.USAGE)
                self.assertIn("nothing that steers a terminal", done.stderr)
                self.assertFalse(os.path.exists(self.path(name)))
                os.rename(self.path("run"), self.path(name))
                for words in (("status",), ("list",), ("held",), ("wait",),
                              ("show", "1"), ("explain",), ("hosts",),
                              ("events",), ("verify",), ("page",)):
                    done = self.program("fan", *words, "--run", name)
                    self.assertEqual(done.returncode, system.USAGE, words)
                    self.assertNotIn(name, done.stdout + done.stderr)
                os.rename(self.path(name), self.path("run"))
        self.fan("run", "--results", "stra\u00dfe\u00c2\u00a0", "--", "true",
                 ":::", "1")

    def test_what_a_held_task_has_said_is_hinted_at(self):
        self.fan("run", "--results", "held", "--on-fail", "hold", "--", "sh",
                 "-c", "echo broken >&2; exit 1", ":::", "1", code=4)
        words = ("fan", "logs", "--err", "1", "held")
        done = self.program(*words)
        self.assertEqual(done.stdout, "")
        self.assertIn("--all-attempts has what others have tried", done.stderr)
        self.assertIn("broken",
                      self.program(*words, "--all-attempts").stdout)

    def test_wrong_words_are_usage_errors(self):
        for words in (("results", "--fields", "nonsense", "run"),
                      ("results", "--format", "xml", "run"),
                      ("results", "no-such-run"), ("status", "no-such-run"),
                      ("status", "run", "run"), ("verify", "--follow"),
                      ("results", "--format", "sqlite", "run"),
                      ("results", "--extract", "e=1", "run"),
                      ("results", "--extract", "([0-9])", "run"),
                      ("list", "0", "run"), ("logs", "3-2", "run"),
                      ("list", "1,,2", "run"), ("list", "9" * 30, "run"),
                      ("list", "--class", "bad", "run")):
            with self.subTest(words=words):
                done = self.program("fan", *words)
                self.assertEqual((done.returncode, done.stdout),
                                 (system.USAGE, ""))
                self.assertIn(f"Try 'fan {words[0]} --help'", done.stderr)


if __name__ == "__main__":
    system.main()
