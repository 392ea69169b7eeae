#include "clients/cpp/core/client_core.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <string>
#include <utility>

#include "clients/cpp/core/errors.h"
#include "clients/cpp/core/lock_core.h"

namespace holdfast::core {
namespace {

// Neither part is sure to be UTF-8, and one odd byte would have the server refuse
// every request.
std::string Printable(std::string text, std::size_t limit) {
  text.resize(std::min(text.size(), limit));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < 0x21 || c > 0x7e; }, '?');
  return text;
}

std::string HostName() {
  std::array<char, 65> name{};  // Linux's longest name has 64 bytes.
  if (gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

ClientOptions WithOwner(ClientOptions options) {
  if (options.owner.empty()) options.owner = DefaultOwner();
  return options;
}

}  // namespace

std::string DefaultOwner() {
  // The two names and the number stay below 256 bytes together.
  return Printable(program_invocation_short_name, 128) + "@" + Printable(HostName(), 64) + ":" +
         std::to_string(getpid());
}

ClientCore::ClientCore(Parts parts, std::string address, ClientOptions options)
    : address_(std::move(address)),
      options_(WithOwner(std::move(options))),
      process_(getpid()),
      parts_(std::move(parts)),
      leases_(*parts_.clock, parts_.runtime->loop(), *parts_.transport, *parts_.random,
              [this](std::shared_ptr<LeaseCore> lease) { SignalLost(std::move(lease)); }) {}

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
  if (parts_.runtime->loop().InTask()) {
    return absl::FailedPreconditionError("a blocking call that would block for ever here");
  }
  return absl::OkStatus();
}

void ClientCore::Run(Task task) {
  // The task may own the last lock of a client that was destroyed before, and the
  // loop must outlive it.
  const std::shared_ptr<ClientCore> keep = shared_from_this();
  parts_.runtime->loop().Run(std::move(task));
}

void ClientCore::RunUserCode(Task task) {
  if (!options_.executor) {
    parts_.runtime->callbacks().Post(std::move(task));
    return;
  }
  // By way of the callback thread, so that an executor which runs things at once does
  // not run them in a task.
  parts_.runtime->callbacks().Post(
      [executor = options_.executor, task = std::move(task)]() mutable {
        executor(std::move(task));
      });
}

void ClientCore::SignalLost(std::shared_ptr<LeaseCore> lease) {
  parts_.runtime->signals().Post([lease = std::move(lease)] { lease->SignalLost(); });
}

template <typename T>
void ClientCore::Ask(
    absl::AnyInvocable<void(Duration, absl::AnyInvocable<void(absl::StatusOr<T>)>)> send,
    absl::AnyInvocable<void(absl::StatusOr<T>)> done, bool once) {
  Run([this, once, send = std::move(send), done = std::move(done)]() mutable {
    if (absl::Status status = CheckUsable(); !status.ok()) {
      done(std::move(status));
      return;
    }
    leases_.Ask<T>(std::move(send), call_timeout(), once, std::move(done));
  });
}

void ClientCore::Get(const std::string& key,
                     absl::AnyInvocable<void(absl::StatusOr<LockInfo>)> done) {
  Ask<LockInfo>(
      [this, key](Duration limit, auto answer) { transport().Get(key, limit, std::move(answer)); },
      std::move(done));
}

void ClientCore::List(const LockTransport::ListRequest& request,
                      absl::AnyInvocable<void(absl::StatusOr<LockPage>)> done) {
  Ask<LockPage>(
      [this, request](Duration limit, auto answer) {
        transport().List(request, limit, std::move(answer));
      },
      std::move(done));
}

void ClientCore::ForceRelease(const std::string& key, std::uint64_t fencing_token,
                              absl::AnyInvocable<void(absl::StatusOr<HolderInfo>)> done) {
  Ask<HolderInfo>(
      [this, key, fencing_token](Duration limit, auto answer) {
        transport().ForceRelease(key, fencing_token, limit, std::move(answer));
      },
      std::move(done), /*once=*/fencing_token == 0);
}

void ClientCore::ReleaseByTag(
    const LockTransport::ReleaseByTagRequest& request,
    absl::AnyInvocable<void(absl::StatusOr<LockTransport::ReleaseByTagPage>)> done) {
  Ask<LockTransport::ReleaseByTagPage>(
      [this, request](Duration limit, auto answer) {
        transport().ReleaseByTag(request, limit, std::move(answer));
      },
      std::move(done));
}

void ClientCore::Shutdown() {
  Runtime& runtime = *parts_.runtime;
  if (runtime.loop().InTask()) {
    // What the user has given us owned the client, an on_queued say, and has gone here. This
    // task cannot wait for others.
    runtime.callbacks().Post([self = shared_from_this()] { self->Shutdown(); });
    return;
  }
  const absl::Status why = ClientDestroyed();
  runtime.RunAndWait([this, why] {
    closed_ = true;
    for (const auto& lock : std::set(active_)) lock->OnClientClosing();
    leases_.StopAsking(why);
  });
  // Holders hear of their loss before anybody else can be granted their locks.
  runtime.signals().Flush();
  auto idle = std::make_shared<Handover<bool>>();
  runtime.RunAndWait([this, idle] {
    for (const auto& lock : std::set(active_)) lock->Close([](const absl::Status&) {});
    // Closing is a task of its own, so this must be one behind it.
    Run([this, idle] { leases_.WhenNothingIsReleasing([idle] { idle->Set(true); }); });
  });
  idle->WaitFor(kShutdownGrace);
  runtime.RunAndWait([this, why] { leases_.StopReleasing(why); });
  parts_.transport->Shutdown();
  // The transport itself lives for as long as the last lock, but nothing of gRPC is to: see
  // fork() in holdfast/client.h. In a task, because that is where calls are made.
  runtime.RunAndWait([this] { parts_.transport->Disconnect(); });
  runtime.Stop();
}

void ClientCore::FlushUserCode() {
  parts_.runtime->callbacks().Flush();
  parts_.runtime->signals().Flush();
}

}  // namespace holdfast::core
