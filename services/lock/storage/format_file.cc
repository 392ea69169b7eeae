#include "services/lock/storage/format_file.h"

#include <charconv>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace holdfast {
namespace {

constexpr std::string_view kTitle = "holdfast data directory\nformat: ";

}  // namespace

std::string FormatFileContent(const Format& format) {
  std::string content(kTitle);
  content += std::to_string(format.version);
  content += format.state == DirectoryState::kReady ? "\nstate: ready\n" : "\nstate: creating\n";
  return content;
}

absl::StatusOr<Format> ParseFormatFile(std::string_view content) {
  for (std::uint32_t version = 1; version <= kFormatVersion; ++version) {
    for (const DirectoryState state : {DirectoryState::kReady, DirectoryState::kCreating}) {
      const Format format{.state = state, .version = version};
      if (content == FormatFileContent(format)) return format;
    }
  }
  // What follows the version may be of any shape if the version is newer.
  if (content.substr(0, kTitle.size()) == kTitle) {
    const std::string_view rest = content.substr(kTitle.size());
    std::uint32_t version = 0;
    const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), version);
    const bool ends_the_line = parsed.ptr != rest.data() + rest.size() && *parsed.ptr == '\n';
    if (parsed.ec == std::errc() && ends_the_line && version > kFormatVersion) {
      return absl::FailedPreconditionError(
          absl::StrCat("FORMAT says format ", version, ", and this version reads up to ",
                       kFormatVersion, "; nothing was changed: start a newer version"));
    }
  }
  return absl::DataLossError("FORMAT is damaged");
}

}  // namespace holdfast
