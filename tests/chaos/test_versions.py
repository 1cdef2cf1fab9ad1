"""F49: programs of other versions of the protocol. Here means what is shipped,
which speaks version 1; newer speaks 2 and 1, later only 2 (skew.cmake)."""
import json
import os
import subprocess

import chaos
import system
from chaos import ByHand

SKEW = os.environ.get("CHAOS_SKEW") or os.path.join(system.BIN, "../skew")


class Versions(ByHand):
    def program_is(self, age, *programs):
        for program in programs:
            self.places[program] = os.path.join(SKEW, age)

    def whole(self):
        self.begin(free=self.TASKS)
        self.now()
        self.end_whole(recomputed=0)

    def test_f49_newer_worker_speaks_as_the_run_does(self):
        self.program_is("newer", "fan-worker")
        self.whole()

    def test_f49_newer_sink_speaks_as_the_run_does(self):
        self.program_is("newer", "fan-sink")
        self.whole()

    def test_f49_later_programs_do_among_themselves(self):
        self.program_is("later", "fan-worker", "fan-sink", "fan-ventilator")
        self.whole()

    def test_f49_later_ventilator_takes_newer_peers(self):
        self.program_is("later", "fan-ventilator")
        self.program_is("newer", "fan-worker", "fan-sink")
        self.whole()

    def refused(self, age, program, start):
        """The peer says why and ends; so does the ventilator's log; then one
        of the right version does the work."""
        here = self.places.pop(program, None)
        self.program_is(age, program)
        self.now()
        peer = start()
        self.assertEqual(peer.ends(), system.ERROR, peer.text())
        self.recovery_s = self.elapsed()
        self.assertRegex(peer.text(), "speaks version .* of the protocol")
        self.ventilator.says("version-refused role=" + program[4:])
        self.places.pop(program)
        if here:
            self.places[program] = here

    def refuses(self, ventilator, age, peers):
        """`ventilator` and the programs of `peers` do it, those of `age` are
        refused at any time."""
        if ventilator:
            self.program_is(ventilator, "fan-ventilator")
        if peers:
            self.program_is(peers, "fan-worker", "fan-sink")
        self.begin_ventilator()
        self.refused(age, "fan-sink", lambda: self.add_sink(results="other"))
        self.refused(age, "fan-worker", self.add_worker)
        self.add_sink()
        self.add_worker()
        self.free_done()
        self.refused(age, "fan-worker", self.add_worker)
        self.end_whole(recomputed=0)

    def test_f49_later_peers_of_a_ventilator_of_today_are_refused(self):
        self.refuses(None, "later", None)

    def test_f49_peers_of_today_are_refused_by_a_newer_ventilator(self):
        # The word for today's is their folder.
        self.refuses("newer", os.path.abspath(system.BIN), "newer")


class Commands(chaos.Run):
    """fan run, and what is asked of it and done after it."""

    def fan_of(self, age, *arguments):
        return subprocess.run(
            [os.path.join(SKEW, age, "fan"), *arguments], cwd=self.folder,
            env=self.environment, capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL, timeout=system.PATIENCE_S)

    def test_f49_status_is_asked_across_versions(self):
        self.begin()
        for age in ("newer", "later"):
            done = self.fan_of(age, "status", "run", "--json")
            with self.subTest(age=age):
                self.assertEqual(done.returncode, system.OK, done.stderr)
                self.assertEqual(json.loads(done.stdout)["done"], self.FREE)
        self.end_whole(recomputed=0)

    def test_f49_run_that_was_begun_by_another_version_is_resumed(self):
        command = ("run", "--resume", "--results", "run", "--", "sh", "-c",
                   'echo "$1" >>ran; echo "$1"; '
                   'test "$1" -le 5 || ! test -e fails',
                   "sh", "{}", ":::", *system.numbers(1, 9))
        self.tasks = 9
        self.write("fails", "")
        done = self.fan_of("later", *command)
        self.assertEqual(done.returncode, system.TASKS_FAILED, done.stderr)
        os.unlink(self.path("fails"))
        self.fan(*command)
        self.assert_finals(9)
        self.assertEqual(self.executions(),
                         {n: 1 if n <= 5 else 2 for n in range(1, 10)})


if __name__ == "__main__":
    chaos.main()
