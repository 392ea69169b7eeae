#include "services/lock/storage/database_files.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/lock/storage/durable_file.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

// Whether CURRENT may say this: "MANIFEST-", digits, and the end of the line.
bool IsManifestLine(std::string_view line) {
  constexpr std::string_view kPrefix = "MANIFEST-";
  if (!line.starts_with(kPrefix) || !line.ends_with('\n')) return false;
  const std::string_view digits = line.substr(kPrefix.size(), line.size() - kPrefix.size() - 1);
  return !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

absl::StatusOr<std::string> ManifestPath(const std::string& directory) {
  const std::string current_path = directory + "/CURRENT";
  const absl::StatusOr<std::string> current = ReadFile(current_path);
  if (absl::IsNotFound(current.status())) {
    return absl::DataLossError(absl::StrCat(current_path, " is missing"));
  }
  if (!current.ok()) return current.status();
  if (!IsManifestLine(*current)) {
    return absl::DataLossError(absl::StrCat(current_path, " is damaged"));
  }
  const std::string name = current->substr(0, current->size() - 1);
  const std::string path = absl::StrCat(directory, "/", name);
  // Either may be the one that is wrong.
  if (std::error_code error; !fs::exists(path, error) && !error) {
    return absl::DataLossError(
        absl::StrCat(current_path, " names the file ", name, ", which does not exist"));
  }
  return path;
}

absl::StatusOr<std::vector<std::string>> WriteAheadLogs(const std::string& directory) {
  std::vector<std::pair<std::uint64_t, std::string>> logs;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    std::uint64_t number = 0;
    if (entry->path().extension() == ".log" &&
        absl::SimpleAtoi(entry->path().stem().string(), &number)) {
      logs.emplace_back(number, entry->path());
    }
  }
  if (error) return FileError("list", directory, error.value());
  // RocksDB makes a new log before it deletes an old one, so there always is one.
  if (logs.empty()) {
    return absl::DataLossError(absl::StrCat(directory, " has no write-ahead log"));
  }
  std::sort(logs.begin(), logs.end());
  std::vector<std::string> paths;
  for (auto& [number, path] : logs) paths.push_back(std::move(path));
  return paths;
}

}  // namespace holdfast
