// The calls of the raw API, each recorded as one operation: before it is sent, and
// when its answer has come.
//
// Nothing is retried here. A caller who gives up says so on record, and only then
// cancels the call; what arrives after that is not looked at.

#ifndef HOLDFAST_TESTS_CHAOS_RECORDED_CALLS_H_
#define HOLDFAST_TESTS_CHAOS_RECORDED_CALLS_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "holdfast/v1/admin_service.grpc.pb.h"
#include "holdfast/v1/lock_service.grpc.pb.h"
#include "tests/chaos/recorder.h"
#include "tests/support/acquire_args.h"
#include "tests/support/history/history.h"

namespace holdfast::chaos {

// How a call ended.
using CallEnd = std::variant<history::Unanswered, history::Refused, history::Granted,
                             history::Renewed, history::Released, history::Forced, history::Shown>;

// One client, which does one thing at a time. Thread-compatible.
class RecordedCalls {
 public:
  // `recorder` lives until the process ends. `client` is the number by which the
  // history knows this client.
  RecordedCalls(const std::string& address, Recorder& recorder, std::uint32_t client);

  // Each gives up after `time_limit`.
  CallEnd Acquire(const AcquireArgs& args, std::chrono::milliseconds time_limit);
  CallEnd Wait(const AcquireArgs& args, std::chrono::milliseconds time_limit);
  CallEnd Renew(const std::string& key, const std::string& lease_id,
                std::chrono::milliseconds time_limit);
  CallEnd Release(const std::string& key, const std::string& lease_id,
                  std::chrono::milliseconds time_limit);
  CallEnd Get(const std::string& key, std::chrono::milliseconds time_limit);
  CallEnd ForceRelease(const std::string& key, std::uint64_t fencing_token,
                       std::chrono::milliseconds time_limit);

  // The lease is taken for lost.
  void RecordLost(const std::string& key, const std::string& lease_id);

  std::uint64_t operations() const { return operation_; }

 private:
  class WaitStream;

  // Records the call, sends it by `start`, and records its end: `read` tells that of
  // an answer.
  template <typename Response, typename Request, typename Start, typename Read>
  CallEnd Unary(history::What called, const Request& request, std::chrono::milliseconds time_limit,
                const Start& start, const Read& read);

  Recorder& recorder_;
  const std::uint32_t client_;
  const std::unique_ptr<v1::LockService::Stub> locks_;
  const std::unique_ptr<v1::AdminService::Stub> admin_;
  std::uint64_t operation_ = 0;
};

// Whether the call has to be sent again: nobody knows what came of it, or the server
// has not looked at it.
bool MustRepeat(const CallEnd& end);

// Why the call was refused. Absent: it was not.
std::optional<history::Reason> RefusedFor(const CallEnd& end);

}  // namespace holdfast::chaos

#endif  // HOLDFAST_TESTS_CHAOS_RECORDED_CALLS_H_
