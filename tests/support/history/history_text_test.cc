#include "tests/support/history/history_text.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/history/check_history.h"
#include "tests/support/history/history_file.h"
#include "tests/support/history/made_history.h"

namespace holdfast::history {
namespace {

using std::chrono::operator""ns;
using std::chrono::operator""s;

std::string TempPath(const std::string& name) {
  const char* folder = std::getenv("TEST_TMPDIR");
  return std::string(folder == nullptr ? "/tmp" : folder) + "/" +
         testing::UnitTest::GetInstance()->current_test_info()->name() + "-" + name;
}

TEST(HistoryText, ReadsAsItsCommentSays) {
  const Event event{.time = 1'200'350ns,
                    .client = 3,
                    .operation = 17,
                    .what = AcquireCalled{.key = "orders of \xc3\xbc\n",
                                          .lease_id = "0b9f",
                                          .expire = 2s,
                                          .timeout = std::nullopt}};
  EXPECT_EQ(ToText(event),
            "1200350 3 17 AcquireCalled key=orders%20of%20%c3%bc%0a lease_id=0b9f "
            "expire=2000000000");
}

TEST(HistoryText, EveryKindOfEventComesBackAsItWas) {
  const std::vector<What> all = {
      AcquireCalled{.key = "k%=# ", .lease_id = "a", .expire = 1s, .timeout = 0s},
      AcquireCalled{.key = "", .lease_id = "a"},
      AcquireCalled{.key = "k", .lease_id = "a", .max_hold = 3s},
      RenewCalled{.key = "k", .lease_id = "a", .expire = kForever},
      RenewCalled{.key = "k", .lease_id = "a"},
      ReleaseCalled{.key = "k", .lease_id = "a"},
      ForceReleaseCalled{.key = "k", .fencing_token = ~std::uint64_t{0}},
      GetCalled{.key = "k"},
      Queued{.queue_sequence = 7, .position = 2},
      Granted{.fencing_token = 5, .valid_until = kForever},
      Renewed{.fencing_token = 5, .valid_until = -3ns},
      Released{},
      Forced{.fencing_token = 5},
      Shown{.fencing_token = 5, .queue_length = 3},
      Unanswered{},
      Lost{.key = "k", .lease_id = "a"},
      Written{.resource = "r", .fencing_token = 5, .accepted = true},
      Written{.resource = "r", .fencing_token = 5, .accepted = false},
      ServerStarted{},
      ServerStarted{.continued = true},
      ServerStopped{},
      ClientStopped{},
      ClientContinued{},
      Quiet{},
      Quiet{.leases = 1, .open_calls = 2, .watches = 3, .file_descriptors = -4},
      Quiet{.waiters = 1, .timers = 2},
  };
  std::vector<bool> seen(std::variant_size_v<What>);
  const auto comes_back = [&](const What& what) {
    const std::string line = ToText({.time = 1ns, .client = 2, .operation = 3, .what = what});
    EXPECT_EQ(line.find('\n'), std::string::npos);
    const absl::StatusOr<Event> event = FromText(line);
    ASSERT_TRUE(event.ok()) << event.status();
    EXPECT_EQ(event->what.index(), what.index());
    EXPECT_EQ(ToText(*event), line);
    seen[what.index()] = true;
  };
  for (const What& what : all) comes_back(what);
  for (int reason = 0; reason <= static_cast<int>(Reason::kUnavailable); ++reason) {
    comes_back(Refused{static_cast<Reason>(reason)});
    EXPECT_EQ(ToText({.what = Refused{static_cast<Reason>(reason)}}).find('?'), std::string::npos);
  }
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_TRUE(seen[i]) << "kind " << i;
}

TEST(HistoryText, KeepsValues) {
  const std::string line = "5 3 1 Granted fencing_token=18446744073709551615 valid_until=forever";
  const absl::StatusOr<Event> event = FromText(line);
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(event->time, 5ns);
  EXPECT_EQ(event->client, 3U);
  EXPECT_EQ(event->operation, 1U);
  EXPECT_EQ(std::get<Granted>(event->what).fencing_token, ~std::uint64_t{0});
  EXPECT_EQ(std::get<Granted>(event->what).valid_until, kForever);

  const absl::StatusOr<Event> acquire =
      FromText("5 3 1 AcquireCalled key=%41b lease_id=x timeout=0");
  ASSERT_TRUE(acquire.ok()) << acquire.status();
  EXPECT_EQ(std::get<AcquireCalled>(acquire->what).key, "Ab");
  EXPECT_EQ(std::get<AcquireCalled>(acquire->what).expire, std::nullopt);
  EXPECT_EQ(std::get<AcquireCalled>(acquire->what).timeout, 0s);
}

TEST(HistoryText, RefusesWhatIsNoEvent) {
  for (const char* line : {
           "",
           "5",
           "5 3 1",
           "x 3 1 Released",
           "5 -3 1 Released",
           "5 3 1x Released",
           "5 3 1 Relased",
           "5 3 1 Released what=1",
           "5 3 1 Forced",
           "5 3 1 Forced fencing_token=",
           "5 3 1 Forced fencing_token=-1",
           "5 3 1 Forced fencing_token=18446744073709551616",
           "5 3 1 Granted valid_until=1 fencing_token=1",
           "5 3 1 Refused reason=LOCK",
           "5 3 1 GetCalled key=a%4",
           "5 3 1 GetCalled key=a%4g",
           "5 3 1 GetCalled key=a b",
           "5 3 0 Written resource=r fencing_token=1 accepted=2",
       }) {
    EXPECT_EQ(FromText(line).status().code(), absl::StatusCode::kInvalidArgument) << line;
  }
}

TEST(HistoryFile, SeveralFilesAreMergedByTime) {
  const History history = MakeHistory({.operations = 300, .keys = 2});
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < 3; ++i) {
    paths.push_back(TempPath(std::to_string(i)));
    const auto file = HistoryFile::Open(paths.back());
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE((*file)->AppendRemark("seed 1").ok());
    for (std::size_t j = i; j < history.size(); j += 3) {
      ASSERT_TRUE((*file)->Append(history[j]).ok());
    }
  }
  const absl::StatusOr<History> merged = ReadHistory(paths);
  ASSERT_TRUE(merged.ok()) << merged.status();
  ASSERT_EQ(merged->size(), history.size());
  for (std::size_t i = 0; i < history.size(); ++i) {
    ASSERT_EQ(ToText((*merged)[i]), ToText(history[i]));
  }
}

// Several processes append to one file until they are killed.
TEST(HistoryFile, WhatWasAppendedStaysWhenItsWriterIsKilled) {
  const std::string path = TempPath("shared");
  constexpr int kWriters = 4;
  std::vector<pid_t> writers;
  for (int i = 0; i < kWriters; ++i) {
    const pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      const auto file = HistoryFile::Open(path);
      if (!file.ok()) _exit(1);
      for (std::uint64_t n = 1; n <= 20'000; ++n) {
        const Event event{.time = Time(n),
                          .client = static_cast<std::uint32_t>(i),
                          .operation = n,
                          .what = GetCalled{.key = std::string(200, 'k')}};
        if (!(*file)->Append(event).ok()) _exit(1);
      }
      for (;;) pause();
    }
    writers.push_back(pid);
  }
  // Until each of them has written something.
  std::vector<std::uint64_t> last(kWriters);
  const auto read = [&] {
    const absl::StatusOr<History> history = ReadHistory({path});
    last.assign(kWriters, 0);
    if (!history.ok()) return history.status();
    for (const Event& event : *history) {
      // No line is missing, and none is mixed up with another.
      EXPECT_EQ(event.operation, last[event.client] + 1);
      last[event.client] = event.operation;
    }
    return absl::OkStatus();
  };
  while (std::count(last.begin(), last.end(), 0) > 0) (void)read();
  for (const pid_t pid : writers) {
    EXPECT_EQ(kill(pid, SIGKILL), 0);
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFSIGNALED(status));
  }
  EXPECT_TRUE(read().ok());
}

