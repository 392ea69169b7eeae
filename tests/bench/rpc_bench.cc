// What the lock service costs over gRPC, next to a bare gRPC server in the same
// run that takes and gives messages of the same size and does nothing.
//
// A pair is an Acquire and the Release of its lease; items per second are pairs,
// and latencies are of a pair. Each server is a process of its own, on a Unix
// socket:
//   Bare      does nothing, by the same callback API
//   Memory    the lock service, over a store in memory
//   Process   over RocksDB with --durability=process
//   Sync      over RocksDB with --durability=sync; its directory lies in TMPDIR,
//             or in /tmp: point it to the disk that is to be measured
// The argument is how many pairs are under way at the same time, on four
// connections. server_cpu_us is the processor time that the server takes for a
// pair: it tells more than the rate where client and server share the machine.

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/blocking_counter.h"
#include "benchmark/benchmark.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/server_builder.h"
#include "holdfast/v1/lock_service.grpc.pb.h"
#include "services/lock/engine/lock_engine.h"
#include "services/lock/rpc/grpc_server.h"
#include "services/lock/storage/testing/memory_store.h"
#include "services/lock/storage/testing/open_store.h"

namespace holdfast {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;
using Microseconds = std::chrono::duration<double, std::micro>;

constexpr int kConnections = 4;

// --- Servers --------------------------------------------------------------------

// Answers with a lease of the usual size.
class BareService final : public v1::LockService::CallbackService {
 public:
  grpc::ServerUnaryReactor* Acquire(grpc::CallbackServerContext* context,
                                    const v1::AcquireRequest* request,
                                    v1::AcquireResponse* response) override {
    v1::Lease& lease = *response->mutable_lease();
    lease.set_key(request->key());
    lease.set_lease_id(request->lease_id());
    lease.set_fencing_token(1);
    *lease.mutable_expire() = request->expire();
    *lease.mutable_remaining() = request->expire();
    lease.set_owner(request->owner());
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  grpc::ServerUnaryReactor* Release(grpc::CallbackServerContext* context,
                                    const v1::ReleaseRequest* /*request*/,
                                    v1::ReleaseResponse* /*response*/) override {
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

[[noreturn]] void Fail(const absl::Status& status) {
  std::fprintf(stderr, "rpc_bench: %s\n", status.ToString().c_str());
  std::_Exit(1);
}

// Each serves on `address`, calls `ready`, and never returns.
using ServerMain = std::function<void(const std::string& address, std::function<void()> ready)>;

void ServeBare(const std::string& address, const std::function<void()>& ready) {
  BareService service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  ready();
  server->Wait();
}

void ServeLocks(const std::string& address, std::unique_ptr<LockStore> store,
                const std::function<void()>& ready) {
  LockEngine engine(Limits(), SystemClock(), Fail);
  GrpcServer::Options options;
  options.listen.push_back(*ParseListenAddress(address));
  const auto server = GrpcServer::Start(engine, options);
  if (!server.ok()) Fail(server.status());
  if (absl::Status status = engine.Start(std::move(store)); !status.ok()) Fail(status);
  ready();
  while (true) pause();
}

ServerMain ServeRocksDb(const std::string& directory, Durability durability) {
  return [=](const std::string& address, const std::function<void()>& ready) {
    auto store = OpenStore(directory, {.durability = durability});
    if (!store.ok()) Fail(store.status());
    ServeLocks(address, *std::move(store), ready);
  };
}

void ServeMemory(const std::string& address, const std::function<void()>& ready) {
  ServeLocks(address, std::make_unique<MemoryStore>(std::make_shared<MemoryDisk>()), ready);
}

// Runs a server in a process that ends with this one. gRPC must not have been
// used before: it does not survive a fork.
pid_t StartServer(const std::string& address, const ServerMain& serve) {
  int ready[2];
  if (pipe(ready) != 0) std::abort();
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    serve(address, [&] {
      if (write(ready[1], "", 1) != 1) std::abort();
    });
    std::_Exit(0);
  }
  close(ready[1]);
  char byte = 0;
  if (read(ready[0], &byte, 1) != 1) {
    std::fprintf(stderr, "rpc_bench: a server did not start\n");
    std::_Exit(1);
  }
  close(ready[0]);
  return pid;
}

// The processor time that a process has taken so far.
Microseconds CpuTime(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) std::abort();
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// --- Load -----------------------------------------------------------------------

// Acquires and releases a key of its own, over and over. One pair is under way.
class Caller {
 public:
  Caller(const std::string& address, int number) {
    grpc::ChannelArguments arguments;
    arguments.SetInt("holdfast.connection", number % kConnections);  // One each.
    stub_ = v1::LockService::NewStub(
        grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
    acquire_.set_key(absl::StrCat("orders/", number));
    acquire_.set_owner("worker@host-17:31337");
    acquire_.mutable_expire()->set_seconds(30);
    release_.set_key(acquire_.key());
    static int callers = 0;  // A lease_id is used once, also by the next measurement.
    prefix_ = absl::StrFormat("%08x-%08x", getpid(), ++callers);
  }

  // Runs pairs for as long as `remaining` is positive, then calls `done`.
  void Run(std::atomic<std::int64_t>& remaining, std::function<void()> done) {
    remaining_ = &remaining;
    done_ = std::move(done);
    StartPair();
  }

  std::vector<double>& latencies() { return latencies_; }
  bool failed() const { return failed_; }

 private:
  void StartPair() {
    if (failed_ || remaining_->fetch_sub(1) <= 0) {
      done_();
      return;
    }
    started_ = std::chrono::steady_clock::now();
    acquire_.set_lease_id(absl::StrFormat("%s-%016x", prefix_, ++pairs_));
    context_.emplace();
    stub_->async()->Acquire(&*context_, &acquire_, &acquired_, [this](const grpc::Status& status) {
      failed_ = failed_ || !status.ok();
      StartRelease();
    });
  }

  void StartRelease() {
    release_.set_lease_id(acquire_.lease_id());
    context_.emplace();
    stub_->async()->Release(&*context_, &release_, &released_, [this](const grpc::Status& status) {
      failed_ = failed_ || !status.ok();
      latencies_.push_back(Microseconds(std::chrono::steady_clock::now() - started_).count());
      StartPair();
    });
  }

  std::unique_ptr<v1::LockService::Stub> stub_;
  std::string prefix_;
  std::int64_t pairs_ = 0;
  std::vector<double> latencies_;
  bool failed_ = false;

  std::atomic<std::int64_t>* remaining_ = nullptr;
  std::function<void()> done_;
  SteadyTime started_;
  std::optional<grpc::ClientContext> context_;
  v1::AcquireRequest acquire_;
  v1::AcquireResponse acquired_;
  v1::ReleaseRequest release_;
  v1::ReleaseResponse released_;
};

double Quantile(std::vector<double>& values, double q) {
  const auto nth =
      values.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), nth, values.end());
  return *nth;
}

void Pairs(benchmark::State& state, const std::string& address, pid_t server) {
  const auto outstanding = static_cast<int>(state.range(0));
  std::vector<std::unique_ptr<Caller>> callers;
  for (int i = 0; i < outstanding; ++i) callers.push_back(std::make_unique<Caller>(address, i));
  const auto run = [&](std::int64_t pairs) {
    std::atomic<std::int64_t> remaining = pairs;
    absl::BlockingCounter running(outstanding);
    for (const auto& caller : callers) {
      caller->Run(remaining, [&] { running.DecrementCount(); });
    }
    running.Wait();
  };
  run(std::int64_t{10} * outstanding);  // Connects.
  for (const auto& caller : callers) caller->latencies().clear();

  const Microseconds cpu_before = CpuTime(server);
  const std::int64_t batch = 500 * std::min(outstanding, 20);
  while (state.KeepRunningBatch(batch)) run(batch);

  const Microseconds cpu = CpuTime(server) - cpu_before;
  std::vector<double> latencies;
  for (const auto& caller : callers) {
    if (caller->failed()) state.SkipWithError("a call has failed");
    latencies.insert(latencies.end(), caller->latencies().begin(), caller->latencies().end());
  }
  if (latencies.empty()) return;
  state.SetItemsProcessed(static_cast<std::int64_t>(latencies.size()));
  state.counters["server_cpu_us"] = cpu.count() / static_cast<double>(latencies.size());
  state.counters["p50_us"] = Quantile(latencies, 0.50);
  state.counters["p99_us"] = Quantile(latencies, 0.99);
}

int Main(int argc, char** argv) {
  std::string folder = std::filesystem::temp_directory_path() / "hf-bench-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) std::abort();
  const std::vector<std::pair<std::string, ServerMain>> servers = {
      {"Bare", ServeBare},
      {"Memory", ServeMemory},
      {"Process", ServeRocksDb(folder + "/process", Durability::kProcess)},
      {"Sync", ServeRocksDb(folder + "/sync", Durability::kSync)},
  };
  for (const auto& [name, serve] : servers) {
    const std::string address = absl::StrCat("unix:", folder, "/", name, ".sock");
    const pid_t server = StartServer(address, serve);
    benchmark::RegisterBenchmark(name.c_str(),
                                 [=](benchmark::State& state) { Pairs(state, address, server); })
        ->Arg(1)
        ->Arg(64)
        ->Unit(benchmark::kMicrosecond)
        ->UseRealTime();
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) { return holdfast::Main(argc, argv); }
