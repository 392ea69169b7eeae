#include "tests/chaos/recorder.h"

#include <cstdlib>
#include <iostream>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/support/eventually.h"

namespace holdfast::chaos {
namespace {

[[noreturn]] void Fail(const absl::Status& status) {
  std::cerr << "recording: " << status << '\n';
  std::abort();
}

std::unique_ptr<history::HistoryFile> OpenOrFail(const std::string& path) {
  absl::StatusOr<std::unique_ptr<history::HistoryFile>> file = history::HistoryFile::Open(path);
  if (!file.ok()) Fail(file.status());
  return *std::move(file);
}

}  // namespace

Recorder::Recorder(const std::string& path) : file_(OpenOrFail(path)) {}

history::Time Recorder::Record(std::uint32_t client, std::uint64_t operation, history::What what) {
  MutexLock lock(mutex_);
  const history::Event event{
      .time = BootTime(), .client = client, .operation = operation, .what = std::move(what)};
  if (const absl::Status appended = file_->Append(event); !appended.ok()) Fail(appended);
  return event.time;
}

}  // namespace holdfast::chaos
