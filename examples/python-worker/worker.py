#!/usr/bin/env python3
"""worker - a fan worker in Python, written from docs/protocol.md alone

    worker.py [-j SLOTS] ENDPOINT                      tasks are commands
    worker.py [-j SLOTS] --call MODULE:NAME ENDPOINT   tasks call a function

A function gets the task's arguments (bytes), its values (a dict of bytes) and
its input (bytes), and returns its output; an exception fails the task. Needs
pyzmq. This is what the worker says when, and what it does about what it hears.
"""
import argparse
import importlib
import os
import queue
import signal
import sys
import time

import held
import jobs
import wire
from links import Links, received, sent

HELLO_S = 1.0          # HELLO is repeated until it is answered
REPORT_APART_S = 0.01  # between REPORTs, but at once when a slot idles
STORE_S = 10.0         # a leaving worker waits so long for the sink
WAIT_S = 600.0         # and any worker so long for its ventilator


class Worker:
    def __init__(self, endpoint, slots, run):
        self.run_task = run
        self.links = Links(endpoint)
        self.me, self.run, self.generation = os.urandom(16), bytes(16), 0
        self.lane, self.received = 1, 0
        self.welcome = None            # none: HELLO is not answered yet
        self.rules = None
        self.tasks, self.results = held.Tasks(slots), held.Results()
        self.ended = queue.Queue()     # (job, outcome), from jobs' threads
        self.finished = self.busy_us = self.dropped = self.duplicates = 0
        self.changed = False           # since the last REPORT
        self.signal, self.patience = 0, None
        self.leave = None              # (exit code, reason of BYE)
        self.heard = self.said_hello = self.reported = time.monotonic()

    def frame(self, kind, body):
        return wire.frame(kind, self.generation, self.run, self.me, body)

    def send(self, kind, body):
        """If it cannot go: HELLO and REPORT come again, and show the rest."""
        sent(self.links.control, self.frame(kind, body))

    def say_hello(self):
        self.said_hello = time.monotonic()
        self.send(wire.HELLO, wire.put_hello(
            lane=self.lane, slots=self.tasks.slots, kept=self.results.kept,
            made=self.results.made, **self.tasks.lists(), **jobs.identity()))

    def greet_again(self):
        """A new lane. What was not read of the old one is dropped."""
        self.links.close_lane()
        self.welcome = None
        self.lane, self.received = self.lane + 1, 0
        self.say_hello()

    def report(self):
        self.reported, self.changed = time.monotonic(), False
        self.send(wire.REPORT, wire.put_report(
            lane=self.lane, received=self.received,
            flags=wire.REPORT_FULL * self.is_full()
            | wire.REPORT_DRAINING * bool(self.signal),
            kept=self.results.kept, made=self.results.made,
            finished=self.finished, busy_us=self.busy_us, dropped=self.dropped,
            **self.tasks.lists()))

    def give_back(self, count):
        refs = self.tasks.give_back(count)
        self.send(wire.RETURNED, wire.put_returned(self.lane, refs))
        self.changed = True

    # -- what it hears of the ventilator -------------------------------------

    def hear_welcome(self, message, header):
        if message['lane'] != self.lane:
            self.dropped += 1
            return
        if self.welcome is None:
            self.rules = self.rules or jobs.rules_of(
                dict(message['definition']), header.run, message['message_max'])
            self.run, self.welcome = header.run, message
            self.links.open_lane(message['lane_endpoint'])
            self.report()
        elif message['lane_endpoint'] != self.welcome['lane_endpoint']:
            self.greet_again()  # the lane of another ventilator
            return
        self.connect_sink(message['results_endpoint'], message['sink'])

    def connect_sink(self, endpoint, incarnation):  # that drops what it has
        if self.links.open_sink(endpoint, incarnation):
            self.results.push_again_from(0)

    def hear_refused(self, message, _):
        if message['code'] == wire.REFUSED_HELLO_FIRST:
            if self.welcome:
                self.greet_again()
        elif message['code'] == wire.REFUSED_COMPLETE:
            self.leave = (0, wire.END_COMPLETE)
        elif message['code'] not in (wire.REFUSED_SINK, wire.REFUSED_FULL):
            self.fail('refused: ' + message['text'].decode(errors='replace'))

    def hear_recall(self, message, _):
        if self.welcome and message['lane'] == self.lane:
            self.give_back(message['count'])

    def hear_cancel(self, message, _):
        for job in self.tasks.cancel(message['tasks']):
            job.stop(wire.CANCELLED)
        self.changed = True

    def hear_retire(self, message, _):
        self.changed = self.changed or self.is_full()  # is it still?
        self.dropped += not self.results.retire(message['number'])

    def hear_resend(self, message, _):
        self.connect_sink(message['endpoint'], message['sink'])
        self.results.push_again_from(message['number'])

    def hear_end(self, message, _):
        self.results.retire(self.results.made)
        self.leave = (0, message['reason'])

    HEAR = {wire.WELCOME: hear_welcome, wire.REFUSED: hear_refused,
            wire.RECALL: hear_recall, wire.CANCEL: hear_cancel,
            wire.RETIRE: hear_retire, wire.RESEND: hear_resend,
            wire.END: hear_end}

    def messages(self, opened):
        """(header, fields) of what has come in and is for us."""
        for parts in received(opened):
            try:
                if len(parts) != 1:
                    raise wire.Refused('parts')
                header, message = wire.open_frame(parts[0])
                if header.kind != wire.REFUSED:  # which may be another run's
                    if self.run not in (bytes(16), header.run):
                        raise wire.Refused('run')
                    if header.generation < self.generation:
                        raise wire.Refused('generation')
                    self.generation = header.generation
                yield header, message
            except wire.Refused:
                self.dropped += 1

    def hear_control(self):
        for header, message in self.messages(self.links.control):
            if header.kind in self.HEAR:
                self.heard = time.monotonic()
                self.HEAR[header.kind](self, message, header)
            else:
                self.dropped += 1

    def hear_lane(self):
        for header, message in self.messages(self.links.lane):
            self.changed = True
            if (header.kind != wire.TASKS or message['lane'] != self.lane
                    or message['addressee'] != self.me
                    or message['number'] != self.received + 1):
                self.dropped += 1  # a duplicate, a gap, or not for us
                continue
            self.received += 1
            for task in message['tasks']:
                task = task._replace(generation=header.generation)
                self.duplicates += not self.tasks.add(task)

    def is_full(self):
        return bool(self.rules) and self.results.bytes >= self.rules.retain_max

    def start_tasks(self):
        while not self.is_full() and not self.signal:
            start = self.tasks.next()
            if not start:
                return
            job = jobs.Job(*start, self.rules)
            self.tasks.running[job.slot] = job
            job.start(self.run_task, self.job_ended)

    def job_ended(self, job, outcome):  # in the job's thread
        self.ended.put((job, outcome))
        self.links.wake()

    def take_ended(self):
        """What has ended goes into one RESULTS, or more if it is much."""
        most = self.rules.message_max - wire.AROUND_RESULTS
        results = []
        while not self.ended.empty():
            job, outcome = self.ended.get()
            del self.tasks.running[job.slot]
            self.finished += 1
            self.busy_us += outcome['wall_us']
            self.changed = True
            results.append(jobs.encoded(job, outcome, most))
        for batch in held.batches(results, most):
            self.results.add(lambda number, kept: self.frame(
                wire.RESULTS, wire.put_results(number, kept, batch)))

    def push_results(self):
        while self.links.push:
            frame = self.results.to_push()
            if not frame or not sent(self.links.push, frame):
                return  # the next turn comes back to it
            self.results.next_push += 1

    # -- the loop ------------------------------------------------------------

    def on_signal(self, number, _):
        """The first drains, the second ends at once."""
        if self.signal or not self.welcome:
            self.leave = (128 + number, wire.END_DRAINED)
        self.signal = number
        self.links.wake()

    def fail(self, text):
        print('worker:', text, file=sys.stderr, flush=True)
        self.leave = (1, wire.END_ABORTED)

    def drain(self, now):
        """Gives back what has not started, ends what runs, has it stored."""
        if self.tasks.queue and self.welcome:
            self.give_back(len(self.tasks.queue))
        self.patience = self.patience or now + self.rules.grace_s + STORE_S
        over = now > self.patience - STORE_S * bool(self.tasks.running)
        if over or not self.tasks.running and not self.results.frames:
            self.leave = (128 + self.signal, wire.END_DRAINED)

    def say_what_is_due(self, now):
        """Returns how long nothing is due, in seconds."""
        silent = now - self.heard
        if silent > WAIT_S:
            self.fail('the ventilator does not answer')
        if (not self.welcome or silent > self.welcome['liveness_ms'] / 1000) \
                and now - self.said_hello >= HELLO_S:
            self.say_hello()
        if not self.welcome:
            return self.said_hello + HELLO_S - now
        since, beat = now - self.reported, self.welcome['heartbeat_ms'] / 1000
        if since >= beat or self.changed and (
                self.tasks.is_idle() or since >= REPORT_APART_S):
            self.report()
            return beat
        return (REPORT_APART_S if self.changed else beat) - since

    def turn(self):
        if self.links.has_reconnected() and self.welcome:
            self.greet_again()  # something may be lost
        self.hear_control()
        self.hear_lane()
        if self.rules:
            self.take_ended()
            self.start_tasks()
            self.push_results()
        now = time.monotonic()
        if self.signal and not self.leave:
            self.drain(now)
        wait_s = self.say_what_is_due(now)
        if not self.leave:
            self.links.wait(wait_s)

    def serve(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.on_signal)
        self.say_hello()
        while not self.leave:
            self.turn()
        for job in self.tasks.running.values():
            job.kill()
        code, reason = self.leave
        self.send(wire.BYE, wire.put_bye(reason, self.finished, self.dropped,
                                         self.duplicates))
        self.links.close()
        return code


def main():
    parser = argparse.ArgumentParser(description='A fan worker in Python.')
    parser.add_argument('endpoint')
    parser.add_argument('-j', dest='jobs', type=int, default=os.cpu_count())
    parser.add_argument('--call', metavar='MODULE:NAME')
    options = parser.parse_args()
    run = jobs.run_command
    if options.call:
        module, name = options.call.split(':')
        sys.path.insert(0, os.getcwd())
        run = jobs.caller(getattr(importlib.import_module(module), name))
    return Worker(options.endpoint, options.jobs, run).serve()


if __name__ == '__main__':
    os._exit(main())  # a call that nothing can stop may still be at work
