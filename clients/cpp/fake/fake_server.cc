#include "holdfast/testing/fake_server.h"

#include <atomic>
#include <utility>
#include <vector>

#include "clients/cpp/core/client_core.h"
#include "clients/cpp/core/lock_transport.h"
#include "clients/cpp/core/random.h"
#include "clients/cpp/core/runtime.h"
#include "clients/cpp/fake/fake_lock_table.h"
#include "clients/cpp/fake/fake_time.h"
#include "common/mutex.h"

namespace holdfast {
namespace {

// From one client to the table, with a session or without.
class TableTransport final : public core::LockTransport {
 public:
  TableTransport(std::shared_ptr<fake::FakeLockTable> table, bool session)
      : table_(std::move(table)), session_(session) {}

  std::shared_ptr<WaitCall> Wait(const core::WaitRequest& request, WaitEvents events) override {
    if (shut_down_) {
      events.on_end(Gone());
      return nullptr;
    }
    return std::make_shared<OpenCall<WaitCall>>(table_,
                                                table_->Wait(this, request, std::move(events)));
  }
  std::shared_ptr<WatchCall> Watch(const LockFilter& filter, WatchEvents events) override {
    if (shut_down_) {
      events.on_end(Gone());
      return nullptr;
    }
    return std::make_shared<OpenWatch>(table_, table_->Watch(this, filter, std::move(events)));
  }
  void Renew(const std::string& key, const std::string& lease_id, Duration /*limit*/,
             absl::AnyInvocable<void(absl::StatusOr<core::Grant>)> done) override {
    done(shut_down_ ? Gone() : table_->Renew(key, lease_id));
  }
  void RenewAll(Duration limit,
                absl::AnyInvocable<void(absl::StatusOr<std::uint64_t>)> done) override {
    if (!session_) {
      LockTransport::RenewAll(limit, std::move(done));
      return;
    }
    done(shut_down_ ? Gone() : table_->RenewAll(this));
  }
  void Release(const std::string& key, const std::string& lease_id, Duration /*limit*/,
               absl::AnyInvocable<void(absl::Status)> done) override {
    done(shut_down_ ? Gone() : table_->Release(key, lease_id));
  }
  void Get(const std::string& key, Duration /*limit*/,
           absl::AnyInvocable<void(absl::StatusOr<LockInfo>)> done) override {
    done(shut_down_ ? Gone() : table_->Get(key));
  }
  void List(const ListRequest& request, Duration /*limit*/,
            absl::AnyInvocable<void(absl::StatusOr<LockPage>)> done) override {
    done(shut_down_ ? Gone() : table_->List(request));
  }
  void ForceRelease(const std::string& key, std::uint64_t fencing_token, Duration /*limit*/,
                    absl::AnyInvocable<void(absl::StatusOr<HolderInfo>)> done) override {
    done(shut_down_ ? Gone() : table_->ForceRelease(key, fencing_token));
  }
  void ReleaseByTag(const ReleaseByTagRequest& request, Duration /*limit*/,
                    absl::AnyInvocable<void(absl::StatusOr<ReleaseByTagPage>)> done) override {
    done(shut_down_ ? Gone() : table_->ReleaseByTag(request));
  }
  void Detach(const std::string& /*key*/, const std::string& lease_id) override {
    if (session_ && !shut_down_) table_->Detach(lease_id);
  }
  void OnLeaseEnded(LeaseEndedListener listener) override {
    if (session_) table_->OpenSession(this, std::move(listener));
  }
  void Shutdown() override {
    shut_down_ = true;
    table_->CloseAll(this, Gone());
    table_->EndSession(this);
  }

 private:
  template <typename Base>
  class OpenCall : public Base {
   public:
    OpenCall(std::shared_ptr<fake::FakeLockTable> table, fake::FakeLockTable::CallId id)
        : table_(std::move(table)), id_(id) {}
    void Cancel() override { table_->Close(id_); }

   private:
    const std::shared_ptr<fake::FakeLockTable> table_;
    const fake::FakeLockTable::CallId id_;
  };
  class OpenWatch final : public OpenCall<WatchCall> {
   public:
    using OpenCall<WatchCall>::OpenCall;
    void ReadOn() override {}  // Whatever there is has been told.
  };

  static absl::Status Gone() { return absl::CancelledError("the client was destroyed"); }

  const std::shared_ptr<fake::FakeLockTable> table_;
  const bool session_;
  std::atomic<bool> shut_down_{false};
};

// A lease may outlive its server, and looks at the time. What there is of it is kept for as
// long as the process, and in sight of those who look for leaks.
fake::FakeTime& NewTime() {
  static Mutex mutex;
  static auto& times = *new std::vector<std::unique_ptr<fake::FakeTime>>();
  MutexLock lock(mutex);
  return *times.emplace_back(std::make_unique<fake::FakeTime>());
}

}  // namespace

struct FakeServer::Parts {
  fake::FakeTime& time = NewTime();
  std::shared_ptr<fake::FakeLockTable> table = std::make_shared<fake::FakeLockTable>(time);

  Mutex mutex;
  std::vector<std::weak_ptr<core::ClientCore>> clients GUARDED_BY(mutex);
};

FakeServer::FakeServer() : parts_(std::make_unique<Parts>()) {}
FakeServer::~FakeServer() = default;

absl::StatusOr<std::unique_ptr<Client>> FakeServer::NewClient(ClientOptions options) {
  if (options.call_timeout <= Duration::zero() || options.connect_timeout <= Duration::zero()) {
    return absl::InvalidArgumentError("call_timeout and connect_timeout must be positive");
  }
  auto runtime = core::Runtime::Create(std::make_unique<fake::FakeTimeLoop>(parts_->time));
  if (!runtime.ok()) return runtime.status();
  auto core = std::make_shared<core::ClientCore>(
      core::ClientCore::Parts{
          .runtime = *std::move(runtime),
          .transport = std::make_unique<TableTransport>(parts_->table, options.session),
          .clock = &parts_->time,
          .random = &core::SystemRandom()},
      "unix:fake", std::move(options));
  MutexLock lock(parts_->mutex);
  std::erase_if(parts_->clients, [](const auto& client) { return client.expired(); });
  parts_->clients.push_back(core);
  return std::unique_ptr<Client>(new Client(std::move(core)));
}

MonotonicTime FakeServer::Now() const { return parts_->time.Now(); }

void FakeServer::Advance(Duration span) {
  parts_->time.Advance(span);
  std::vector<std::shared_ptr<core::ClientCore>> clients;
  {
    MutexLock lock(parts_->mutex);
    for (const auto& client : parts_->clients) {
      if (auto alive = client.lock(); alive != nullptr) clients.push_back(std::move(alive));
    }
  }
  for (const auto& client : clients) client->FlushUserCode();
}

void FakeServer::SetReachable(bool reachable) { parts_->table->SetReachable(reachable); }

}  // namespace holdfast
