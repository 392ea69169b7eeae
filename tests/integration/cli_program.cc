#include "tests/integration/cli_program.h"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <utility>

#include "gtest/gtest.h"
#include "tests/support/eventually.h"
#include "tests/support/runfile.h"

namespace holdfast {
namespace {

std::string ReadFile(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const CliResult& result) {
  return out << result.status << "\nout: " << result.out << "\nerr: " << result.err;
}

CliProgram::CliProgram(std::vector<std::string> arguments, const std::string& address) {
  arguments.insert(arguments.begin(), Runfile("clients/cli/holdfast"));
  arguments.insert(arguments.begin() + 2, "--address=" + address);
  auto child = ChildProcess::Start(
      {.argv = std::move(arguments), .stderr_path = folder_.path() + "/err", .talk = true});
  if (!child.ok()) {
    std::cerr << "holdfast: " << child.status() << '\n';
    std::abort();
  }
  child_ = *std::move(child);
}

std::string CliProgram::ReadLine() { return child_->ReadLine(kWaitLimit).value_or("(silence)"); }

std::string CliProgram::Errors() const { return ReadFile(folder_.path() + "/err"); }

CliResult CliProgram::Finish() {
  CliResult result;
  // Its output ends when it has ended, and all that it has left running.
  while (const auto line = child_->ReadLine(kWaitLimit)) result.out += *line + "\n";
  const std::optional<ExitStatus> status = child_->WaitForExit(kWaitLimit);
  EXPECT_TRUE(status.has_value()) << "holdfast does not end";
  result.status = status.value_or(ExitStatus{});
  result.err = Errors();
  return result;
}

pid_t KeeperOf(const CliProgram& run) {
  const std::string pid = std::to_string(run.pid());
  pid_t child = 0;
  std::ifstream("/proc/" + pid + "/task/" + pid + "/children") >> child;
  return child;
}

bool Lives(pid_t pid) {
  const std::string stat = ReadFile("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t name_end = stat.rfind(')');
  return name_end != std::string::npos && stat.substr(name_end + 2, 1) != "Z";
}

}  // namespace holdfast
