#include "services/lock/rpc/reflection_service.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "services/lock/rpc/server_call.h"
#include "services/lock/rpc/wire.h"

namespace holdfast {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using grpc::reflection::v1::ServerReflectionRequest;
using grpc::reflection::v1::ServerReflectionResponse;

// The longest name in a request is not much longer than the longest in a proto.
constexpr std::size_t kMostRequestBytes = 4'096;

void AddWithImports(const FileDescriptor& file, std::set<std::string>& added,
                    grpc::reflection::v1::FileDescriptorResponse& response) {
  if (!added.insert(file.name()).second) return;
  google::protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  response.add_file_descriptor_proto(proto.SerializeAsString());
  for (int i = 0; i < file.dependency_count(); ++i) {
    AddWithImports(*file.dependency(i), added, response);
  }
}

void SetError(grpc::StatusCode code, const std::string& message,
              ServerReflectionResponse& response) {
  response.mutable_error_response()->set_error_code(code);
  response.mutable_error_response()->set_error_message(message);
}

// `file`: null if there is none.
void SetFile(const FileDescriptor* file, ServerReflectionResponse& response) {
  if (file == nullptr) return SetError(grpc::StatusCode::NOT_FOUND, "not known here", response);
  std::set<std::string> added;
  AddWithImports(*file, added, *response.mutable_file_descriptor_response());
}

void SetExtensions(const std::string& type, ServerReflectionResponse& response) {
  const DescriptorPool& pool = *DescriptorPool::generated_pool();
  const auto* const message = pool.FindMessageTypeByName(type);
  if (message == nullptr) return SetFile(nullptr, response);
  std::vector<const FieldDescriptor*> extensions;
  pool.FindAllExtensions(message, &extensions);
  auto& numbers = *response.mutable_all_extension_numbers_response();
  numbers.set_base_type_name(type);
  for (const FieldDescriptor* extension : extensions) {
    numbers.add_extension_number(extension->number());
  }
}

const FileDescriptor* FileOfExtension(const grpc::reflection::v1::ExtensionRequest& request) {
  const DescriptorPool& pool = *DescriptorPool::generated_pool();
  const auto* const message = pool.FindMessageTypeByName(request.containing_type());
  const FieldDescriptor* const extension =
      message == nullptr ? nullptr
                         : pool.FindExtensionByNumber(message, request.extension_number());
  return extension == nullptr ? nullptr : extension->file();
}

ServerReflectionResponse Answer(const ServerReflectionRequest& request,
                                const std::vector<std::string>& services) {
  const DescriptorPool& pool = *DescriptorPool::generated_pool();
  ServerReflectionResponse response;
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  switch (request.message_request_case()) {
    case ServerReflectionRequest::kFileByFilename:
      SetFile(pool.FindFileByName(request.file_by_filename()), response);
      break;
    case ServerReflectionRequest::kFileContainingSymbol:
      SetFile(pool.FindFileContainingSymbol(request.file_containing_symbol()), response);
      break;
    case ServerReflectionRequest::kFileContainingExtension:
      SetFile(FileOfExtension(request.file_containing_extension()), response);
      break;
    case ServerReflectionRequest::kAllExtensionNumbersOfType:
      SetExtensions(request.all_extension_numbers_of_type(), response);
      break;
    case ServerReflectionRequest::kListServices:
      for (const std::string& service : services) {
        response.mutable_list_services_response()->add_service()->set_name(service);
      }
      break;
    case ServerReflectionRequest::MESSAGE_REQUEST_NOT_SET:
      SetError(grpc::StatusCode::INVALID_ARGUMENT, "the request asks for nothing", response);
      break;
  }
  return response;
}

// One stream: a request is read when the answer to the one before has been written.
class ReflectionCall final : public StreamCall<BidiServerCall, ServerReflectionResponse> {
 public:
  // Both must outlive it.
  ReflectionCall(const std::vector<std::string>& services, OpenStreams& open_streams)
      : services_(services), open_streams_(open_streams) {}

 private:
  ~ReflectionCall() override = default;

  void OnStart() override {
    place_ = open_streams_.TryOpen();
    if (place_ == nullptr) {
      Finish(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "too many streams of reflection"));
      return;
    }
    StartRead(&incoming_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return EndWith(grpc::Status::OK);
    ServerReflectionRequest request;
    const bool too_long = incoming_.Length() > kMostRequestBytes;
    const grpc::Status status =
        too_long ? grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "the request is too long")
                 : ParseMessage(incoming_, request);
    incoming_.Clear();
    if (!status.ok()) return EndWith(status);
    Step step;
    {
      MutexLock lock(mutex_);
      answer_ = Answer(request, services_);
      step = TakeStep();
    }
    CarryOut(std::move(step));
  }

  void OnWritten() override {
    {
      MutexLock lock(mutex_);
      if (end_.has_value()) return;
    }
    StartRead(&incoming_);
  }

  void OnCancel() override {
    if (place_ != nullptr) EndWith(grpc::Status::CANCELLED);  // Otherwise it is finished.
  }

  void OnDone() override { delete this; }

  // The first reason counts.
  void EndWith(const grpc::Status& status) {
    Step step;
    {
      MutexLock lock(mutex_);
      if (end_.has_value()) return;
      end_ = status;
      step = TakeStep();
    }
    CarryOut(std::move(step));
  }

  Step NextStep() override REQUIRES(mutex_) {
    Step step;
    step.message = std::exchange(answer_, std::nullopt);
    step.end = end_;
    return step;
  }

  const std::vector<std::string>& services_;
  OpenStreams& open_streams_;
  OpenStreams::Place place_;   // Set by OnStart.
  grpc::ByteBuffer incoming_;  // One read at a time uses it.
  std::optional<ServerReflectionResponse> answer_ GUARDED_BY(mutex_);  // Not written yet.
  std::optional<grpc::Status> end_ GUARDED_BY(mutex_);
};

}  // namespace

void ReflectionServiceImpl::ServeOn(CallLoop& loop) {
  loop.Accept(*this, &ReflectionServiceImpl::RequestServerReflectionInfo,
              [this] { return new ReflectionCall(services_, open_streams_); });
}

}  // namespace holdfast
