"""rows - the table of faults: which test shows each row, and what came of it

    rows.py [FILE]     the table; FILE has what the tests noted ($CHAOS_TABLE):
                       the most seconds from the fault, or its end, to the
                       run's; tasks computed again, recorded twice, and lost
"""
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

# A row without a test here: where it is shown, or why it is not.
ROWS = {
    "F01": ("ventilator killed and started again", ""),
    "F03": ("ventilator stopped, then goes on", ""),
    "F07": ("two ventilators of a run", ""),
    "F08": ("input changed before a resume",
            "system/test_resume.py, test_input_edited_under_a_run_..."),
    "F10": ("idle worker killed", ""),
    "F11": ("computing worker killed", ""),
    "F12": ("worker killed after its result was made", ""),
    "F13": ("worker given up, then goes on", ""),
    "F14": ("worker stopped for a moment", ""),
    "F15": ("slow worker", ""),
    "F16": ("task hangs", "system: test_task_that_hangs_is_timed_out"),
    "F17": ("command dies by a signal",
            "system: test_death_by_signal_is_recorded"),
    "F18": ("task kills its workers", "system: "
            "test_task_that_kills_its_workers_is_quarantined_alone"),
    "F19": ("worker killed, another started", ""),
    "F21": ("retention budget full", ""),
    "F23": ("background children of a command", ""),
    "F24": ("fan run killed", "system: "
            "test_fan_run_itself_leaves_nothing_behind_and_is_resumed"),
    "F26": ("sink killed before its sync", ""),
    "F27": ("sink killed after its sync", ""),
    "F28": ("duplicate of what is not synced",
            "unit: test_ledger.c, simulation"),
    "F29": ("power cut: each image of the log", ""),
    "F30": ("sync fails", ""),
    "F31": ("disk full", ""),
    "F33": ("directory read-only",
            "(removed) system: test_removed_log_stops_the_run"),
    "F34": ("flipped bits",
            "unit: verify_finds_each_bit_..., system: Verify"),
    "F35": ("sink stopped", ""),
    "F36": ("two sinks on a directory", ""),
    "F37": ("sink with a wrong directory", ""),
    "F38": ("worker's control connection stalls", ""),
    "F39": ("lane stalls", ""),
    "F40": ("results' connection stalls", ""),
    "F41": ("sink's control connection stalls", ""),
    "F42": ("connections reset at many bytes", ""),
    "F43": ("delay and jitter", ""),
    "F44": ("slow link", ""),
    "F45": ("1,000 workers reconnect", "later: needs hosts, or a swarm"),
    "F46": ("peers that are none", "(wrong key: later, with encryption)"),
    "F47": ("wall clock jumps", ""),
    "F49": ("old and new versions",
            "later: there is one version; unit: test_wire_refusals.c"),
    "F51": ("signals to each process", "system/test_faults.py"),
    "F52": ("cancel while the result is in flight",
            "later: nobody can ask to cancel yet"),
    "F54": ("random kills", ""),
}


def tests():
    """Names of the chaos tests by row."""
    found = {row: [] for row in ROWS}
    for name in sorted(os.listdir(HERE)):
        if name.startswith("test_") and name.endswith(".py"):
            with open(os.path.join(HERE, name), encoding="utf-8") as file:
                for test, row in re.findall(r"def (test_(f\d\d)_\w+)",
                                            file.read()):
                    found[row.upper()].append(test)
    return found


def noted(path):
    found = {}
    with open(path, encoding="utf-8") as file:
        for line in map(json.loads, file):
            for row in line["rows"]:
                found.setdefault(row, []).append(line)
    return found


def most(notes, key):
    values = [note[key] for note in notes if note[key] is not None]
    return max(values) if values else None


def show(row, what, elsewhere, count, notes):
    if not notes:
        verdict = ("not run" if count else
                   "later" if elsewhere.startswith("later") else "elsewhere")
        print(f"{row}  {what:40} {verdict:9} "
              + (f"{count} tests  " if count else "") + elsewhere)
        return
    bad = [note["test"] for note in notes if note["verdict"] != "ok"]
    seconds = most(notes, "recovery_s")
    recovery = "-" if seconds is None else f"{seconds:.2f}"
    print(f"{row}  {what:40} {'FAILED' if bad else 'ok':9} "
          f"{len(notes):5} {recovery:>9} {most(notes, 'recomputed'):10} "
          f"{most(notes, 'doubles'):7} {most(notes, 'lost'):5}"
          f"{'  ' + elsewhere if elsewhere else ''}")
    for name in bad:
        print(f"     {name}")


def main():
    notes = noted(sys.argv[1]) if len(sys.argv) > 1 else {}
    print(f"{'row':4} {'what':40} {'verdict':9} {'tests':>5} "
          f"{'until end':>9} {'recomputed':>9} {'doubles':>7} {'lost':>5}")
    for row, names in tests().items():
        show(row, *ROWS[row], len(names), notes.get(row, []))
    return any(note["verdict"] != "ok"
               for row in notes.values() for note in row)


if __name__ == "__main__":
    sys.exit(main())
