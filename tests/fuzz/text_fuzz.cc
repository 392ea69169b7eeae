// Text that people and clients write: page tokens, addresses to listen on and to
// connect to, spans of time, and the command line of holdfastd.
//
// Whatever is written, it is refused in one line or means something that can be
// written again and is then the same.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cli/output/span.h"
#include "clients/cli/output/text.h"
#include "clients/cpp/transport/address.h"
#include "holdfast/v1/lease.pb.h"
#include "services/lock/main/flags.h"
#include "services/lock/rpc/page_token.h"
#include "services/net/listen_address.h"
#include "tests/fuzz/api_limits.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/require.h"

namespace holdfast::fuzz {
namespace {

void CheckRefusal(const absl::Status& status) {
  Require(absl::IsInvalidArgument(status), "what is refused is an INVALID_ARGUMENT",
          status.ToString());
  Require(!status.message().empty(), "a refusal says why");
}

void PageTokens(FuzzInput& input) {
  v1::Filter filter;
  filter.set_key_prefix(input.Text());
  for (std::size_t tags = input.Below(3); tags > 0; --tags) filter.add_tags(input.Text());
  const std::uint64_t fingerprint = Fingerprint(filter);

  const std::string key = input.Text();
  const std::string token = EncodePageToken(key, fingerprint);
  const std::optional<std::string> decoded = DecodePageToken(token, fingerprint);
  Require(decoded == (key.empty() ? std::nullopt : std::optional(key)),
          "a page token says what was put into it");
  Require(!DecodePageToken(token, fingerprint ^ (std::uint64_t{1} << input.Below(64))),
          "a page token is good for its filter alone");

  const std::string any =
      input.Flag() ? token.substr(0, input.Byte()) + input.Rest() : input.Rest();
  if (const std::optional<std::string> found = DecodePageToken(any, fingerprint)) {
    Require(!found->empty() && found->size() <= 512, "a page begins behind a key", *found);
    Require(DecodePageToken(EncodePageToken(*found, fingerprint), fingerprint) == found,
            "a page token that is taken means one key");
  }
}

void ListenAddresses(const std::string& text) {
  const absl::StatusOr<ListenAddress> address = ParseListenAddress(text);
  if (!address.ok()) {
    CheckRefusal(address.status());
    return;
  }
  Require(address->text == text.substr(0, text.find(',')), "an address is kept as it was written");
  Require(address->unix_mode <= 0777, "a mode has nothing but rights");
  Require(address->length > 0 && address->length <= sizeof(address->socket_address),
          "an address has a length");
  if (address->is_unix()) {
    Require(address->unix_path.size() <= 107 && address->unix_path.find('\0') == std::string::npos,
            "a path fits into its address");
    return;
  }
  const std::string canonical = TcpAddressText(address->socket_address);
  const absl::StatusOr<ListenAddress> again = ParseListenAddress(canonical);
  Require(again.ok() && TcpAddressText(again->socket_address) == canonical,
          "an address that is bound can be listened on", canonical);
}

void ServerAddresses(const std::string& text) {
  const absl::Status status = core::CheckAddress(text);
  if (!status.ok()) CheckRefusal(status);
}

void Spans(const std::string& text) {
  const absl::StatusOr<Duration> span = cli::ParseSpan(text);
  if (!span.ok()) {
    CheckRefusal(span.status());
    return;
  }
  Require(!cli::FormatSpan(*span).empty(), "a span can be shown");
}

void PrintableText(const std::string& text) {
  Require(cli::IsUtf8(text) == IsUtf8(text), "UTF-8 is what Unicode says");
  Require(cli::DisplayWidth(text) >= 0, "a text has a width");
  for (const std::string& line : {cli::Printable(text), cli::PrintableMessage(text)}) {
    Require(IsUtf8(line), "what is printed is UTF-8");
    for (const char c : line) {
      Require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "what is printed is one line",
              line);
    }
  }
}

// Half of the names and values are right, so that the parser comes to the rest.
std::string Argument(FuzzInput& input) {
  constexpr std::array<std::string_view, 16> kNames = {
      "--data-dir=",    "--listen=",         "--durability=",           "--log-level=",
      "--max-leases=",  "--max-waiters=",    "--max-ended-ids=",        "--max-message-bytes=",
      "--max-watches=", "--max-open-waits=", "--reattach-window=",      "--max-watch-backlog=",
      "--help",         "--version",         "--max-pending-commands=", "--"};
  constexpr std::array<std::string_view, 12> kValues = {
      "1",     "4294967295",     "4294967296", "-1",          "process", "sync",
      "debug", "127.0.0.1:7650", "5s",         "unix:/tmp/s", "0x10",    ""};
  std::string argument(input.Flag() ? input.Pick(kNames) : "");
  argument += input.Flag() ? std::string(input.Pick(kValues)) : input.Text();
  // The kernel passes no zeros.
  return argument.substr(0, argument.find('\0'));
}

void CommandLine(FuzzInput& input) {
  std::vector<std::string> arguments = {"holdfastd"};
  for (std::size_t count = input.Below(5); count > 0; --count) {
    arguments.push_back(Argument(input));
  }
  std::vector<const char*> argv;
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  const auto parsed = ParseFlags(static_cast<int>(argv.size()), argv.data());
  if (const auto* exit = std::get_if<EarlyExit>(&parsed)) {
    Require(!exit->text.empty() && exit->text.back() == '\n', "a text ends with a line feed");
    const bool one_line = exit->text.find('\n') == exit->text.size() - 1;
    Require(exit->code == ExitCode::kOk || (exit->code == ExitCode::kUsage && one_line),
            "a wrong flag is told in one line", exit->text);
    return;
  }
  const Flags& flags = std::get<Flags>(parsed);
  Require(!flags.listen.empty() && flags.limits.max_leases >= 1 &&
              flags.limits.max_waiters_per_key >= 1 && flags.limits.max_waiters >= 1 &&
              flags.limits.max_ended_ids >= 1 && flags.limits.max_pending_commands >= 1 &&
              flags.rpc_limits.max_watches >= 1 && flags.rpc_limits.max_open_waits >= 1,
          "a limit is at least one");
  Require(flags.limits.reattach_window >= std::chrono::milliseconds(1) &&
              flags.limits.reattach_window <= std::chrono::hours(1),
          "the re-attach window is 1 ms to 1 h");
  Require(flags.rpc_limits.max_message_bytes >= 4'096 &&
              flags.rpc_limits.max_message_bytes <= 64u * 1024 * 1024 &&
              flags.rpc_limits.max_watch_backlog >= 1'000,
          "the limits of the wire are as the help says");
}

void Run(FuzzInput& input) {
  switch (input.Below(6)) {
    case 0:
      return PageTokens(input);
    case 1:
      return ListenAddresses(input.Rest());
    case 2:
      return ServerAddresses(input.Rest());
    case 3:
      return Spans(input.Rest());
    case 4:
      return PrintableText(input.Rest());
    default:
      return CommandLine(input);
  }
}

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  holdfast::fuzz::FuzzInput input(data, size);
  holdfast::fuzz::Run(input);
  return 0;
}
