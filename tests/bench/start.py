"""start (P8) - `fan run -- true ::: 1` from start to exit"""
import os

import bench


def start(how, folder, report):
    def once():
        results = os.path.join(folder, "results")
        took_s = bench.seconds_of(bench.program("fan"), "run", "-q",
                                  "--results", results, "--", "true", ":::",
                                  1, cwd=folder)
        bench.output_of("rm", "-r", results)
        return took_s * 1000

    def bare():
        return bench.seconds_of("true") * 1000

    values = bench.alternate({"fan": once, "true": bare},
                             how.many(40, 20))
    report.side("true, started by this script", values["true"], "ms")
    report.goal(bench.Goal("fan run -- true ::: 1", values["fan"], 50, 20,
                           "ms", less=True))
