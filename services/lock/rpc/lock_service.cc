#include "services/lock/rpc/lock_service.h"

#include "services/lock/rpc/wait_reactor.h"

namespace holdfast {

void LockServiceImpl::ServeOn(CallLoop& loop) {
  loop.Accept(*this, &LockServiceImpl::RequestAcquire,
              [this] { return new UnaryCall<v1::AcquireRequest>(starter_); });
  loop.Accept(*this, &LockServiceImpl::RequestRelease,
              [this] { return new UnaryCall<v1::ReleaseRequest>(starter_); });
  loop.Accept(*this, &LockServiceImpl::RequestRenew,
              [this] { return new UnaryCall<v1::RenewRequest>(starter_); });
  loop.Accept(*this, &LockServiceImpl::RequestGet,
              [this] { return new UnaryCall<v1::GetRequest>(starter_); });
  loop.Accept(*this, &LockServiceImpl::RequestList,
              [this] { return new UnaryCall<v1::ListRequest>(starter_); });
  loop.Accept(*this, &LockServiceImpl::RequestWait,
              [this] { return new WaitReactor(starter_, open_waits_); });
  loop.Accept(*this, &LockServiceImpl::RequestWatch, [this] {
    return new WatchReactor(starter_, open_watches_, watch_writing_, max_watch_backlog_);
  });
}

}  // namespace holdfast
