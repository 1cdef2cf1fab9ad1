"""Where commands run, and with what: --pin, --nice, --env."""
import os

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


if __name__ == "__main__":
    system.main()
