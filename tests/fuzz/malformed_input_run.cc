#include "tests/fuzz/malformed_input_run.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "common/mutex.h"
#include "grpcpp/client_context.h"
#include "holdfast/v1/lock_service.grpc.pb.h"
#include "tests/fuzz/bystanders.h"
#include "tests/fuzz/malformed_input.h"
#include "tests/fuzz/raw_connection.h"
#include "tests/fuzz/wire_message.h"
#include "tests/support/acquire_args.h"
#include "tests/support/eventually.h"
#include "tests/support/process_usage.h"
#include "tests/support/server_process.h"
#include "tests/support/session_stream.h"
#include "tests/support/stub_client.h"
#include "tests/support/wait_call.h"

namespace holdfast::fuzz {
namespace {

using std::chrono::milliseconds;

// Limits for the server, low enough to be reached. When all is over, as many can be opened
// again as they allow, unless something was left open.
constexpr int kMaxWaits = 64;
constexpr int kMaxWatches = 16;
constexpr int kMaxSessions = 32;

// Senders at the same time.
constexpr int kSenders = 3;

// Connections that stay open to the end, of each sender.
constexpr std::size_t kMaxLeftOpen = 60;

// How long a server that does not read or does not close is waited for. It need not do
// either in time; what counts is the end.
constexpr milliseconds kSendTimeout(500);
constexpr milliseconds kHangUpTimeout(200);

// Thread-safe.
class Senders {
 public:
  Senders(const MalformedInputPlan& plan, std::vector<std::string> addresses)
      : plan_(plan), addresses_(std::move(addresses)) {
    for (int i = 0; i < kSenders; ++i) {
      threads_.emplace_back([this] { Run(); });
    }
  }

  // Returns when all has been sent, and all connections are closed.
  void Join(MalformedInputReport& report) {
    for (std::thread& thread : threads_) thread.join();
    MutexLock lock(mutex_);
    report.sent = sent_;
    report.bytes = bytes_;
  }

 private:
  void Run() {
    std::vector<RawConnection> left_open;
    while (watch_.Elapsed() < plan_.limit) {
      const int number = next_.fetch_add(1);
      if (number >= plan_.connections) return;
      const MalformedInput input =
          MakeMalformedInput(plan_.seed * 1'000'003 + static_cast<unsigned>(number));
      const std::string& address = addresses_[static_cast<std::size_t>(number) % addresses_.size()];
      std::optional<RawConnection> connection = RawConnection::Open(address);
      if (!connection.has_value()) return;  // The server is gone, which will be noticed.
      const bool taken = connection->Send(input.bytes, kSendTimeout);
      Note(input, taken);
      if (input.end == MalformedInput::End::kHangUp) connection->HangUp(kHangUpTimeout);
      if (input.end == MalformedInput::End::kStayOpen && left_open.size() < kMaxLeftOpen) {
        left_open.push_back(*std::move(connection));
      }
    }
  }

  void Note(const MalformedInput& input, bool taken) {
    MutexLock lock(mutex_);
    ++sent_[input.kind];
    if (taken) bytes_ += input.bytes.size();
  }

  const MalformedInputPlan plan_;
  const std::vector<std::string> addresses_;
  const Stopwatch watch_;
  std::atomic<int> next_ = 0;
  std::vector<std::thread> threads_;

