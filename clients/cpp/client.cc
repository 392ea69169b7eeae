#include "holdfast/client.h"

#include <optional>
#include <string>
#include <utility>

#include "clients/cpp/core/client_core.h"
#include "clients/cpp/core/watch_core.h"

namespace holdfast {

Client::Client(std::shared_ptr<core::ClientCore> core) : core_(std::move(core)) {}

Client::~Client() {
  if (core_->InOwnProcess()) {
    core_->Shutdown();
    return;
  }
  // A forked child has none of the threads, and must not wait for them. What they
  // worked on is left as it is, which costs the child some memory and nothing else.
  new std::shared_ptr<core::ClientCore>(core_);  // NOLINT(bugprone-unused-raii)
}

const std::string& Client::address() const { return core_->address(); }
const std::string& Client::owner() const { return core_->owner(); }

absl::StatusOr<LockInfo> Client::Get(std::string_view key) {
  return core_->Block<absl::StatusOr<LockInfo>>(
      [&](auto done) { core_->Get(std::string(key), std::move(done)); });
}

absl::StatusOr<LockPage> Client::List(const LockFilter& filter, std::string_view page_token,
                                      std::uint32_t page_size) {
  return core_->Block<absl::StatusOr<LockPage>>([&](auto done) {
    core_->List({.filter = filter, .page_token = std::string(page_token), .page_size = page_size},
                std::move(done));
  });
}

absl::StatusOr<LockWatch> Client::Watch(const LockFilter& filter, WatchCallbacks callbacks) {
  if (absl::Status status = core_->CheckUsable(); !status.ok()) return status;
  auto watch = std::make_shared<core::WatchCore>(core_, std::move(callbacks));
  watch->Start(filter);
  return LockWatch(std::move(watch));
}

absl::StatusOr<HolderInfo> Client::ForceRelease(std::string_view key, std::uint64_t fencing_token) {
  return core_->Block<absl::StatusOr<HolderInfo>>(
      [&](auto done) { core_->ForceRelease(std::string(key), fencing_token, std::move(done)); });
}

absl::StatusOr<ReleasedLocks> Client::ReleaseByTag(const Tags& tags, ReleaseByTagOptions options) {
  using Page = core::LockTransport::ReleaseByTagPage;
  const auto ask = [&](const ReleaseByTagOptions& how, const std::string& page_token) {
    return core_->Block<absl::StatusOr<Page>>([&](auto done) {
      core_->ReleaseByTag({.tags = tags, .options = how, .page_token = page_token},
                          std::move(done));
    });
  };
  if (options.max_fencing_token == 0) {
    // Without it a request that is sent again would end leases that are newer than the call.
    const absl::StatusOr<Page> looked = ask({.dry_run = true}, "");
    if (!looked.ok()) return looked.status();
    options.max_fencing_token = looked->released.max_fencing_token;
    if (options.max_fencing_token == 0) return ReleasedLocks{};  // Nothing was ever granted.
  }
  ReleasedLocks released{.max_fencing_token = options.max_fencing_token};
  std::string page_token;
  do {
    absl::StatusOr<Page> page = ask(options, page_token);
    if (!page.ok()) return page.status();
    for (LockInfo& lock : page->released.locks) released.locks.push_back(std::move(lock));
    page_token = std::move(page->next_page_token);
  } while (!page_token.empty());
  return released;
}

absl::Status Client::Release(std::string_view key, std::string_view lease_id) {
  return core_->Block<absl::Status>([&](auto done) {
    core_->Run([core = core_, key = std::string(key), lease_id = std::string(lease_id),
                done = std::move(done)]() mutable {
      // How long the lease lasts is not known here, so the release is not given up early.
      core->leases().ReleaseId(key, lease_id, /*expire=*/std::nullopt, core->call_timeout(),
                               std::move(done));
    });
  });
}

}  // namespace holdfast
