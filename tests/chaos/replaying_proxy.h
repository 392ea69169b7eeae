// A proxy of calls that treats them as badly as a network may: a server with the
// interface of the real one (but for List, Watch and ReleaseByTag) that passes on each
// call, and
//
//   * loses requests, and answers: the client is told UNAVAILABLE either way;
//   * passes on a request twice, at once or seconds later, when the lease that it asks
//     for has long been released;
//   * passes on a request only after its client has been told UNAVAILABLE and has moved
//     on;
//   * cuts Wait streams after a random time, and loses the grant of some.
//
// All of the real server's answers are checked.

#ifndef HOLDFAST_TESTS_CHAOS_REPLAYING_PROXY_H_
#define HOLDFAST_TESTS_CHAOS_REPLAYING_PROXY_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>

#include "common/mutex.h"
#include "grpcpp/server.h"
#include "grpcpp/server_context.h"
#include "holdfast/v1/admin_service.grpc.pb.h"
#include "holdfast/v1/lock_service.grpc.pb.h"
#include "tests/chaos/answer_checker.h"
#include "tests/chaos/delayed_tasks.h"
#include "tests/support/temp_dir.h"

namespace holdfast::chaos {

// Thread-safe.
class ReplayingProxy final : private v1::LockService::Service {
 public:
  // Ends the process if it cannot be started.
  ReplayingProxy(const std::string& server, std::uint64_t seed);
  ~ReplayingProxy() override;

  std::string address() const { return "unix:" + folder_.path() + "/proxy"; }

  // Passes everything on at once from now on, and returns when the server has answered
  // all that was late.
  void Finish();

  AnswerChecker& answers() { return answers_; }

  struct Figures {
    std::uint64_t calls = 0;
    std::uint64_t requests_lost = 0;
    std::uint64_t answers_lost = 0;
    std::uint64_t repeated = 0;  // At once or later.
    std::uint64_t late = 0;      // Passed on after the client was told UNAVAILABLE.
    std::uint64_t streams_cut = 0;
    std::uint64_t grants_lost = 0;  // Of those streams.
  };
  Figures figures() const EXCLUDES(mutex_);

 private:
  // One class cannot have the methods of both services.
  class Admin final : public v1::AdminService::Service {
   public:
    explicit Admin(ReplayingProxy& proxy) : proxy_(proxy) {}
    grpc::Status ForceRelease(grpc::ServerContext* context, const v1::ForceReleaseRequest* request,
                              v1::ForceReleaseResponse* response) override {
      return proxy_.Unary(*context, *request, *response);
    }

   private:
    ReplayingProxy& proxy_;
  };

  enum class Fate { kPass, kLoseRequest, kLoseAnswer, kTwiceAtOnce, kAgainLater, kLate };

  grpc::Status Acquire(grpc::ServerContext* context, const v1::AcquireRequest* request,
                       v1::AcquireResponse* response) override;
  grpc::Status Renew(grpc::ServerContext* context, const v1::RenewRequest* request,
                     v1::RenewResponse* response) override;
  grpc::Status Release(grpc::ServerContext* context, const v1::ReleaseRequest* request,
                       v1::ReleaseResponse* response) override;
  grpc::Status Get(grpc::ServerContext* context, const v1::GetRequest* request,
                   v1::GetResponse* response) override;
  grpc::Status Wait(grpc::ServerContext* context, const v1::AcquireRequest* request,
                    grpc::ServerWriter<v1::WaitEvent>* writer) override;

  // One call of the real server, with its answers checked.
  grpc::Status CallOnce(grpc::ClientContext& context, const v1::AcquireRequest& request,
                        v1::AcquireResponse& response);
  grpc::Status CallOnce(grpc::ClientContext& context, const v1::RenewRequest& request,
                        v1::RenewResponse& response);
  grpc::Status CallOnce(grpc::ClientContext& context, const v1::ReleaseRequest& request,
                        v1::ReleaseResponse& response);
  grpc::Status CallOnce(grpc::ClientContext& context, const v1::ForceReleaseRequest& request,
                        v1::ForceReleaseResponse& response);
  // `tell`: false ends the stream.
  grpc::Status WaitOnce(grpc::ClientContext& context, const v1::AcquireRequest& request,
                        const std::function<bool(const v1::WaitEvent&)>& tell);

  // Passes a call on by its fate.
  template <typename Request, typename Response>
  grpc::Status Unary(grpc::ServerContext& context, const Request& request, Response& response);

  // Sends a copy of the request, now or later, and hears its answer in place of the
  // client.
  template <typename Request, typename Response>
  void SendCopy(const Request& request, std::chrono::milliseconds after);
  void SendWaitCopy(const v1::AcquireRequest& request, std::chrono::milliseconds after);

  Fate Draw() EXCLUDES(mutex_);
  // Whether a Wait stream is to be cut.
  bool DrawCut() EXCLUDES(mutex_);
  int Between(int least, int most) EXCLUDES(mutex_);
  std::chrono::milliseconds Span(int least_ms, int most_ms) {
    return std::chrono::milliseconds(Between(least_ms, most_ms));
  }
  void Count(std::uint64_t Figures::*figure) EXCLUDES(mutex_);

  const TempDir folder_;
  const std::unique_ptr<v1::LockService::Stub> stub_;
  const std::unique_ptr<v1::AdminService::Stub> admin_stub_;
  Admin admin_;
  AnswerChecker answers_;

  mutable Mutex mutex_;
  std::mt19937_64 random_ GUARDED_BY(mutex_);
  bool harmless_ GUARDED_BY(mutex_) = false;
  Figures figures_ GUARDED_BY(mutex_);

  DelayedTasks delayed_tasks_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace holdfast::chaos

#endif  // HOLDFAST_TESTS_CHAOS_REPLAYING_PROXY_H_
