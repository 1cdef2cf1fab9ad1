"""coprocess_model - primes by a table that is made once

    seq 5 | fan run -k --coprocess 'python3 examples/coprocess_model.py'

A task's value is n; its result is the nth prime. What takes its time, here a
sieve, elsewhere a model or a data set that is read, is done once per slot.
"""
import fancoprocess

LIMIT = 100000


def primes_below(limit):
    sieve = bytearray([1]) * limit
    sieve[:2] = b"\0\0"
    for n in range(2, int(limit ** 0.5) + 1):
        if sieve[n]:
            sieve[n * n::n] = bytes(len(range(n * n, limit, n)))
    return [n for n in range(limit) if sieve[n]]


PRIMES = primes_below(LIMIT)


@fancoprocess.task
def nth_prime(task):
    n = int(task.args[0])
    if not 1 <= n <= len(PRIMES):
        raise ValueError(f"the table has {len(PRIMES)} primes, none number {n}")
    return PRIMES[n - 1]


fancoprocess.run()
