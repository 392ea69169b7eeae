#include "tests/bench/load/session_driver.h"

#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"  // It would define again what common/mutex.h has.
#include "common/mutex.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/client_callback.h"
#include "holdfast/v1/session.grpc.pb.h"
#include "tests/support/acquire_args.h"
#include "tests/support/channel.h"

namespace holdfast::bench {
namespace {

// As many operations as a message may hold.
constexpr int kMostOperations = 1024;
constexpr std::uint64_t kAttach = 1;
constexpr std::uint64_t kFirstSlot = 2;

}  // namespace

class SessionDriver::Stream final
    : private grpc::ClientBidiReactor<v1::SessionRequest, v1::SessionResponse> {
 public:
  explicit Stream(const std::string& address)
      : stub_(v1::SessionService::NewStub(OwnChannel(address))) {
    stub_->async()->Session(&context_, this);
    v1::Operation& attach = *unsent_.add_operations();
    attach.set_id(kAttach);
    attach.mutable_attach()->set_session_id(NextLeaseId());
    attach.mutable_attach()->set_stream_number(1);
    StartRead(&arrived_);
    {
      MutexLock lock(mutex_);
      SendLocked();
    }
    StartCall();
  }

  ~Stream() override {
    context_.TryCancel();
    MutexLock lock(mutex_);
    while (!done_) changed_.Wait(mutex_);
  }

  // REQUIRES: no operation is under way.
  void Prepare(Slot& slot) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (slot_of_.size() <= Index(slot)) slot_of_.resize(Index(slot) + 1);
  }

  // Starts what `fill` makes of an operation.
  template <typename Fill>
  void Start(Slot& slot, Fill fill) EXCLUDES(mutex_) {
    {
      MutexLock lock(mutex_);
      if (!ended_) {
        v1::Operation& operation = *unsent_.add_operations();
        operation.set_id(kFirstSlot + Index(slot));
        fill(operation);
        slot_of_[Index(slot)] = &slot;
        if (!dispatching_) SendLocked();
        return;
      }
    }
    slot.Done(false);
  }

 private:
  static std::size_t Index(const Slot& slot) { return static_cast<std::size_t>(slot.number); }

  void SendLocked() REQUIRES(mutex_) {
    if (sending_ || ended_ || unsent_.operations().empty()) return;
    sending_ = true;
    sent_.Clear();
    if (unsent_.operations_size() <= kMostOperations) {
      std::swap(sent_, unsent_);
    } else {
      for (int i = 0; i < kMostOperations; ++i) {
        sent_.add_operations()->Swap(unsent_.mutable_operations(i));
      }
      unsent_.mutable_operations()->DeleteSubrange(0, kMostOperations);
    }
    sent_.set_received(received_);
    StartWrite(&sent_);
  }

  void OnWriteDone(bool /*ok*/) override {
    MutexLock lock(mutex_);
    sending_ = false;
    if (!dispatching_) SendLocked();
  }

  void OnReadDone(bool ok) override {
    {
      MutexLock lock(mutex_);
      dispatching_ = ok;
      ended_ = !ok;
    }
    if (!ok) return;
    for (const v1::Event& event : arrived_.events()) Dispatch(event);
    const std::uint64_t number = arrived_.number();
    StartRead(&arrived_);
    MutexLock lock(mutex_);
    dispatching_ = false;
    received_ = number;
    SendLocked();
  }

  void Dispatch(const v1::Event& event) {
    if (event.id() < kFirstSlot || event.has_queued()) return;
    Slot* slot = nullptr;
    {
      MutexLock lock(mutex_);
      slot = std::exchange(slot_of_[event.id() - kFirstSlot], nullptr);
    }
    if (event.has_failed()) {
      std::fprintf(stderr, "load: %s\n", event.failed().message().c_str());
    }
    if (slot != nullptr) slot->Done(!event.has_failed());
  }

  void OnDone(const grpc::Status& status) override {
    std::vector<Slot*> waiting;
    {
      MutexLock lock(mutex_);
      ended_ = true;
      for (Slot*& slot : slot_of_) {
        if (slot != nullptr) waiting.push_back(std::exchange(slot, nullptr));
      }
    }
    if (!waiting.empty()) {
      std::fprintf(stderr, "load: the session has ended: %s\n", status.error_message().c_str());
    }
    for (Slot* slot : waiting) slot->Done(false);
    MutexLock lock(mutex_);
    done_ = true;
    changed_.NotifyAll();
  }

  const std::unique_ptr<v1::SessionService::Stub> stub_;
  grpc::ClientContext context_;

  // gRPC's alone while they are being read and written.
  v1::SessionResponse arrived_;
  v1::SessionRequest sent_;

  Mutex mutex_;
  CondVar changed_;
  v1::SessionRequest unsent_ GUARDED_BY(mutex_);
  std::uint64_t received_ GUARDED_BY(mutex_) = 0;
  bool sending_ GUARDED_BY(mutex_) = false;
  bool dispatching_ GUARDED_BY(mutex_) = false;
  bool ended_ GUARDED_BY(mutex_) = false;
  bool done_ GUARDED_BY(mutex_) = false;
  // By the slot's number: whose operation has no answer yet.
  std::vector<Slot*> slot_of_ GUARDED_BY(mutex_);
};

SessionDriver::SessionDriver(const DriverOptions& options) {
  for (int i = 0; i < options.connections; ++i) {
    streams_.push_back(std::make_unique<Stream>(options.address));
  }
}

SessionDriver::~SessionDriver() = default;

SessionDriver::Stream& SessionDriver::StreamOf(const Slot& slot) {
  return *streams_[static_cast<std::size_t>(slot.number) % streams_.size()];
}

void SessionDriver::Prepare(Slot& slot) { StreamOf(slot).Prepare(slot); }

void SessionDriver::Acquire(Slot& slot) {
  StreamOf(slot).Start(slot, [&](v1::Operation& operation) {
    v1::AcquireRequest& request = *operation.mutable_acquire()->mutable_request();
    request.set_key(slot.key);
    request.set_lease_id(slot.lease_id);
    request.set_bound(slot.bound);
    request.set_owner("worker@host-17:31337");
    *request.mutable_expire() = ToProto(slot.expire);
    *request.mutable_timeout() = ToProto(slot.timeout);
  });
}

void SessionDriver::Release(Slot& slot) {
  StreamOf(slot).Start(slot, [&](v1::Operation& operation) {
    operation.mutable_release()->set_key(slot.key);
    operation.mutable_release()->set_lease_id(slot.lease_id);
  });
}

void SessionDriver::Renew(Slot& slot) {
  StreamOf(slot).Start(slot, [&](v1::Operation& operation) {
    operation.mutable_renew()->set_key(slot.key);
    operation.mutable_renew()->set_lease_id(slot.lease_id);
  });
}

void SessionDriver::RenewAll(Slot& slot) {
  StreamOf(slot).Start(slot, [](v1::Operation& operation) { operation.mutable_renew_all(); });
}

}  // namespace holdfast::bench
