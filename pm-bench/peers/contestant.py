"""What the Python contestants have in common: they are told what to do, a line of JSON at a time."""

import json
import os
import signal
import statistics
import sys
from collections import deque
from time import perf_counter, sleep


def add(a, b):
    return a + b


def compute(micros):
    start = perf_counter()
    while perf_counter() - start < micros / 1e6:
        pass
    return perf_counter() - start


def echo(data):
    return data


def size(data):
    return len(data)


def hang():
    while True:
        sleep(1)


def median_of(time, measure):
    end = perf_counter() + time
    seen = [measure()]
    while perf_counter() < end:
        seen.append(measure())
    return statistics.median(seen)


def flight(calls, time, submit):
    """So many calls at once, for so long: calls per second."""
    start = perf_counter()
    waiting = deque()
    done = 0
    while perf_counter() - start < time:
        waiting.append(submit())
        if len(waiting) == calls:
            waiting.popleft().result()
            done += 1
    for call in waiting:
        call.result()
        done += 1
    return done / (perf_counter() - start)


def resident_share(pid):
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        for line in rollup:
            if line.startswith("Pss:"):
                return 1024 * int(line.split()[1])


class Contestant:
    """`build` makes a pool with one process; `submit` and `end` say how to use it."""

    def __init__(self, build, submit, end):
        self.build, self.submit, self.end = build, submit, end
        self.pool = build()

    def ask(self, function, *arguments):
        return self.submit(self.pool, function, *arguments).result()

    def timed(self, function, *arguments):
        start = perf_counter()
        self.ask(function, *arguments)
        return perf_counter() - start

    def alone(self, order, time):
        return 1 / flight(1, time, lambda: self.submit(self.pool, add, 1, 2))

    def flight(self, order, time):
        return flight(order["calls"], time, lambda: self.submit(self.pool, add, 1, 2))

    def paused(self, order, time):
        def measure():
            sleep(order["micros"] / 1e6)
            return self.timed(add, 1, 2)

        return median_of(time, measure)

    def work(self, order, time):
        def measure():
            start = perf_counter()
            computed = self.ask(compute, order["micros"])
            return perf_counter() - start - computed

        return median_of(time, measure)

    def echo(self, order, time):
        data = b"\1" * order["bytes"]
        return 2 * len(data) * flight(1, time, lambda: self.submit(self.pool, echo, data))

    def lend(self, order, time):
        data = b"\1" * order["bytes"]
        return len(data) * flight(1, time, lambda: self.submit(self.pool, size, data))

    def spawn(self, order, time):
        def measure():
            start = perf_counter()
            pool = self.build()
            self.submit(pool, add, 1, 2).result()
            taken = perf_counter() - start
            self.end(pool)
            return taken

        return median_of(time, measure)

    def death(self, until_answer):
        pid = self.ask(os.getpid)
        doomed = self.submit(self.pool, hang)
        while not doomed.running():
            sleep(0.0001)
        # Until it really runs: pebble waits for ever for one that died while it said so.
        sleep(0.01)
        start = perf_counter()
        os.kill(pid, 9)
        doomed.exception()
        heard = perf_counter() - start
        try:
            self.ask(add, 1, 2)
        except Exception:
            # Broken for good.
            self.pool = self.build()
            self.ask(add, 1, 2)
        return perf_counter() - start if until_answer else heard

    def killed(self, order, time):
        return median_of(time, lambda: self.death(False))

    def replaced(self, order, time):
        return median_of(time, lambda: self.death(True))

    def idle(self, order, time):
        return resident_share(self.ask(os.getpid))

    def serve(self):
        for line in sys.stdin:
            order = json.loads(line)
            try:
                workload = getattr(self, order["do"], None)
                if workload is None:
                    raise NotImplementedError("it has no such thing, or it is not measured")
                report = {"measured": workload(order, order["millis"] / 1e3)}
            except Exception as error:
                report = {"missing": f"{type(error).__name__}: {error}"}
            print(json.dumps(report), flush=True)
        # The executor's process would live on for ever.
        if os.getpgrp() == os.getpid():
            os.killpg(os.getpid(), signal.SIGKILL)