TEST(HistoryFile, ALineThatWasCutOffIsLeftOutAndAWrongOneIsNamed) {
  const std::string path = TempPath("file");
  std::ofstream(path) << "# remark\n\n1 0 0 ServerStarted continued=0\n2 1 1 GetCalled ke";
  const absl::StatusOr<History> history = ReadHistory({path});
  ASSERT_TRUE(history.ok()) << history.status();
  EXPECT_EQ(history->size(), 1U);

  std::ofstream(path, std::ios::app) << "\n";
  const absl::Status wrong = ReadHistory({path}).status();
  EXPECT_EQ(wrong.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(wrong.message()).find(path + ":4: "), std::string::npos) << wrong;

  EXPECT_EQ(ReadHistory({path + "-none"}).status().code(), absl::StatusCode::kNotFound);
}

TEST(CheckHistory, SaysWhatItFinds) {
  const std::string path = TempPath("file");
  std::ofstream(path) << "1000000 1 1 AcquireCalled key=k lease_id=a expire=10000000000 timeout=0\n"
                         "2000000 1 1 Granted fencing_token=5 valid_until=9000000000\n"
                         "3000000 2 1 AcquireCalled key=k lease_id=b timeout=0\n"
                         "4000000 2 1 Granted fencing_token=6 valid_until=forever\n";
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(CheckHistory({path}, out, err), 1);
  EXPECT_EQ(err.str(), "");
  EXPECT_EQ(out.str(),
            "I2 exclusion: lease b of key k is held while lease a of key k is\n"
            "  [1] 2000000 1 1 Granted fencing_token=5 valid_until=9000000000\n"
            "  [3] 4000000 2 1 Granted fencing_token=6 valid_until=forever\n"
            "\n"
            "I8 no early lapse: lease b of key k was granted before lease a of key k can have "
            "lapsed\n"
            "  [0] 1000000 1 1 AcquireCalled key=k lease_id=a expire=10000000000 timeout=0\n"
            "  [3] 4000000 2 1 Granted fencing_token=6 valid_until=forever\n"
            "\n"
            "4 events, 2 calls: 2 violations\n");
}

