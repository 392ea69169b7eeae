// Writes histories by hand, one line for each event, for the tests of the checker:
//
//   Story story;
//   const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s});
//   story.Granted(1ms, a, 5);
//   const Call b = story.Acquires(2ms, 2, "b", {.expire = 10s});
//   story.Granted(3ms, b, 6);
//   EXPECT_EQ(story.Found(), "I2(1,3) I8(0,3)");
//
// The first argument is the time, the second of a call the client. The numbers that are
// found are those of the lines, from 0 on. Thread-compatible.

#ifndef HOLDFAST_TESTS_SUPPORT_HISTORY_STORY_H_
#define HOLDFAST_TESTS_SUPPORT_HISTORY_STORY_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/history/history.h"
#include "tests/support/history/rules.h"
#include "tests/support/history/violation.h"

namespace holdfast::history {

struct AcquireOptions {
  std::optional<Duration> expire = std::nullopt;
  std::optional<Duration> timeout = Duration::zero();  // Absent: waits.
  std::string key = "k";
  std::optional<Duration> max_hold = std::nullopt;
};

class Story {
 public:
  // One call, to be named where something comes of it.
  struct Call {
    std::uint32_t client = 0;
    std::uint64_t operation = 0;
    Time valid_until{};  // The deadline that its caller counts on.
  };

  Call Acquires(Time at, std::uint32_t client, const std::string& lease,
                AcquireOptions options = {});
  // Acquires with the intention to wait.
  Call Waits(Time at, std::uint32_t client, const std::string& lease, AcquireOptions options = {});
  Call Renews(Time at, std::uint32_t client, const std::string& lease,
              std::optional<Duration> expire = std::nullopt);
  Call Releases(Time at, std::uint32_t client, const std::string& lease);
  Call Forces(Time at, std::uint32_t client, std::uint64_t token = 0);
  Call Gets(Time at, std::uint32_t client);

  void Queued(Time at, const Call& call, std::uint64_t place);
  // Without `until`: the call's expire after the call.
  void Granted(Time at, const Call& call, std::uint64_t token,
               std::optional<Time> until = std::nullopt);
  void Renewed(Time at, const Call& call, std::uint64_t token,
               std::optional<Time> until = std::nullopt);
  void Released(Time at, const Call& call);
  void Forced(Time at, const Call& call, std::uint64_t token);
  void Shown(Time at, const Call& call, std::uint64_t token);
  void Refused(Time at, const Call& call, Reason reason);
  void Unanswered(Time at, const Call& call);

  void Loses(Time at, std::uint32_t client, const std::string& lease);
  void Written(Time at, std::uint32_t client, std::uint64_t token, bool accepted = true,
               const std::string& resource = "r");
  void ServerStops(Time at);
  void ServerStarts(Time at, bool continued = false);
  void ClientStops(Time at, std::uint32_t client);
  void ClientContinues(Time at, std::uint32_t client);
  void IsQuiet(Time at, const Quiet& left);

  void Add(Time at, std::uint32_t client, std::uint64_t operation, What what);

  const History& history() const { return history_; }

  // What the checker finds, in its order: "I2(1,3) I8(0,3)"; "" if nothing.
  std::string Found(const Rules& rules = {}) const;

 private:
  struct Lease {
    std::string key;
    std::optional<Duration> expire;
  };

  Call Calls(Time at, std::uint32_t client, What what, std::optional<Duration> expire);
  void Answers(Time at, const Call& call, What what);

  History history_;
  std::map<std::string, Lease> leases_;
  std::map<std::uint32_t, std::uint64_t> operations_;  // By client: the last.
};

using Call = Story::Call;

// "I2(1,3) I8(0,3)".
std::string Short(const std::vector<Violation>& violations);

}  // namespace holdfast::history

#endif  // HOLDFAST_TESTS_SUPPORT_HISTORY_STORY_H_
