#!/usr/bin/env python3
"""floors - holds the source tree against the rules no compiler checks

usage: floors.py includes|banned TOP
       floors.py headers TOP COMPILER

Prints FILE:LINE: what is wrong; exit 0 when nothing is, 1 when something is.
"""
import os
import re
import subprocess
import sys
from dataclasses import dataclass

# Outside libraries by their headers; everything else in <> must be libc's.
LIBRARIES = {
    "zmq.h": "zmq", "czmq.h": "zmq", "yaml.h": "yaml", "zlib.h": "zlib",
    "jansson.h": "jansson", "xxhash.h": "xxhash",
    "isa-l/crc.h": "isal", "isa-l/igzip_lib.h": "isal",
    "sqlite3.h": "sqlite", "ncurses.h": "ncurses",
    "microhttpd.h": "microhttpd",
}
# No file, socket, thread, clock or output can be had from these.
PURE_LIBC = {
    "assert.h", "ctype.h", "errno.h", "inttypes.h", "limits.h", "math.h",
    "stdalign.h", "stdarg.h", "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h", "stdlib.h",
    "string.h",
}
LIBC = PURE_LIBC | {
    "arpa/inet.h", "dirent.h", "dlfcn.h", "fcntl.h", "fnmatch.h", "getopt.h",
    "glob.h", "langinfo.h", "libgen.h", "linux/limits.h", "locale.h", "malloc.h",
    "netdb.h", "netinet/in.h", "netinet/tcp.h", "poll.h", "pthread.h", "regex.h",
    "pwd.h", "sched.h", "semaphore.h", "signal.h", "spawn.h", "stdio.h", "strings.h",
    "sys/epoll.h", "sys/eventfd.h", "sys/file.h", "sys/inotify.h",
    "sys/ioctl.h", "sys/mman.h", "sys/pidfd.h", "sys/prctl.h", "sys/random.h",
    "sys/resource.h", "sys/sendfile.h", "sys/signalfd.h", "sys/socket.h",
    "sys/stat.h", "sys/statvfs.h", "sys/syscall.h", "sys/time.h",
    "sys/timerfd.h", "sys/types.h", "sys/uio.h", "sys/un.h",
    "sys/utsname.h", "sys/vfs.h", "sys/wait.h", "sysexits.h", "termios.h",
    "time.h", "unistd.h", "wchar.h", "wctype.h",
}
SOCKETS = re.compile(r"sys/(socket|un|epoll)\.h|netinet/|arpa/|netdb\.h")


@dataclass(frozen=True)
class Zone:
    """What the files whose path matches `files` may include."""
    floor: int
    files: str           # regular expression, from the path's start
    inside: str          # regular expression over "..." includes
    libraries: tuple = ()
    pure: bool = False   # libc from PURE_LIBC only


BASE, WIRE, POLICY, TEMPLATE = (
    r"common/base/", r"common/wire/", r"common/policy/", r"common/template/")
# A core is told the time and says what it did: no clock, no log.
# The log's shapes are language; reading and writing files of them is not.
SHAPES = r"common/store/(member|record|values|text)"
CORE = "|".join([r"common/base/(?!clock\.h|log\.h)", WIRE, POLICY, TEMPLATE,
                 SHAPES])


def core(files, library=()):
    return Zone(2, files, f"{CORE}|{files}", library, pure=True)


# The first that matches counts.
ZONES = (
    Zone(0, BASE, BASE),
    Zone(1, WIRE, f"{BASE}|{WIRE}|{POLICY}", ("zlib",)),
    Zone(1, POLICY, f"{BASE}|{POLICY}"),
    Zone(1, r"common/setting/[^/]*yaml[^/]*\.[ch]",
         f"{BASE}|{POLICY}|common/setting/", ("yaml",)),
    Zone(1, r"common/setting/", f"{BASE}|{POLICY}|common/setting/"),
    Zone(1, SHAPES, f"{BASE}|{WIRE}|{POLICY}|{SHAPES}",
         ("isal", "jansson", "xxhash")),
    core(TEMPLATE, ("xxhash",)),  # as a pure function: the key of a task
    core(r"ventilator/(tracker|tally)"),
    core(r"sink/(ledger|grow|opens|peers|stored)"),  # the ledger's parts
    core(r"worker/(slots|talk|progress)"),
    Zone(3, r"common/net/", f"{CORE}|{BASE}|common/net/", ("zmq",)),
    Zone(3, r"common/store/", f"{CORE}|{BASE}|common/(store|setting)/",
         ("zlib", "jansson")),
    Zone(4, r"ventilator/", r"common/|ventilator/", ("jansson", "xxhash")),
    Zone(4, r"worker/plugin", r"common/|worker/|include/fan\.h"),
    Zone(4, r"worker/", r"common/|worker/", ("zlib",)),
    Zone(4, r"sink/", r"common/|sink/", ("zlib", "jansson")),
    # fan top is a core, but for the terminal and the loop.
    Zone(5, r"command/(curve|failing|history|screen|top)",
         f"{CORE}|command/(ask|held|row|curve|failing|history|screen|top)",
         ("jansson",)),
    Zone(5, r"command/terminal", r"common/base/|command/(screen|terminal|top)",
         ("ncurses",)),
    Zone(5, r"command/", r"common/|command/|include/fan\.h",
         ("jansson", "sqlite")),
    # The page is a verb in a program of its own. What it counts is pure, and
    # only its server knows HTTP.
    Zone(5, r"page/(axis|places|guard)", f"{CORE}|page/(axis|places|guard)",
         pure=True),
    Zone(5, r"page/server", r"common/base/|page/(server|guard)",
         ("microhttpd",)),
    Zone(5, r"page/", r"common/|command/|page/", ("jansson",)),
    Zone(5, r"include/", r"(?!)"),
    Zone(5, r"docs/man/", r"common/(base|setting)/|docs/man/"),
)
FREE = re.compile(r"(tests|examples)/")  # may include what they like

