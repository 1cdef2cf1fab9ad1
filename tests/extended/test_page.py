"""The page of a run in a real browser, and its metrics in a real Prometheus."""
import json
import os
import shutil
import socket
import subprocess
import sys
import unittest
import urllib.request

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
sys.path[:0] = [os.path.join(TOP, "tests/system"), os.path.dirname(__file__)]
import browser
import system

LINK = r"at (http://[^/]+/)#token=([0-9a-f]{32})"
NASTY = ("<img src=x onerror=alert(1)>", "<script>alert(2)</script>",
         "\"><svg onload=alert(3)>", "javascript:alert(4)", "{{7*7}}")


class Served(system.SystemTest):
    def serve(self, *arguments):
        run = self.start(*arguments)
        found = run.says(LINK)
        return run, found.group(1), found.group(2)


@unittest.skipUnless(browser.PROGRAM,
                     "chromium is not installed: see tests/extended/install")
class InABrowser(Served):
    @classmethod
    def setUpClass(cls):
        cls.browser = browser.Browser()
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        super().setUp()
        self.sessions = []

    def open(self, url, **how):
        page = self.browser.open(url, **how)
        self.sessions.append(page.session)
        self.addCleanup(page.call, "Page.close")
        return page

    def assert_calm(self):
        self.assertEqual([one for one in self.browser.complaints()
                          if one["sessionId"] in self.sessions], [])

    def test_it_loads_and_follows_a_run(self):
        gate = self.gate()
        run, url, _ = self.serve(
            "run", "-q", "-j3", "--http", "0", "--results", "run", "--", "sh",
            "-c", 'test $1 = 1 || cat "$0"; test $1 != 3 || exit 7',
            gate.path, ":::", "1", "2", "3")
        page = self.open(url)
        page.until("$('done').textContent === '1' && "
                   "$('state').textContent === 'running'")
        page.until("state.status.running === 2 && "
                   "$('legend').textContent.includes('2 running')")
        self.assertEqual(page.value("document.title").split(" · ")[0], "33 %")
        gate.open()
        page.until("$('done').textContent === '3'")
        page.until("$('failures').textContent.includes('exit 7')")
        self.assertEqual(run.finish(), system.TASKS_FAILED)
        page.until("$('state').textContent !== 'running'")
        self.assertEqual([event for event in self.browser.complaints()
                          if "ERR_" not in json.dumps(event)], [])

    def test_a_held_group_is_decided_by_a_click(self):
        self.write("mended", "")
        run, url, token = self.serve(
            "run", "-q", "--http", "0", "--results", "run", "--on-fail",
            "hold", "--held", "wait", "--", "sh", "-c",
            "test -s mended || { echo broken >&2; exit 4; }", "sh", ":::",
            "1", "2")
        reader = self.open(url)
        reader.until("document.querySelectorAll('#held button[disabled]')"
                     ".length === 3 && state.held === 2")
        page = self.open(f"{url}#token={token}")
        button = "#held [data-answer=retry]"
        page.until(f"state.held === 2 && document.querySelector('{button}')")
        self.assertNotIn("token", page.value("location.href"))
        self.write("mended", "yes")
        page.click(button)
        page.until("$('ask').open")
        self.assertIn("2 tasks", page.text("#ask-say"))
        page.value("$('note').value = 'mended'")
        page.click("#ask-yes")
        self.assertEqual(run.finish(), system.OK)
        self.assert_finals(2)
        self.assertIn("mended", {r.get("note") for r in self.records()})

    def test_hostile_names_and_outputs_do_not_run(self):
        self.fan("run", "--results", "run", "--on", "exit:5=hold", "--", "sh",
                 "-c", 'printf "%s\n" "$1"; printf "%s\n" "$1" >&2; '
                 'test "${1#<img}" = "$1" || exit 5; exit 6', "sh", ":::",
                 *NASTY, code=4)
        _, url, token = self.serve("page", "--http", "0", "run")
        page = self.open(f"{url}#token={token}")
        page.until("document.querySelectorAll('#held li').length === 1")
        for task in range(1, len(NASTY) + 1):
            page.value(f"showTask({task})")
            page.until("$('records').querySelectorAll('pre').length === 2 && "
                       f"$('task-title').textContent === 'Task {task}'")
            self.assertEqual(page.text("#records pre").strip(),
                             NASTY[task - 1])
        page.until("document.readyState === 'complete'")
        self.assertEqual(page.value(
            "document.querySelectorAll('img, svg[onload], script:not([src])')"
            ".length"), 0)
        plain = self.open(f"{url}output?task=2&record=1&of=stdout")
        plain.until("document.readyState === 'complete' && document.body")
        self.assertIn("<script>", plain.value("document.body.innerText"))
        self.assert_calm()

    def test_keys_do_what_the_mouse_does(self):
        self.fan("run", "--results", "run", "--", "echo", ":::", "1", "2")
        _, url, _ = self.serve("page", "--http", "0", "run")
        page = self.open(url)
        page.until("$('rows').querySelector('button')")
        met = []
        for _ in range(30):
            page.key("Tab", 9)
            met.append(page.value(
                "document.activeElement.id || "
                "document.activeElement.getAttribute('aria-label') || "
                "document.activeElement.className"))
            if met[-1] == "show task 2":
                break
        self.assertEqual(met[0], "skip")
        for name in ("whole", "latest", "number", "recent", "slowest"):
            self.assertIn(name, met)
        page.key("Enter", 13, "\r")
        page.until("$('task').open && $('records').querySelector('pre')")
        page.key("Escape", 27)
        page.until("!$('task').open")
        self.assert_calm()

    def test_a_phone_shows_it_without_scrolling_aside(self):
        self.fan("run", "--results", "run", "--", "sh", "-c", "exit $1", "sh",
                 ":::", *["0"] * 30, "3", "x" * 300,
                 code=system.TASKS_FAILED)
        _, url, _ = self.serve("page", "--http", "0", "run")
        page = self.open(url, width=360, height=740, phone=True)
        page.until("$('done').textContent === '32'")
        self.assertLessEqual(page.value(
            "document.documentElement.scrollWidth"), 360)
        self.assert_calm()

    def test_a_hundred_thousand_tasks_do_not_slow_it_down(self):
        self.fan("run", "-q", "--results", "run", "--coprocess", "cat",
                 "--framing", "lines", "--array", "1-100000")
        _, url, _ = self.serve("page", "--http", "0", "run")
        page = self.open(url)
        page.until("state.done === 100000 && state.share_read === 1 && line")
        taken_ms = page.value("""(() => {
            const begun = performance.now();
            for (let i = 0; i < 10; i++) { shown = {}; show(); }
            return (performance.now() - begun) / 10;
        })()""")
        self.assertLess(taken_ms, 100)
        page.value("showTask(77777)")
        page.until("$('records').querySelector('pre')")
        self.assertEqual(page.text("#records pre").strip(), "77777")
        self.assertLess(page.value(
            "document.getElementsByTagName('*').length"), 3000)
        self.assert_calm()


