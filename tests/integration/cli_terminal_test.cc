// holdfast run in a terminal: Ctrl-C, reading, and the shell's job control.

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "clients/cli/exit_code.h"
#include "gtest/gtest.h"
#include "tests/support/eventually.h"
#include "tests/support/runfile.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"
#include "tests/support/wait_call.h"

namespace holdfast {
namespace {

// A program in a terminal of its own, which somebody types into.
class Terminal {
 public:
  explicit Terminal(std::vector<std::string> argv) {
    std::vector<char*> pointers;
    for (std::string& argument : argv) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    pid_ = forkpty(&screen_, nullptr, nullptr, nullptr);
    if (pid_ == 0) {
      execv(pointers[0], pointers.data());
      _exit(127);
    }
  }

  ~Terminal() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    close(screen_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void Type(const std::string& keys) {
    ASSERT_EQ(write(screen_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }

  // Whether `text` comes to be seen, behind what was seen before.
  bool Sees(const std::string& text) {
    return Eventually([&] {
      Read();
      const std::size_t found = seen_.find(text, read_);
      if (found == std::string::npos) return false;
      read_ = found + text.size();
      return true;
    });
  }

  const std::string& seen() const { return seen_; }

  // -1: it does not end.
  int ExitCode() {
    int status = 0;
    const bool ended = Eventually([&] {
      Read();  // Who cannot write does not end.
      return waitpid(pid_, &status, WNOHANG) == pid_;
    });
    return ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  void Read() {
    pollfd ready{.fd = screen_, .events = POLLIN, .revents = 0};
    while (poll(&ready, 1, 0) > 0) {
      char bytes[4096];
      const ssize_t count = read(screen_, bytes, sizeof(bytes));
      if (count <= 0) return;
      seen_.append(bytes, static_cast<std::size_t>(count));
    }
  }

  pid_t pid_ = -1;
  int screen_ = -1;
  std::string seen_;
  std::size_t read_ = 0;
};

// Of the shell: nothing else looks like it.
constexpr char kPrompt[] = "prompt> ";

class CliTerminalTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    setenv("HOLDFAST_ADDRESS", server_.address().c_str(), 1);
    setenv("PS1", kPrompt, 1);
    setenv("TERM", "dumb", 1);  // Without sequences that drive the terminal.
  }

  static std::vector<std::string> Shell() { return {"/bin/bash", "--norc", "--noprofile", "-i"}; }

  std::vector<std::string> Run(const std::string& script) {
    return {program_, "run", "k", "--", "sh", "-c", script};
  }

  bool Held() { return client_.Get("k").response.holders_size() == 1; }

  ServerProcess server_;
  StubClient client_{server_.address()};
  const std::string program_ = Runfile("clients/cli/holdfast");
};

TEST_F(CliTerminalTest, CommandReadsFromTheTerminal) {
  Terminal terminal(Run("read line; echo \"got <$line>\""));
  terminal.Type("hello\n");
  EXPECT_TRUE(terminal.Sees("got <hello>")) << terminal.seen();
  EXPECT_EQ(terminal.ExitCode(), 0);
}

TEST_F(CliTerminalTest, CommandChangesTheTerminalsSettings) {
  Terminal terminal(Run("stty -echo && echo changed"));
  EXPECT_TRUE(terminal.Sees("changed")) << terminal.seen();
  EXPECT_EQ(terminal.ExitCode(), 0);
}

TEST_F(CliTerminalTest, ControlCInterruptsACommandThatHasNotReadYet) {
  Terminal terminal(Run("echo ready; exec sleep 1000"));
  ASSERT_TRUE(terminal.Sees("ready")) << terminal.seen();
  terminal.Type("\x03");
  EXPECT_EQ(terminal.ExitCode(), 128 + SIGINT);
  EXPECT_FALSE(Held());
}

TEST_F(CliTerminalTest, ControlCInterruptsACommandThatReads) {
  Terminal terminal(Run("read line; echo \"got <$line>\"; exec cat"));
  terminal.Type("hello\n");
  ASSERT_TRUE(terminal.Sees("got <hello>")) << terminal.seen();
  terminal.Type("\x03");
  EXPECT_EQ(terminal.ExitCode(), 128 + SIGINT);
}

TEST_F(CliTerminalTest, WhoWaitsIsToldInOneLineThatIsWrittenOver) {
  ASSERT_TRUE(client_.Acquire({.key = "k", .lease_id = Id("a"), .owner = "somebody"}).ok());
  WaitCall first(client_, {.key = "k", .lease_id = Id("b"), .owner = "first"});
  ASSERT_TRUE(first.AwaitQueued());
  Terminal terminal(Run("echo done"));
  const std::string second_line = "holdfast: waiting for k, 2nd behind somebody";
  ASSERT_TRUE(terminal.Sees(second_line)) << terminal.seen();
  const std::string wiped = "\r" + std::string(second_line.size(), ' ') + "\r";
  ASSERT_TRUE(client_.Release("k", Id("a")).ok());
  const std::string first_line = "holdfast: waiting for k, 1st behind first";
  ASSERT_TRUE(terminal.Sees(wiped + first_line)) << terminal.seen();
  ASSERT_TRUE(client_.Release("k", Id("b")).ok());
  ASSERT_TRUE(terminal.Sees("\r" + std::string(first_line.size(), ' ') + "\rdone"))
      << terminal.seen();
  EXPECT_EQ(terminal.ExitCode(), 0);
  EXPECT_EQ(terminal.seen().find('\n'), terminal.seen().size() - 1);
}

TEST_F(CliTerminalTest, WhoWaitsForAcquireIsToldAndOneWhoWantsQuietIsNot) {
  ASSERT_TRUE(client_.Acquire({.key = "k", .lease_id = Id("a"), .owner = "somebody"}).ok());
  Terminal quiet({program_, "acquire", "-q", "-w", "1", "k", "--forever"});
  EXPECT_EQ(quiet.ExitCode(), ToInt(cli::ExitCode::kNotAcquired));
  EXPECT_EQ(quiet.seen(), "");
  Terminal terminal({program_, "acquire", "k", "--forever"});
  ASSERT_TRUE(terminal.Sees("waiting for k, 1st behind somebody")) << terminal.seen();
  terminal.Type("\x03");
  EXPECT_EQ(terminal.ExitCode(), 128 + SIGINT);
}

TEST_F(CliTerminalTest, ShellStopsAndContinuesTheJobAndTheLockIsKeptMeanwhile) {
  Terminal terminal(Shell());
  ASSERT_TRUE(terminal.Sees(kPrompt)) << terminal.seen();
  terminal.Type(program_ + " run k --expire 2s -- sed -u s/^/out:/\n");
  ASSERT_TRUE(Eventually([&] { return Held(); }));
  terminal.Type("one\n");
  ASSERT_TRUE(terminal.Sees("out:one")) << terminal.seen();
  terminal.Type("\x1a");
  ASSERT_TRUE(terminal.Sees("Stopped")) << terminal.seen();
  ASSERT_TRUE(terminal.Sees(kPrompt)) << terminal.seen();
  LetPass(std::chrono::seconds(3));
  EXPECT_TRUE(Held());

  terminal.Type("fg\n");
  ASSERT_TRUE(terminal.Sees("sed -u")) << terminal.seen();
  terminal.Type("two\n");
  ASSERT_TRUE(terminal.Sees("out:two")) << terminal.seen();
  terminal.Type("\x04");
  ASSERT_TRUE(terminal.Sees(kPrompt)) << terminal.seen();
  terminal.Type("echo status=$?\n");
  EXPECT_TRUE(terminal.Sees("status=0")) << terminal.seen();
  EXPECT_FALSE(Held());
  terminal.Type("exit\n");
  EXPECT_EQ(terminal.ExitCode(), 0);
}

TEST_F(CliTerminalTest, PipelineKeepsTheTerminalAndStopsAsAWhole) {
  Terminal terminal(Shell());
  ASSERT_TRUE(terminal.Sees(kPrompt)) << terminal.seen();
  // What it says is not on the command line, so it is not seen when the shell shows that.
  // It forks nothing: a shell that is in a vfork() just now does not stop.
  terminal.Type(program_ +
                " run k -- perl -e '$|=1; $SIG{CONT} = sub { print \"go\", \"ing\\n\" }; " +
                "print \"rea\", \"dy\\n\"; sleep 9 while 1' | cat\n");
  ASSERT_TRUE(terminal.Sees("ready")) << terminal.seen();
  terminal.Type("\x1a");
  ASSERT_TRUE(terminal.Sees("Stopped")) << terminal.seen();
  ASSERT_TRUE(terminal.Sees(kPrompt)) << terminal.seen();
  terminal.Type("fg\n");
  // The shell shows the command before it has made it the terminal's foreground.
  ASSERT_TRUE(terminal.Sees("going")) << terminal.seen();
  terminal.Type("\x03");
  ASSERT_TRUE(terminal.Sees(kPrompt)) << terminal.seen();
  terminal.Type("echo status=${PIPESTATUS[0]}\n");
  EXPECT_TRUE(terminal.Sees("status=130")) << terminal.seen();
  EXPECT_FALSE(Held());
}

}  // namespace
}  // namespace holdfast
