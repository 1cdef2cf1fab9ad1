#!/usr/bin/env python3
"""Plants one fault after another in a small tree: each rule must see its own.

usage: test_floors.py COMPILER
"""
import os
import sys
import tempfile
import unittest

import floors

COMPILER = "cc"


class Floors(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = folder.name
        for path in ("common/base/bytes.h", "common/base/clock.h",
                     "common/base/log.h", "common/net/net.h",
                     "common/wire/wire.h", "common/setting/setting.h",
                     "worker/slots.h", "sink/ledger.h",
                     "ventilator/tracker.h"):
            self.write(path, "#include <stdint.h>\n")

    def write(self, path, text):
        full = os.path.join(self.top, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)

    def includes(self, path, *lines):
        self.write(path, "".join(f"#include {line}\n" for line in lines))
        return list(floors.check_includes(self.top))

    def refused(self, path, *lines):
        faults = self.includes(path, *lines)
        self.assertEqual(len(faults), 1, faults)
        self.assertTrue(faults[0].startswith(path + ":"), faults)

    def accepted(self, path, *lines):
        self.assertEqual(self.includes(path, *lines), [])

    def test_lower_floors_are_accepted(self):
        self.accepted("ventilator/tracker.c", '"ventilator/tracker.h"',
                      "<string.h>", '"common/base/bytes.h"',
                      '"common/wire/wire.h"')
        self.accepted("common/net/net.c", '"common/net/net.h"', "<czmq.h>",
                      "<zmq.h>", "<unistd.h>", '"common/base/log.h"')
        self.accepted("common/setting/yaml.c", "<yaml.h>")

    def test_base_includes_nothing_above(self):
        self.refused("common/base/a.c", '"common/wire/wire.h"')

    def test_wire_includes_nothing_above(self):
        self.refused("common/wire/a.c", '"common/net/net.h"')

    def test_language_has_no_sockets(self):
        self.refused("common/wire/a.c", "<sys/socket.h>")

    def test_yaml_is_for_the_yaml_file_only(self):
        self.refused("common/setting/table.c", "<yaml.h>")

    def test_cores_have_no_clock_log_file_or_output(self):
        for header in ("<time.h>", "<stdio.h>", "<unistd.h>", "<sys/time.h>",
                       "<sys/socket.h>", "<pthread.h>", "<fcntl.h>",
                       '"common/base/clock.h"', '"common/base/log.h"',
                       '"common/setting/setting.h"', '"common/net/net.h"'):
            for path in ("ventilator/tracker_send.c", "sink/ledger_a.c",
                         "worker/slots_a.c", "common/template/a.c"):
                with self.subTest(header=header, path=path):
                    self.refused(path, header)
                os.remove(os.path.join(self.top, path))

    def test_only_net_sees_zmq(self):
        self.refused("ventilator/main.c", "<zmq.h>")
        os.remove(os.path.join(self.top, "ventilator/main.c"))
        self.refused("command/main.c", "<czmq.h>")

    def test_roles_do_not_include_each_other(self):
        self.refused("ventilator/main.c", '"worker/slots.h"')
        os.remove(os.path.join(self.top, "ventilator/main.c"))
        self.refused("command/run.c", '"sink/ledger.h"')

    def test_includes_start_at_the_top(self):
        self.refused("common/base/a.c", '"bytes.h"')

    def test_own_header_is_first(self):
        self.refused("worker/slots.c", "<string.h>", '"worker/slots.h"')

    def test_one_outside_library_in_a_file(self):
        self.refused("common/store/a.c", "<zlib.h>", "<jansson.h>")

    def test_unknown_libraries_and_folders_are_seen(self):
        self.refused("worker/main.c", "<curl/curl.h>")
        os.remove(os.path.join(self.top, "worker/main.c"))
        self.refused("misc/a.c", "<string.h>")

    def test_macro_includes_are_refused(self):
        self.refused("worker/main.c", "HEADER")

    def test_commented_includes_do_not_count(self):
        self.write("common/base/a.c", "/*\n#include <zmq.h>\n*/\n")
        self.assertEqual(list(floors.check_includes(self.top)), [])

    def test_each_banned_function_is_seen(self):
        for name in floors.BANNED:
            with self.subTest(name=name):
                self.write("worker/a.c", f"int x;\nvoid f(void) {{ {name} (1); }}\n")
                self.assertEqual(list(floors.check_banned(self.top)),
                                 [f"worker/a.c:2: {name} is banned"])

    def test_names_that_only_look_banned_are_not(self):
        self.write("worker/a.c", '// system(1)\nchar *s = "gets(s) /*";\n'
                   "int x = snprintf(s) + a.rand(1) + p->system() + my_rand();"
                   "\n")
        self.assertEqual(list(floors.check_banned(self.top)), [])

    def test_header_that_needs_another_is_seen(self):
        self.assertEqual(list(floors.check_headers(self.top, COMPILER)), [])
        self.write("worker/a.h", "size_t f(void);\n")
        faults = list(floors.check_headers(self.top, COMPILER))
        self.assertEqual(len(faults), 1, faults)
        self.assertIn("worker/a.h", faults[0])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        COMPILER = sys.argv.pop(1)
    unittest.main()
