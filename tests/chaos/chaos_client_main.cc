// Clients of a chaos run, in a process of their own that can be stopped and killed.
//
//   chaos_client KIND ADDRESS REGISTERS HISTORY FIRST_CLIENT WORKERS SEED SURVIVES
//
// KIND: raw, sync or async. FIRST_CLIENT: the number of the first of its WORKERS in
// the history. SURVIVES: 1, or 0 for a process that may be killed.
//
// It says `ready`, works until a line or the end of standard input comes, says
// `done TURNS FINDINGS` and ends.

#include <atomic>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "holdfast/client.h"
#include "tests/chaos/blocking_lock.h"
#include "tests/chaos/library_worker.h"
#include "tests/chaos/raw_worker.h"
#include "tests/chaos/recorder.h"
#include "tests/chaos/worker.h"

namespace holdfast::chaos {
namespace {

// How long the library goes on trying to release before it tells its caller that it
// does so in the background. Longer than the server is ever away.
constexpr std::chrono::seconds kCallTimeout(5);

std::unique_ptr<Worker> MakeWorker(const std::string& kind, const WorkerOptions& options,
                                   Client& client) {
  if (kind == "raw") return std::make_unique<RawWorker>(options);
  return std::make_unique<LibraryWorker>(
      options, client, kind == "sync" ? BlockingLock::Kind::kSync : BlockingLock::Kind::kAsync);
}

int Run(const std::vector<std::string>& arguments) {
  const std::string& kind = arguments[0];
  WorkerOptions options{.address = arguments[1], .registers = arguments[2]};
  Recorder recorder(arguments[3]);
  options.recorder = &recorder;
  options.client = static_cast<std::uint32_t>(std::stoul(arguments[4]));
  const int count = std::stoi(arguments[5]);
  options.seed = std::stoull(arguments[6]);
  options.survives = arguments[7] == "1";
  // Of the runs, half are over sessions and half over calls.
  const auto client = *Client::Create(
      options.address, {.call_timeout = kCallTimeout, .session = options.seed % 2 == 0});

  std::vector<std::unique_ptr<Worker>> workers;
  for (int i = 0; i < count; ++i) {
    workers.push_back(MakeWorker(kind, options, *client));
    ++options.client;
    ++options.seed;
  }
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (const auto& worker : workers) {
    threads.emplace_back([&stop, &worker = *worker] { worker.Run(stop); });
  }
  std::cout << "ready" << std::endl;
  std::string line;
  std::getline(std::cin, line);
  stop = true;
  for (std::thread& thread : threads) thread.join();
  std::uint64_t turns = 0;
  int findings = 0;
  for (const auto& worker : workers) {
    turns += worker->turns();
    findings += worker->findings();
  }
  std::cout << "done " << turns << ' ' << findings << std::endl;
  // Calls that were given up may still be on their way in gRPC's threads, and record.
  std::_Exit(0);
}

}  // namespace
}  // namespace holdfast::chaos

int main(int argc, char** argv) {
  if (argc != 9) {
    std::cerr << "usage: chaos_client KIND ADDRESS REGISTERS HISTORY FIRST_CLIENT WORKERS SEED "
                 "SURVIVES\n";
    return 2;
  }
  return holdfast::chaos::Run({argv + 1, argv + argc});
}
