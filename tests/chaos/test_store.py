"""The sink killed, stopped, and let down by its disk."""
import os
import shutil
import signal
import subprocess

import chaos
import system
from chaos import ByHand, ChaosTest, Run, pause

FDATASYNC = "fan-sink:fdatasync:%d:%s:" + chaos.LOG
PWRITE = "fan-sink:pwrite:%d:%s:" + chaos.LOG


class Injected(Run):
    """A fault of one call of the sink; fan run starts it again."""

    def strike_call(self, fault, recomputed=0):
        self.inject(fault)
        self.begin(free=self.TASKS)
        self.struck()
        self.end_whole(recomputed=recomputed)

    def test_f26_sink_killed_before_its_sync(self):
        self.strike_call(FDATASYNC % (5, "KILL"))

    def test_f26_sink_killed_before_its_write(self):
        self.strike_call(PWRITE % (5, "KILL"))

    def test_f27_sink_killed_after_its_sync(self):
        self.strike_call(FDATASYNC % (5, "KILLAFTER"))

    def test_f27_sink_killed_at_many_syncs(self):
        self.inject(";".join(FDATASYNC % (n, how) for n, how in (
            (2, "KILL"), (3, "KILLAFTER"), (4, "KILL"), (5, "KILLAFTER"),
            (6, "KILL"), (7, "KILLAFTER"), (8, "KILL"))))
        self.begin(free=self.TASKS)
        self.end_whole(recomputed=0)

    def test_f30_sync_that_failed_acknowledges_nothing(self):
        self.strike_call(FDATASYNC % (5, "EIO"))
        self.assertIn("cannot sync", self.run_.errors())

    def test_f33_file_system_that_turns_read_only(self):
        self.strike_call(PWRITE % (5, "EROFS"))
        self.assertIn(os.path.join("run", chaos.LOG), self.run_.errors())

    def test_f31_writes_that_find_no_room_are_made_again(self):
        self.inject(";".join(PWRITE % (n, "ENOSPC") for n in (3, 4, 5)))
        self.begin(free=self.TASKS)
        self.struck(2)
        self.end_whole(recomputed=0)
        self.assertIn("disk-full", self.run_.errors())

    def test_f30_killed_then_failed_sync(self):
        self.inject(FDATASYNC % (5, "KILL") + ";" + FDATASYNC % (6, "EIO"))
        self.begin(free=self.TASKS)
        self.struck(1)
        self.end_whole(recomputed=0)

    def test_f01_ventilator_that_cannot_note_its_generation(self):
        self.inject("fan-ventilator:fsync:1:EIO:generation")
        command = ("--results", "run", "--", "sh", "-c", self.WORK.format(9),
                   "sh", "{}", ":::", *system.numbers(1, 9))
        self.tasks = 9
        self.fan("run", *command, code=system.ERROR)
        self.struck()
        self.fan("run", "--resume", *command)
        self.assert_whole(9, recomputed=0)


class FullDisk(ChaosTest):
    SCRIPT = """
        mkdir disk && mount -t tmpfs -o size=%dk none disk || exit 99
        "$FAN" run --results disk/run -j 2 -- sh -c \\
            'echo $1 >>ran; head -c 9000 /dev/urandom | base64 >&2; echo $1' \\
            sh {} ::: $(seq 30) >out 2>>talk &
        cat gate
        mount -o remount,size=8m disk
        wait $! && cp -r disk/run run
    """

    def test_f31_disk_full_at_several_sizes(self):
        for size_k in (64, 100, 128, 164):
            with self.subTest(size_k=size_k):
                for name in ("run", "disk", "ran"):
                    path = self.path(name)
                    if os.path.isdir(path):
                        shutil.rmtree(path)
                    elif os.path.exists(path):
                        os.unlink(path)
                self.fill(size_k)

    def fill(self, size_k):
        self.tasks = 30
        self.on_small_disk(self.SCRIPT % size_k)
        self.assert_whole(30, recomputed=0)


class Damage(ChaosTest):
    def whole_log(self, count):
        self.tasks = count
        self.fan("run", "--results", "run", "--", "sh", "-c",
                 'echo "$1" >>ran; echo "$1"', "sh", "{}", ":::",
                 *system.numbers(1, count))
        self.assert_whole(count, recomputed=0)
        self.log = os.path.join(self.path("run"), chaos.LOG)
        with open(self.log, "rb") as file:
            return file.read()

    def flip(self, data, bit):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with open(self.log, "wb") as file:
            file.write(flipped)

    def test_f34_each_flipped_bit_is_found_and_no_record_is_made_up(self):
        data = self.whole_log(3)
        step = 1 if chaos.LONG else 7
        said = []
        with subprocess.Popen(
                [chaos.RECOVER, "--look"], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, text=True) as recover:
            for bit in range(0, len(data) * 8, step):
                self.flip(data, bit)
                recover.stdin.write(self.path("run") + "\n")
                recover.stdin.flush()
                said.append((bit, recover.stdout.readline()))
            recover.stdin.close()
        whole = max(int(line.split()[2]) for _, line in said
                    if not line.startswith("error"))
        blind = [bit for bit, line in said if not line.startswith("error")
                 and line.split()[1:] == ["0", str(whole)]]
        self.assertEqual(blind, [])
        print(f"{len(said)} bits", end=" ", flush=True)
        with open(self.log, "wb") as file:
            file.write(data)

    def test_f34_verify_names_what_is_missing_and_resume_refuses(self):
        data = self.whole_log(40)
        for part in (0.3, 0.6):
            self.flip(data, int(len(data) * 8 * part))
            done = self.program("fan", "verify", "run")
            with self.subTest(part=part):
                self.assertEqual(done.returncode, system.DAMAGED)
                self.assertRegex(done.stdout + done.stderr, r"byte \d+")
                self.assertRegex(done.stdout + done.stderr, r"missing")
                self.fan("run", "--resume", "--results", "run",
                         code=system.DAMAGED)
        with open(self.log, "wb") as file:
            file.write(data)


