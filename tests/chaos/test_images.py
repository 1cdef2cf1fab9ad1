"""F29: every image of the run's directory that a power cut may leave, of a
recorded run in which the sink is killed now and then, is recovered with all
that was acknowledged; so is what a power cut leaves of that recovery. images.py
tells which images there are; with CHAOS_LONG=1 every byte at which a write may
end is among them, and each state of the small files is resumed from."""
import os
import random
import shutil
import subprocess
import tempfile

import chaos
import images
import system
from chaos import LOG, LONG, RECOVER, Run

SEED = int(os.environ.get("CHAOS_SEED", "29"))
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
STEP = 1 if LONG else 101


class Images(Run):
    TASKS = 200

    def command(self, *options):
        return ("run", *options, "--results", "run", "-j", "2", "--delay",
                "5ms", "--", "sh", "-c", self.WORK.format(self.TASKS), "sh",
                "{}")

    def record(self):
        self.root = os.path.realpath(self.folder)
        self.log_name = os.path.join(self.root, "run", LOG)
        self.inject(";".join(
            f"fan-sink:{call}:{n}:{how}:{LOG}" for call, n, how in (
                ("fdatasync", 9, "KILL"), ("fdatasync", 12, "KILLAFTER"),
                ("pwrite", 7, "KILLAFTER"), ("pwrite", 8, "ENOSPC"),
                ("fdatasync", 2, "KILL"))),
            CHAOS_TRACE="fan,fan-ventilator,fan-sink:" + self.path("trace"),
            CHAOS_BELOW=self.root)
        self.tasks = self.TASKS
        self.numbers = "\n".join(system.numbers(1, self.TASKS)) + "\n"
        self.fan(*self.command(), input=self.numbers)
        self.assert_whole(self.TASKS, recomputed=0)
        self.environment.pop("LD_PRELOAD")
        self.log = self.content(self.log_name)
        self.steps = images.read_trace(self.path("trace"))
        self.assert_recorded()

    @staticmethod
    def content(path):
        with open(path, "rb") as file:
            return file.read()

    def assert_recorded(self):
        """What was recorded is what happened, with all that is there."""
        disk, sent = images.Disk(), images.Sent()
        for step in self.steps:
            if step.op == "a":
                sent.add(step)
            else:
                disk.step(step)
        there = {os.path.join(self.root, "run", name)
                 for name in os.listdir(self.path("run"))}
        self.assertEqual(disk.now(), {
            name: self.content(name) for name in there})
        self.assertGreater(sent.frames, 10)
        self.assertGreater(sent.position, len(self.log) // 2)

    def setUp(self):
        super().setUp()
        self.memory = tempfile.mkdtemp(prefix="fan-image-", dir=MEMORY)
        self.addCleanup(shutil.rmtree, self.memory)
        self.process = None

    def start_recovery(self):
        self.process = subprocess.Popen([RECOVER], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end_recovery)

    def end_recovery(self):
        if self.process:
            self.process.stdin.close()
            self.process.stdout.close()
            self.process.wait(system.PATIENCE_S)
        self.process = None

    @staticmethod
    def lay(tree, path):
        shutil.rmtree(path, ignore_errors=True)
        os.mkdir(path)
        for name, content in tree.items():
            with open(os.path.join(path, os.path.basename(name)),
                      "wb") as file:
                file.write(content)
        return path

    @staticmethod
    def of_sink(tree):
        """The files that a sink reads."""
        return {os.path.basename(name): content
                for name, content in tree.items()
                if os.path.basename(name).startswith((LOG, "torn-"))}

    def fault_of(self, acknowledged, tree):
        """Recovers one image; None when all is well."""
        path = self.lay(tree, os.path.join(self.memory, "image"))
        self.process.stdin.write(path + "\n")
        self.process.stdin.flush()
        said = self.process.stdout.readline().strip()
        left = self.content(os.path.join(path, LOG))
        if said.startswith("error"):
            return said
        position, faults, _ = map(int, said.split())
        if faults or position != len(left):
            return "not sound: " + said
        if left[:acknowledged] != self.log[:acknowledged]:
            return f"{acknowledged} bytes were acknowledged, {said}"
        cut = tree.get(LOG, b"")[len(left):]
        if cut and cut not in map(self.content, (
                os.path.join(path, name) for name in os.listdir(path))):
            return "what was cut is not kept: " + said
        return None

    def faults_of(self, some):
        """How many images there are, and the faults of those that fail."""
        count, faults, seen = 0, [], {}
        for acknowledged, tree, index in some:
            tree = self.of_sink(tree)
            key = images.key_of(tree)
            if seen.get(key, -1) >= acknowledged:
                continue
            seen[key] = acknowledged
            count += 1
            fault = self.fault_of(acknowledged, tree)
            if fault:
                faults.append((index, {name: len(content) for name, content
                                       in tree.items()}, fault))
        return count, faults

    def images(self, steps=None, start=(), step=STEP):
        self.disk = images.Disk(SEED, step, start)
        return images.images(self.steps if steps is None else steps,
                             self.disk, self.log_name)

    def test_f29_each_image_is_recovered_with_all_that_was_acknowledged(self):
        self.record()
        self.start_recovery()
        count, faults = self.faults_of(self.images())
        self.assertFalse(faults[:5], f"{len(faults)} of {count}")
        self.assertGreater(count, 1000)
        print(f"{count} images of {len(self.steps)} steps, sampled of "
              f"{dict(self.disk.sampled)};", end=" ", flush=True)
        self.cut_recoveries()
        self.resume_some()
        self.bite()

    def cut_recoveries(self):
        """The power is cut again while an image is recovered."""
        dice = random.Random(SEED)
        some = [(acknowledged, self.of_sink(tree))
                for acknowledged, tree, _ in self.images()
                if self.log_name in tree and dice.random() < 0.05]
        total = 0
        for acknowledged, tree in dice.sample(some, 300 if LONG else 12):
            path = self.lay(tree, os.path.join(self.memory, "cut"))
            trace = os.path.join(self.memory, "trace")
            subprocess.run(
                [RECOVER], input=path + "\n", text=True, check=True,
                stdout=subprocess.DEVNULL, timeout=system.PATIENCE_S, env={
                    **os.environ, "LD_PRELOAD": chaos.INJECT,
                    "CHAOS_TRACE": "chaos_recover:" + trace,
                    "CHAOS_BELOW": path})
            steps = images.read_trace(trace)
            os.unlink(trace)
            begun = {os.path.join(path, name): content
                     for name, content in tree.items()}
            count, faults = self.faults_of(
                (acknowledged, image, index)
                for _, image, index in self.images(steps, begun))
            self.assertFalse(faults[:5])
            total += count
        print(f"{total} of recoveries;", end=" ", flush=True)

    def rest(self, tree):
        """The state of what is not the sink's."""
        return images.key_of({name: content for name, content in tree.items()
                              if name != self.log_name
                              and "lock." not in name})

    def resume_some(self):
        """fan run --resume goes on from an image to the whole: from each
        state of the small files, with a log as it may then be."""
        dice = random.Random(SEED)
        states = {}
        for acknowledged, tree, index in self.images(step=1 << 20):
            states.setdefault(self.rest(tree), []).append(
                (acknowledged, tree, index))
        states = list(states.values())
        some = states if LONG else dice.sample(states, 5)
        for state in some:
            acknowledged, tree, index = dice.choice(state)
            with self.subTest(step=index, acknowledged=acknowledged,
                              tree={os.path.basename(name): len(content)
                                    for name, content in tree.items()}):
                self.resume_from(acknowledged, tree)
        print(f"{len(some)} of {len(states)} states of the small files",
              end=" ", flush=True)

    def resume_from(self, acknowledged, tree):
        shutil.rmtree(self.path("run"), ignore_errors=True)
        with open(self.path("ran"), "w", encoding="utf-8"):
            pass  # what the recorded run did was counted
        if tree:
            self.lay(tree, self.path("run"))
        planned = os.path.exists(self.path("run/plan.yaml"))
        done = planned and self.program("fan", "run", "--resume", "--results",
                                        "run")
        if not planned or done.returncode == system.USAGE:
            # It was not begun, or wants its input again.
            done = self.program("fan", *self.command("--resume"),
                                input=self.numbers)
        self.assertEqual(done.returncode, system.OK, done.stderr)
        # A line whose record was not kept may have another number now.
        self.assertEqual(
            sorted(int(record["stdout"]) for record in self.finals().values()),
            list(range(1, self.TASKS + 1)))
        log = self.content(self.log_name)
        self.assertEqual(log[:acknowledged], self.log[:acknowledged])

    def bite(self):
        """A sink that does not sync, or acknowledges before it does."""
        lazy = [step for step in self.steps
                if step.op != "s" or step.name != self.log_name]
        self.assertTrue(self.faults_of(
            list(self.images(lazy[:400], step=1 << 20))[-50:])[1])
        hasty = []
        for step in self.steps:
            if step.op == "a" and hasty and hasty[-1].op == "s":
                hasty.insert(-1, step)
            else:
                hasty.append(step)
        self.assertTrue(self.faults_of(self.images(hasty, step=1 << 20))[1])
        # The log's name is never made durable.
        nameless = [step for step in self.steps
                    if step.op != "s" or step.name == self.log_name]
        self.assertTrue(self.faults_of(
            list(self.images(nameless[:200], step=1 << 20)))[1])


if __name__ == "__main__":
    chaos.main()
