"""expansion (P12) - tasks read from products of ::: and from NDJSON"""
import os

import bench


def rate(*arguments, **how):
    took_s, count = bench.output_of(bench.program("bench_expand"), *arguments,
                                    **how).split()
    return int(count) / float(took_s)


def expansion(how, folder, report):
    tasks = how.many(10000000, 500000)
    product = [word for length in (100, 100, tasks // 10000)
               for word in (":::", *range(length))]
    objects = os.path.join(folder, "objects")
    with open(objects, "w", encoding="ascii") as file:
        for first in range(0, tasks, 10000):
            file.writelines('{"id":%d,"name":"object %d","size":1.5}\n'
                            % (i, i) for i in range(first, first + 10000))
    cases = (("products", ("--", "x", *product), 3e6, 6e6),
             ("NDJSON", ("--ndjson", objects, "--", "x", "{name}"), 1e6, 2e6))
    for text, arguments, least, aim in cases:
        values = bench.alternate(
            {"source": lambda: rate("source", *arguments),
             "command": lambda: rate("command", *arguments)}, how.pairs)
        report.goal(bench.Goal(f"{text}, tasks read", values["source"], least,
                               aim, "tasks/s"))
        report.side(f"{text}, with command and key made", values["command"],
                    "tasks/s")
