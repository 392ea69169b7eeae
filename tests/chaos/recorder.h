// Writes down what one process sees, as history.h defines it, while it happens.
//
// Each event is in the file before whoever records it goes on. So a call is on record
// before its request is sent, also if the process is killed in between. The times of
// one file only rise.

#ifndef HOLDFAST_TESTS_CHAOS_RECORDER_H_
#define HOLDFAST_TESTS_CHAOS_RECORDER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "common/mutex.h"
#include "tests/support/history/history.h"
#include "tests/support/history/history_file.h"

namespace holdfast::chaos {

// Thread-safe.
class Recorder {
 public:
  // Appends to the file at `path`. Ends the process if that cannot be done, here or
  // later: a history with holes in it proves nothing.
  explicit Recorder(const std::string& path);

  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  // Returns the event's time, on CLOCK_BOOTTIME.
  history::Time Record(std::uint32_t client, std::uint64_t operation, history::What what)
      EXCLUDES(mutex_);

  // What belongs to no operation.
  history::Time Record(std::uint32_t client, history::What what) {
    return Record(client, 0, std::move(what));
  }

 private:
  const std::unique_ptr<history::HistoryFile> file_;

  // Keeps the order of the events that of their times.
  Mutex mutex_;
};

}  // namespace holdfast::chaos

#endif  // HOLDFAST_TESTS_CHAOS_RECORDER_H_
