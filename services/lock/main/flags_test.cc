#include "services/lock/main/flags.h"

#include <chrono>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

std::variant<Flags, EarlyExit> Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "holdfastd");
  return ParseFlags(static_cast<int>(arguments.size()), arguments.data());
}

Flags Accepted(const std::vector<const char*>& arguments) {
  const auto parsed = Parse(arguments);
  const auto* early = std::get_if<EarlyExit>(&parsed);
  if (early != nullptr) {
    ADD_FAILURE() << early->text;
    return {};
  }
  return std::get<Flags>(parsed);
}

// What is printed for arguments that are wrong; empty if they are accepted.
std::string Refused(const std::vector<const char*>& arguments) {
  const auto parsed = Parse(arguments);
  const auto* early = std::get_if<EarlyExit>(&parsed);
  if (early == nullptr || early->code != ExitCode::kUsage) return "";
  EXPECT_EQ(early->text.find('\n'), early->text.size() - 1) << early->text;
  return early->text;
}

TEST(FlagsTest, NeedsNone) {
  const Flags flags = Accepted({});
  EXPECT_EQ(flags.data_dir, "holdfast-data");
  ASSERT_EQ(flags.listen.size(), 1u);
  EXPECT_EQ(flags.listen[0].text, "127.0.0.1:7650");
  EXPECT_TRUE(flags.listen_is_default);
  EXPECT_EQ(flags.durability, Durability::kSync);
  EXPECT_EQ(flags.log_level, LogLevel::kInfo);
  EXPECT_EQ(flags.log_format, LogFormat::kLogfmt);
  EXPECT_EQ(flags.limits.reattach_window, Limits().reattach_window);
  EXPECT_EQ(flags.limits.max_leases, Limits().max_leases);
  EXPECT_EQ(flags.rpc_limits.max_message_bytes, RpcLimits().max_message_bytes);
}

TEST(FlagsTest, SetsEverything) {
  const Flags flags = Accepted({"--data-dir=/data",
                                "--listen=unix:/run/h.sock",
                                "--listen",
                                "[::1]:0",
                                "--durability=process",
                                "--reattach-window=250ms",
                                "--max-leases=1",
                                "--max-waiters-per-key=2",
                                "--max-waiters=3",
                                "--max-ended-ids=4",
                                "--max-pending-commands=5",
                                "--max-open-waits=6",
                                "--max-watches=7",
                                "--max-watch-backlog=1008",
                                "--max-sessions=9",
                                "--max-session-operations=10",
                                "--max-message-bytes=5000",
                                "--max-connections=11",
                                "--max-connections-per-peer=12",
                                "--max-calls=13",
                                "--max-calls-per-peer=14",
                                "--max-calls-per-connection=15",
                                "--max-resets-per-second=16",
                                "--max-memory-for-requests=1048577",
                                "--log-level=debug",
                                "--log-format=json"});
  EXPECT_EQ(flags.data_dir, "/data");
  ASSERT_EQ(flags.listen.size(), 2u);
  EXPECT_EQ(flags.listen[0].text, "unix:/run/h.sock");
  EXPECT_EQ(flags.listen[1].text, "[::1]:0");
  EXPECT_FALSE(flags.listen_is_default);
  EXPECT_EQ(flags.durability, Durability::kProcess);
  EXPECT_EQ(flags.limits.reattach_window, std::chrono::milliseconds(250));
  EXPECT_EQ(flags.limits.max_leases, 1u);
  EXPECT_EQ(flags.limits.max_waiters_per_key, 2u);
  EXPECT_EQ(flags.limits.max_waiters, 3u);
  EXPECT_EQ(flags.limits.max_ended_ids, 4u);
  EXPECT_EQ(flags.limits.max_pending_commands, 5u);
  EXPECT_EQ(flags.limits.max_open_waits, 6u);
  EXPECT_EQ(flags.rpc_limits.max_open_waits, 6u);
  EXPECT_EQ(flags.rpc_limits.max_watches, 7u);
  EXPECT_EQ(flags.rpc_limits.max_watch_backlog, 1008u);
  EXPECT_EQ(flags.limits.max_sessions, 9u);
  EXPECT_EQ(flags.rpc_limits.max_sessions, 9u);
  EXPECT_EQ(flags.rpc_limits.max_session_operations, 10u);
  EXPECT_EQ(flags.rpc_limits.max_message_bytes, 5000u);
  EXPECT_EQ(flags.connection_limits.max_connections, 11u);
  EXPECT_EQ(flags.connection_limits.max_connections_per_peer, 12u);
  EXPECT_EQ(flags.connection_limits.max_calls, 13u);
  EXPECT_EQ(flags.connection_limits.max_calls_per_peer, 14u);
  EXPECT_EQ(flags.connection_limits.max_calls_per_connection, 15u);
  EXPECT_EQ(flags.connection_limits.max_resets_per_second, 16u);
  EXPECT_EQ(flags.connection_limits.max_memory_for_requests, 1048577u);
  EXPECT_EQ(flags.log_level, LogLevel::kDebug);
  EXPECT_EQ(flags.log_format, LogFormat::kJson);
}

TEST(FlagsTest, ServesUnlessThereIsAnotherTask) {
  EXPECT_EQ(Accepted({}).task, Task::kServe);
  const Flags backup = Accepted({"backup", "/backup", "--data-dir=/data"});
  EXPECT_EQ(backup.task, Task::kBackup);
  EXPECT_EQ(backup.directory, "/backup");
  EXPECT_EQ(backup.data_dir, "/data");
  EXPECT_EQ(Accepted({"--log-level=error", "verify", "/backup"}).task, Task::kVerify);
  EXPECT_EQ(Accepted({"dump", "/backup"}).task, Task::kDump);
  EXPECT_EQ(Accepted({"restore", "/backup"}).task, Task::kRestore);
  EXPECT_THAT(Refused({"backup"}), HasSubstr("DIR"));
  EXPECT_THAT(Refused({"backup", "/a", "/b"}), HasSubstr("/b"));
}

