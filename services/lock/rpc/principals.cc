#include "services/lock/rpc/principals.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/mutex.h"
#include "grpcpp/security/auth_metadata_processor.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"
#include "grpcpp/server_context.h"
#include "services/common/log.h"

namespace holdfast {
namespace {

constexpr char kProperty[] = "holdfast_principal";

Principal UserPrincipal(uid_t uid) { return Principal(absl::StrCat("uid:", uid)); }

// Writes the number of its acceptor into what the calls of a connection share. Once: what
// gRPC keeps is a list, to which every further call would add, and which other calls read
// meanwhile.
class Marker final : public grpc::AuthMetadataProcessor {
 public:
  explicit Marker(std::size_t number) : mark_(absl::StrCat(number)) {}

  // Then it is called where the call is, and not on a thread of its own.
  bool IsBlocking() const override { return false; }

  grpc::Status Process(const InputMetadata& /*metadata*/, grpc::AuthContext* context,
                       OutputMetadata* /*consumed*/, OutputMetadata* /*response*/) override {
    MutexLock lock(mutex_);
    if (context->FindPropertyValues(kProperty).empty()) context->AddProperty(kProperty, mark_);
    return grpc::Status::OK;
  }

 private:
  const std::string mark_;
  // Two first calls of a connection may be processed at the same time. A call that has
  // been processed finds the mark, and nothing is written any more.
  Mutex mutex_;
};

std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> AddAcceptor(
    grpc::ServerBuilder& builder, std::shared_ptr<grpc::ServerCredentials> credentials) {
  return builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      std::move(credentials));
}

}  // namespace

Principals::Principals() : own_user_(UserPrincipal(geteuid())) {}

Principals::~Principals() = default;

Principals::Marked& Principals::AddMarked(grpc::ServerBuilder& builder) {
  auto credentials = grpc::experimental::LocalServerCredentials(UDS);
  credentials->SetAuthMetadataProcessor(std::make_shared<Marker>(marked_.size()));
  auto marked = std::make_unique<Marked>();
  marked->acceptor = AddAcceptor(builder, std::move(credentials));
  marked_.push_back(std::move(marked));
  return *marked_.back();
}

void Principals::AddTo(grpc::ServerBuilder& builder,
                       const std::vector<std::unique_ptr<ListeningSocket>>& sockets) {
  plain_ = AddAcceptor(builder, grpc::InsecureServerCredentials());
  for (const std::unique_ptr<ListeningSocket>& socket : sockets) {
    (socket->is_unix() ? unix_ : tcp_) = true;
    if (socket->principal().empty() || of_listeners_.contains(socket->principal())) continue;
    Marked& marked = AddMarked(builder);
    marked.principal = Principal(socket->principal());
    of_listeners_.emplace(socket->principal(), &marked);
  }
  if (!unix_) return;
  of_others_ = &AddMarked(builder);
  of_others_->principal = anonymous_;
  for (std::size_t i = 0; i < kUsers; ++i) free_.push_back(&AddMarked(builder));
}

Principals::Marked* Principals::MarkedFor(const ListeningSocket& socket, const Peer& peer) {
  if (!socket.principal().empty()) return of_listeners_.find(socket.principal())->second;
  if (peer.kind != Peer::Kind::kUser) return of_others_;
  if (peer.uid == geteuid()) return nullptr;
  const auto found = of_users_.find(peer.uid);
  if (found != of_users_.end()) return found->second;
  if (free_.empty()) return of_others_;
  Marked& marked = *free_.back();
  free_.pop_back();
  marked.principal = UserPrincipal(peer.uid);
  of_users_.emplace(peer.uid, &marked);
  if (free_.empty()) {
    Log(LogLevel::kWarning, "too many users to tell them apart; further ones are anonymous",
        {{"users", std::uint64_t{kUsers}}});
  }
  return &marked;
}

void Principals::HandOver(const ListeningSocket& socket, FileDescriptor connection) {
  Marked* marked = nullptr;
  if (socket.is_unix()) marked = MarkedFor(socket, PeerOf(connection.get()));
  if (marked != nullptr) marks_.store(true, std::memory_order_release);
  Acceptor::NewConnectionParameters parameters;
  parameters.listener_fd = socket.fd();
  parameters.fd = connection.Release();
  (marked == nullptr ? *plain_ : *marked->acceptor).HandleNewConnection(&parameters);
}

Principal Principals::Of(const grpc::ServerContextBase& context) const {
  if (marks_.load(std::memory_order_acquire)) {
    const auto values = context.auth_context()->FindPropertyValues(kProperty);
    std::size_t mark = 0;
    if (!values.empty() &&
        absl::SimpleAtoi(absl::string_view(values[0].data(), values[0].size()), &mark)) {
      return marked_[mark]->principal;
    }
  }
  if (!tcp_) return own_user_;
  // As the kernel names the other end.
  return unix_ && context.peer().starts_with("unix") ? own_user_ : anonymous_;
}

}  // namespace holdfast
