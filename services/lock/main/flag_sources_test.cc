#include "services/lock/main/flag_sources.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <variant>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lock/main/flags.h"

namespace holdfast {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class FlagSourcesTest : public testing::Test {
 protected:
  ~FlagSourcesTest() override {
    for (const std::string& variable : variables_) unsetenv(variable.c_str());
  }

  void SetVariable(const std::string& name, const std::string& value) {
    variables_.push_back(name);
    setenv(name.c_str(), value.c_str(), 1);
  }

  // Returns the flag that names a file with this content.
  std::string File(const std::string& content) const {
    std::ofstream(path_) << content;
    return "--config=" + path_;
  }

  static std::variant<Flags, EarlyExit> Parse(const std::vector<std::string>& arguments) {
    std::vector<const char*> argv = {"holdfastd"};
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    return ParseFlags(static_cast<int>(argv.size()), argv.data());
  }

  static Flags Accepted(const std::vector<std::string>& arguments = {}) {
    const auto parsed = Parse(arguments);
    const auto* early = std::get_if<EarlyExit>(&parsed);
    if (early == nullptr) return std::get<Flags>(parsed);
    ADD_FAILURE() << early->text;
    return {};
  }

  // The one line that is printed.
  static std::string Refused(const std::vector<std::string>& arguments = {}) {
    const auto parsed = Parse(arguments);
    const auto* early = std::get_if<EarlyExit>(&parsed);
    if (early == nullptr || early->code != ExitCode::kUsage) return "(it was accepted)";
    EXPECT_EQ(early->text.find('\n'), early->text.size() - 1) << early->text;
    return early->text;
  }

  static std::vector<std::string> Addresses(const Flags& flags) {
    std::vector<std::string> texts;
    for (const ListenAddress& address : flags.listen) texts.push_back(address.text);
    return texts;
  }

  const std::string path_ = std::filesystem::path(testing::TempDir()) / "flags.conf";
  std::vector<std::string> variables_;
};

using Texts = std::vector<std::string>;

TEST_F(FlagSourcesTest, TheEnvironmentSetsFlags) {
  SetVariable("HOLDFAST_DATA_DIR", "/var/lib/a folder");
  SetVariable("HOLDFAST_LISTEN", " unix:/h.sock,mode=0666   [::1]:0 ");
  SetVariable("HOLDFAST_MAX_WAITERS_PER_KEY", "7");
  SetVariable("HOLDFAST_LOG_FORMAT", "json");
  const Flags flags = Accepted();
  EXPECT_EQ(flags.data_dir, "/var/lib/a folder");
  EXPECT_EQ(Addresses(flags), (Texts{"unix:/h.sock", "[::1]:0"}));
  EXPECT_EQ(flags.listen[0].unix_mode, 0666u);
  EXPECT_EQ(flags.limits.max_waiters_per_key, 7u);
  EXPECT_EQ(flags.log_format, LogFormat::kJson);
}

TEST_F(FlagSourcesTest, AnEmptyVariableIsNone) {
  SetVariable("HOLDFAST_MAX_LEASES", "");
  EXPECT_EQ(Accepted().limits.max_leases, Limits().max_leases);
}

TEST_F(FlagSourcesTest, VariablesOfClientsAndOrchestratorsAreLeftAlone) {
  SetVariable("HOLDFAST_ADDRESS", "unix:/elsewhere");
  SetVariable("HOLDFAST_PORT", "tcp://10.0.0.1:7650");
  SetVariable("HOLDFAST_HELP", "1");
  SetVariable("HOLDFAST_VERSION", "1");
  EXPECT_EQ(Addresses(Accepted()), Texts{"127.0.0.1:7650"});
}

// Else a server that is started under `holdfast run`, or beside a client, would take a
// client's variable for a flag of its own.
TEST_F(FlagSourcesTest, NoFlagHasTheNameOfAClientsVariable) {
  for (const char* flag : {"address", "key", "token"}) {
    EXPECT_THAT(Refused({std::string("--") + flag + "=1"}), HasSubstr("not expected"))
        << VariableOf(flag) << " is the clients'";
  }
}

TEST_F(FlagSourcesTest, AFileSetsFlags) {
  const Flags flags =
      Accepted({File("# The server's.\n"
                     "\n"
                     "data-dir=/data # not a comment\n"
                     "  listen = unix:/a,group=staff\r\n"
                     "listen = 127.0.0.1:0\n"
                     "reattach-window = 250ms")});
  EXPECT_EQ(flags.data_dir, "/data # not a comment");
  EXPECT_EQ(Addresses(flags), (Texts{"unix:/a", "127.0.0.1:0"}));
  EXPECT_EQ(flags.listen[0].unix_group, "staff");
  EXPECT_EQ(flags.limits.reattach_window, std::chrono::milliseconds(250));
}

TEST_F(FlagSourcesTest, TheCommandLineWinsOverTheEnvironmentAndThatOverTheFile) {
  SetVariable("HOLDFAST_MAX_LEASES", "2");
  SetVariable("HOLDFAST_MAX_WAITERS", "2");
  SetVariable("HOLDFAST_LISTEN", "unix:/2");
  const Flags flags = Accepted(
      {"--max-leases=1", File("max-leases=3\nmax-waiters=3\nmax-watches=3\nlisten=unix:/3\n")});
  EXPECT_EQ(flags.limits.max_leases, 1u);
  EXPECT_EQ(flags.limits.max_waiters, 2u);
  EXPECT_EQ(flags.rpc_limits.max_watches, 3u);
  EXPECT_EQ(Addresses(flags), Texts{"unix:/2"});
  EXPECT_EQ(Addresses(Accepted({"--listen=unix:/1"})), Texts{"unix:/1"});
}

TEST_F(FlagSourcesTest, TheEnvironmentMayNameTheFile) {
  File("max-leases = 3\n");
  SetVariable("HOLDFAST_CONFIG", path_);
  EXPECT_EQ(Accepted().limits.max_leases, 3u);
}

TEST_F(FlagSourcesTest, SaysWhereWhatIsWrongStands) {
  EXPECT_THAT(Refused({File("\nmax-lease = 3\n")}), HasSubstr(path_ + ":2: there is no flag"));
  EXPECT_THAT(Refused({File("help = 1\n")}), HasSubstr(":1: there is no flag"));
  EXPECT_THAT(Refused({File("config = other\n")}), HasSubstr(":1: there is no flag"));
  EXPECT_THAT(Refused({File("max-leases\n")}), HasSubstr(":1: expected `name = value`"));
  EXPECT_THAT(Refused({File("max-leases = 0\n")}),
              AllOf(HasSubstr(path_), HasSubstr("max-leases")));
  EXPECT_THAT(Refused({File("max-leases = 1\nmax-leases = 2\n")}), HasSubstr("--max-leases"));
  EXPECT_THAT(Refused({"--config=/nowhere/at-all"}), HasSubstr("/nowhere/at-all: No such file"));
  EXPECT_THAT(Refused({"--config=/"}), HasSubstr("/: Is a directory"));
  SetVariable("HOLDFAST_MAX_LEASES", "many");
  EXPECT_THAT(Refused(), HasSubstr("HOLDFAST_MAX_LEASES"));
}

}  // namespace
}  // namespace holdfast
