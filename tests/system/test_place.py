"""Where commands run, and with what: --pin, --nice, --env."""
import os
import subprocess

import system
from system import SystemTest, numbers


class Place(SystemTest):
    def test_each_slot_has_a_cpu(self):
        may = sorted(os.sched_getaffinity(0))
        lines = self.fan("run", "--results", "run", "-j", "3", "--pin",
                         "--shell", "--", "echo $FAN_SLOT $(awk "
                         "'/^Cpus_allowed_list/ { print $2 }' "
                         "/proc/self/status); : {}", ":::", *numbers(1, 30))
        for line in lines:
            slot, cpus = line.split()
            self.assertEqual(cpus, str(may[(int(slot) - 1) % len(may)]))
        self.assertEqual(len(lines), 30)

    def test_else_they_run_where_they_like(self):
        may = os.sched_getaffinity(0)
        lines = self.fan("run", "--results", "run", "-j", "2", "--", "python3",
                         "-c", "import os; print(len(os.sched_getaffinity({})))",
                         ":::", "0")
        self.assertEqual(lines, [str(len(may))])

    def test_niceness_is_added_to_ours(self):
        ours = os.getpriority(os.PRIO_PROCESS, 0)
        lines = self.fan("run", "--results", "run", "--nice", "3",
                         "--shell", "--", "nice; : {}", ":::", "1")
        self.assertEqual(lines, [str(min(ours + 3, 19))])
        lines = self.fan("run", "--results", "other", "--shell", "--",
                         "nice; : {}", ":::", "1")
        self.assertEqual(lines, [str(ours)])

    def test_variables_are_those_of_the_run(self):
        """Of a worker that was started elsewhere, too."""
        gate = self.gate()
        self.environment.update(MODEL="two words\n=", OTHER="of the run")
        run = self.start("run", "--results", "run", "-j", "1", "--env",
                         "MODEL,PATH", "--shell", "--",
                         'cat gate; printf "%s|" "$MODEL" "$OTHER"; : {}',
                         ":::", "1", "2")
        endpoint = self.path("run/endpoint")
        system.until("the endpoint", lambda: os.path.exists(endpoint),
                     self.folder)
        by_hand = self.start_worker(self.read("run/endpoint").strip(),
                                    MODEL="another", OTHER="of the worker")
        system.until("each has one", lambda: '"running":2' in self.program(
            "fan", "status", "--json", "run").stdout)
        gate.open()
        self.assertEqual(run.finish(), system.OK, run.errors())
        by_hand.wait(system.PATIENCE_S)
        said = {record["stdout"] for record in self.finals().values()}
        self.assertEqual(said, {"two words\n=|of the run|",
                                "two words\n=|of the worker|"})

    def start_worker(self, endpoint, **variables):
        worker = subprocess.Popen(
            [os.path.join(system.BIN, "fan-worker"), endpoint, "-j", "1"],
            cwd=self.folder, env={**self.environment, **variables})
        self.addCleanup(worker.wait)
        self.addCleanup(worker.kill)
        return worker

    def test_variables_that_cannot_be_are_refused(self):
        for name, why in (("NOSUCH", "export it first"),
                          ("FAN_DIR", "set by fan itself"),
                          ("A-B", "no name"), ("", "no name"),
                          ("PATH,", "no name")):
            done = self.program("fan", "run", "--env", name, "--", "true",
                                ":::", "1")
            self.assertEqual(done.returncode, system.USAGE, name)
            self.assertIn(why, done.stderr)


if __name__ == "__main__":
    system.main()
