"""Which mutants are found in a piece of code, and that all of them together compile."""

import importlib.util
import pathlib
import tempfile
import unittest

_HAS_CLANG = importlib.util.find_spec("clang") is not None and pathlib.Path(
    "/usr/lib/llvm-16/lib/libclang-16.so.1"
).exists()

_HEAD = """\
struct Numbers { bool empty() const; void reserve(int); };
enum class Color { kRed, kGreen, kBlue };
struct Timers { void Cancel(int); void Set(int, int); bool empty() const; int next; };
constexpr int kLimit = 5;
void Log(int level, const char* text);
#define CHECK_THAT(x) if (!(x)) throw 1
"""


@unittest.skipUnless(_HAS_CLANG, "python3-clang-16 is not installed")
class FindMutantsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def found(self, code):
        """{(kind, after)} of the code; all of its mutants together have to compile."""
        import find_mutants
        import rewrite
        import source

        text = _HEAD + code
        (self.root / "a.cc").write_text(text)
        parser = source.Parser(self.root, [], self.root, [text])
        read = source.Source(parser, "a.cc", text)
        self.assertEqual(read.errors, [])
        mutants = find_mutants.find_mutants(read)
        made = rewrite.rewrite("a.cc", text, dict(enumerate(mutants, 1)))
        self.assertEqual(parser.errors("a.cc", made.text), [])
        return {(m.kind, m.after) for m in mutants}

    def test_a_call_can_be_left_out(self):
        self.assertEqual(
            self.found("void F(Timers& t, int n) { t.Cancel(n); }"),
            {("drop-statement", "void F(Timers& t, int n) { }")},
        )

    def test_neighbours_are_swapped_if_they_touch_the_same(self):
        code = "void F(Timers& t, Timers& u, int n) {\n  t.Cancel(n);\n  t.Set(n, 9);\n  u.Cancel(n);\n}"
        swapped = {after for kind, after in self.found(code) if kind == "swap-statements"}
        self.assertEqual(swapped, {"t.Set(n, 9); t.Cancel(n);"})

    def test_fields_of_a_message_do_not_touch_each_other(self):
        code = """
struct Span { void set_seconds(int); void set_nanos(int); };
struct Message { void set_key(int); void set_id(int); Span* mutable_span(); int id() const; };
void Send(Message message);
void F(Message m, int n) {
  m.set_key(n);
  m.set_id(n);
  m.mutable_span()->set_seconds(n);
  m.mutable_span()->set_nanos(m.id());
  Send(m);
}"""
        swapped = {after for kind, after in self.found(code) if kind == "swap-statements"}
        self.assertEqual(swapped, {
            "m.mutable_span()->set_nanos(m.id()); m.mutable_span()->set_seconds(n);",
            "Send(m); m.mutable_span()->set_nanos(m.id());",
        })  # fmt: skip

    def test_a_comparison_is_shifted_and_a_condition_negated(self):
        self.assertEqual(
            self.found("int F(int a, int b) {\n  if (a < b)\n    return a;\n  return b;\n}"),
            {
                ("shift-comparison", "if (a <= b)"),
                ("negate-condition", "if (!(a < b))"),
                ("drop-return", ""),
            },
        )

    def test_operators_that_the_compiler_writes_anew_are_what_the_source_says(self):
        code = "#include <chrono>\nusing I = std::chrono::steady_clock::time_point;\nbool F(I a, I b) {\n  return a >= b;\n}"
        self.assertEqual(self.found(code), {("shift-comparison", "return a > b;")})
        code = "#include <string>\nbool F(std::string a, std::string b) {\n  return a != b;\n}"
        self.assertEqual(self.found(code), {("shift-comparison", "return a == b;")})

    def test_either_side_of_an_and_or_an_or_is_left_out(self):
        code = "bool F(bool a, bool b, bool c) {\n  return a && (b || c);\n}"
        dropped = {after for kind, after in self.found(code) if kind == "drop-operand"}
        self.assertEqual(
            dropped,
            {"return a;", "return (b || c);", "return a && (b);", "return a && (c);"},
        )

    def test_constants_become_others(self):
        self.assertEqual(self.found("int F() { return 0700; }"),
                         {("change-constant", "int F() { return 0701; }")})  # fmt: skip
        code = "int F(Color c) {\n  if (c == Color::kBlue) return 7;\n  return kLimit;\n}"
        changed = {after for kind, after in self.found(code) if kind == "change-constant"}
        self.assertEqual(
            changed,
            {
                "if (c == Color::kRed) return 7;",
                "if (c == Color::kBlue) return 8;",
                "return (kLimit + 1);",
            },
        )

    def test_arguments_of_one_type_are_swapped(self):
        code = "int G(int, bool, int);\nint F(int a, int b) {\n  return G(a, {}, b);\n}"
        self.assertEqual(self.found(code), {("swap-arguments", "return G(b, {}, a);")})

    def test_the_words_of_a_message_keep_their_order(self):
        code = (
            "int StrCat(const char*, const char*, const char*);\n"
            'int F(const char* a, const char* b) {\n  StrCat(a, " is not ", b);\n'
            '  return StrCat(a, "/", b);\n}'
        )
        swapped = {after for kind, after in self.found(code) if kind == "swap-arguments"}
        self.assertIn('return StrCat(b, "/", a);', swapped)
        self.assertFalse(any("is not" in after for after in swapped))

    def test_arithmetic_is_turned_round(self):
        code = "#include <algorithm>\nint F(int a, int b) {\n  a += b;\n  return std::max(a - b, ++b);\n}"
        kinds = ("change-arithmetic", "min-max")
        changed = {after for kind, after in self.found(code) if kind in kinds}
        self.assertEqual(
            changed,
            {
                "a -= b;",
                "return std::max(a + b, ++b);",
                "return std::max(a - b, --b);",
                "return std::min(a - b, ++b);",
            },
        )

    def test_a_return_stays_where_the_function_would_run_off_its_end(self):
        kinds = {kind for kind, _ in self.found("int F(Timers& t) {\n  return t.next;\n}")}
        self.assertEqual(kinds, set())

    def test_a_loop_in_which_all_returns_are_stays_too(self):
        loop = "while (true) { t.Cancel(1); if (t.empty()) return 7; }"
        gone = ("drop-statement", "int F(Timers& t) { }")
        self.assertNotIn(gone, self.found("int F(Timers& t) { " + loop + " }"))
        gone = ("drop-statement", "int F(Timers& t) { return 9; }")
        self.assertIn(gone, self.found("int F(Timers& t) { " + loop + " return 9; }"))

    def test_inside_of_a_lambda_too(self):
        code = "auto F(Timers& t) {\n  return [&](int n) {\n    t.Cancel(n);\n  };\n}"
        self.assertEqual(self.found(code), {("drop-statement", "")})

    def test_logs_macros_constants_and_declarations_are_left_alone(self):
        code = """
constexpr int Twice(int n) { return n + n; }
void F(Numbers& v, bool b) {
  Log(1, b ? "yes" : "no");
  CHECK_THAT(b && v.empty());
  v.reserve(100);
  const int n = Twice(Twice(4));
  static_cast<void>(n);
  switch (n) {
    case 3:
      break;
  }
}"""
        self.assertEqual(self.found(code), {("change-constant", "const int n = Twice(Twice(5));")})


if __name__ == "__main__":
    unittest.main()
