"""What is printed as JSON, by runs of many kinds, held against docs/schemas;
and these against the tables of names in the sources. Needs python3-jsonschema,
so Debian's own Python runs it."""
import json
import os
import pathlib
import re
import signal

import jsonschema

import system
from system import SystemTest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
SCHEMAS = TOP / "docs/schemas"
HELD = 4
VERBS = {"status": "status", "held": "held", "list": "record",
         "events": "record", "hosts": "hosts", "explain": "explain",
         "wait": "wait", "verify": "verify"}


def schema_of(name):
    return json.loads((SCHEMAS / f"{name}.json").read_text())


def validator(name):
    schema = schema_of(name)
    return jsonschema.Draft202012Validator(
        schema, resolver=jsonschema.RefResolver(
            (SCHEMAS / f"{name}.json").as_uri(), schema))


def names_in(path, pattern):
    names = re.findall(pattern, (TOP / path).read_text())
    assert names, path
    return set(names)


def parts(schema):
    """All objects within, and itself."""
    if isinstance(schema, dict):
        yield schema
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from parts(part)


class Schemas(SystemTest):
    def assert_fits(self, name, lines):
        check = validator(name)
        for line in lines:
            found = json.loads(line)
            wrong = [f"{list(error.absolute_path)}: {error.message}"
                     for error in check.iter_errors(found)]
            self.assertFalse(wrong, f"{name}: {line}")

    def says(self, *words, schema=None, some=True):
        """The lines of a verb, which fit its schema, as objects."""
        done = self.program("fan", words[0], "--json", *words[1:])
        lines = done.stdout.splitlines()
        if some:
            self.assertTrue(lines, f"{words}: {done.stderr}")
        self.assert_fits(schema or VERBS[words[0]], lines)
        return [json.loads(line) for line in lines]

    def look(self, run, *tasks):
        """By all verbs that look at a run; of one that has ended, its log."""
        for verb in VERBS:
            more = ["--timeout", "0s"] if verb == "wait" else []
            self.says(verb, *more, run, some=verb not in ("list", "events"))
        self.says("list", "--all-attempts", run, some=False)
        for task in tasks:
            self.says("show", task, run, schema="show")
            self.says("explain", task, run)
        self.assert_fits("record", self.fan("results", run))
        if not self.says("hosts", run)[0]["live"]:  # nobody writes it
            self.assert_fits("record", map(json.dumps, self.records(run)))

    def until_status(self, what, is_so, run="run"):
        def look():
            done = self.program("fan", "status", "--json", run)
            return done.returncode == 0 and is_so(json.loads(done.stdout))
        system.until(what, look)

    def test_schemas_are_valid_and_strict(self):
        for path in SCHEMAS.glob("*.json"):
            schema = json.loads(path.read_text())
            jsonschema.Draft202012Validator.check_schema(schema)
            self.assertIn("title", schema)
            defined = [part for part in parts(schema)
                       if "additionalProperties" in part
                       and "properties" in part]
            for part in defined:
                self.assertIs(part["additionalProperties"], False, path)
                for name, field in part["properties"].items():
                    self.assertTrue({"description", "$ref"} & set(field),
                                    f"{path}: {name}")
            for part in parts(schema):
                if "properties" in part and "title" in part:
                    self.assertTrue(part in defined or "$defs" in part, path)
        self.assertFalse(validator("wait").is_valid(
            {"v": 1, "dir": "x", "state": "ended", "exit": 0, "more": 1}))

    def test_names_are_those_of_the_sources(self):
        record = schema_of("record")
        policy = "common/policy/policy.c"
        statuses = names_in(policy, r'\[STATUS_\w+\] = "(\w+)"') - {"none"}
        classes = names_in(policy, r'\[CLASS_\w+\] = "(\w+)"') - {"none"}
        self.assertEqual(set(record["$defs"]["status"]["enum"]), statuses)
        self.assertEqual(set(record["$defs"]["class"]["enum"]), classes)
        self.assertEqual(
            set(record["properties"]),
            names_in("common/store/record_read.c", r' FIELD\("(\w+)"'))
        events = re.search(r"NAMES\[EVENTS\] = \{(.*?)\}",
                           (TOP / "common/store/record_write.c").read_text(),
                           re.S).group(1)
        self.assertEqual(set(record["properties"]["event"]["enum"]),
                         set(re.findall(r"\w+", events)) - {"none"})
        self.assertEqual(
            set(schema_of("explain")["properties"]["reason"]["enum"]),
            statuses
            | names_in("ventilator/explain.c", r'\[REASON_\w+\] =\s+\{"(\w+)"')
            | names_in("command/verb_explain.c", r'\{"(\w+)",\s+"[a-z ]+'))
        self.assertEqual(
            set(schema_of("verify")["$defs"]["fault"]["properties"]["kind"]
                ["enum"]),
            names_in("command/verb_verify.c", r'return "(\w+)";') - {"unknown"})

    def test_each_verb_with_json_has_a_schema(self):
        described = "".join(schema_of(path.stem).get("description", "")
                            for path in SCHEMAS.glob("*.json"))
        verbs = re.findall(r"^  (\w+) ", "\n".join(self.fan("--help")), re.M)
        self.assertIn("status", verbs)
        for verb in verbs:
            done = self.program("fan", verb, "--help")
            if " --json " in done.stdout:
                self.assertIn(f"`fan {verb} --json`", described)

    def test_ended_run_with_all_kinds_of_ends(self):
        run = self.start(  # bytes that are no text are printed, too
            "run", "-q", "--results", "run", "--name", "n", "--retries", "1",
            "--backoff", "0s", "--on", "exit:7=hold", "--on", "exit:9=ignore",
            "--on-done", "cat > done", "--", "sh", "-c",
            'printf "\\377" >&2; case $1 in 15) kill -15 $$;; esac; '
            'exit "$1"', "sh", "{}", ":::", "0", "3", "7", "7", "9", "15")
        self.assertEqual(run.finish(), HELD, run.errors())
        self.assert_fits("done", [self.read("done")])
        self.look("run", "1", "2", "3", "6")
        told = self.says("decide", "--run", "run", "3", "--retry", "--note",
                         "why", "--edit", "0", schema="decide")[0]
        self.assertEqual((told["decision"], told["decided"], told["live"]),
                         ("retry", 1, False))
        self.says("decide", "--run", "run", "4", "--drop", schema="decide")
        held = self.says("held", "run")[0]
        self.assertEqual(len(held["decisions"]), 2)
        self.look("run", "3", "4")
        run = self.start("run", "-q", "--resume", "--results", "run")
        self.assertEqual(run.finish(), system.TASKS_FAILED, run.errors())
        self.look("run", "2", "3", "4")
        events = {record.get("event") for record in self.records()}
        self.assertTrue(any("stderr_base64" in record
                            for record in self.records()))
        self.assertLessEqual({"run", "generation", "joined", "mark", "resumed",
                              "decision", "complete"}, events)
        with open(self.path("run/" + system.LOG), "r+b") as log:
            log.seek(100)
            log.write(b"x")
        for verb in ("status", "verify"):
            self.says(verb, "run")

    def test_live_run_paused_and_cancelled_and_its_worker_killed(self):
        gate = self.gate()
        run = self.start("run", "-q", "--results", "run", "-j", "2",
                         "--heartbeat", "50ms", "--", "sh", "-c", "cat gate",
                         "sh", "{}", ":::", *system.numbers(1, 20))
        self.until_status("two tasks that run long",
                          lambda status: len(status["longest"]) == 2)
        self.look("run", "1", "20", "21")
        os.kill(run.of_program("fan-worker")[-1], signal.SIGKILL)
        self.until_status("a loss", lambda status: status["losses"] > 0)
        self.says("pause", "run", "--note", "why", schema="status")
        self.look("run", "1")
        self.says("cancel", "20,99", "run", schema="cancel")
        self.says("resume", "run", schema="status")
        gate.open()
        self.assertEqual(run.finish(), system.TASKS_FAILED, run.errors())
        self.look("run", "1", "20")
        # Who cancels decides about nothing that is held.
        self.assertEqual(self.says("held", "run")[0]["decisions"], [])
        self.assertLessEqual(
            {"left", "paused", "unpaused"},
            {record.get("event") for record in self.records()})
        self.assertIn("lost", {record.get("status")
                               for record in self.records()})

    def test_open_run_is_added_to(self):
        run = self.start("run", "-q", "--results", "run", "--open", "--",
                         "true")
        system.until("it is open", lambda: os.path.exists(
            self.path("run/input.open")), self.folder, self.path("run"))
        told = self.says("add", "--run", "run", ":::", "1", "2", schema="add")
        self.assertEqual((told[0]["added"], told[0]["closed"]), (2, False))
        told = self.says("add", "--run", "run", "--close", schema="add")
        self.assertEqual((told[0]["added"], told[0]["closed"]), (0, True))
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.look("run", "2")

    def test_stages(self):
        self.write("values", "0\n3\n")
        self.write("run.yaml", "stages:\n"
                   "  - name: one\n    command: [sh, -c, 'exit {}']\n"
                   "    arg-file: values\n"
                   "  - name: two\n    after: one\n    command: ['true']\n")
        self.fan("run", "-q", "--results", "run", "--on-done", "cat > done",
                 "run.yaml", code=system.TASKS_FAILED)
        states = [stage["state"] for stage in self.says("status", "run")[0]]
        self.assertEqual(states, ["complete", "not begun"])
        self.assert_fits("done", [self.read("done")])
        self.look("run/one", "2")
        with open(self.path("run/one/" + system.LOG), "r+b") as log:
            log.seek(100)
            log.write(b"x")
        states = [stage["state"] for stage in self.says("status", "run")[0]]
        self.assertEqual(states, ["damaged"])


if __name__ == "__main__":
    system.main()
