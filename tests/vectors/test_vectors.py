#!/usr/bin/env python3
"""Shows that vectors.py bites: each change of a table or a vector is seen."""
import contextlib
import io
import os
import shutil
import sys
import tempfile
import unittest

import vectors

HERE = os.path.dirname(os.path.abspath(__file__))


class Bites(unittest.TestCase):
    page = os.path.join(HERE, '../../docs/protocol.md')

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        for name in os.listdir(HERE):
            if name.endswith('.hex'):
                shutil.copy(os.path.join(HERE, name), self.folder)

    def faults(self, page=None):
        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            code = vectors.check(vectors.read_tables(page or self.page),
                                 self.folder)
        self.assertEqual(code, 1 if ': ' in said.getvalue() else 0)
        return said.getvalue()

    def edited(self, path, old, new, to):
        with open(path, encoding='utf-8') as file:
            text = file.read()
        self.assertIn(old, text)
        with open(to, 'w', encoding='utf-8') as file:
            file.write(text.replace(old, new, 1))
        return to

    def page_with(self, old, new):
        return self.edited(self.page, old, new,
                           os.path.join(self.folder, 'page.md'))

    def vector_with(self, name, old, new):
        path = os.path.join(self.folder, name)
        self.edited(path, old, new, path)

    def test_as_they_are_they_fit(self):
        self.assertNotIn(': ', self.faults())

    def test_another_type_of_a_field(self):
        page = self.page_with('| heartbeat_ms | u32', '| heartbeat_ms | u64')
        self.assertIn('welcome.hex: ', self.faults(page))

    def test_another_name_of_a_field(self):
        page = self.page_with('| finished | u64 | tasks', '| done | u64 | tasks')
        self.assertIn('report.hex: ', self.faults(page))

    def test_a_field_more(self):
        page = self.page_with('| number | u64 | forget',
                              '| more | u8 |  |\n| number | u64 | forget')
        self.assertIn('retire.hex: ', self.faults(page))

    def test_a_message_without_a_vector(self):
        os.remove(os.path.join(self.folder, 'bye.hex'))
        self.assertIn('bye.hex: is missing', self.faults())

    def test_another_value(self):
        self.vector_with('retire.hex', '5b 00', '5c 00')
        self.assertIn('retire.hex: ', self.faults())

    def test_a_byte_less(self):
        self.vector_with('retire.hex', '5b 00', '5b')
        self.assertIn('retire.hex: ', self.faults())


if __name__ == '__main__':
    if len(sys.argv) > 1:
        Bites.page = os.path.abspath(sys.argv.pop())
    unittest.main()
