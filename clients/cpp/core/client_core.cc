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
        "a holdfast::Client does not survive fork(), and this is a forked child");
  }
  if (closed_) return absl::FailedPreconditionError("the client was destroyed");
  return absl::OkStatus();
}

absl::Status ClientCore::CheckMayBlock() const {
  if (absl::Status status = CheckUsable(); !status.ok()) return status;
  if (env_.scheduler.InTask()) {
    return absl::FailedPreconditionError("a blocking call that would block for ever here");
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

template <typename T>
void ClientCore::Ask(absl::AnyInvocable<void(Duration, typename RetryingCall<T>::Answer)> send,
                     typename RetryingCall<T>::Answer done, bool once) {
  Run([this, once, send = std::move(send), done = std::move(done)]() mutable {
    if (absl::Status status = CheckUsable(); !status.ok()) {
      done(std::move(status));
      return;
    }
    const std::uint64_t id = ++last_asked_;
    typename RetryingCall<T>::Hooks hooks;
    hooks.send = std::move(send);
    hooks.done = [this, id, done = std::move(done)](absl::StatusOr<T> answer) mutable {
      asking_.erase(id);
      done(std::move(answer));
    };
    const MonotonicTime give_up_at = After(env_.scheduler.Now(), call_timeout());
    const auto call = std::make_shared<RetryingCall<T>>(
        env_, RetryPolicy{.attempt_limit = call_timeout(), .give_up_at = give_up_at, .once = once},
        std::move(hooks));
    asking_.emplace(id, [call](const absl::Status& why) { call->Stop(why); });
    call->Start();
  });
}

void ClientCore::Get(const std::string& key,
                     absl::AnyInvocable<void(absl::StatusOr<LockInfo>)> done) {
  Ask<LockInfo>(
      [this, key](Duration limit, RetryingCall<LockInfo>::Answer answer) {
        env_.transport.Get(key, limit, std::move(answer));
      },
      std::move(done));
}

void ClientCore::List(const LockTransport::ListRequest& request,
                      absl::AnyInvocable<void(absl::StatusOr<LockPage>)> done) {
  Ask<LockPage>(
      [this, request](Duration limit, RetryingCall<LockPage>::Answer answer) {
        env_.transport.List(request, limit, std::move(answer));
      },
      std::move(done));
}

void ClientCore::ForceRelease(const std::string& key, std::uint64_t fencing_token,
                              absl::AnyInvocable<void(absl::StatusOr<HolderInfo>)> done) {
  Ask<HolderInfo>(
      [this, key, fencing_token](Duration limit, RetryingCall<HolderInfo>::Answer answer) {
        env_.transport.ForceRelease(key, fencing_token, limit, std::move(answer));
      },
      std::move(done), /*once=*/fencing_token == 0);
}

void ClientCore::ReleaseByTag(
    const LockTransport::ReleaseByTagRequest& request,
    absl::AnyInvocable<void(absl::StatusOr<LockTransport::ReleaseByTagPage>)> done) {
  using Page = LockTransport::ReleaseByTagPage;
  Ask<Page>(
      [this, request](Duration limit, RetryingCall<Page>::Answer answer) {
        env_.transport.ReleaseByTag(request, limit, std::move(answer));
      },
      std::move(done));
}

void ClientCore::Shutdown() {
  if (env_.scheduler.InTask()) {
    // What the user has given us owned the client, an on_queued say, and has gone here. This
    // task cannot wait for others.
    parts_.callbacks->Post([self = shared_from_this()] { self->Shutdown(); });
    return;
  }
  const absl::Status why = absl::CancelledError("the client was destroyed");
  RunAndWait([this, why] {
    closed_ = true;
    for (const auto& lock : std::set(active_)) lock->OnClientClosing();
    for (const auto& [id, stop] : std::map(asking_)) stop(why);
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
  // The transport itself lives for as long as the last lock, but nothing of gRPC is to: see
  // fork() in holdfast/client.h. In a task, because that is where calls are made.
  RunAndWait([this] { parts_.transport->Disconnect(); });
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
