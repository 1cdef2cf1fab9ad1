"""The checks of pages find what is wrong with a page."""
import os
import tempfile
import unittest

import docs


class Pages(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def page(self, text):
        path = os.path.join(self.folder, "page")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_blocks_are_found_in_both_languages(self):
        text = ('<!-- runnable -->\n\n    a\n\n    b\n\nend\n'
                '<!-- runnable, exit 3 -->\n```\nc\n```\n    not this\n'
                '.\\" runnable, exit 9\n.Bd -literal\nd \\-\\-e\n.Ed\nend\n')
        self.assertEqual([(code, block.strip()) for _, code, block in
                          docs.blocks(text)],
                         [(0, "a\n\nb"), (3, "c"), (9, "d --e")])

    def test_failing_command_is_found_wherever_it_stands(self):
        page = self.page("<!-- runnable -->\n    true\n    false\n    true\n")
        self.assertIn("exit code 1", docs.examples(page)[0][1])

    def test_right_exit_code_is_no_fault(self):
        page = self.page("<!-- runnable, exit 3 -->\n    exit 3\n")
        self.assertEqual(docs.examples(page), [])

    def test_page_without_a_marked_block_is_found(self):
        self.assertTrue(docs.examples(self.page("    false\n")))

    def test_blocks_share_a_folder_with_the_files(self):
        page = self.page("<!-- runnable -->\n    test -s values.txt; >a\n"
                         "\n<!-- runnable -->\n    test -e a\n")
        self.assertEqual(docs.examples(page), [])

    def test_test_that_is_not_there_is_found(self):
        top = os.path.join(docs.HERE, "../..")
        page = self.page("`no_such_" "test_at_all` `tests/no.c`\n"
                         "`tests/docs/docs.py` `test_blocks_are_found_in_both_"
                         "languages`\n")
        self.assertEqual([line for line, _ in docs.names(page, top)], [1, 1])


if __name__ == "__main__":
    unittest.main()
