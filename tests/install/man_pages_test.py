"""The man pages say what --help says: every command, every flag, every exit code."""

import re
import subprocess
import unittest

_CLI = "clients/cli/holdfast"
_SERVER = "services/lock/main/holdfastd"

# Said once for all commands, and not in the section of each.
_COMMON = {"-h", "--help", "--address", "--server-timeout", "--json"}


def _output(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def _flags_of_help(text):
    """What stands at the beginning of a line of --help, such as `-w,--timeout DURATION`."""
    flags = set()
    for names in re.findall(r"^ +(-[-\w,]+)", text, re.MULTILINE):
        flags.update(names.split(","))
    return flags


def _flags_of_page(text):
    """What `.It Fl w , Fl -timeout Ar duration` names."""
    flags = set()
    for item in re.findall(r"^\.It (Fl .*|)$", text, re.MULTILINE):
        flags.update("-" + name for name in re.findall(r"Fl (\S+)", item))
    return flags


def _exit_codes_of_help(text):
    return set(re.findall(r"\b(\d+)  +\S", text[text.index("Exit codes:"):]))


def _exit_codes_of_page(text):
    section = text[text.index(".Sh EXIT STATUS"):]
    return set(re.findall(r"^\.It (\d+)$", section, re.MULTILINE))


def _page(name):
    with open(f"docs/man/{name}", encoding="utf-8") as page:
        return page.read()


class CommandLinePageTest(unittest.TestCase):
    def setUp(self):
        self.page = _page("holdfast.1")
        self.sections = dict(
            re.findall(r"^\.Ss holdfast (\S+)\n(.*?)(?=^\.S[sh] )", self.page, re.M | re.S)
        )

    def test_commands(self):
        commands = [line.split("\t")[0] for line in _output(_CLI, "__complete", "").splitlines()]
        self.assertGreater(len(commands), 5)
        self.assertEqual(list(self.sections), commands)
        synopsis = self.page[self.page.index(".Sh SYNOPSIS"):self.page.index(".Sh DESCRIPTION")]
        self.assertEqual(re.findall(r"^\.Cm (\S+)$", synopsis, re.MULTILINE), commands)

    def test_flags(self):
        for command, section in self.sections.items():
            with self.subTest(command):
                help_text = _output(_CLI, command, "--help")
                expected = _flags_of_help(help_text[:help_text.index("\nExample")])
                self.assertEqual(_flags_of_page(section), expected - _COMMON)

    def test_common_flags(self):
        before = self.page[:self.page.index(".Ss ")]
        self.assertEqual(_flags_of_page(before), _COMMON)
        without_json = {
            command for command in self.sections
            if "--json" not in _output(_CLI, command, "--help")
        }
        self.assertEqual(without_json, {"run", "release"})

    def test_exit_codes(self):
        self.assertEqual(_exit_codes_of_page(self.page), _exit_codes_of_help(_output(_CLI, "--help")))


class ServerPageTest(unittest.TestCase):
    def test_flags_and_exit_codes(self):
        page, help_text = _page("holdfastd.8"), _output(_SERVER, "--help")
        flags = _flags_of_help(help_text)
        self.assertGreater(len(flags), 10)
        self.assertEqual(_flags_of_page(page), flags)
        self.assertEqual(_exit_codes_of_page(page), _exit_codes_of_help(help_text))


if __name__ == "__main__":
    unittest.main()