class Removed(Run):
    def removed(self, remove, path):
        self.begin()
        done = self.finals_quietly()
        remove(path)
        self.gated.open()
        self.assertEqual(self.run_.finish(), system.DAMAGED,
                         self.run_.errors())
        self.assertIn("run", self.run_.errors())
        # Nothing was taken for stored that nobody can read any more.
        self.tasks = 0
        return done

    def test_f33_removed_log_stops_the_run(self):
        log = os.path.join(self.path("run"), chaos.LOG)
        self.removed(os.unlink, log)
        self.assertIn(chaos.LOG, self.run_.errors())

    def test_f33_removed_directory_stops_the_run(self):
        self.removed(shutil.rmtree, self.path("run"))


class Unsynced(ByHand):
    def test_f28_duplicate_of_what_is_not_synced_is_not_acknowledged(self):
        """The disk is full, so nothing can be stored; a new ventilator has
        everything sent again; then the sink is killed."""
        full = PWRITE.replace("%d", "%s") % ("6+", "ENOSPC")
        self.begin_ventilator(free=self.TASKS)
        self.add_sink(**self.preload(full))
        self.add_worker()
        self.sink.says("disk-full")
        self.until("more is computed", lambda:
              len(self.executions()) > len(self.finals_quietly()) + 1)
        before = self.finals_quietly()
        size = os.path.getsize(os.path.join(self.path("run"), chaos.LOG))
        for _ in range(2):
            self.ventilator.kill()
            self.ventilator_again()
            self.ventilator.says("worker-joined")
            pause(1)  # the sink looks for room, and takes what has come
        self.sink.kill()
        self.assertEqual(self.finals_quietly(), before)
        self.assertEqual(size, os.path.getsize(
            os.path.join(self.path("run"), chaos.LOG)))
        self.now()
        self.add_sink()
        self.end_whole(recomputed=0)
        self.assertGreater(len(self.executions()), len(before))


class SinkByHand(ByHand):
    def test_f36_second_sink_of_a_directory_is_refused(self):
        self.begin()
        second = chaos.Role(self, "fan-sink", self.endpoint(), "--results",
                            "run")
        self.assertNotEqual(second.ends(), system.OK)
        self.assertIn("another sink", second.text())
        self.end_whole(recomputed=0)

    def test_f37_sink_with_an_empty_directory_is_not_believed(self):
        self.begin()
        self.sink.kill()
        self.add_sink(results="empty")
        self.assertNotEqual(self.sink.ends(), system.OK)
        self.assertFalse(self.finals_quietly("empty"))
        self.all_again()

    def all_again(self):
        """A ventilator that is told of less than it was ends the run."""
        self.assertNotEqual(self.ventilator.ends(), system.OK)
        self.assertIn("not this run's", self.ventilator.text())
        self.workers[0].ends()
        self.now()
        self.ventilator_again()
        self.add_sink()
        self.add_worker()
        self.end_whole(recomputed=2)

    def test_f37_sink_of_another_run_is_refused(self):
        self.fan("run", "--results", "other", "--", "echo", ":::", "1")
        self.begin()
        self.sink.kill()
        self.add_sink(results="other")
        self.assertNotEqual(self.sink.ends(), system.OK)
        self.assertIn("another run", self.sink.text())
        self.now()
        self.add_sink()
        self.end_whole(recomputed=0)

    def test_f37_sink_whose_log_is_older_than_what_it_acknowledged(self):
        self.begin()
        self.sink.kill()
        log = os.path.join(self.path("run"), chaos.LOG)
        shutil.copyfile(log, self.path("whole"))
        os.truncate(log, os.path.getsize(log) // 2)
        self.add_sink()
        self.assertEqual(self.sink.ends(), system.DAMAGED)
        os.replace(self.path("whole"), log)
        self.all_again()

    def test_f26_killed_sink_by_hand_comes_back_at_another_port(self):
        self.begin()
        self.now()
        self.sink.kill(signal.SIGKILL)
        self.add_sink()
        self.end_whole(recomputed=0)


if __name__ == "__main__":
    chaos.main()
