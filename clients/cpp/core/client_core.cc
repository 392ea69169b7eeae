#include "clients/cpp/core/client_core.h"

#include <unistd.h>

#include <utility>

#include "clients/cpp/core/lock_core.h"
#include "clients/cpp/core/owner.h"
#include "clients/cpp/core/rendezvous.h"

namespace holdfast::core {
namespace {

ClientOptions WithOwner(ClientOptions options) {
  if (options.owner.empty()) options.owner = DefaultOwner();
  return options;
}

}  // namespace

ClientCore::ClientCore(Parts parts, std::string address, ClientOptions options)
    : address_(std::move(address)),
      options_(WithOwner(std::move(options))),
      process_(getpid()),
      parts_(std::move(parts)),
      env_{.clock = *parts_.clock,
           .scheduler = *parts_.scheduler,
           .transport = *parts_.transport,
           .random = *parts_.random},
      releaser_(env_) {}

bool ClientCore::InOwnProcess() const { return getpid() == process_; }

absl::Status ClientCore::CheckUsable() const {
  if (!InOwnProcess()) {
    return absl::FailedPreconditionError(
        "a holdfast::Client does not survive fork(): this is a child of its process");
  }
  if (closed_) return absl::FailedPreconditionError("the client was destroyed");
  return absl::OkStatus();
}

absl::Status ClientCore::CheckMayBlock() const {
  if (absl::Status status = CheckUsable(); !status.ok()) return status;
  if (env_.scheduler.InTask()) {
    return absl::FailedPreconditionError("a blocking call where blocking would never end");
  }
  return absl::OkStatus();
}

void ClientCore::Run(Task task) {
  // The task may own the last lock of a client that was destroyed before, and the
  // scheduler must outlive it.
  const std::shared_ptr<ClientCore> keep = shared_from_this();
  env_.scheduler.Run(std::move(task));
}

void ClientCore::RunUserCode(Task task) {
  if (!options_.executor) {
    parts_.callbacks->Post(std::move(task));
    return;
  }
  // By way of the callback thread, so that an executor which runs things at once does
  // not run them in a task.
  parts_.callbacks->Post([executor = options_.executor, task = std::move(task)]() mutable {
    executor(std::move(task));
  });
}

void ClientCore::SignalLost(std::shared_ptr<LeaseCore> lease) {
  parts_.signals->Post([lease = std::move(lease)] { lease->SignalLost(); });
}

void ClientCore::Get(const std::string& key,
                     absl::AnyInvocable<void(absl::StatusOr<LockInfo>)> done) {
  Run([this, key, done = std::move(done)]() mutable { BeginGet(key, std::move(done)); });
}

void ClientCore::BeginGet(const std::string& key,
                          absl::AnyInvocable<void(absl::StatusOr<LockInfo>)> done) {
  if (absl::Status status = CheckUsable(); !status.ok()) {
    done(std::move(status));
    return;
  }
  const std::uint64_t id = ++last_get_;
  GetCall::Hooks hooks;
  hooks.send = [this, key](Duration limit, GetCall::Answer answer) {
    env_.transport.Get(key, limit, std::move(answer));
  };
  hooks.done = [this, id, done = std::move(done)](absl::StatusOr<LockInfo> info) mutable {
    gets_.erase(id);
    done(std::move(info));
  };
  const MonotonicTime give_up_at = After(env_.scheduler.Now(), call_timeout());
  const auto call = std::make_shared<GetCall>(
      env_, RetryPolicy{.attempt_limit = call_timeout(), .give_up_at = give_up_at},
      std::move(hooks));
  gets_.emplace(id, call);
  call->Start();
}

void ClientCore::Shutdown() {
  const absl::Status why = absl::CancelledError("the client was destroyed");
  RunAndWait([this, why] {
    closed_ = true;
    for (const auto& lock : std::set(active_)) lock->OnClientClosing();
    for (const auto& [id, call] : std::map(gets_)) call->Stop(why);
  });
  // Holders hear of their loss before anybody else can be granted their locks.
  parts_.signals->Flush();
  auto idle = std::make_shared<Rendezvous<bool>>();
  RunAndWait([this, idle] {
    for (const auto& lock : std::set(active_)) lock->Close([](const absl::Status&) {});
    // Closing is a task of its own, so this must be one behind it.
    Run([this, idle] { releaser_.WhenIdle([idle] { idle->Set(true); }); });
  });
  idle->WaitFor(kShutdownGrace);
  RunAndWait([this] { releaser_.Shutdown(); });
  parts_.transport->Shutdown();
  parts_.scheduler->Stop();
  parts_.callbacks->Stop();
  parts_.signals->Stop();
}

void ClientCore::FlushUserCode() {
  parts_.callbacks->Flush();
  parts_.signals->Flush();
}

void ClientCore::RunAndWait(Task task) {
  auto done = std::make_shared<Rendezvous<bool>>();
  Run([done, task = std::move(task)]() mutable {
    std::move(task)();
    done->Set(true);
  });
  done->Wait();
}

}  // namespace holdfast::core
