"""A coprocess whose tasks do nothing; started in examples/."""
import sys

sys.path.insert(0, "")
import fancoprocess


@fancoprocess.task
def nothing(task):
    task.args  # taken out, as a program that does something would
    return None


fancoprocess.run()
