"""Logs, locks and names that are not what they should be."""
import contextlib
import glob
import gzip
import os
import shutil
import stat

import hostile
import system

DAMAGED, OK, USAGE = system.DAMAGED, system.OK, system.USAGE
VERDICTS = (OK, DAMAGED)
PIPE = 4096


class Log(hostile.chaos.ChaosTest):
    """fan verify, fan results and fan run --resume over a bad log. They must
    agree: what one takes for damage, none takes for whole."""

    def setUp(self):
        super().setUp()
        self.fan("run", "--results", "run", "-q", "--", "echo", ":::", "a",
                 "b")
        self.log = os.path.join(self.path("run"), system.LOG)
        with open(self.log, "rb") as file:
            self.whole = file.read()

    def damaged(self, data):
        """True when it is refused."""
        with open(self.log, "wb") as file:
            file.write(data)
        codes = {}
        for verb in ("verify", "results"):
            done = self.program("fan", verb, "run")
            self.assertIn(done.returncode, VERDICTS, done.stderr)
            codes[verb] = done.returncode
        return codes["verify"] == DAMAGED, codes["results"] == DAMAGED

    def assert_resume(self, code, said=""):
        done = self.program("fan", "run", "--resume", "--results", "run")
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(said, done.stderr)

    def sample(self, count):
        """Every so manieth place, so that a run of the tests is short."""
        every = int(os.environ.get("HOSTILE_EVERY", "0"))
        return range(0, count, every or max(1, count // 30))

    def test_empty_log_of_a_run_that_had_one(self):
        self.assertTrue(self.damaged(b"")[0])
        for _ in range(2):  # the first must not make the second pass
            self.assert_resume(DAMAGED, "emptied")
            self.fan("verify", "run", code=DAMAGED)

    def test_foreign_bytes(self):
        for data in (b"\0", b"x" * 5000, bytes(100000),
                     gzip.compress(b'{"task":1}\n'), b"\x1f\x8b",
                     gzip.compress(b"[" * 100000),
                     self.whole + b"and more", b"\n" + self.whole):
            with self.subTest(data=data[:20]):
                self.assertTrue(any(self.damaged(data)))
                done = self.program("fan", "run", "--resume", "--results",
                                    "run")
                self.assertIn(done.returncode, VERDICTS, done.stderr)
                self.assertTrue(done.returncode == DAMAGED
                                or glob.glob(self.path("run/torn-*")),
                                done.stderr)

    def test_log_twice_in_one_file(self):
        self.assertEqual(self.damaged(self.whole * 2), (True, True))
        self.assert_resume(DAMAGED, "fan verify")

    def test_log_of_another_run(self):
        self.fan("run", "--results", "other", "-q", "--", "echo", ":::", "c")
        shutil.copy(os.path.join(self.path("other"), system.LOG), self.log)
        self.assert_resume(system.ERROR)

    def test_every_flipped_bit(self):
        for bit in self.sample(8 * len(self.whole)):
            data = bytearray(self.whole)
            data[bit // 8] ^= 1 << bit % 8
            verify, results = self.damaged(data)
            self.assertTrue(verify, f"bit {bit}")
            self.assertTrue(results, f"bit {bit}")

    def test_resume_over_flipped_bits(self):
        for bit in list(self.sample(8 * len(self.whole)))[::12]:
            data = bytearray(self.whole)
            data[bit // 8] ^= 1 << bit % 8
            with open(self.log, "wb") as file:
                file.write(data)
            with self.subTest(bit=bit):
                done = self.program("fan", "run", "--resume", "--results",
                                    "run")
                self.assertIn(done.returncode, VERDICTS, done.stderr)
                if done.returncode == OK:  # an end that nobody was told of
                    self.assertTrue(glob.glob(self.path("run/torn-*")))
                    continue
                self.assertIn("damaged", done.stderr)
                with open(self.log, "rb") as file:
                    self.assertEqual(file.read(), data)

    def test_every_truncation(self):
        for size in self.sample(len(self.whole)):
            verify, results = self.damaged(self.whole[:size])
            self.assertFalse(results and not verify, f"{size} bytes")

    def test_stale_lock(self):
        with open(os.path.join(self.path("run"), "lock.run"), "wb") as lock:
            lock.write(b"999999999 stale\n" * 1000)
        self.assert_resume(OK)

    def test_what_else_may_lie_in_the_directory(self):
        for name, make in (("directory", os.mkdir), ("fifo", os.mkfifo),
                           ("link to itself", lambda path: os.symlink(
                               path, path))):
            with self.subTest(what=name):
                os.rename(self.log, self.log + ".kept")
                make(self.log)
                for verb in ("verify", "results"):
                    done = self.program("fan", verb, "run")
                    self.assertNotEqual(done.returncode, OK)
                    self.assertIn(system.LOG, done.stderr)
                done = self.program("fan", "run", "--resume", "--results",
                                    "run")
                self.assertNotEqual(done.returncode, OK)
                with contextlib.suppress(OSError):
                    os.rmdir(self.log)
                with contextlib.suppress(OSError):
                    os.unlink(self.log)
                os.rename(self.log + ".kept", self.log)


class Names(system.SystemTest):
    TOO_LONG = "x" * 4096

    def run_in(self, *options):
        return self.program("fan", "run", "-q", *options, "--", "echo", ":::",
                            "a")

    def refused(self, *options, code=USAGE):
        done = self.run_in(*options)
        self.assertEqual((done.returncode, done.stdout), (code, ""),
                         done.stderr)
        self.assertTrue(done.stderr.startswith("fan"), done.stderr)
        for line in done.stderr.splitlines():
            self.assertNotRegex(line, "[\x00-\x1f\x7f]")

    def test_results_directories(self):
        os.mkdir(self.path("sub"))
        for name in ("../" + os.path.basename(self.folder) + "/up",
                     self.path("absolute"), "a\nb", "-dash", "sub/../c",
                     "*", "$(id)", "; true"):
            with self.subTest(name=name):
                done = self.run_in("--results=" + name)
                self.assertEqual((done.returncode, done.stdout), (OK, "a\n"),
                                 done.stderr)
                self.assertTrue(os.path.exists(os.path.join(
                    self.folder, name, system.LOG)))
        self.write("file", "")
        os.mkfifo(self.path("fifo"))
        os.symlink("nowhere/at/all", self.path("dangling"))
        os.symlink("loop", self.path("loop"))
        for name in ("", self.TOO_LONG, "file", "fifo", "dangling", "loop",
                     "file/below", "y" * 300, "\x1b[31mred"):
            with self.subTest(name=name[:20]):
                done = self.run_in("--results=" + name)
                self.assertNotEqual(done.returncode, OK)
                self.assertEqual(done.stdout, "")
                self.assertIn("fan run: ", done.stderr)
                self.assertNotIn("\x1b", done.stderr)

    def test_output_files(self):
        os.mkdir(self.path("directory"))
        os.mkfifo(self.path("fifo.partial"))
        os.symlink("victim", self.path("link.partial"))
        self.write("victim", "precious")
        for name, said in (("directory", "Is a directory"),
                           ("fifo", "cannot write"),
                           ("link", "cannot write"),
                           ("z" * 300, "File name too long"),
                           ("victim/below", "Not a directory")):
            with self.subTest(name=name[:20]):
                done = self.run_in("--stdout=" + name)
                self.assertEqual(done.returncode, system.TASKS_FAILED)
                self.assertIn(said, done.stderr)
        self.assertEqual(self.read("victim"), "precious")
        self.assertFalse(os.path.exists(self.path("directory.partial")))
        self.refused("--stdout=")
        self.refused("--stdout=" + self.TOO_LONG)

    def test_output_takes_the_place_of_what_is_no_directory(self):
        self.write("victim", "precious")
        os.symlink("victim", self.path("link"))
        os.mkfifo(self.path("fifo"))
        for name in ("link", "fifo", "a\nb", "-", "../" + os.path.basename(
                self.folder) + "/up", self.path("absolute")):
            with self.subTest(name=name):
                done = self.run_in("--stdout=" + name)
                self.assertEqual(done.returncode, OK, done.stderr)
                path = os.path.join(self.folder, name)
                self.assertTrue(stat.S_ISREG(os.lstat(path).st_mode))
                self.assertEqual(self.read(path), "a\n")
        self.assertEqual(self.read("victim"), "precious")

    def test_other_paths(self):
        os.mkdir(self.path("directory"))
        os.mkfifo(self.path("fifo"))
        for option, names in (
                ("--chdir", ("", self.TOO_LONG, "nowhere", "a\nb", "fifo")),
                ("--joblog", ("", self.TOO_LONG, "directory", "nowhere/x")),
                ("--arg-file", ("", self.TOO_LONG, "directory", "nowhere")),
                ("--ndjson", ("", self.TOO_LONG, "directory", "a\x1bb"))):
            for name in names:
                with self.subTest(option=option, name=name[:20]):
                    done = self.program("fan", "run", "-q", option, name,
                                        "--", "echo", input="")
                    self.assertIn(done.returncode, (USAGE, system.ERROR))
                    self.assertEqual(done.stdout, "")
                    self.assertNotIn("\x1b", done.stderr)
                    self.assertLess(len(done.stderr), PIPE)


if __name__ == "__main__":
    hostile.main()