BANNED = ("strcpy strcat sprintf vsprintf gets strtok rand system popen alloca"
          " tmpnam mktemp").split()
CALL = re.compile(r"(?<![\w.])(?<!->)(" + "|".join(BANNED) + r")\s*\(")

TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"'
                   r"|'(?:\\.|[^'\\\n])*'", re.S)
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:([<"])([^>"]+)[>"]|(\S+))')


def c_files(top, endings=(".c", ".h")):
    for folder, folders, names in os.walk(top):
        at_top = folder == top
        folders[:] = sorted(
            name for name in folders if not name.startswith(".")
            and not (at_top and name in ("build", "fan-runs")))
        for name in sorted(names):
            if name.endswith(endings):
                yield os.path.relpath(os.path.join(folder, name), top)


def lines_of(top, path, strings):
    """Lines without comments and, unless asked for, without strings."""
    with open(os.path.join(top, path), encoding="utf-8") as file:
        text = file.read()

    def blank(match):
        token = match.group()
        if token.startswith("/"):
            return " " + "\n" * token.count("\n")
        return token if strings else token[0] * 2

    return enumerate(TOKEN.sub(blank, text).split("\n"), 1)


def zone_of(path):
    return next((zone for zone in ZONES if re.match(zone.files, path)), None)


def wrong_outside(zone, name):
    """Why a file of the zone may not include <name>; None if it may."""
    library = LIBRARIES.get(name)
    if library:
        if library not in zone.libraries:
            return f"library {library} is not for this place"
    elif name not in LIBC:
        return f"<{name}> is neither libc nor a known library"
    elif zone.pure and name not in PURE_LIBC:
        return f"<{name}> in a pure core"
    elif zone.floor < 3 and SOCKETS.match(name):
        return f"sockets (<{name}>) below floor 3"
    return None


def wrong_inside(top, zone, name):
    if not os.path.exists(os.path.join(top, name)):
        return f'"{name}" is no path from the top of the tree'
    if not re.match(zone.inside, name):
        return f'floor {zone.floor} may not include "{name}"'
    return None


def own_header_is_first(top, path, names):
    own = path[:-2] + ".h"
    return (path.endswith(".h") or not os.path.exists(os.path.join(top, own))
            or names[:1] == [own])


def check_includes_of(top, path, zone):
    names, libraries = [], set()
    for number, line in lines_of(top, path, strings=True):
        match = INCLUDE.match(line)
        if not match:
            continue
        mark, name, other = match.groups()
        if other:
            yield f"{path}:{number}: #include of a macro"
            continue
        names.append(name)
        libraries.add(LIBRARIES.get(name))
        reason = (wrong_inside(top, zone, name) if mark == '"'
                  else wrong_outside(zone, name))
        if reason:
            yield f"{path}:{number}: {reason}"
    if len(libraries - {None, "xxhash"}) > 1:  # a hash is no edge
        yield f"{path}:1: more than one outside library in a file"
    if not own_header_is_first(top, path, names):
        yield f"{path}:1: its own header is not included first"


def check_includes(top):
    for path in c_files(top):
        zone = zone_of(path)
        if zone:
            yield from check_includes_of(top, path, zone)
        elif not FREE.match(path):
            yield f"{path}:1: this folder stands on no floor"


def check_banned(top):
    for path in c_files(top):
        for number, line in lines_of(top, path, strings=False):
            for match in CALL.finditer(line):
                yield f"{path}:{number}: {match.group(1)} is banned"


def check_headers(top, compiler):
    for path in c_files(top, (".h",)):
        done = subprocess.run(
            [compiler, "-std=c11", "-D_GNU_SOURCE", "-I", top, "-Wall",
             "-Wextra", "-Werror", "-fsyntax-only", "-x", "c",
             os.path.join(top, path)],
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            yield f"{path}:1: does not compile alone:\n{done.stderr}"


def main(arguments):
    checks = {("includes", 1): check_includes, ("banned", 1): check_banned,
              ("headers", 2): check_headers}
    check = checks.get((arguments[0] if arguments else "", len(arguments) - 1))
    if not check:
        print(__doc__, file=sys.stderr)
        return 2
    if not any(c_files(arguments[1])):
        print(f"no C files below {arguments[1]}", file=sys.stderr)
        return 1
    faults = list(check(*arguments[1:]))
    print("\n".join(faults) or f"{arguments[0]}: all as it should be")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
