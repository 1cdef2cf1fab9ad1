"""double - a function for `worker.py --call double:double`"""


def double(args, values, data):
    """Doubles the number that is the last argument."""
    return b'%d\n' % (2 * int(args[-1]))
