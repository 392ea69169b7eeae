// Histories in files of text (history_text.h): appended to while things happen, and read
// when all is over.

#ifndef HOLDFAST_TESTS_SUPPORT_HISTORY_HISTORY_FILE_H_
#define HOLDFAST_TESTS_SUPPORT_HISTORY_HISTORY_FILE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/support/history/history.h"

namespace holdfast::history {

// Appends events to a file, each by one write() at the end of the file. So several
// threads, and several processes, may append to the same one, and an event that was
// appended stays when its process is killed. Thread-safe.
class HistoryFile {
 public:
  // Creates the file if there is none. Errors: what the system says.
  static absl::StatusOr<std::unique_ptr<HistoryFile>> Open(const std::string& path);
  ~HistoryFile();
  HistoryFile(const HistoryFile&) = delete;
  HistoryFile& operator=(const HistoryFile&) = delete;

  absl::Status Append(const Event& event);

  // For people to read. REQUIRES: no end of line in it.
  absl::Status AppendRemark(const std::string& remark);

 private:
  HistoryFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  absl::Status AppendLine(std::string line);

  const int fd_;
  const std::string path_;
};

// The events of all files in the order of their time; those of the same time in the order
// of the files, and of their lines. A last line without an end was cut off, and is left
// out. NOT_FOUND and the like, naming the file; INVALID_ARGUMENT, naming file and line.
absl::StatusOr<History> ReadHistory(const std::vector<std::string>& paths);

}  // namespace holdfast::history

#endif  // HOLDFAST_TESTS_SUPPORT_HISTORY_HISTORY_FILE_H_