@unittest.skipUnless(shutil.which("prometheus"),
                     "prometheus is not installed: see tests/extended/install")
class InPrometheus(Served):
    def test_promtool_finds_nothing_to_mend(self):
        gate = self.gate()
        run, url, _ = self.serve("run", "-q", "--http", "0", "--results",
                                 "run", "--", "cat", ":::", gate.path)
        with urllib.request.urlopen(url + "metrics") as reply:
            text = reply.read()
        done = subprocess.run(["promtool", "check", "metrics"], input=text,
                              capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (0, b"", b""))
        gate.open()
        self.assertEqual(run.finish(), system.OK)

    def test_prometheus_reads_them(self):
        self.fan("run", "--results", "run", "--", "sh", "-c", "exit $1", "sh",
                 ":::", "0", "0", "1", code=system.TASKS_FAILED)
        _, url, _ = self.serve("page", "--http", "0", "run")
        place = url.split("/")[2]
        with socket.create_server(("127.0.0.1", 0)) as free:
            own = f"127.0.0.1:{free.getsockname()[1]}"
        self.write("prometheus.yml", json.dumps({"scrape_configs": [
            {"job_name": "fan", "scrape_interval": "1s",
             "static_configs": [{"targets": [place]}]}]}))
        with open(self.path("talk"), "wb") as talk, subprocess.Popen(
                ["prometheus", "--config.file", self.path("prometheus.yml"),
                 "--storage.tsdb.path", self.path("data"),
                 "--web.listen-address", own], stdout=talk,
                stderr=talk) as process:
            try:
                self.assertEqual(self.ask(own, 'fan_tasks{state="ok"}'), "2")
                self.assertEqual(self.ask(
                    own, "histogram_quantile(0.5, sum by (le) "
                    "(fan_task_duration_seconds_bucket)) < bool 10"), "1")
                self.assertEqual(self.ask(own, 'up{job="fan"}'), "1")
            finally:
                process.terminate()

    @staticmethod
    def ask(place, query):
        def found():
            try:
                with urllib.request.urlopen(
                        f"http://{place}/api/v1/query?query=" +
                        urllib.request.quote(query)) as reply:
                    result = json.load(reply)["data"]["result"]
            except OSError:
                return None
            return result[0]["value"][1] if result else None

        return system.until(query, found)


if __name__ == "__main__":
    unittest.main()
