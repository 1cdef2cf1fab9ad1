"""A run that fails in three ways is understood and finished, by what fan itself
says to do next and nothing else."""
import re
import shlex

import system
from system import SystemTest

TASKS = 2000
# One in twenty, of each kind a third: 7, 27 and 47 of sixty.
SIM = r"""n=$1
case $((n % 60)) in
7) test -e fixed || { echo "case $n: T is negative" >&2; exit 1; };;
27) echo "license server: slot $n is busy" >&2; exit 75;;
47) test -e fixed || kill -SEGV $$;;
esac
echo "energy=-$n"
"""
HELD = 4


class Story(SystemTest):
    def hinted(self, said, label):
        """The command behind a label of what was said, as words for fan."""
        found = re.search(rf"^ *{label} +(fan .*?)(?:   .*)?$", said, re.M)
        self.assertTrue(found, f"no hint '{label}' in\n{said}")
        return shlex.split(found.group(1))[1:]

    def done(self, words, code=system.OK):
        done = self.program("fan", *words)
        self.assertEqual(done.returncode, code, f"{words}\n{done.stderr}")
        return done.stdout + done.stderr

    def test_three_kinds_of_failures_are_understood_and_mended(self):
        self.write("sim", SIM)
        said = self.done(
            ["run", "--results", "study", "-j", "2", "--on", "exit:75=hold",
             "--", "sh", "sim", *"{} :::".split(),
             *system.numbers(1, TASKS)], HELD)
        self.assertRegex(said, r"2000 tasks, 1900 ok, 67 failed, 33 held")

        # Which failures are alike?
        shown = self.done(["status", "study"])
        self.assertRegex(shown, r"failed +34  exit 1 +case #: T is negative, "
                                r"such as task \d+\n")
        self.assertRegex(shown, r" +33  signal 11 +\(nothing on stderr\)")
        self.assertNotIn("license", shown)
        listed = self.done(self.hinted(shown, "see what failed"))
        self.assertEqual(len(re.findall(r"exit 1 ", listed)), 34)

        # One's standard error, and its cause is mended.
        example = re.search(r"exit 1 .*such as task (\d+)", shown).group(1)
        self.assertIn(f"case {example}: T is negative",
                      self.done(self.hinted(said, "read one:")[:1]
                                + [example, "study"]))
        self.write("fixed", "")

        # Only those run again.
        again = self.done(self.hinted(said, "redo them:"), HELD)
        self.assertRegex(again, r"2000 tasks, 1967 ok, 33 held")
        rounds = {task: record.get("round", 0)
                  for task, record in self.finals("study").items()}
        self.assertEqual({rounds[task] for task in range(7, TASKS, 60)}, {1})
        self.assertEqual({rounds[task] for task in range(1, TASKS, 60)}, {0})

        # What is held is decided about, as a group.
        held = self.done(self.hinted(again, "what is held:"))
        self.assertRegex(held, r"g1 +33 tasks  exit 75 +license server: slot #"
                               r" is busy")
        decide = self.hinted(held, "decide:")
        self.assertEqual(decide[-1], "--retry")
        decided = self.done([*decide[:-1], "--drop", "--note", "no license"])
        last = self.done(self.hinted(decided, "go on with it:"))
        self.assertRegex(last, r"2000 tasks, 1967 ok, 33 dropped")
        self.assertRegex(self.done(["status", "study"]), r"study is complete")
        self.assertEqual(len(self.fan("results", "--fields", "task", "study")),
                         TASKS)


if __name__ == "__main__":
    system.main()
