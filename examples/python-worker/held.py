"""held - what a worker holds: tasks not yet started, results not yet stored

Neither knows of sockets, threads or time.
"""
import collections

import wire


class Tasks:
    """Unstarted tasks in the order they will start, and running jobs."""

    def __init__(self, slots):
        self.slots = slots
        self.queue = collections.deque()
        self.running = {}  # slot -> jobs.Job

    def lists(self):
        """As REPORT and HELLO tell them."""
        return {'queued': [task.ref for task in self.queue],
                'running': [job.task.ref for job in self.running.values()]}

    def add(self, task):
        """False for an attempt that is here already, or an older one. A newer
        attempt of a queued task takes its place."""
        for job in self.running.values():
            if job.task.task == task.task and job.task.age >= task.age:
                return False
        for place, held in enumerate(self.queue):
            if held.task == task.task:
                if held.age >= task.age:
                    return False
                self.queue[place] = task
                return True
        self.queue.append(task)
        return True

    def next(self):
        """(task, slot) to start now, or None. One that is to run alone waits
        until nothing else runs, and nothing starts beside it."""
        if not self.queue or len(self.running) >= self.slots:
            return None
        beside = next((job.task for job in self.running.values()), None)
        if beside and (beside.alone or self.queue[0].alone):
            return None
        slot = next(s for s in range(1, self.slots + 1)
                    if s not in self.running)
        return self.queue.popleft(), slot

    def is_idle(self):
        return not self.queue and len(self.running) < self.slots

    def give_back(self, count):
        """Takes up to `count` tasks off the tail of the queue."""
        tasks = [self.queue.pop() for _ in range(min(count, len(self.queue)))]
        return [task.ref for task in reversed(tasks)]

    def cancel(self, cancelled):
        """Removes queued tasks that the refs name; gives running jobs."""
        def named(task):
            return any(refs.task <= task.task < refs.task + refs.count
                       and refs[2:] == task.age for refs in cancelled)
        self.queue = collections.deque(t for t in self.queue if not named(t))
        return [job for job in self.running.values() if named(job.task)]


class Results:
    """RESULTS frames by number, each until RETIRE names it or a later one."""

    def __init__(self):
        self.frames = {}    # in the order of their numbers
        self.made = 0       # the highest number made
        self.next_push = 1  # the lowest not pushed on this connection
        self.bytes = 0

    @property
    def kept(self):
        return next(iter(self.frames), self.made + 1)

    def add(self, make_frame):
        self.made += 1
        frame = make_frame(self.made, self.kept)
        self.frames[self.made] = frame
        self.bytes += len(frame)

    def retire(self, number):
        """False for a number that was never made: then nothing happens."""
        if number > self.made:
            return False
        while self.frames and self.kept <= number:
            self.bytes -= len(self.frames.pop(self.kept))
        return True

    def push_again_from(self, number):
        self.next_push = min(self.next_push, max(number, self.kept))

    def to_push(self):
        """The next frame to push, with `kept` as it is now, or None."""
        self.next_push = max(self.next_push, self.kept)
        if self.next_push > self.made:
            return None
        return wire.set_kept(self.frames[self.next_push], self.kept)


def batches(results, most):
    """Encoded results in lists that are each not more than `most` bytes."""
    batch, size = [], 0
    for result in results:
        if batch and size + len(result) > most:
            yield batch
            batch, size = [], 0
        batch.append(result)
        size += len(result)
    if batch:
        yield batch
