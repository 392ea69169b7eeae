#include "tests/support/stub_client.h"

#include <utility>

#include "tests/support/channel.h"
#include "tests/support/eventually.h"

namespace holdfast {

void Prepare(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + kWaitLimit);
  context.set_wait_for_ready(true);
}

StubClient::StubClient(const std::string& address) : StubClient(OwnChannel(address)) {}

StubClient::StubClient(std::shared_ptr<grpc::Channel> channel)
    : channel_(std::move(channel)),
      stub_(v1::LockService::NewStub(channel_)),
      admin_(v1::AdminService::NewStub(channel_)) {}

Answer<v1::Lease> StubClient::Acquire(const AcquireArgs& args) { return Acquire(ToRequest(args)); }

Answer<v1::Lease> StubClient::Acquire(const v1::AcquireRequest& request) {
  grpc::ClientContext context;
  Prepare(context);
  v1::AcquireResponse response;
  const grpc::Status status = stub_->Acquire(&context, request, &response);
  return {Decode(status), response.lease()};
}

CallStatus StubClient::Release(const std::string& key, const std::string& lease_id) {
  grpc::ClientContext context;
  Prepare(context);
  v1::ReleaseRequest request;
  request.set_key(key);
  request.set_lease_id(lease_id);
  v1::ReleaseResponse response;
  return Decode(stub_->Release(&context, request, &response));
}

Answer<v1::Lease> StubClient::Renew(const std::string& key, const std::string& lease_id,
                                    std::optional<std::chrono::nanoseconds> expire) {
  grpc::ClientContext context;
  Prepare(context);
  v1::RenewRequest request;
  request.set_key(key);
  request.set_lease_id(lease_id);
  if (expire.has_value()) *request.mutable_expire() = ToProto(*expire);
  v1::RenewResponse response;
  const grpc::Status status = stub_->Renew(&context, request, &response);
  return {Decode(status), response.lease()};
}

Answer<v1::Lock> StubClient::Get(const std::string& key) {
  grpc::ClientContext context;
  Prepare(context);
  v1::GetRequest request;
  request.set_key(key);
  v1::GetResponse response;
  const grpc::Status status = stub_->Get(&context, request, &response);
  return {Decode(status), response.lock()};
}

Answer<v1::ListResponse> StubClient::List(const v1::ListRequest& request) {
  grpc::ClientContext context;
  Prepare(context);
  v1::ListResponse response;
  const grpc::Status status = stub_->List(&context, request, &response);
  return {Decode(status), response};
}

Answer<std::vector<v1::Lock>> StubClient::ListAll() {
  Answer<std::vector<v1::Lock>> all;
  v1::ListRequest request;
  do {
    const Answer<v1::ListResponse> page = List(request);
    all.status = page.status;
    if (!page.ok()) break;
    all.response.insert(all.response.end(), page.response.locks().begin(),
                        page.response.locks().end());
    request.set_page_token(page.response.next_page_token());
  } while (!request.page_token().empty());
  return all;
}

Answer<v1::Holder> StubClient::ForceRelease(const std::string& key, std::uint64_t fencing_token) {
  grpc::ClientContext context;
  Prepare(context);
  v1::ForceReleaseRequest request;
  request.set_key(key);
  request.set_fencing_token(fencing_token);
  v1::ForceReleaseResponse response;
  const grpc::Status status = admin_->ForceRelease(&context, request, &response);
  return {Decode(status), response.former_holder()};
}

Answer<v1::ReleaseByTagResponse> StubClient::ReleaseByTag(const v1::ReleaseByTagRequest& request) {
  grpc::ClientContext context;
  Prepare(context);
  v1::ReleaseByTagResponse response;
  const grpc::Status status = admin_->ReleaseByTag(&context, request, &response);
  return {Decode(status), response};
}

}  // namespace holdfast
