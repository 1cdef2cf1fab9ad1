"""`cmake --install`, into a prefix that is then moved: the programs find each
other there, and examples/plugin-template is built against it in every way that
it says, and run."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
BUILD = os.environ.get("FAN_BUILD") or os.path.join(TOP, "build/dev")
CMAKE = os.environ.get("FAN_CMAKE", "cmake")
VERSION = os.environ.get("FAN_VERSION", "0.1.0")
PROGRAMS = {"fan", "fan-page", "fan-sink", "fan-ventilator",
            "fan-worker"}


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="fan-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        first = os.path.join(cls.folder, "first")
        cls.prefix = os.path.join(cls.folder, "moved here")
        subprocess.run([CMAKE, "--install", BUILD, "--prefix", first],
                       check=True, stdout=subprocess.DEVNULL)
        os.rename(first, cls.prefix)
        cls.environment = {
            name: value for name, value in os.environ.items()
            if not name.startswith(("FAN_", "CMAKE_", "MAKE", "CFLAGS"))}
        cls.environment["PATH"] = (os.path.join(cls.prefix, "bin") + ":" +
                                   os.environ["PATH"])
        cls.environment["PKG_CONFIG_PATH"] = cls.of("pkgconfig")

    @classmethod
    def of(cls, name):
        """The one folder or file of this name in the prefix."""
        found = [os.path.join(path, name)
                 for path, folders, files in os.walk(cls.prefix)
                 if name in folders + files]
        assert len(found) == 1, (name, found)
        return found[0]

    def do(self, *words, code=0):
        done = subprocess.run(words, cwd=self.place, env=self.environment,
                              capture_output=True, text=True, timeout=120,
                              check=False, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, code,
                         f"{words}\n{done.stdout}{done.stderr}")
        return done.stdout

    def setUp(self):
        """A copy of the template, as a user makes it."""
        self.place = os.path.join(self.folder, self.id().rpartition(".")[2])
        shutil.copytree(self.of("plugin-template"), self.place)

    def edit(self, name, old, new):
        path = os.path.join(self.place, name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(old, text)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))

    def build_by_cmake(self):
        self.do(CMAKE, "-B", "build", "-DCMAKE_PREFIX_PATH=" + self.prefix)
        self.do(CMAKE, "--build", "build")

    def assert_walks(self, plugin):
        """In threads and isolated, the same: the mean is the number of steps,
        within five of its errors."""
        lines = [self.do("fan", "run", "-qk", "--seed", "1", "--results", name,
                         "--plugin", plugin, *options, ":::", "10", "1000")
                 for name, options in (("a", ()), ("b", ("--isolate",)))]
        self.assertEqual(lines[0], lines[1])
        found = [[float(part) for part in line.split()]
                 for line in lines[0].splitlines()]
        self.assertEqual([line[0] for line in found], [10, 1000])
        for steps, mean, error in found:
            self.assertLess(abs(mean - steps), 5 * error)
        self.do("fan", "verify", "a")
        self.do("fan", "run", "-q", "--results", "c", "--plugin", plugin, ":::",
                "none", code=3)
        self.assertIn("'none' is no number of steps",
                      self.do("fan", "results", "c"))

    def test_prefix_holds_what_it_should_and_programs_find_each_other(self):
        self.assertEqual(set(os.listdir(os.path.join(self.prefix, "bin"))),
                         PROGRAMS)
        self.assertEqual(os.path.dirname(self.of("fan-plugin")),
                         os.path.join(self.prefix, "libexec/fan"))
        for name in ("fan.h", "fan-run.1", "fan-worker.1", "fan.1"):
            self.of(name)
        documents = os.path.join(self.of("doc"), "fan")
        with open(os.path.join(documents, "README.md"),
                  encoding="utf-8") as file:
            pages = set(re.findall(r"`(docs/[a-z-]+\.md)`", file.read()))
        self.assertGreater(len(pages), 2)
        for page in pages:
            self.assertTrue(os.path.exists(os.path.join(documents, page)), page)
        schemas = os.path.join(documents, "docs/schemas")
        self.assertIn("record.json", os.listdir(schemas))
        self.assertEqual(sorted(os.listdir(schemas)),
                         sorted(os.listdir(os.path.join(TOP, "docs/schemas"))))
        self.assertTrue(os.access(self.of("run"), os.X_OK))
        for program in PROGRAMS:
            self.assertTrue(self.do(program, "--version")
                            .endswith(f" {VERSION}\n"))
        said = self.do("fan", "run", "-q", "--", "sh", "-c",
                       "readlink /proc/$PPID/exe", "sh", "{}", ":::", "1")
        self.assertEqual(said.strip(),
                         os.path.join(self.prefix, "bin/fan-worker"))

    def test_template_is_built_by_make_and_pkg_config(self):
        self.assertEqual(self.do("pkg-config", "--modversion", "fan").strip(),
                         VERSION)
        self.do("make", "CFLAGS=-O2 -Wall -Wextra -Wpedantic -Werror")
        self.assert_walks("./libwalk.so")

    def test_template_is_built_by_cmake_and_find_package(self):
        self.build_by_cmake()
        self.assert_walks("./build/libwalk.so")

    def test_template_is_built_as_cplusplus(self):
        os.rename(os.path.join(self.place, "walk.c"),
                  os.path.join(self.place, "walk.cpp"))
        self.edit("CMakeLists.txt", "LANGUAGES C", "LANGUAGES CXX")
        self.edit("CMakeLists.txt", "walk.c)", "walk.cpp)")
        self.edit("CMakeLists.txt", "find_package(fan REQUIRED)",
                  f"find_package(fan {VERSION} REQUIRED)\n"
                  "add_compile_options(-Wall -Wextra -Wpedantic -Werror)")
        self.build_by_cmake()
        self.assert_walks("./build/libwalk.so")

    def test_pages_of_all_sections_are_there(self):
        for section, names in ((1, ("fan", "fan-run", "fan-top")),
                               (5, ("fan.yaml",)),
                               (7, ("fan-guarantees", "fan-protocol"))):
            for name in names:
                path = self.of(f"{name}.{section}")
                self.assertIn(f"/man{section}/", path)
                shown = self.do("mandoc", "-Tascii", path)
                self.assertGreater(len(shown.split("\n")), 30, name)

    def test_readme_tells_commands_that_work(self):
        with open(os.path.join(self.place, "README.md"),
                  encoding="utf-8") as file:
            commands = re.findall(r"^    ((?:make|cmake|fan) .*?|make)(?:  +#.*)?$",
                                  file.read(), re.M)
        self.assertEqual(len(commands), 5, commands)
        self.environment["CMAKE_PREFIX_PATH"] = self.prefix
        self.addCleanup(self.environment.pop, "CMAKE_PREFIX_PATH")
        for command in commands:
            self.do("sh", "-c", command)


if __name__ == "__main__":
    unittest.main()
