// What a commit of the store costs, by the number of commands in it, or what the disk
// alone takes for an append of as many bytes and an fdatasync.
//
//   commit_load {append | process | sync} FOLDER COMMANDS SECONDS
//
// A batch holds grants and releases in turn. Prints "rate" of commands a second, "p50_us"
// and "p99_us" of a batch, and "log_bytes" that a command takes in the write-ahead log.

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "services/lock/engine/record_change.h"
#include "services/lock/storage/rocksdb_store.h"
#include "services/lock/storage/testing/open_store.h"
#include "tests/bench/load/driver.h"
#include "tests/bench/load/latencies.h"

namespace holdfast::bench {
namespace {

// What a command takes in the write-ahead log on average, by the log's size.
constexpr std::size_t kBytesPerCommand = 100;

// The changes of a server under steady load: each lease is granted and released
// by the next command, and its id is forgotten long after.
class Changes {
 public:
  // How many ids are remembered.
  static constexpr std::size_t kEndedIds = 10'000;

  RecordBatch NextBatch(int commands) {
    RecordBatch batch;
    for (int i = 0; i < commands; ++i) AddCommand(batch);
    return batch;
  }

 private:
  void AddCommand(RecordBatch& batch) {
    if (held_.empty()) {
      ++token_;
      held_ = absl::StrFormat("%08x-1c2d-4e5f-8a9b-%012x", token_ * 0x9e3779b9u, token_);
      batch.push_back(PutLease{{.spec = {.key = absl::StrFormat("orders/%d", token_ % 1000),
                                         .lease_id = held_,
                                         .owner = "worker@host-17:31337",
                                         .tags = {"orders"},
                                         .expire = std::chrono::seconds(30)},
                                .fencing_token = token_,
                                .granted_at = WallTime{1'700'000'000'000'000'000}}});
      return;
    }
    batch.push_back(PutEnded{held_, EndCause::kReleased});
    ended_.push_back(std::exchange(held_, ""));
    if (ended_.size() > kEndedIds) {
      batch.push_back(DeleteEnded{ended_.front()});
      ended_.pop_front();
    }
  }

  std::uint32_t token_ = 0;
  std::string held_;
  std::deque<std::string> ended_;
};

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "commit_load: %s\n", why.c_str());
  std::exit(1);
}

// Does it again and again, and tells how long it took each time.
Latencies Repeat(double seconds, const std::function<void()>& prepare,
                 const std::function<bool()>& measured) {
  Latencies latencies;
  const SteadyTime end = Now() + std::chrono::duration_cast<std::chrono::nanoseconds>(
                                     std::chrono::duration<double>(seconds));
  while (Now() < end) {
    prepare();
    const SteadyTime begin = Now();
    if (!measured()) Fail("cannot write");
    latencies.Add(Microseconds(Now() - begin).count());
  }
  return latencies;
}

Latencies Append(const std::string& folder, int commands, double seconds) {
  const std::string path = folder + "/log";
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const std::string bytes(static_cast<std::size_t>(commands) * kBytesPerCommand, 'x');
  return Repeat(
      seconds, [] {},
      [&] {
        const ssize_t written = write(file, bytes.data(), bytes.size());
        return written == static_cast<ssize_t>(bytes.size()) && fdatasync(file) == 0;
      });
}

std::unique_ptr<LockStore> Open(const std::string& path, const RocksDbStoreOptions& options) {
  auto store = OpenStore(path, options);
  if (!store.ok()) Fail(std::string(store.status().message()));
  return *std::move(store);
}

Latencies Commit(const std::string& folder, Durability durability, int commands, double seconds) {
  const auto store = Open(folder + "/data", {.durability = durability});
  Changes changes;
  RecordBatch batch;
  return Repeat(
      seconds, [&] { batch = changes.NextBatch(commands); },
      [&] { return store->Commit(batch).ok(); });
}

// How much the log grows with a command, once as many ids are forgotten as end.
double LogBytesPerCommand(const std::string& folder, int commands) {
  constexpr int kMeasured = 4096;
  constexpr std::size_t kAllInOneLog = std::size_t{64} * 1024 * 1024;
  const std::string path = folder + "/log-bytes";
  const auto store =
      Open(path, {.durability = Durability::kProcess, .write_buffer_size = kAllInOneLog});
  Changes changes;
  const auto commit = [&](int count) {
    if (!store->Commit(changes.NextBatch(count)).ok()) Fail("cannot write");
  };
  commit(2 * static_cast<int>(Changes::kEndedIds) + 2);
  const auto log_size = [&] {
    std::uintmax_t size = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path + "/db")) {
      if (entry.path().extension() == ".log") size += entry.file_size();
    }
    return static_cast<double>(size);
  };
  const double before = log_size();
  for (int done = 0; done < kMeasured; done += commands) commit(commands);
  return (log_size() - before) / kMeasured;
}

int Main(const std::string& what, const std::string& folder, int commands, double seconds) {
  const bool append = what == "append";
  if (!append && what != "process" && what != "sync") Fail("no such thing to measure: " + what);
  Latencies latencies =
      append ? Append(folder, commands, seconds)
             : Commit(folder, what == "sync" ? Durability::kSync : Durability::kProcess, commands,
                      seconds);
  const double log_bytes =
      append ? static_cast<double>(kBytesPerCommand) : LogBytesPerCommand(folder, commands);
  const double rate = static_cast<double>(latencies.count()) * commands * 1e6 / latencies.Sum();
  std::printf("{\"rate\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"log_bytes\": %.1f}\n", rate,
              latencies.Quantile(0.5), latencies.Quantile(0.99), log_bytes);
  return 0;
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) {
  if (argc != 5 || std::atoi(argv[3]) <= 0 || std::atof(argv[4]) <= 0) {
    std::fputs("usage: commit_load {append | process | sync} FOLDER COMMANDS SECONDS\n", stderr);
    return 64;
  }
  return holdfast::bench::Main(argv[1], argv[2], std::atoi(argv[3]), std::atof(argv[4]));
}
