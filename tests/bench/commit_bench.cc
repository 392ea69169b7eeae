// What a commit costs, by the number of commands in it, next to what the disk
// alone costs: an append of as many bytes to a file, followed by fdatasync.
//
// A batch holds grants and releases in turn. Times are per batch; items per
// second are commands, and log_bytes what one of them takes in the write-ahead log. The files lie
// in TMPDIR, or in /tmp: point it to the disk that is to be measured.

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "benchmark/benchmark.h"
#include "services/lock/engine/record_change.h"
#include "services/lock/storage/rocksdb_store.h"
#include "services/lock/storage/testing/open_store.h"

namespace holdfast {
namespace {

// What a command takes in the write-ahead log on average, by the log's size.
constexpr std::size_t kBytesPerCommand = 100;

// A new directory, gone at the end.
class BenchDirectory {
 public:
  BenchDirectory() : path_(std::filesystem::temp_directory_path() / "holdfast-bench-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) std::abort();
  }
  BenchDirectory(const BenchDirectory&) = delete;
  BenchDirectory& operator=(const BenchDirectory&) = delete;
  ~BenchDirectory() { std::filesystem::remove_all(path_); }

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Collects how long things took, and reports what the average hides.
class Latencies {
 public:
  void Start() { started_ = std::chrono::steady_clock::now(); }
  void Stop() { taken_.push_back(std::chrono::steady_clock::now() - started_); }

  void Report(benchmark::State& state) {
    std::sort(taken_.begin(), taken_.end());
    state.counters["p50_us"] = Quantile(0.50);
    state.counters["p99_us"] = Quantile(0.99);
  }

 private:
  using Time = std::chrono::duration<double, std::micro>;

  double Quantile(double q) const {
    if (taken_.empty()) return 0;
    return taken_[static_cast<std::size_t>(q * static_cast<double>(taken_.size() - 1))].count();
  }

  std::chrono::steady_clock::time_point started_;
  std::vector<Time> taken_;
};

// The changes of a server under steady load: each lease is granted and released
// by the next command, and its id is forgotten long after.
class Load {
 public:
  // How many ids are remembered.
  static constexpr std::int64_t kEndedIds = 10'000;

  RecordBatch NextBatch(std::int64_t commands) {
    RecordBatch batch;
    for (std::int64_t i = 0; i < commands; ++i) AddCommand(batch);
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
    if (ended_.size() > std::size_t{kEndedIds}) {
      batch.push_back(DeleteEnded{ended_.front()});
      ended_.pop_front();
    }
  }

  std::uint32_t token_ = 0;
  std::string held_;
  std::deque<std::string> ended_;
};

void BareAppend(benchmark::State& state) {
  const BenchDirectory directory;
  const std::string path = directory.path() + "/log";
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const std::string bytes(static_cast<std::size_t>(state.range(0)) * kBytesPerCommand, 'x');
  Latencies latencies;
  for (auto unused : state) {
    latencies.Start();
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written != static_cast<ssize_t>(bytes.size()) || fdatasync(file) != 0) {
      state.SkipWithError("cannot write");
      break;
    }
    latencies.Stop();
  }
  close(file);
  latencies.Report(state);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// How much the log grows with a command, once as many ids are forgotten as end.
double LogBytesPerCommand(std::int64_t commands) {
  constexpr std::int64_t kMeasured = 4096;
  constexpr std::size_t kAllInOneLog = std::size_t{64} * 1024 * 1024;
  const BenchDirectory directory;
  const std::string path = directory.path() + "/data";
  auto store =
      OpenStore(path, {.durability = Durability::kProcess, .write_buffer_size = kAllInOneLog});
  if (!store.ok()) return 0;
  Load load;
  bool written = (*store)->Commit(load.NextBatch(2 * Load::kEndedIds + 2)).ok();
  const auto log_size = [&] {
    std::uintmax_t size = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path + "/db")) {
      if (entry.path().extension() == ".log") size += entry.file_size();
    }
    return static_cast<double>(size);
  };
  const double before = log_size();
  for (std::int64_t done = 0; done < kMeasured; done += commands) {
    written = written && (*store)->Commit(load.NextBatch(commands)).ok();
  }
  return written ? (log_size() - before) / static_cast<double>(kMeasured) : 0;
}

void Commit(benchmark::State& state, Durability durability) {
  const BenchDirectory directory;
  auto store = OpenStore(directory.path() + "/data", {.durability = durability});
  if (!store.ok()) {
    state.SkipWithError(std::string(store.status().message()).c_str());
    return;
  }
  Load load;
  Latencies latencies;
  for (auto unused : state) {
    state.PauseTiming();
    const RecordBatch batch = load.NextBatch(state.range(0));
    state.ResumeTiming();
    latencies.Start();
    if (!(*store)->Commit(batch).ok()) {
      state.SkipWithError("cannot commit");
      break;
    }
    latencies.Stop();
  }
  latencies.Report(state);
  state.counters["log_bytes"] = LogBytesPerCommand(state.range(0));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void Sizes(benchmark::internal::Benchmark* benchmark) {
  for (const int commands : {1, 8, 64, 512}) benchmark->Arg(commands);
  benchmark->ArgName("commands")->UseRealTime()->Unit(benchmark::kMicrosecond);
}

BENCHMARK(BareAppend)->Apply(Sizes);
BENCHMARK_CAPTURE(Commit, sync, Durability::kSync)->Apply(Sizes);
BENCHMARK_CAPTURE(Commit, process, Durability::kProcess)->Apply(Sizes);

}  // namespace
}  // namespace holdfast

BENCHMARK_MAIN();
