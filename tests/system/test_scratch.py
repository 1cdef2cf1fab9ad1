"""FAN_DIR: a folder for each command, removed or kept."""
import os
import re
import signal
import subprocess

import system
from system import SystemTest, numbers, until


class Scratch(SystemTest):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("tmp"))
        self.environment["TMPDIR"] = self.path("tmp")

    def common(self):
        """The folder of all workers."""
        return self.path(f"tmp/fan-{os.uname().nodename}-{os.geteuid()}")

    def left(self):
        """Files and folders of commands that are still there."""
        return sorted(
            os.path.relpath(os.path.join(top, name), self.common())
            for top, folders, files in os.walk(self.common())
            for name in folders + files)

    def kept(self, run):
        """The folders that the records tell of, in the order of the tasks."""
        return [re.search(r"FAN_DIR is kept: (\S+)$", record["note"])[1]
                for record in sorted(self.records(run),
                                     key=lambda record: record.get("task", 0))
                if "note" in record]

    def test_each_begins_with_an_empty_one(self):
        lines = self.fan(
            "run", "--results", "run", "-j", "2", "--shell", "--",
            'test -z "$(ls -A "$FAN_DIR")" && stat -c %a "$FAN_DIR" && '
            'mkdir -p "$FAN_DIR/a/b" && echo {} >"$FAN_DIR/a/b/c" && '
            'ln -s / "$FAN_DIR/root" && chmod 0 "$FAN_DIR/a"', ":::",
            *numbers(1, 300))
        self.assertEqual(set(lines), {"700"})
        self.assertEqual(self.left(), [])

    def test_one_that_is_read_only_is_removed_as_well(self):
        # Root may move such a folder in any case.
        as_others = [] if os.geteuid() else [
            "setpriv", "--inh-caps=-all", "--bounding-set=-all"]
        done = subprocess.run(
            [*as_others, os.path.join(system.BIN, "fan"), "run", "--results",
             "run", "-j", "1", "--shell", "--",
             'cd "$FAN_DIR" && touch {} && ls && chmod 500 .', ":::", "1", "2",
             "3"], cwd=self.folder, env=self.environment, check=False,
            capture_output=True, text=True, timeout=system.PATIENCE_S)
        self.assertEqual((done.returncode, sorted(done.stdout.split())),
                         (0, ["1", "2", "3"]), done.stderr)
        self.assertEqual(self.left(), [])

    def test_one_that_was_not_used_serves_again(self):
        lines = self.fan("run", "--results", "run", "-j", "1", "--shell", "--",
                         'stat -c %i.%Y "$FAN_DIR"; case {} in 2) cd "$FAN_DIR"; '
                         'touch a; rm a;; 4) rmdir "$FAN_DIR";; esac', ":::",
                         *numbers(1, 6))
        self.assertEqual(lines[0], lines[1])
        self.assertEqual(lines[2], lines[3])
        # A new one may have the inode of the last; but nothing was put into it.
        self.assertEqual([line.split(".")[1] for line in lines], ["0"] * 6)
        self.assertEqual(self.left(), [])

    def test_of_a_failure_it_is_kept_where_the_record_says(self):
        self.fan("run", "--results", "run", "--retries", "1", "--backoff",
                 "1ms", "--shell", "--",
                 'echo {} >"$FAN_DIR/core"; test {} != 2', ":::", "1", "2",
                 "3", code=system.TASKS_FAILED)
        kept = self.kept("run")
        self.assertEqual([os.path.basename(path) for path in kept],
                         ["task-2.1", "task-2.2"])
        for path in kept:
            with open(os.path.join(path, "core"), encoding="ascii") as file:
                self.assertEqual(file.read(), "2\n")
        self.assertEqual(sum(name.endswith("core") for name in self.left()), 2)

    def test_all_are_kept_or_none(self):
        task = ("--shell", "--", 'touch "$FAN_DIR/file"; test {} != 2', ":::",
                "1", "2")
        self.fan("run", "--results", "none", "--keep-dirs", "none", *task,
                 code=system.TASKS_FAILED)
        self.assertEqual(self.left(), [])
        self.fan("run", "--results", "all", "--keep-dirs", "all", *task,
                 code=system.TASKS_FAILED)
        kept = self.kept("all")
        self.assertEqual([os.listdir(path) for path in kept], [["file"]] * 2)

    def test_what_a_killed_worker_left_the_next_removes(self):
        gate = self.gate()
        run = self.start("run", "--results", "run", "-j", "1", "--shell", "--",
                         'case {} in bad) touch "$FAN_DIR/evidence"; exit 1;; '
                         'esac; touch "$FAN_DIR/mine"; cat gate; exit 0',
                         ":::", "bad", "a")
        until("the second is at work",
              lambda: any(name.endswith("mine") for name in self.left()))
        before = self.left()
        os.kill(run.of_program("fan-worker")[1], signal.SIGKILL)
        until("another is at work", lambda: self.left() != before and
              sum(name.endswith("mine") for name in self.left()) == 1)
        gate.open()
        self.assertEqual(run.finish(), system.TASKS_FAILED, run.errors())
        left = self.left()
        self.assertEqual(sum(name.endswith("evidence") for name in left), 1)
        self.assertFalse([name for name in left if re.search(
            "slot-|trash|lock|mine", name)], left)

    def test_a_run_that_is_killed_leaves_it_to_the_next(self):
        self.gate()
        run = self.start("run", "--results", "run", "-j", "1", "--shell", "--",
                         'touch "$FAN_DIR/mine"; cat gate', ":::", "a")
        until("it is at work",
              lambda: any(name.endswith("mine") for name in self.left()))
        workers = run.of_program("fan-worker")
        run.kill()
        self.assert_ends(workers)
        self.fan("run", "--results", "next", "--", "true", ":::", "1")
        self.assertEqual(self.left(), [])

    def test_where_none_can_be_made_only_who_needs_one_fails(self):
        with open(self.common(), "wb"):
            pass  # a file has its name
        done = self.program("fan", "run", "--results", "run", "--shell", "--",
                            'case {} in 1) cd "$FAN_DIR" || exit 9;; esac',
                            ":::", "1", "2")
        self.assertEqual(done.returncode, system.TASKS_FAILED)
        self.assertIn("set TMPDIR", done.stderr)
        self.assertEqual([record["status"] for record in
                          self.finals().values()], ["failed", "ok"])


if __name__ == "__main__":
    system.main()
