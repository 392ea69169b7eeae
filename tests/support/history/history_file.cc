#include "tests/support/history/history_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>

#include "tests/support/history/history_text.h"

namespace holdfast::history {
namespace {

absl::Status ReadInto(const std::string& path, History& history) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::ErrnoToStatus(errno, "cannot open " + path);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) return absl::DataLossError("cannot read " + path);
  std::size_t number = 0;
  std::size_t begin = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos;
       begin = end + 1, end = text.find('\n', begin)) {
    const std::string_view line(text.data() + begin, end - begin);
    ++number;
    if (line.empty() || line.front() == '#') continue;
    absl::StatusOr<Event> event = FromText(line);
    if (!event.ok()) {
      return absl::Status(event.status().code(), path + ":" + std::to_string(number) + ": " +
                                                     std::string(event.status().message()));
    }
    history.push_back(*std::move(event));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<HistoryFile>> HistoryFile::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) return absl::ErrnoToStatus(errno, "cannot open " + path);
  return std::unique_ptr<HistoryFile>(new HistoryFile(fd, path));
}

HistoryFile::~HistoryFile() { close(fd_); }

absl::Status HistoryFile::Append(const Event& event) { return AppendLine(ToText(event)); }

absl::Status HistoryFile::AppendRemark(const std::string& remark) {
  return AppendLine("# " + remark);
}

absl::Status HistoryFile::AppendLine(std::string line) {
  line += '\n';
  ssize_t written = 0;
  do {
    written = write(fd_, line.data(), line.size());
  } while (written < 0 && errno == EINTR);
  if (written < 0) return absl::ErrnoToStatus(errno, "cannot write to " + path_);
  // The rest of the line would end up behind somebody else's.
  if (static_cast<std::size_t>(written) != line.size()) {
    return absl::DataLossError("a line of " + path_ + " was cut off");
  }
  return absl::OkStatus();
}

absl::StatusOr<History> ReadHistory(const std::vector<std::string>& paths) {
  History history;
  for (const std::string& path : paths) {
    if (absl::Status status = ReadInto(path, history); !status.ok()) return status;
  }
  std::stable_sort(history.begin(), history.end(),
                   [](const Event& a, const Event& b) { return a.time < b.time; });
  return history;
}

}  // namespace holdfast::history
