// Blocking calls, made from asynchronous ones.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_BLOCKING_H_
#define HOLDFAST_CLIENTS_CPP_CORE_BLOCKING_H_

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "clients/cpp/core/client_core.h"
#include "clients/cpp/core/rendezvous.h"

namespace holdfast::core {

// Calls `start` with a function that takes the result, and waits for that. Result is
// an absl::Status or StatusOr.
//
// FAILED_PRECONDITION: see ClientCore::CheckMayBlock.
template <typename Result, typename Start>
Result Block(const ClientCore& client, Start start) {
  if (absl::Status status = client.CheckMayBlock(); !status.ok()) return status;
  auto result = std::make_shared<Rendezvous<Result>>();
  start([result](Result value) { result->Set(std::move(value)); });
  return result->Wait();
}

// As Block with an absl::Status, but waits for at most kShutdownGrace; or not at all
// where that would never end. UNAVAILABLE: there was no result by then. In a forked
// child it does nothing.
template <typename Start>
absl::Status Part(const ClientCore& client, Start start) {
  if (!client.InOwnProcess()) return client.CheckUsable();
  auto result = std::make_shared<Rendezvous<absl::Status>>();
  start([result](absl::Status value) { result->Set(std::move(value)); });
  const Duration limit = client.CheckMayBlock().ok() ? kShutdownGrace : Duration::zero();
  return result->WaitFor(limit).value_or(absl::UnavailableError(
      "the server has not answered the release yet; retrying in the background"));
}

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_BLOCKING_H_
