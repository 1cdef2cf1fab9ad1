"""What tasks take and what workers have: CPUs, memory, GPUs, names, labels."""
import json
import signal

import system
from system import SystemTest, numbers

WAIT = ("--", "sh", "-c", "cat gate; echo $CUDA_VISIBLE_DEVICES")
# Fails where another task has the same GPUs at the same time.
ALONE = ("--", "sh", "-c", 'mkdir "gpu-$CUDA_VISIBLE_DEVICES" && '
         'rmdir "gpu-$CUDA_VISIBLE_DEVICES" && echo $CUDA_VISIBLE_DEVICES')


def variables(pid):
    with open(f"/proc/{pid}/environ", encoding="utf-8") as file:
        return dict(line.partition("=")[::2] for line in file.read().split("\0"))


class Resources(SystemTest):
    def setUp(self):
        super().setUp()
        self.endpoint = "ipc://" + self.path("control")
        self.environment["CUDA_VISIBLE_DEVICES"] = ""  # whatever is in here
        self.environment.pop("OMP_NUM_THREADS", None)

    def ventilator(self, *command):
        return self.start("ventilator", self.endpoint, "--dir", "control.d",
                          *command)

    def sink(self):
        return self.start("sink", self.endpoint, "--results", "run")

    def worker(self, *options):
        return self.start("worker", self.endpoint, *options)

    def run_here(self, *options):
        return self.start("run", "--results", "run", *options)

    def at_gate(self, running, count):
        """Waits until so many tasks of it wait at the gate; who they are."""
        system.until(f"{count} tasks at the gate",
                     lambda: len(running.of_program("cat")) == count)
        return running.of_program("cat")

    def status(self):
        return json.loads("\n".join(self.fan("status", "--json", "run")))

    def assert_ended(self, running, code=system.OK):
        self.assertEqual(running.finish(), code, running.errors())

    def test_a_slot_has_its_gpus_for_itself(self):
        gate = self.gate()
        run = self.run_here("-j", "8", "--gpus", "1", "--have", "gpus=0,1,7",
                            *WAIT, ":::", *numbers(1, 9))
        tasks = self.at_gate(run, 3)
        self.assertEqual({variables(pid)["CUDA_VISIBLE_DEVICES"]
                          for pid in tasks}, {"0", "1", "7"})
        self.assertEqual(self.status()["slots"], 3)
        gate.open()
        self.assert_ended(run)
        self.assertEqual(set(run.lines), {"0", "1", "7"})
        self.assert_finals(9)

    def test_gpus_are_never_shared(self):
        lines = self.fan("run", "-j", "8", "--gpus", "2", "--have", "gpus=7",
                         "--results", "run", *ALONE, ":::", *numbers(1, 200))
        self.assertEqual(set(lines), {"0,1", "2,3", "4,5"})
        self.assert_finals(200)

    def test_gpus_are_those_the_worker_sees(self):
        self.environment["CUDA_VISIBLE_DEVICES"] = "5,3"
        lines = self.fan("run", "--gpus", "1", "-j", "4", *ALONE, ":::",
                         *numbers(1, 40))
        self.assertEqual(set(lines), {"3", "5"})
        # What the worker itself has is not beside it: printenv shows all.
        lines = self.fan("run", "--gpus", "1", "--have", "gpus=1", "--",
                         "printenv", ":::", "CUDA_VISIBLE_DEVICES")
        self.assertEqual(lines, ["5"])
        # Who asks for none is left with what there is.
        self.assertEqual(self.fan("run", *ALONE, ":::", "1"), ["5,3"])

    def test_coprocess_has_the_gpus_of_its_slot(self):
        lines = self.fan(
            "run", "-j", "4", "--gpus", "1", "--cpus", "3", "--have",
            "gpus=0,4", "--have", "cpus=8", "--framing", "lines", "--coprocess",
            'while read -r l; do echo "$CUDA_VISIBLE_DEVICES $FAN_CPUS"; done',
            ":::", *numbers(1, 50))
        self.assertEqual(set(lines), {"0 3", "4 3"})

    def test_a_named_amount_limits_what_runs_at_a_time(self):
        gate = self.gate()
        run = self.run_here("-j", "8", "-r", "license=2", "--have",
                            "license=5", "--", "sh", "-c",
                            "mkdir one || mkdir two || exit 9; cat gate; "
                            "rmdir one || rmdir two", ":::", *numbers(1, 8))
        self.at_gate(run, 2)
        self.assertEqual(self.status()["slots"], 2)
        gate.open()
        self.assert_ended(run)
        self.assert_finals(8)

    def test_workers_of_different_sizes(self):
        gate = self.gate()
        ventilator = self.ventilator("--cpus", "2", "--mem", "1G", "--", "sh",
                                     "-c", "cat gate; echo $FAN_CPUS "
                                     "$OMP_NUM_THREADS", ":::",
                                     *numbers(1, 20))
        sink = self.sink()
        small = self.worker("-j", "8", "--cpus", "5", "--mem", "64G")
        self.environment["OMP_NUM_THREADS"] = "1"
        large = self.worker("--cpus", "64", "--mem", "3G")
        self.at_gate(small, 2)
        self.at_gate(large, 3)
        gate.open()
        for running in (ventilator, sink, small, large):
            self.assert_ended(running)
        self.assert_finals(20)
        self.assertEqual({r["stdout"] for r in self.finals().values()},
                         {"2 2\n", "2 1\n"})

    def test_a_new_ventilator_counts_the_same(self):
        gate = self.gate()
        work = ("--cpus", "2", *WAIT, ":::", *numbers(1, 6))
        ventilator, sink = self.ventilator(*work), self.sink()
        worker = self.worker("-j", "8", "--cpus", "4")
        self.at_gate(worker, 2)
        ventilator.kill()
        ventilator.finish()
        again = self.start("ventilator", self.endpoint, "-v", "--plan",
                           "control.d/plan.yaml", "--dir", "control.d")
        again.says("worker-joined host=.* slots=2 ")
        gate.open()
        for running in (again, sink, worker):
            self.assert_ended(running)
        self.assert_finals(6)

    def test_nothing_fits_until_a_larger_worker_joins(self):
        run = self.run_here("--mem", "4T", "--", "echo", ":::", "a", "b")
        run.says(r"no worker can run a task of this run: on .* a task takes 4T "
                 r"of memory, and it has [0-9.]+[MG]\b")
        told = self.status()
        self.assertEqual((told["workers"], told["slots"], told["queued"]),
                         (1, 0, 2))
        self.assertIn("4T of memory", told["unfit"][0]["why"])
        shown = "\n".join(self.fan("status", "run"))
        self.assertRegex(shown, "unfit .* a task takes 4T of memory")
        self.assertIn("no worker can run a task", shown)
        self.endpoint = self.read("run/endpoint").strip()
        small = self.worker("--mem", "2T")
        small.says("no task of this run can run here: .* and it has 2T")
        large = self.worker("--mem", "9T")
        for running in (run, small, large):
            self.assert_ended(running)
        self.assertIn("a worker that can run tasks has joined", run.errors())
        self.assertEqual(sorted(run.lines), ["a", "b"])
        self.assert_finals(2)

    def test_only_labelled_workers_are_used(self):
        ventilator = self.ventilator("--require", "site=x", "--require",
                                     "disk=ssd", "--", "echo", ":::",
                                     *numbers(1, 20))
        other = self.worker("--label", "site=y", "--label", "disk=ssd")
        other.says("site=x is required, and it has site=y")
        half = self.worker("--label", "site=x")
        half.says("disk=ssd is required, and it has no such label")
        sink = self.sink()
        right = self.worker("--label", "site=y", "--label", "site=x",
                            "--label", "disk=ssd")
        for running in (right, ventilator, sink, other, half):
            self.assert_ended(running)
        self.assert_finals(20)
        self.assertEqual(len({r["worker"] for r in self.finals().values()}), 1)

    def test_a_worker_without_slots_ends_when_told(self):
        self.ventilator("-r", "x=1", "--", "echo", ":::", "1")
        self.sink()
        worker = self.worker()
        worker.says("a task takes x=1, and it has 0")
        worker.kill(signal.SIGTERM)
        self.assert_ended(worker, 128 + signal.SIGTERM)

    def test_a_file_says_it_as_well(self):
        self.write("run.yaml", "command: [echo]\nsources: [':::', a]\n"
                   "cpus: 1\nresource: [license=1]\nhave: [license=3]\n")
        self.assertEqual(self.fan("run", "run.yaml"), ["a"])
        # What a task finds in its environment is no setting of a run in it.
        self.environment["FAN_CPUS"] = "9999"
        self.assertEqual(self.fan("run", "--", "echo", ":::", "a"), ["a"])

    def test_what_is_no_amount_is_refused(self):
        for program, options, says in (
                ("run", ("--cpus", "0"), "--cpus"),
                ("run", ("--mem", "lots"), "--mem"),
                ("run", ("--gpus", "0,1"), "--gpus"),
                ("run", ("-r", "license"), "such as license=1"),
                ("run", ("-r", "license=0.5"), "such as license=1"),
                ("run", ("-r", "mem=8"), "options of their own"),
                ("run", ("-r", "a=1", "-r", "a=2"), "there twice"),
                ("run", ("--have", "cpus=none"), "give cpus=N"),
                ("run", ("--have", "gpus=1,1"), "each once"),
                ("run", ("--require", "x"), "such as site=x"),
                ("worker", ("--gpus", "0,0"), "each once"),
                ("worker", ("--gpus", "$(id)"), "each once"),
                ("worker", ("-r", "cpus=4"), "such as license=2"),
                ("worker", ("-r", "a=1", "-r", "a=1"), "there twice"),
                ("worker", ("--label", "=x"), "such as site=x")):
            with self.subTest(program=program, options=options):
                words = ((program, *options, "--", "echo", ":::", "a")
                         if program == "run" else
                         (program, self.endpoint, *options))
                done = self.program("fan", *words)
                self.assertEqual(done.returncode, system.USAGE, done.stderr)
                self.assertIn(says, done.stderr)


if __name__ == "__main__":
    system.main()
