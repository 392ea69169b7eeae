#include "tests/simulation/recorder.h"

#include <type_traits>
#include <variant>

namespace holdfast::simulation {

std::size_t Recorder::Record(std::uint32_t client, std::uint64_t operation, history::What what) {
  Mix(static_cast<std::uint64_t>(timeline_.now().count()));
  Mix(client);
  Mix(operation);
  Mix(what.index());
  std::visit(
      [this](const auto& kind) {
        // What tells two runs apart shows in one of these sooner or later.
        if constexpr (requires { kind.lease_id; }) Mix(kind.lease_id);
        if constexpr (requires { kind.fencing_token; }) Mix(kind.fencing_token);
        if constexpr (requires { kind.reason; }) Mix(static_cast<std::uint64_t>(kind.reason));
        if constexpr (requires { kind.position; }) Mix(kind.position);
      },
      what);
  history_.push_back(
      {.time = timeline_.now(), .client = client, .operation = operation, .what = std::move(what)});
  return history_.size() - 1;
}

void Recorder::SetValidUntil(std::size_t event, history::Time valid_until) {
  Mix(static_cast<std::uint64_t>(valid_until.count()));
  history::What& what = history_[event].what;
  if (auto* granted = std::get_if<history::Granted>(&what)) granted->valid_until = valid_until;
  if (auto* renewed = std::get_if<history::Renewed>(&what)) renewed->valid_until = valid_until;
}

void Recorder::Fail(std::string what) {
  Mix(what);
  failures_.push_back(std::move(what));
}

void Recorder::Mix(std::uint64_t number) {
  for (int i = 0; i < 8; ++i) {
    hash_ = (hash_ ^ (number & 0xffU)) * 0x100000001b3U;
    number >>= 8U;
  }
}

void Recorder::Mix(std::string_view text) {
  for (const char character : text) {
    hash_ = (hash_ ^ static_cast<unsigned char>(character)) * 0x100000001b3U;
  }
}

}  // namespace holdfast::simulation
