"""F29: every image of the log that a power cut may leave, of a recorded run in
which the sink is killed now and then, is recovered with all that was
acknowledged; so is what a power cut leaves of that recovery."""
import os
import random
import shutil
import subprocess
import tempfile

import chaos
import images
import system
from chaos import LOG, Run

RECOVER = os.environ.get("CHAOS_RECOVER") or os.path.join(
    system.BIN, "chaos_recover")
SEED = int(os.environ.get("CHAOS_SEED", "29"))
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class Images(Run):
    TASKS = 200

    def record(self):
        self.inject(";".join(
            f"fan-sink:{call}:{n}:{how}:{LOG}" for call, n, how in (
                ("fdatasync", 9, "KILL"), ("fdatasync", 12, "KILLAFTER"),
                ("pwrite", 7, "KILLAFTER"), ("pwrite", 8, "ENOSPC"),
                ("fdatasync", 2, "KILL"))),
            CHAOS_TRACE="fan-sink:" + self.path("trace"),
            CHAOS_BELOW=os.path.join(os.path.realpath(self.folder), "run"))
        self.begin("--delay", "5ms", free=self.TASKS)
        self.end_whole(recomputed=0)
        with open(os.path.join(self.path("run"), LOG), "rb") as file:
            self.log = file.read()
        self.steps = images.read_trace(self.path("trace"))
        self.assert_named()
        # What was recorded is what happened.
        disk, sent = images.Disk(), images.Sent()
        for step in self.steps:
            if step.op == "a":
                sent.add(step)
            elif os.path.basename(step.name) == LOG:
                disk.step(step)
        self.assertEqual(disk.now(), self.log)
        self.assertGreater(sent.frames, 10)
        self.assertGreater(sent.position, len(self.log) // 2)

    def assert_named(self):
        """The log's name is durable before anybody hears of anything."""
        sent, made, synced = images.Sent(), False, False
        for step in self.steps:
            if step.op == "a":
                sent.add(step)
            made = made or (step.op == "o"
                            and os.path.basename(step.name) == LOG)
            synced = synced or (made and step.op == "s"
                                and os.path.basename(step.name) == "run")
            self.assertTrue(synced or sent.position == 0)
        self.assertTrue(synced)

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

    def lay(self, content):
        path = os.path.join(self.memory, "image")
        shutil.rmtree(path, ignore_errors=True)
        os.mkdir(path)
        with open(os.path.join(path, LOG), "wb") as file:
            file.write(content)
        return path

    def fault_of(self, acknowledged, content):
        """Recovers one image; None when all is well."""
        path = self.lay(content)
        self.process.stdin.write(path + "\n")
        self.process.stdin.flush()
        said = self.process.stdout.readline().strip()
        with open(os.path.join(path, LOG), "rb") as file:
            left = file.read()
        if said.startswith("error"):
            return said
        position, faults, _ = map(int, said.split())
        if faults or position != len(left):
            return "not sound: " + said
        if left[:acknowledged] != self.log[:acknowledged]:
            return f"{acknowledged} bytes were acknowledged, {said}"
        return None

    def faults_of(self, some):
        """How many images there are, and the faults of those that fail."""
        count, faults = 0, []
        for acknowledged, content, index in some:
            count += 1
            fault = self.fault_of(acknowledged, content)
            if fault:
                faults.append((index, len(content), fault))
        return count, faults

    def test_f29_each_image_is_recovered_with_all_that_was_acknowledged(self):
        self.record()
        self.start_recovery()
        count, faults = self.faults_of(
            images.images(self.steps, LOG, SEED))
        self.assertFalse(faults[:5], f"{len(faults)} of {count}")
        self.assertGreater(count, 500)
        print(f"{count} images of {len(self.steps)} steps", end=" ",
              flush=True)
        self.cut_recoveries()
        self.resume_some()
        self.bite()

    def cut_recoveries(self):
        """The power is cut again while an image is recovered."""
        dice = random.Random(SEED)
        every = list(images.images(self.steps, LOG, SEED))
        total = 0
        for acknowledged, content, _ in dice.sample(every, 50):
            path = self.lay(content)
            trace = os.path.join(self.memory, "trace")
            subprocess.run(
                [RECOVER], input=path + "\n", text=True, check=True,
                stdout=subprocess.DEVNULL, timeout=system.PATIENCE_S, env={
                    **os.environ, "LD_PRELOAD": chaos.INJECT,
                    "CHAOS_TRACE": "chaos_recover:" + trace,
                    "CHAOS_BELOW": path})
            steps = images.read_trace(trace)
            os.unlink(trace)
            count, faults = self.faults_of(
                (acknowledged, image, index) for _, image, index in
                images.images(steps, LOG, SEED, start=content))
            self.assertFalse(faults[:5])
            total += count
        print(f"{total} of recoveries", end=" ", flush=True)

    def resume_some(self):
        """fan run --resume goes on from an image to the whole."""
        dice = random.Random(SEED)
        half = [image for image in images.images(self.steps, LOG, SEED)
                if len(self.log) // 4 < len(image[1]) < len(self.log) * 3 // 4]
        self.environment.pop("LD_PRELOAD")
        os.rename(self.path("run"), self.path("whole"))
        for _, content, index in dice.sample(half, 3):
            with self.subTest(step=index):
                shutil.rmtree(self.path("run"), ignore_errors=True)
                shutil.copytree(self.path("whole"), self.path("run"))
                with open(os.path.join(self.path("run"), LOG), "wb") as file:
                    file.write(content)
                self.fan("run", "--resume", "--results", "run")
                self.assert_whole(self.TASKS)

    def bite(self):
        """A sink that does not sync, or acknowledges before it does."""
        lazy = [step for step in self.steps if step.op != "s"]
        self.assertTrue(self.faults_of(list(
            images.images(lazy, LOG, SEED))[-50:])[1])
        hasty = []
        for step in self.steps:
            if step.op == "a" and hasty and hasty[-1].op == "s":
                hasty.insert(-1, step)
            else:
                hasty.append(step)
        self.assertTrue(self.faults_of(images.images(hasty, LOG, SEED))[1])


if __name__ == "__main__":
    chaos.main()
