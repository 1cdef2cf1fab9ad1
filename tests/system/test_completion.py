"""fan completion: what bash offers is what fan takes."""
import re
import subprocess

import system
from system import SystemTest

OFFER = """
source <(fan completion bash) || exit 1
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_fan
printf '%s\\n' "${COMPREPLY[@]}"
"""


class Bash(SystemTest):
    def offered(self, *words):
        """What bash offers for the last of the words."""
        done = subprocess.run(
            ["bash", "-c", OFFER, "bash", "fan", *words], cwd=self.folder,
            env=dict(self.environment,
                     PATH=system.BIN + ":" + self.environment["PATH"]),
            capture_output=True, text=True, check=True,
            timeout=system.PATIENCE_S)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_verbs_are_offered(self):
        verbs = re.findall(r"^  ([a-z]+) ", "\n".join(self.fan("--help")),
                           re.M)
        self.assertGreater(len(verbs), 8)
        self.assertEqual(sorted(self.offered("")),
                         sorted(verbs + ["--help", "--version"]))
        self.assertEqual(self.offered("ver"), ["verify"])

    def test_every_option_of_every_verb_is_offered(self):
        for verb in self.offered(""):
            if verb.startswith("-"):
                continue
            with self.subTest(verb=verb):
                options = re.findall(r"^  (?:-\w,|   ) (--[a-z-]+)", "\n".join(
                    self.fan(verb, "--help")), re.M)
                self.assertIn("--help", options)
                self.assertEqual(sorted(self.offered(verb, "-")),
                                 sorted(set(options)))

    def test_words_of_an_option_are_offered(self):
        self.assertEqual(self.offered("results", "--format", ""),
                         ["ndjson", "csv", "tsv", "sqlite"])
        self.assertEqual(self.offered("results", "--format", "c"), ["csv"])
        # Files, and what is not fan's own, are the shell's.
        self.assertEqual(self.offered("run", "--results", ""), [])
        self.assertEqual(self.offered("run", "--timeout", ""), [])
        self.assertEqual(self.offered("run", "--", "ls", "-"), [])
        self.assertEqual(self.offered("run", "ls", ":::", "--"), [])

    def test_shell_must_be_known(self):
        for words in ((), ("csh",), ("bash", "zsh")):
            done = self.program("fan", "completion", *words)
            self.assertEqual(done.returncode, system.USAGE)
            self.assertIn("bash, zsh or fish", done.stderr)


if __name__ == "__main__":
    system.main()
