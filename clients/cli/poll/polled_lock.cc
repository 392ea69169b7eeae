#include "clients/cli/poll/polled_lock.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "clients/cli/diagnosis.h"
#include "clients/cli/output/locks.h"
#include "clients/cli/output/report.h"

namespace holdfast::cli {
namespace {

// Whether a person looks on: a log would only fill up with what changes, and a shell that
// has put the job into the background has its own lines there.
bool IsWatched(pid_t job) { return isatty(STDERR_FILENO) != 0 && tcgetpgrp(STDERR_FILENO) == job; }

std::string Describe(const std::string& key, const QueueInfo& queue) {
  if (queue.holders.empty()) return DescribePlace(key, queue.position, std::nullopt);
  return DescribePlace(key, queue.position, queue.holders.front().owner);
}

}  // namespace

int ReportNotTaken(const absl::Status& status, const ServerOptions& server,
                   const TakeOptions& take) {
  if (ExitCodeFor(status) != ExitCode::kNotAcquired) {
    return Report(WithDiagnosis(status, server.address));
  }
  if (!take.quiet) Report(status);
  return take.not_acquired_code;
}

absl::StatusOr<std::unique_ptr<PolledLock>> PolledLock::Create(const ServerOptions& server,
                                                               const TakeOptions& take,
                                                               std::optional<Duration> expire,
                                                               bool auto_renew, pid_t job) {
  FileDescriptor news(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!news.valid()) return absl::ResourceExhaustedError("out of file descriptors");
  auto client = Client::Create(
      server.address, {.call_timeout = server.patience, .connect_timeout = server.patience});
  if (!client.ok()) return client.status();

  LockOptions options{.timeout = take.timeout,
                      .expire = expire,
                      .tags = take.tags,
                      .owner = take.owner,
                      .auto_renew = auto_renew};
  if (!take.quiet) {
    options.on_queued = [key = take.key, job](const QueueInfo& queue) {
      if (IsWatched(job)) ShowProgress(Describe(key, queue));
    };
    options.on_unavailable = [address = server.address, job](const Outage&) {
      if (IsWatched(job)) ShowProgress(absl::StrCat("waiting for the server at ", address));
    };
  }
  return std::unique_ptr<PolledLock>(
      new PolledLock(std::move(news), *std::move(client), take, std::move(options)));
}

PolledLock::PolledLock(FileDescriptor news, std::unique_ptr<Client> client, const TakeOptions& take,
                       LockOptions options)
    : news_(std::move(news)),
      lock_(*client, take.key, std::move(options)),
      client_(std::move(client)) {}

PolledLock::~PolledLock() = default;

void PolledLock::Begin() {
  lock_.LockedThen([this](const absl::StatusOr<bool>& locked) { OnFound(locked); });
}

void PolledLock::OnFound(const absl::StatusOr<bool>& locked) {
  Step looking = Step::kLooking;
  if (!step_.compare_exchange_strong(looking, Step::kTaking)) return;
  if (!locked.ok()) {
    Publish(locked.status());
    return;
  }
  lock_.AcquireThen([this](Outcome outcome) { Publish(std::move(outcome)); }, cancel_.get_token());
}

void PolledLock::Cancel() {
  cancel_.request_stop();
  Step looking = Step::kLooking;
  if (step_.compare_exchange_strong(looking, Step::kCancelled)) {
    Publish(absl::CancelledError("cancelled before the server was reached"));
  }
}

void PolledLock::Publish(Outcome outcome) {
  promise_.set_value(std::move(outcome));
  Announce();
}

void PolledLock::Announce() const {
  // It can fail only when there is news already.
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(news_.get(), &one, sizeof(one));
}

void PolledLock::ClearNews() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t cleared = read(news_.get(), &count, sizeof(count));
}

std::optional<absl::StatusOr<Lease>> PolledLock::TakeOutcome() {
  if (!outcome_.valid()) return std::nullopt;
  if (outcome_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return std::nullopt;
  Outcome outcome = outcome_.get();
  EndProgress();
  if (outcome.ok()) on_lost_.emplace(outcome->lost(), [this] { Announce(); });
  return outcome;
}

absl::Status PolledLock::Detach() {
  on_lost_.reset();
  return lock_.Detach().status();
}

absl::Status PolledLock::Release() {
  // Giving it back is no loss, however it turns out.
  on_lost_.reset();
  std::promise<absl::Status> done;
  lock_.ReleaseThen([&done](absl::Status status) { done.set_value(std::move(status)); });
  return done.get_future().get();
}

}  // namespace holdfast::cli