  Mutex mutex_;
  std::map<std::string, int> sent_ GUARDED_BY(mutex_);
  std::uint64_t bytes_ GUARDED_BY(mutex_) = 0;
};

// How many of the locks that there are have somebody waiting for them.
int QueuedWaiters(StubClient& client) {
  int waiters = 0;
  for (const v1::Lock& lock : client.ListAll().response) {
    waiters += static_cast<int>(lock.queue_length());
  }
  return waiters;
}

// Opens as many waits as there may be. False: some are taken.
bool AllWaitsAreFree(StubClient& client) {
  const std::string key = "witness/lock";
  if (!client.Acquire({.key = key, .lease_id = Id("witness")}).ok()) return false;
  std::vector<std::unique_ptr<WaitCall>> waits;
  for (int i = 0; i < kMaxWaits; ++i) {
    waits.push_back(std::make_unique<WaitCall>(
        client,
        AcquireArgs{.key = key, .lease_id = Id("witness", i), .expire = std::chrono::minutes(1)}));
  }
  const bool free =
      std::all_of(waits.begin(), waits.end(), [](const auto& wait) { return wait->AwaitQueued(); });
  return client.Release(key, Id("witness")).ok() && free;
}

// The same for watches.
bool AllWatchesAreFree(StubClient& client) {
  struct Watch {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<v1::WatchResponse>> reader;
  };
  std::vector<std::unique_ptr<Watch>> watches;
  bool free = true;
  for (int i = 0; i < kMaxWatches; ++i) {
    watches.push_back(std::make_unique<Watch>());
    Watch& watch = *watches.back();
    Prepare(watch.context);
    watch.reader = client.stub().Watch(&watch.context, {});
    v1::WatchResponse response;
    free = watch.reader->Read(&response) && free;
  }
  for (const auto& watch : watches) watch->context.TryCancel();
  for (const auto& watch : watches) watch->reader->Finish();
  return free;
}

// The same for sessions.
bool AllSessionsAreFree(StubClient& client) {
  std::vector<std::unique_ptr<SessionStream>> sessions;
  bool free = true;
  for (int i = 0; i < kMaxSessions; ++i) {
    sessions.push_back(std::make_unique<SessionStream>(client.channel(), Id("witness-session", i)));
    sessions.back()->Attach();
    free = sessions.back()->Await(sessions.back()->RenewAll()).has_renewed_all() && free;
  }
  return free;
}

}  // namespace

MalformedInputReport RunMalformedInput(const MalformedInputPlan& plan) {
  SilenceProtobuf();
  MalformedInputReport report;
  ServerProcess server({.flags = {"--listen=127.0.0.1:0", "--reattach-window=200ms",
                                  "--max-open-waits=" + std::to_string(kMaxWaits),
                                  "--max-watches=" + std::to_string(kMaxWatches),
                                  "--max-sessions=" + std::to_string(kMaxSessions)}});
  if (const absl::Status started = server.Start(); !started.ok()) {
    report.troubles.push_back(started.ToString());
    return report;
  }
  const std::vector<std::string> addresses = {server.address(), server.TcpAddress()};
  StubClient witness(server.address());
  witness.Get("k");
  Bystanders bystanders({addresses[0], addresses[1], addresses[0], addresses[1]});
  Eventually([&] { return bystanders.rounds() >= 8 || !bystanders.troubles().empty(); });
  const int files_before = OpenFiles(server.pid());

  Senders(plan, addresses).Join(report);
  const std::uint64_t rounds = bystanders.rounds();
  Eventually([&] { return bystanders.rounds() >= rounds + 8 || !bystanders.troubles().empty(); });
  bystanders.Stop();
  report.rounds = bystanders.rounds();
  report.troubles = bystanders.troubles();

  if (server.WaitForExit(milliseconds(0)).has_value()) {
    report.troubles.push_back("the server has ended; its log:\n" + server.Log());
    return report;
  }
  if (!Eventually([&] { return OpenFiles(server.pid()) <= files_before; })) {
    report.troubles.push_back(std::to_string(OpenFiles(server.pid())) +
                              " descriptors are open, and there were " +
                              std::to_string(files_before));
  }
  if (!Eventually([&] { return QueuedWaiters(witness) == 0; })) {
    report.troubles.push_back(std::to_string(QueuedWaiters(witness)) + " waiters are left");
  }
  if (!AllWaitsAreFree(witness)) report.troubles.push_back("some waits are left open");
  // They are known for a little longer than their streams last.
  if (!Eventually([&] { return AllSessionsAreFree(witness); })) {
    report.troubles.push_back("some sessions are left open");
  }
  if (!AllWatchesAreFree(witness)) report.troubles.push_back("some watches are left open");
  return report;
}

}  // namespace holdfast::fuzz
