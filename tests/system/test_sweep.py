"""Sweeps: what runs, what the records hold, what a changed sweep runs again."""
import json
import os
import signal

import system
from system import SystemTest


class Sweep(SystemTest):
    def sweep(self, *arguments, code=system.OK):
        return sorted(self.fan("run", "--results", "run", "--seed", "1",
                               *arguments, code=code))

    def test_records_have_the_parameters_by_name(self):
        lines = self.sweep("--sweep", "T=1:2", "--sweep", "m=a,b", "--where",
                           "T != 2 || m == 'b'", "--", "echo", "{m}-{T}")
        self.assertEqual(lines, ["a-1", "b-1", "b-2"])
        self.assert_finals(3)
        self.assertEqual(self.finals()[3]["args"], {"T": "2", "m": "b"})
        table = self.fan("results", "run", "--format", "csv", "--fields",
                         "task,args.m,args.T")
        self.assertEqual(sorted(table[1:]), ["1,a,1", "2,b,1", "3,b,2"])

    def test_run_file_has_it_as_a_mapping(self):
        with open(self.path("run.yaml"), "w", encoding="utf-8") as file:
            file.write("command: [echo, '{m}-{T}']\n"
                       "sweep: {T: 1:2, m: [a, b]}\nwhere: T != 2\n")
        self.assertEqual(self.sweep("run.yaml"), ["a-1", "b-1"])

    def test_parameters_come_as_json_too(self):
        lines = self.sweep("--stdin", "--sweep", "x=0:1:0.5", "--", "sh", "-c",
                           'test "$(cat)" = "$FAN_TASK" && echo "$FAN_TASK"')
        self.assertEqual([json.loads(line)["x"] for line in lines],
                         [0.0, 0.5, 1.0])

    def test_repetitions_have_seeds_of_their_own(self):
        lines = self.sweep("--sweep", "a=x,y", "--repeat", "3", "--", "echo",
                           "{a} {repeat} {seed}")
        self.assertEqual([line.rpartition(" ")[0] for line in lines],
                         ["x 1", "x 2", "x 3", "y 1", "y 2", "y 3"])
        self.assertEqual(len({line.split()[2] for line in lines}), 6)

    def test_wider_sweep_runs_only_what_is_new(self):
        task = ("--sweep", "u=random(2)", "--", "echo", "{T} {u}")
        first = self.sweep("--sweep", "T=1:3", *task)
        self.assertEqual(len(first), 6)
        second = self.sweep("--resume", "--sweep", "T=0:4", *task)
        self.assertEqual([line[0] for line in second], ["0", "0", "4", "4"])
        self.assertEqual({line.split()[1] for line in first},
                         {line.split()[1] for line in second})
        self.assertEqual(len(self.finals()), 10)

    def test_ventilator_that_is_killed_goes_on_where_it_was(self):
        gate = self.gate()
        run = self.start("run", "--results", "run", "-j", "2", "--sweep",
                         "a=1:30", "--sweep", "b=1:30", "--where",
                         "(a + b) % 3 == 0", "--", "sh", "-c",
                         'test "$1" -le 3 || cat gate; echo "$1 $2"', "sh",
                         "{a}", "{b}")
        run.read_lines(30)
        os.kill(run.of_program("fan-ventilator")[-1], signal.SIGKILL)
        gate.open()
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.assertEqual(sorted(run.lines),
                         sorted(f"{a} {b}" for a in range(1, 31)
                                for b in range(1, 31) if (a + b) % 3 == 0))
        self.assert_finals(300)

    def test_bad_sweeps_are_said_before_anything_starts(self):
        for arguments, said in (
                (("--sweep", "T=5:1", "--", "echo"), "never gets"),
                (("--sweep", "T=1:5", "--where", "t > 2", "--", "echo"),
                 "names what is no value"),
                (("--sweep", "T=1:5", "--", "echo", "{t}"), "{t}"),
                (("--sweep", "T=1:5"), "give the command after --"),
                (("--sweep", "T=1:5", "--", "echo", ":::", "a"),
                 "one input")):
            done = self.program("fan", "run", *arguments)
            self.assertEqual(done.returncode, system.USAGE, done.stderr)
            self.assertIn(said, done.stderr)
            self.assertTrue(done.stderr.startswith("fan run: "), done.stderr)


if __name__ == "__main__":
    system.main()