TEST(CheckHistory, SearchesForAnOrderWhereNoRuleIsBroken) {
  const std::string path = TempPath("file");
  std::ofstream(path) << "1 1 1 AcquireCalled key=k lease_id=a timeout=0\n"
                         "2 1 1 Refused reason=LOCK_HELD\n";
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(CheckHistory({path}, out, err), 1);
  EXPECT_EQ(out.str().rfind("linearizable for no order: ", 0), 0U) << out.str();
}

TEST(CheckHistory, ItsExitCodeSaysHowItWent) {
  const std::string path = TempPath("file");
  std::ofstream(path) << "1 1 0 Written resource=r fencing_token=6 accepted=1\n"
                         "2 1 0 Written resource=r fencing_token=5 accepted=1\n";
  const auto run = [](const std::vector<std::string>& arguments) {
    std::ostringstream out;
    std::ostringstream err;
    const int code = CheckHistory(arguments, out, err);
    EXPECT_EQ(err.str().empty(), code != 2);
    return code;
  };
  EXPECT_EQ(run({path}), 1);
  EXPECT_EQ(run({"--unfenced=r", path}), 0);
  EXPECT_EQ(run({"--unfenced=q", path}), 1);
  EXPECT_EQ(run({"--network=50", "--grant-within=200", "--no-liveness", "--requests-repeat",
                 "--answers-lost", "--leases-stay=1", "--unfenced=r", path}),
            0);
  EXPECT_EQ(run({"--network=x", path}), 2);
  EXPECT_EQ(run({"--network=-1", path}), 2);
  EXPECT_EQ(run({"--nonsense", path}), 2);
  EXPECT_EQ(run({}), 2);
  EXPECT_EQ(run({path + "-none"}), 2);
  EXPECT_EQ(run({"--help"}), 0);
}

}  // namespace
}  // namespace holdfast::history
