"""rows - the table of faults: which test shows each row, and what came of it

    rows.py [FILE]     the table; FILE has what the tests noted ($CHAOS_TABLE):
                       the most seconds from the fault, or its end, to what
                       the table wants, with its limit, else to the run's end;
                       tasks computed again, recorded twice, and lost
"""
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

# What a row is, and what is to be said about its tests.
ROWS = {
    "F01": ("ventilator killed and started again", ""),
    "F03": ("ventilator stopped, then goes on", ""),
    "F07": ("two ventilators of a run", ""),
    "F08": ("input changed before a resume", "more: system/test_resume.py"),
    "F10": ("idle worker killed", ""),
    "F11": ("computing worker killed", ""),
    "F12": ("worker killed after its result was made", ""),
    "F13": ("worker given up, then goes on", ""),
    "F14": ("worker stopped for a moment", ""),
    "F15": ("slow worker", ""),
    "F16": ("task hangs", ""),
    "F17": ("command dies by a signal", ""),
    "F18": ("task kills its workers", ""),
    "F19": ("worker killed, another started", ""),
    "F21": ("retention budget full", ""),
    "F23": ("background children of a command", ""),
    "F24": ("fan run killed", ""),
    "F26": ("sink killed before its sync", ""),
    "F27": ("sink killed after its sync", ""),
    "F28": ("duplicate of what is not synced", ""),
    "F29": ("power cut: each image of the directory", ""),
    "F30": ("sync fails", ""),
    "F31": ("disk full", "(at every byte) unit: "
            "full_disk_at_any_byte_loses_nothing"),
    "F33": ("directory read-only or removed", ""),
    "F34": ("flipped bits", "(resume of just these: there is no such request)"),
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
    "F45": ("1,000 workers reconnect", ""),
    "F46": ("peers that are none", "(wrong key: later, with encryption)"),
    "F47": ("wall clock jumps", ""),
    "F49": ("old and new versions", ""),
    "F51": ("signals to each process", "more: system/test_faults.py"),
    "F52": ("cancel while the result is in flight",
            "(of stale copies: nobody can ask for more yet)"),
    "F53": ("slow disk, slow readers, huge input and output", ""),
    "F54": ("random kills, stops and networks", ""),
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


def seconds(notes):
    """The one that took most of its limit; else the longest."""
    held = [note for note in notes if note["limit_s"] is not None
            and note["recovery_s"] is not None]
    if held:
        worst = max(held, key=lambda note: note["recovery_s"] / note["limit_s"])
        return f"{worst['recovery_s']:.2f} <= {worst['limit_s']:g}"
    longest = most(notes, "recovery_s")
    return "-" if longest is None else f"{longest:.2f}"


def show(row, what, remark, count, notes):
    if not notes:
        print(f"{row}  {what:39} {'not run' if count else 'no test':7}  "
              f"{remark}")
        return
    verdicts = {note["verdict"] for note in notes}
    bad = [note["test"] for note in notes if note["verdict"] != "ok"]
    verdict = ("FAILED" if "FAILED" in verdicts else
               "skipped" if "skipped" in verdicts else "ok")
    print(f"{row}  {what:39} {verdict:7} "
          f"{len(notes):5} {seconds(notes):>12} {most(notes, 'recomputed'):10} "
          f"{most(notes, 'doubles'):10} {most(notes, 'lost'):4}"
          f"{'  ' + remark if remark else ''}")
    for name in bad:
        print(f"     {name}")


def main():
    notes = noted(sys.argv[1]) if len(sys.argv) > 1 else {}
    print(f"{'row':4} {'what':39} {'verdict':7} {'tests':>5} "
          f"{'recovery s':>12} {'recomputed':>10} {'duplicates':>10} "
          f"{'lost':>4}")
    for row, names in tests().items():
        show(row, *ROWS[row], len(names), notes.get(row, []))
    missing = bool(notes) and any(row not in notes for row in ROWS)
    return missing or any(note["verdict"] == "FAILED"
                          for row in notes.values() for note in row)


if __name__ == "__main__":
    sys.exit(main())
