"""The page of a run: `fan run --http` and `fan page`, asked by a plain client."""
import contextlib
import http.client
import json
import os
import shlex
import signal
import socket
import unittest
import urllib.parse

import system
from system import OK, USAGE, until

LINK = r"at http://([^/]+)/#token=([0-9a-f]{32})"
NASTY = "<img src=x onerror=alert(1)>\"'&</script>\x1b[31m"


class Client:
    def __init__(self, link):
        self.place, self.token = link.group(1), link.group(2)

    def connect(self):
        return http.client.HTTPConnection(self.place,
                                          timeout=system.PATIENCE_S)

    def ask(self, path, method="GET", body=None, **headers):
        """(status, headers, text) of one request."""
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, path, body, {
                name.replace("_", "-"): value
                for name, value in headers.items()})
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read().decode()

    def json(self, path):
        status, _, text = self.ask(path)
        assert status == 200, text
        return json.loads(text)

    def decide(self, body, **headers):
        return self.ask("/decide", "POST", json.dumps(body), **headers)

    def metrics(self):
        """name with labels -> value."""
        found = {}
        for row in self.ask("/metrics")[2].splitlines():
            if not row.startswith("#"):
                name, _, value = row.rpartition(" ")
                found[name] = float(value)
        return found


class Http(system.SystemTest):
    def serve(self, *arguments):
        """`fan run --http` or `fan page`, begun, and a client of its page."""
        run = self.start(*arguments)
        return run, Client(run.says(LINK))

    def finished(self, *tasks):
        self.fan("run", "--results", "run", "--", "sh", "-c", "echo $1", "sh",
                 ":::", *tasks)
        return self.serve("page", "--http", "0", "run")

    def test_the_page_is_whole_and_says_what_browsers_may_do(self):
        page, client = self.finished("1")
        for path, kind in (("/", "text/html"), ("/page.css", "text/css"),
                           ("/page.js", "text/javascript"),
                           ("/icon.svg", "image/svg+xml"),
                           ("/favicon.ico", "image/svg+xml"),
                           ("/state", "application/json"),
                           ("/plan", "application/json"),
                           ("/nothing", "text/plain")):
            status, headers, text = client.ask(path)
            self.assertEqual(status, 404 if path == "/nothing" else 200)
            self.assertTrue(headers["Content-Type"].startswith(kind), path)
            self.assertTrue(text)
            self.assertIn("default-src 'none'",
                          headers["Content-Security-Policy"])
            self.assertNotIn("unsafe", headers["Content-Security-Policy"])
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
            self.assertEqual(headers["X-Frame-Options"], "DENY")
            self.assertNotIn("Access-Control-Allow-Origin", headers)
        html = client.ask("/")[2]
        self.assertNotRegex(html, r"https?://(?!www\.w3\.org)")
        self.assertNotRegex(html, r"<script(?! src)|\son[a-z]+=|\sstyle=")
        self.assertEqual(client.ask("/", "HEAD")[0], 200)
        self.assertEqual(client.ask("/", "PUT")[0], 405)
        self.assertEqual(client.ask("/decide")[0], 405)
        page.kill(signal.SIGINT)
        self.assertEqual(page.finish(), 128 + signal.SIGINT)

    def test_a_live_run_is_told_of_as_it_goes_on(self):
        gate = self.gate()
        run, client = self.serve(
            "run", "-q", "-j2", "--http", "0", "--results", "run", "--", "sh",
            "-c", 'test $1 = 1 || cat "$0"; test $1 != 2', gate.path, ":::",
            "1", "2", "3")
        with contextlib.closing(client.connect()) as stream:
            stream.request("GET", "/events")
            reply = stream.getresponse()
            self.assertEqual(reply.headers["Content-Type"],
                             "text/event-stream")

            def until_state(true):
                for row in reply:
                    if row.startswith(b"data: "):
                        state = json.loads(row[6:])
                        if true(state):
                            return state
                raise AssertionError("the stream has ended")

            state = until_state(lambda s: s["done"] == 1 and s["status"]
                                and s["status"]["running"] == 2)
            self.assertEqual((state["state"], state["live"]),
                             ("running", True))
            self.assertEqual(client.ask("/healthz")[0], 200)
            metrics = client.metrics()
            self.assertEqual(metrics['fan_tasks{state="ok"}'], 1)
            self.assertEqual(metrics['fan_tasks{state="running"}'], 2)
            self.assertEqual((metrics["fan_workers"], metrics["fan_slots"],
                              metrics["fan_credit_outstanding"]), (1, 2, 2))
            self.assertGreater(metrics["fan_fsync_seconds_sum"], 0)
            self.assertGreaterEqual(metrics["fan_fsync_seconds_count"], 1)
            self.assertEqual(metrics["fan_resends_total"], 0)
            gate.open()
            state = until_state(lambda s: s["done"] == 3)
            self.assertEqual(state["counts"]["failed"], 1)
            self.assertEqual(state["failures"][0]["why"], "exit 1")
            if state["live"]:  # its last word is how the run ended
                state = until_state(lambda s: not s["live"])
            self.assertEqual((state["state"], state["status"]),
                             ("complete", None))
        self.assertEqual(run.finish(), system.TASKS_FAILED)

    def test_what_it_says_to_type_is_quoted(self):
        name = "it's a $(run)"
        self.fan("run", "-q", "--results", name, "--on-fail", "hold", "--",
                 "false", ":::", "1", code=4)
        _, client = self.serve("page", "--http", "0", name)
        state = client.json("/state")
        self.assertEqual((state["state"], state["live"]), ("stopped", False))
        whole = os.path.realpath(self.path(name))
        self.assertEqual(shlex.split(state["typed_dir"]), [whole])
        self.assertEqual(shlex.split(state["go_on"]),
                         ["fan", "run", "--resume", "--results", whole])

    def test_metrics_count_what_the_log_has(self):
        self.fan("run", "--results", "run", "--retries", "1", "--backoff",
                 "0s", "--", "sh", "-c", "exit $1", "sh", ":::", "0", "0",
                 "3", code=system.TASKS_FAILED)
        _, client = self.serve("page", "--http", "0", "run")
        metrics = client.metrics()
        self.assertEqual(metrics['fan_tasks{state="ok"}'], 2)
        self.assertEqual(metrics['fan_tasks{state="failed"}'], 1)
        self.assertEqual(metrics['fan_attempts_total{class="ok"}'], 2)
        self.assertEqual(metrics['fan_attempts_total{class="exit"}'], 2)
        self.assertEqual(metrics["fan_task_duration_seconds_count"], 4)
        self.assertEqual(
            metrics['fan_task_duration_seconds_bucket{le="+Inf"}'], 4)
        self.assertEqual(
            [name for name in metrics if name.startswith("fan_build_info")],
            ['fan_build_info{version="0.1.0"}'])
        self.assertNotIn("fan_workers", metrics)
        self.assertEqual(client.json("/state")["state"], "complete")
        self.assertEqual(client.ask("/healthz")[0], 200)

    def test_a_decision_takes_the_token_and_no_other_site(self):
        self.write("mended", "")
        run, client = self.serve(
            "run", "-q", "--http", "0", "--results", "run", "--on-fail",
            "hold", "--held", "wait", "--", "sh", "-c",
            "test -s mended || { echo broken >&2; exit 4; }", "sh", ":::",
            "1", "2")
        until("both are held",
              lambda: client.json("/state")["held"] == 2, self.path("run"))
        group = client.json("/state")["held_groups"][0]
        self.assertEqual((group["why"], group["line"]), ("exit 4", "broken"))
        wish = {"group": group["group"], "answer": "retry", "note": "mended"}
        good = {"X_Fan_Token": client.token}
        for headers in ({}, {"X_Fan_Token": ""}, {"X_Fan_Token": "0" * 32},
                        {"X_Fan_Token": client.token[:-1]},
                        {"X_Fan_Token": client.token + "0"},
                        {**good, "Origin": "http://evil.example"},
                        {**good, "Origin": "null"}):
            self.assertEqual(client.decide(wish, **headers)[0], 403, headers)
        for body in ({}, [], {**wish, "group": "g1; true"},
                     {**wish, "group": "--drop"}, {**wish, "answer": "x"},
                     {**wish, "note": "a\nb"}, {**wish, "note": "x" * 400}):
            self.assertEqual(client.decide(body, **good)[0], 400, body)
        status, _, text = client.decide({**wish, "group": "g9"}, **good)
        self.assertEqual(status, 409)
        self.assertIn("no group g9", json.loads(text)["said"])
        self.assertEqual(client.json("/state")["held"], 2)
        self.write("mended", "yes")
        status, _, text = client.decide(
            wish, Origin=f"http://{client.place}", **good)
        if status == 503:  # the run, which has ended for it, was faster
            self.assertIn("the run has ended meanwhile", text)
        else:
            self.assertEqual((status, json.loads(text)["exit"]), (200, OK),
                             text)
        self.assertEqual(run.finish(), OK)
        self.assert_finals(2)
        notes = {r.get("note") for r in self.records()
                 if r.get("event") == "decision" and r.get("user")}
        self.assertEqual(notes, {"mended"})

    def test_names_of_others_are_refused(self):
        _, client = self.finished("1")
        port = client.place.rpartition(":")[2]
        for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.x",
                     f"localhost.evil.example:{port}", "", "localhost:x"):
            self.assertEqual(client.ask("/state", Host=host)[0], 421, host)
        for host in (f"localhost:{port}", "localhost", f"[::1]:{port}",
                     "127.0.0.1:1"):
            self.assertEqual(client.ask("/state", Host=host)[0], 200, host)

    def test_what_tasks_call_themselves_is_data(self):
        self.fan("run", "--results", "run", "--", "sh", "-c",
                 'printf %s "$1" | tee /dev/stderr; exit 1', "sh", ":::",
                 NASTY, code=system.TASKS_FAILED)
        _, client = self.serve("page", "--http", "0", "run")
        record = client.json("/task?task=1")["records"][0]["record"]
        self.assertEqual((record["args"], record["stdout"], record["stderr"]),
                         ([NASTY], NASTY, NASTY))
        self.assertIn("<img src=x", client.json("/state")["failures"][0]["line"])
        status, headers, text = client.ask(
            "/output?task=1&record=1&of=stderr")
        self.assertEqual((status, text), (200, NASTY))
        self.assertEqual(headers["Content-Type"], "text/plain; charset=utf-8")
        odd = urllib.parse.quote("<b>")
        for path in (f"/task?task={odd}", "/task", "/task?task=0",
                     "/output?task=1", "/timeline?after=x"):
            status, headers, text = client.ask(path)
            self.assertEqual(status, 400, path)
            self.assertNotIn("<b>", text)
        self.assertEqual(client.ask("/task?task=2")[0], 404)

    def test_every_record_of_a_task_is_found(self):
        self.fan("run", "--results", "run", "--retries", "2", "--backoff",
                 "0s", "-j4", "--", "sh", "-c",
                 'head -c 3000 /dev/urandom | base64; test $(($1 % 9)) != 0', "sh",
                 ":::", *system.numbers(1, 60), code=system.TASKS_FAILED)
        _, client = self.serve("page", "--http", "0", "run")
        for task in (1, 9, 27, 54, 60):
            found = [one["record"]
                     for one in client.json(f"/task?task={task}")["records"]]
            self.assertEqual(found, [r for r in self.records()
                                     if r.get("task") == task])
        line = client.json("/timeline")
        self.assertEqual(line["bar_count"], 60 + 2 * 6)
        self.assertEqual(sum(row["attempts"] for row in line["rows"]), 72)
        later = client.json("/timeline?after=70")
        self.assertEqual(later["bars"], line["bars"][70:])

    def test_slow_and_huge_requests_hold_nobody_up(self):
        _, client = self.finished("1")
        host, _, port = client.place.rpartition(":")
        with contextlib.ExitStack() as open_ones:
            for _ in range(40):
                one = open_ones.enter_context(
                    socket.create_connection((host, int(port))))
                one.sendall(b"GET /state HT")
            self.assertEqual(client.ask("/healthz")[0], 200)
        self.assertIn(client.ask("/state", Odd="x" * 40000)[0],
                      (400, 413, 431))
        self.assertIn(client.ask("/" + "x" * 40000)[0], (400, 413, 414, 431))
        self.assertEqual(client.ask("/decide", "POST", "x" * 20000)[0], 413)
        with self.assertRaises((OSError, http.client.HTTPException)):
            client.ask("/decide", "POST",
                       (b"x" * 1000 for _ in range(10000)))
        self.assertEqual(client.ask("/healthz")[0], 200)

    def test_streams_have_a_limit(self):
        _, client = self.finished("1")
        with contextlib.ExitStack() as open_ones:
            def stream():
                one = open_ones.enter_context(
                    contextlib.closing(client.connect()))
                one.request("GET", "/events")
                return one.getresponse().status

            self.assertEqual({stream() for _ in range(24)}, {200})
            self.assertEqual(stream(), 503)
            self.assertEqual(client.ask("/healthz")[0], 200)

    def test_an_address_that_is_taken_is_told_before_anything_runs(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            done = self.program("fan", "run", "--http", port, "--results",
                                "run", "--", "touch", ":::", "made")
        self.assertEqual(done.returncode, system.ERROR)
        self.assertIn("--http 0 takes any port that is free", done.stderr)
        self.assertFalse(os.path.exists(self.path("run")))
        for wrong in ("x", "1.2.3.4", ":7780", "127.0.0.1:99999", "::1:80",
                      "nowhere.invalid:1"):
            done = self.program("fan", "run", "--http", wrong, "--results",
                                "run", "--", "true", ":::", "1")
            self.assertEqual(done.returncode, USAGE, done.stderr)

    def test_a_public_address_is_told_of(self):
        self.fan("run", "--results", "run", "--", "true", ":::", "1")
        page, client = self.serve("page", "--http", "0.0.0.0:0", "run")
        page.says("whoever can reach this host can read it")
        port = client.place.rpartition(":")[2]
        client.place = f"127.0.0.1:{port}"
        self.assertEqual(client.ask("/state", Host=socket.gethostname())[0],
                         200)

    def test_a_page_that_is_killed_comes_again_and_harms_nobody(self):
        gate = self.gate()
        run, client = self.serve("run", "--http", "0", "--results", "run",
                                 "--", "cat", ":::", gate.path)
        first = until("it serves", lambda: run.of_program("fan-page"))
        os.kill(first[0], signal.SIGKILL)
        run.says("fan-page was killed.*starting it again")
        self.assertEqual(client.json("/state")["live"], True)
        gate.open()
        self.assertEqual(run.finish(), OK)
        self.assert_ends(run.of_program("fan-page"))
        # What was made for the page stays the same for the same run.
        _, again = self.serve("page", "--http", "0", "run")
        self.assertEqual(again.token, client.token)
        mode = os.stat(self.path("run/page-token")).st_mode
        self.assertEqual(mode & 0o777, 0o600)


if __name__ == "__main__":
    unittest.main()