TEST(FlagsTest, NamesTheFlagThatIsWrong) {
  EXPECT_THAT(Refused({"--durability=maybe"}), HasSubstr("--durability"));
  EXPECT_THAT(Refused({"--log-level=loud"}), HasSubstr("--log-level"));
  EXPECT_THAT(Refused({"--log-format=xml"}), HasSubstr("--log-format"));
  EXPECT_THAT(Refused({"--listen=nowhere"}), HasSubstr("--listen"));
  EXPECT_THAT(Refused({"--nonsense"}), HasSubstr("--nonsense"));
  EXPECT_THAT(Refused({"word"}), HasSubstr("word"));
  EXPECT_THAT(Refused({"--data-dir"}), HasSubstr("--data-dir"));
}

TEST(FlagsTest, AnAddressMaySayWhoMayConnect) {
  const Flags flags = Accepted({"--listen=unix:/h,mode=0660,group=staff", "--listen=[::1]:0"});
  ASSERT_EQ(flags.listen.size(), 2u) << "a comma separates nothing else";
  EXPECT_EQ(flags.listen[0].text, "unix:/h");
  EXPECT_EQ(flags.listen[0].unix_mode, 0660u);
  EXPECT_EQ(flags.listen[0].unix_group, "staff");
  EXPECT_THAT(Refused({"--listen=unix:/h,mode=9"}), HasSubstr("octal"));
}

TEST(FlagsTest, KeepsNumbersWithinTheirLimits) {
  EXPECT_EQ(Refused({"--max-leases=1"}), "");
  EXPECT_THAT(Refused({"--max-leases=0"}), HasSubstr("--max-leases"));
  EXPECT_EQ(Refused({"--max-leases=4294967295"}), "");
  EXPECT_THAT(Refused({"--max-leases=4294967296"}), HasSubstr("--max-leases"));
  EXPECT_THAT(Refused({"--max-leases=-1"}), HasSubstr("--max-leases"));
  EXPECT_THAT(Refused({"--max-leases=many"}), HasSubstr("--max-leases"));
  EXPECT_EQ(Refused({"--max-watch-backlog=1000"}), "");
  EXPECT_THAT(Refused({"--max-watch-backlog=999"}), HasSubstr("--max-watch-backlog"));
  EXPECT_EQ(Refused({"--max-memory-for-requests=1048576"}), "");
  EXPECT_THAT(Refused({"--max-memory-for-requests=1048575"}), HasSubstr("-for-requests"));
  EXPECT_EQ(Refused({"--max-message-bytes=4096"}), "");
  EXPECT_THAT(Refused({"--max-message-bytes=4095"}), HasSubstr("--max-message-bytes"));
  EXPECT_EQ(Refused({"--max-message-bytes=67108864"}), "");
  EXPECT_THAT(Refused({"--max-message-bytes=67108865"}), HasSubstr("--max-message-bytes"));
}

TEST(FlagsTest, KeepsTheReattachWindowWithinAnHour) {
  EXPECT_EQ(Refused({"--reattach-window=1ms"}), "");
  EXPECT_THAT(Refused({"--reattach-window=999us"}), HasSubstr("--reattach-window"));
  EXPECT_EQ(Refused({"--reattach-window=1h"}), "");
  EXPECT_THAT(Refused({"--reattach-window=3601s"}), HasSubstr("--reattach-window"));
  EXPECT_THAT(Refused({"--reattach-window=5"}), HasSubstr("--reattach-window"));
}

TEST(FlagsTest, HelpShowsEachFlagWithItsDefault) {
  const auto parsed = Parse({"--help"});
  const auto& early = std::get<EarlyExit>(parsed);
  EXPECT_EQ(early.code, ExitCode::kOk);
  for (const char* text : {"--data-dir",
                           "=holdfast-data",
                           "--listen",
                           "127.0.0.1:7650",
                           "--durability",
                           "=sync",
                           "--reattach-window",
                           "=5s",
                           "--max-leases",
                           "=1000000",
                           "--max-waiters-per-key",
                           "=100000",
                           "--max-waiters",
                           "=200000",
                           "--max-ended-ids",
                           "--max-pending-commands",
                           "=65536",
                           "--max-open-waits",
                           "--max-watches",
                           "--max-watch-backlog",
                           "--max-message-bytes",
                           "BYTES",
                           "--max-connections",
                           "--max-connections-per-peer",
                           "--max-calls",
                           "--max-calls-per-peer",
                           "--max-calls-per-connection",
                           "--max-resets-per-second",
                           "--max-memory-for-requests",
                           "--log-level",
                           "=info",
                           "--log-format",
                           "=logfmt",
                           "--config",
                           "HOLDFAST_DATA_DIR",
                           "--version",
                           "Exit codes"}) {
    EXPECT_THAT(early.text, HasSubstr(text));
  }
}

TEST(FlagsTest, VersionIsOneLine) {
  const auto parsed = Parse({"--version"});
  const auto& early = std::get<EarlyExit>(parsed);
  EXPECT_EQ(early.code, ExitCode::kOk);
  EXPECT_THAT(early.text, testing::MatchesRegex("holdfastd [0-9.]+\n"));
}

}  // namespace
}  // namespace holdfast
