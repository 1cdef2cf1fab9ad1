"""field - kills, stops and bad networks at once, the roles by hand over TCP

What nemesis.py does, but with several workers, and with everything that the
roles connect to going through the proxy, whose links are reset, stalled, slowed
and healed meanwhile; the wall clock jumps to and fro.
"""
import collections
import os
import re
import signal
import time

import chaos
import proxy
import system

BATCH = 4000
WORKERS = 3
SLOTS = 2 * WORKERS
QUICK = ("--heartbeat", "100ms", "--liveness", "1s")
WORK = 'echo "$1" >>ran; echo "$1"'


class Field(chaos.ByHand):
    def __init__(self, dice, until_s):
        super().__init__("batch")
        self.dice, self.until_s = dice, until_s
        self.kind = "field"
        self.strikes = collections.Counter()
        self.most_in_flight = self.duplicates = 0
        self.stopped = chaos.Stopped()
        self.bent = []

    def begin(self):
        self.preloaded = self.proxied()
        self.preloaded["CHAOS_JUMP"] = f"-100000:{self.path('jump')}"
        self.begin_ventilator(*QUICK, "--rejoin", "1s", "--max-losses", "1000",
                              work=WORK, tasks=BATCH)
        self.add_sink(**self.preloaded)
        for _ in range(WORKERS):
            self.add_worker(*QUICK, **self.preloaded)

    def mend(self, every=False):
        now = time.monotonic()
        for due_s, link in list(self.bent):
            if every or due_s <= now:
                self.bent.remove((due_s, link))
                link.heal()

    def stop_one(self):
        role = self.dice.choice([self.ventilator, self.sink, *self.workers])
        pid = role.pids()[-1:][0]
        self.stopped.add(pid, self.dice.uniform(0.05, 2))
        try:
            os.kill(pid, signal.SIGSTOP)
        except ProcessLookupError:
            pass

    def kill_one(self):
        which = self.dice.randrange(2 + WORKERS)
        if which == 0:
            self.ventilator.process.kill()
            self.ventilator.ends()
        elif which == 1:
            self.sink.process.kill()
            self.sink.ends()
        else:
            worker = self.dice.choice(self.workers)
            if worker.process.poll() is None:
                worker.kill()

    def bend_link(self):
        links = list(self.proxy.links.values())
        if not links:
            return
        link = self.dice.choice(links[-6:])
        self.bent.append((time.monotonic() + self.dice.uniform(0.1, 2), link))
        self.dice.choice((
            link.reset, link.stall, link.heal, link.heal, link.refuse,
            lambda: link.stall(proxy.UP), lambda: link.stall(proxy.DOWN),
            lambda: link.half_close(proxy.UP),
            lambda: link.half_close(proxy.DOWN),
            lambda: link.delay(lambda: 0.1),
            lambda: link.cut_at([self.dice.randrange(3000)
                                 for _ in range(5)])))()

    def jump(self):
        if os.path.exists(self.path("jump")):
            os.unlink(self.path("jump"))
        else:
            self.write("jump", "")

    def strike(self):
        what = self.dice.choice(
            ("kill_one", "stop_one", "bend_link", "bend_link", "bend_link",
             "jump"))
        self.most_in_flight = max(self.most_in_flight, self.in_flight())
        self.strikes[what] += 1
        getattr(self, what)()

    def replace_dead(self):
        """Who was killed is started again. True when the run is over."""
        code = self.ventilator.process.poll()
        if code == system.OK:
            return True
        if code is not None:
            self.assertEqual(code, -signal.SIGKILL, self.ventilator.text())
            self.ventilator_again()
        code = self.sink.process.poll()
        if code is not None:
            # 0: it was told of the end by a ventilator that then was killed.
            self.assertIn(code, (0, -signal.SIGKILL), self.sink.text())
            self.count_duplicates()
            self.add_sink(**self.preloaded)
        for worker in list(self.workers):
            code = worker.process.poll()
            if code is not None:
                self.assertIn(code, (0, 1, 128 + 9, -signal.SIGKILL),
                              worker.text())
                self.workers.remove(worker)
                self.add_worker(*QUICK, **self.preloaded)
        return False

    def batch(self):
        self.begin()
        end_s = max(self.until_s, time.monotonic()) + 120
        calm = False
        while not self.replace_dead():
            self.assertLess(time.monotonic(), end_s, self.state())
            time.sleep(self.dice.uniform(0.05, 0.5))
            self.stopped.wake(every=calm)
            self.mend(every=calm)
            if time.monotonic() < self.until_s:
                self.strike()
            else:
                calm = True  # the faults stop: it must go on
        self.stopped.wake(every=True)
        self.mend(every=True)
        # What did not hear END waits for a ventilator: --wait.
        self.sink.process.terminate()
        self.sink.ends()
        self.count_duplicates()
        self.environment.pop("LD_PRELOAD", None)
        self.assert_whole(BATCH)

    def state(self):
        return "\n".join(
            ["it does not end:"] + [f"-- {role.program}\n" + role.text()[-800:]
                                    for role in (self.ventilator, self.sink,
                                                 *self.workers)])

    def count_duplicates(self):
        """A sink that was killed does not tell."""
        for count in re.findall(r"duplicates=(\d+)", self.sink.text()):
            self.duplicates += int(count)

    def report(self):
        report = self.toll(BATCH)
        report.update(kills=self.strikes["kill_one"],
                      stops=self.strikes["stop_one"],
                      links=self.strikes["bend_link"],
                      duplicates=self.duplicates)
        report["bound"] = (
            (report["kills"] + report["stops"] + report["links"])
            * (self.most_in_flight + SLOTS))
        self.assertLessEqual(report["recomputed"], report["bound"])
        return report
